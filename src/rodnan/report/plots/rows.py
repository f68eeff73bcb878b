"""Figures of rows: a line per compared number, simulated above published, agreement by word and shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import altair as alt

from rodnan.report.comparing import Point
from rodnan.report.plots.style import (
    BAR,
    BLACK,
    BLUE,
    GREY,
    LINE_HEIGHT,
    RULE,
    KeyEntry,
    Layout,
    data,
    layered,
    nice_domain,
    pixel_y,
    wrap,
)
from rodnan.report.wording import typeset

__all__ = ["Row", "panel", "row_key"]

_LANE = 8  # pixels between the middle of a row and its simulated or published lane


@dataclass(frozen=True)
class Row:
    """One line of a figure of rows.

    Attributes
    ----------
    label
        What it is; the parts stand on lines of their own.
    simulated, published
        The two numbers; None where there is none.
    words
        Printed beside the row, one line each.
    strong
        Whether the words are printed bold.
    outside
        Whether the published number lies outside the simulated interval.
    hollow
        Whether the published number is unverified.
    """

    label: tuple[str, ...]
    simulated: Point | None
    published: Point | None
    words: tuple[str, ...] = ()
    strong: bool = False
    outside: bool = False
    hollow: bool = False


def row_key(rows: Sequence[Row]) -> list[KeyEntry]:
    """Return the key of a figure of rows: only the marks that it uses."""
    published = [row for row in rows if row.published]
    key = []
    if any(row.simulated for row in rows):
        key.append(KeyEntry("simulated", "simulated, with 90 % interval"))
    if any(not row.outside for row in published):
        alone = all(row.simulated is None or not row.outside for row in published)
        key.append(
            KeyEntry("square", "published, with 90 % interval" if alone else "published, inside (agrees)")
        )
    if any(row.outside for row in published):
        key.append(KeyEntry("triangle", "published, outside (DISAGREES)"))
    if any(row.hollow for row in published):
        key.append(KeyEntry("hollow", "hollow: unverified, quoted from memory"))
    return key


def panel(
    heading: str,
    rows: Sequence[Row],
    layout: Layout,
    *,
    axis_title: str,
    zero: bool = True,
    limits: tuple[float, float] | None = None,
    reach: Sequence[float] = (),
    shade: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Draw rows that share one horizontal axis.

    Parameters
    ----------
    heading
        Printed bold above the panel; may be empty.
    rows
        The rows from top to bottom.
    layout
        Wide (labels beside the rows) or narrow (labels above them).
    axis_title
        Quantity and unit of the axis.
    zero
        Whether the axis must show zero, with a line there.
    limits
        Values that the axis must not pass, such as 0 and 100 for percentages.
    reach
        Further values that the axis must show, so that panels can share one range.
    shade
        A range shaded grey from top to bottom.
    """
    if layout.name == "narrow":
        rows = [_compact(row) for row in rows]
    placed, height = _place(rows, layout)
    domain, ticks = _domain(rows, [*reach, *(shade or ())], zero, limits, layout)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=domain, nice=False, zero=False),
        axis=alt.Axis(values=ticks, title=wrap(axis_title, layout.plot), labelFlush=False, tickSize=4),
    )
    frame = _Frame(x=x, height=height, layout=layout)
    layers = [*frame.ground(domain, zero, shade, placed)]
    layers += frame.simulated([p for p in placed if p.row.simulated])
    layers += frame.published([p for p in placed if p.row.published])
    layers += frame.words(placed)
    if heading:
        lines = wrap(heading, layout.width - 8, 13, bold=True)
        above = alt.Chart(data([{"text": [typeset(line) for line in lines]}])).encode(
            x=alt.XValue(-layout.left), y=alt.YValue(8 - 17 * len(lines)), text=alt.Text("text:N")
        )
        layers.append(
            above.mark_text(
                align="left", baseline="bottom", lineHeight=17, fontSize=13, fontWeight="bold", color=BLACK
            )
        )
    return layered(layers, layout.plot, height)


def _compact(row: Row) -> Row:
    """Put label and words of a row on one line each, where they stand above it."""
    words = "; ".join(row.words)
    return replace(row, label=(", ".join(row.label),), words=(words,) if words else ())


@dataclass(frozen=True)
class _Placed:
    """A row with its pixels: top edge, middle of its lanes, first line of label and of words."""

    row: Row
    label: list[str]
    top: float
    middle: float
    label_y: float
    words_y: float


def _place(rows: Sequence[Row], layout: Layout) -> tuple[list[_Placed], float]:
    y, placed = 0.0, []
    for row in rows:
        if layout.name == "wide":
            label = [line for part in row.label for line in wrap(part, layout.left - 20)]
            size = max(4 * _LANE + 6, LINE_HEIGHT * max(len(label), len(row.words)) + 10)
            middle = y + size / 2
            label_y = middle - LINE_HEIGHT * (len(label) - 1) / 2
            words_y = middle - LINE_HEIGHT * (len(row.words) - 1) / 2
        else:
            label = [line for part in row.label for line in wrap(part, layout.width - 12)]
            label_y = y + 13
            words_y = label_y + LINE_HEIGHT * len(label)
            below = words_y + LINE_HEIGHT * (len(row.words) - 1)
            half = 2 * _LANE if row.simulated and row.published else _LANE
            middle = below + half + 9
            size = middle + half + 3 - y
        placed.append(_Placed(row, label, y, middle, label_y, words_y))
        y += size
    return placed, y


def _domain(
    rows: Sequence[Row],
    reach: Sequence[float],
    zero: bool,
    limits: tuple[float, float] | None,
    layout: Layout,
) -> tuple[list[float], list[float]]:
    values = [*reach, *([0.0] if zero else [])]
    for row in rows:
        for point in (row.simulated, row.published):
            if point:
                values += [point.value, *(point.bounds or ())]
    domain, ticks = nice_domain(values, 6 if layout.name == "wide" else 4)
    if limits:
        domain = [max(domain[0], limits[0]), min(domain[1], limits[1])]
        ticks = [tick for tick in ticks if domain[0] <= tick <= domain[1]]
    return domain, ticks


@dataclass(frozen=True)
class _Frame:
    """The shared axes of a panel and what is drawn in them."""

    x: alt.X
    height: float
    layout: Layout

    def _chart(self, rows: Sequence[dict[str, Any]]) -> alt.Chart:
        return alt.Chart(data(rows)).encode(x=self.x, y=pixel_y(self.height))

    def ground(
        self,
        domain: Sequence[float],
        zero: bool,
        shade: tuple[float, float] | None,
        placed: Sequence[_Placed],
    ) -> list[Any]:
        """Draw shade, separators and the line at zero; none crosses labels that stand above the lanes."""
        spans = [{"y": 0.0, "y2": self.height}]
        if self.layout.name == "narrow":
            ends = [p.top for p in placed[1:]] + [self.height]
            spans = [
                {"y": p.words_y + LINE_HEIGHT * (len(p.row.words) - 0.5) + 3, "y2": end}
                for p, end in zip(placed, ends, strict=True)
            ]
        layers = []
        if shade:
            layers.append(
                self._chart([{"x": shade[0], "x2": shade[1], **span} for span in spans])
                .mark_rect(color="#eeeeee")
                .encode(x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q"))
            )
        if len(placed) > 1:
            start, stop = -self.layout.left, self.layout.plot + self.layout.right
            layers.append(
                alt.Chart(data([{"y": p.top} for p in placed[1:]]))
                .mark_rule(color=RULE)
                .encode(x=alt.XValue(start), x2=alt.X2Value(stop), y=pixel_y(self.height))
            )
        if zero and domain[0] < 0 < domain[1]:
            layers.append(
                self._chart([{"x": 0, **span} for span in spans])
                .mark_rule(color=GREY, strokeDash=[4, 3])
                .encode(y2=alt.Y2("y2:Q"))
            )
        return layers

    def simulated(self, placed: Sequence[_Placed]) -> list[Any]:
        lane = [
            (p.row.simulated, p.middle - (_LANE if p.row.published else 0)) for p in placed if p.row.simulated
        ]
        bars = [{"x": s.low, "x2": s.high, "y": y - 4.5, "y2": y + 4.5} for s, y in lane if s.bounds]
        dots = [{"x": s.value, "y": y} for s, y in lane]
        layers = (
            [self._chart(bars).mark_rect(color=BAR).encode(x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q"))]
            if bars
            else []
        )
        if dots:
            circle = {"size": 70, "color": BLUE, "stroke": "white", "strokeWidth": 1, "opacity": 1}
            layers.append(self._chart(dots).mark_circle(**circle))
        return layers

    def published(self, placed: Sequence[_Placed]) -> list[Any]:
        lane = [(p, p.row.published, p.middle + (_LANE if p.row.simulated else 0)) for p in placed]
        bars = [{"x": d.low, "x2": d.high, "y": y} for _, d, y in lane if d and d.bounds]
        layers = []
        if bars:
            layers.append(self._chart(bars).mark_rule(strokeWidth=1.6, color=BLACK).encode(x2=alt.X2("x2:Q")))
        for outside in (False, True):
            for hollow in (False, True):
                dots = [
                    {"x": d.value, "y": y}
                    for p, d, y in lane
                    if d and p.row.outside == outside and p.row.hollow == hollow
                ]
                if dots:
                    layers.append(
                        self._chart(dots).mark_point(
                            shape="triangle-up" if outside else "square",
                            size=80 if outside else 58,
                            filled=True,
                            fill="white" if hollow else BLACK,
                            stroke=BLACK,
                            strokeWidth=1.5,
                            opacity=1,
                        )
                    )
        return layers

    def words(self, placed: Sequence[_Placed]) -> list[Any]:
        wide = self.layout.name == "wide"
        label_x = -12 if wide else -self.layout.left
        label_align: Literal["left", "right"] = "right" if wide else "left"
        words_x = self.layout.plot + 12 if wide else -self.layout.left
        labels = [{"y": p.label_y, "text": [typeset(line) for line in p.label]} for p in placed]
        layers = [self._text(labels, label_x, label_align, bold=False)]
        for strong in (False, True):
            words = [
                {"y": p.words_y, "text": [typeset(w) for w in p.row.words]}
                for p in placed
                if p.row.words and p.row.strong == strong
            ]
            if words:
                layers.append(self._text(words, words_x, "left", bold=strong))
        return layers

    def _text(
        self, rows: Sequence[dict[str, Any]], x: float, align: Literal["left", "right"], *, bold: bool
    ) -> Any:
        return (
            alt.Chart(data(rows))
            .mark_text(
                align=align,
                baseline="middle",
                lineHeight=LINE_HEIGHT,
                fontSize=12,
                fontWeight="bold" if bold else "normal",
                color=BLACK,
            )
            .encode(x=alt.XValue(x), y=pixel_y(self.height), text=alt.Text("text:N"))
        )
