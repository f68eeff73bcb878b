"""The one grammar of all figures: sizes, shades, shapes, text and the key strip.

Simulated numbers are blue circles with wide soft bars, published ones black squares with thin lines; a
published number outside the simulated interval is a triangle and a number quoted from memory is hollow.
Nothing is said by colour alone: every shade also differs in lightness, so a figure can be printed in black
and white, and each figure carries its own white ground, so it can be shown on a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from rodnan.report.plots.letters import text_width
from rodnan.report.wording import typeset

__all__ = [
    "BANDS",
    "BAR",
    "BLACK",
    "BLUE",
    "EDGE",
    "FONT",
    "GREY",
    "LINE_HEIGHT",
    "NARROW",
    "RULE",
    "WIDE",
    "KeyEntry",
    "Layout",
    "assemble",
    "data",
    "key_strip",
    "layered",
    "nice_domain",
    "pixel_y",
    "spread",
    "wrap",
]

FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
BLUE = "#08457e"
BAR = "#4f8fcb"
EDGE = "#6b8fb3"
BANDS = {"90": "#e3eef8", "50": "#c2daf0", "mean": "#79aedd"}
BLACK = "#1a1a1a"
GREY = "#595959"
RULE = "#d9d9d9"
SIZE = 12
LINE_HEIGHT = 15


@dataclass(frozen=True)
class Layout:
    """Widths in pixels of a figure for a wide page or for a telephone.

    Attributes
    ----------
    name
        ``"wide"`` or ``"narrow"``.
    width
        Whole figure.
    left, right
        Columns left and right of the plot in a figure of rows.
    across
        Panels side by side in a figure of panels.
    """

    name: str
    width: int
    left: int
    right: int
    across: int

    @property
    def plot(self) -> int:
        """Width of the plot in a figure of rows."""
        return self.width - self.left - self.right


WIDE = Layout("wide", 760, 212, 112, 2)
NARROW = Layout("narrow", 330, 6, 14, 1)


def wrap(text: str, pixels: float, size: int = SIZE, *, bold: bool = False) -> list[str]:
    """Break text into lines no wider than `pixels`."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size, bold=bold) <= pixels:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Return rows as data that is written into the figure itself."""
    return alt.InlineData(values=[dict(row) for row in rows])


def layered(layers: Sequence[Any], width: float, height: float, **more: Any) -> dict[str, Any]:
    """Lay charts over one another and return the specification of one view.

    Altair's own ``layer`` copies every chart several times over; joining finished specifications takes a
    tenth of the time and says the same.

    Parameters
    ----------
    layers
        Altair charts from back to front, each with its own data.
    width, height
        Size of the view in pixels.
    **more
        Further properties of the view, such as its title.
    """
    done = []
    for chart in layers:
        spec = chart.to_dict(validate=False)
        sets = spec.pop("datasets", {})
        name = spec["data"].get("name")
        if name in sets:
            spec["data"] = {"values": sets[name]}
        done.append({key: spec[key] for key in ("data", "mark", "encoding")})
    return {"layer": done, "width": width, "height": height, **more}


def pixel_y(height: float, field: str = "y") -> alt.Y:
    """Return a vertical channel in pixels from the top, without an axis."""
    scale = alt.Scale(domain=[height, 0], nice=False, zero=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=None)


def nice_domain(values: Sequence[float], ticks: int = 6) -> tuple[list[float], list[float]]:
    """Return a domain that holds all values and ends on round numbers, and the ticks in it.

    Parameters
    ----------
    values
        The numbers to be shown.
    ticks
        About how many ticks.

    Returns
    -------
    tuple of list of float
        ``[low, high]`` and the ticks from low to high.
    """
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1, high + 1
    raw = (high - low) / ticks
    power = 10.0 ** _floor_log10(raw)
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first, last = int(low // step), -int(-high // step)
    marks = [round(step * index, 10) for index in range(first, last + 1)]
    return [marks[0], marks[-1]], marks


def _floor_log10(value: float) -> int:
    exponent = 0
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    while value < 1:
        value, exponent = value * 10, exponent - 1
    return exponent


def spread(positions: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Move labels apart so that none overlap, each as near as can be to where it belongs.

    Parameters
    ----------
    positions
        Wanted centres in pixels.
    heights
        Heights of the labels in pixels.
    low, high
        Range that the labels should stay in.

    Returns
    -------
    list of float
        Centres in the order given.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed = dict(enumerate(positions))
    edge = low
    for index in order:
        placed[index] = max(placed[index], edge + heights[index] / 2)
        edge = placed[index] + heights[index] / 2
    edge = high
    for index in reversed(order):
        placed[index] = min(placed[index], edge - heights[index] / 2)
        edge = placed[index] - heights[index] / 2
    return [placed[index] for index in range(len(positions))]


@dataclass(frozen=True)
class KeyEntry:
    """One entry of the key strip: how it is drawn and what it means."""

    mark: str
    meaning: str


_KEY_GLYPH = 34


def key_strip(
    entries: Sequence[KeyEntry], layout: Layout, *, start: float, plot: float | None = None
) -> dict[str, Any]:
    """Draw the key: each mark as it appears in the figure, with its meaning in words.

    Parameters
    ----------
    entries
        What the figure uses; nothing else belongs in its key.
    layout
        Wide or narrow.
    start
        Left edge of the key in pixels, relative to the left edge of the plots.
    plot
        Width of the plots below, where it is not that of a figure of rows.
    """
    x, y, placed = start, 9.0, []
    for entry in entries:
        lines = wrap(entry.meaning, layout.width - _KEY_GLYPH - 8)
        width = _KEY_GLYPH + max(text_width(line, SIZE) for line in lines) + 18
        if x > start and x + width > start + layout.width:
            x, y = start, y + LINE_HEIGHT + 5
        placed.append((entry, x, y, lines))
        x += width
        y += LINE_HEIGHT * (len(lines) - 1)
    height = y + 10
    layers: list[Any] = []
    for entry, x, y, lines in placed:
        layers += _key_mark(entry.mark, x, y, height)
        layers.append(
            _at(x + _KEY_GLYPH, y, height, lines).mark_text(
                align="left", baseline="middle", lineHeight=LINE_HEIGHT, color=BLACK, fontSize=SIZE
            )
        )
    return layered(layers, plot or layout.plot, height)


def _at(x: float, y: float, height: float, text: Sequence[str] | None = None) -> alt.Chart:
    row: dict[str, Any] = {"y": y}
    if text is not None:
        row["text"] = list(text)
    chart = alt.Chart(data([row])).encode(x=alt.XValue(x), y=pixel_y(height))
    return chart.encode(text=alt.Text("text:N")) if text is not None else chart


def _key_mark(mark: str, x: float, y: float, height: float) -> list[Any]:
    middle, right = x + 14, x + 28
    at = _at(middle, y, height)

    def bar(thickness: float, color: str, edge: str | None = None) -> Any:
        row = {"y": y - thickness / 2, "y2": y + thickness / 2}
        return (
            alt.Chart(data([row]))
            .mark_rect(color=color, stroke=edge, strokeWidth=1 if edge else 0)
            .encode(x=alt.XValue(x), x2=alt.X2Value(right), y=pixel_y(height), y2=alt.Y2("y2:Q"))
        )

    if mark in BANDS:
        drawn = [bar(13, BANDS[mark], EDGE)]
        if mark == "mean":
            drawn += [bar(2, BLUE), at.mark_circle(size=32, color=BLUE, opacity=1)]
        return drawn
    dot = at.mark_circle(size=70, color=BLUE, stroke="white", strokeWidth=1, opacity=1)
    if mark == "simulated":
        return [bar(9, BAR), dot]
    if mark == "difference":
        return [dot]
    shape = "triangle-up" if "triangle" in mark else "square"
    fill = "white" if "hollow" in mark else BLACK
    line = bar(1.6, BLACK)
    return [line, at.mark_point(shape=shape, size=62, filled=True, fill=fill, stroke=BLACK, opacity=1)]


def assemble(
    title: str,
    notes: Sequence[str],
    parts: Sequence[dict[str, Any]],
    layout: Layout,
    *,
    spacing: int = 18,
) -> dict[str, Any]:
    """Stack the parts of a figure under its title and dress it in the common style.

    Parameters
    ----------
    title
        What is shown; says that it is a simulation.
    notes
        Sentences printed small under the title.
    parts
        Specifications of views from top to bottom.
    layout
        Wide or narrow.
    spacing
        Pixels between the parts.

    Returns
    -------
    dict
        A complete Vega-Lite specification.
    """
    size = 16 if layout.name == "wide" else 14
    below = [line for note in notes for line in wrap(note, layout.width - 4)]
    return {
        "$schema": alt.SCHEMA_URL,
        "title": {
            "text": wrap(typeset(title), layout.width - 4, size, bold=True),
            "subtitle": [typeset(line) for line in below],
        },
        "background": "white",
        "padding": 14,
        "spacing": spacing,
        "vconcat": list(parts),
        "config": _config(size),
    }


def _config(size: int) -> dict[str, Any]:
    return {
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "fontSize": size,
            "fontWeight": "bold",
            "lineHeight": size + 4,
            "color": BLACK,
            "subtitleFontSize": SIZE,
            "subtitleLineHeight": LINE_HEIGHT + 1,
            "subtitleColor": GREY,
            "subtitlePadding": 6,
            "offset": 12,
        },
        "axis": {
            "labelFontSize": SIZE,
            "titleFontSize": SIZE,
            "titleFontWeight": "normal",
            "labelColor": BLACK,
            "titleColor": BLACK,
            "gridColor": "#e4e4e4",
            "domainColor": GREY,
            "tickColor": GREY,
        },
    }
