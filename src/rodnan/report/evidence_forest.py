"""The forest plot of an evidence synthesis, and the lines of text that evidence figures share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from rodnan.evidence.synthesis.parts import NOTICE
from rodnan.evidence.synthesis.plotdata import ForestData, ForestRow
from rodnan.report.plots.letters import text_width
from rodnan.report.plots.style import (
    BAR,
    BLACK,
    BLUE,
    EDGE,
    GREY,
    LINE_HEIGHT,
    WIDE,
    Layout,
    assemble,
    data,
    layered,
    nice_domain,
    pixel_y,
    wrap,
)
from rodnan.report.wording import typeset

__all__ = ["HOLLOW", "capital", "forest_spec", "text_at"]

_ROW = 34
_NUMBERS = 148  # pixels for the printed numbers right of a forest plot
HOLLOW = "Hollow marks: numbers not verified at their source."


def forest_spec(forest: ForestData, layout: Layout = WIDE) -> dict[str, Any]:
    """Draw a forest plot.

    Parameters
    ----------
    forest
        Rows and axis.
    layout
        Wide or narrow.

    Returns
    -------
    dict
        A Vega-Lite specification; `rodnan.report.plots.render` makes SVG and PNG of it.
    """
    narrow = layout.name == "narrow"
    left, right = (0, 0) if narrow else (layout.left, _NUMBERS)
    width = layout.width - left - right - (16 if narrow else 0)
    words = [_words(row, width - 4 if narrow else left - 18, forest.log, narrow) for row in forest.rows]
    bands = [LINE_HEIGHT * len(lines) + (_ROW - 6 if narrow else 8) for lines in words]
    height = sum(bands) + 6.0
    domain, ticks = _axis_range(forest, 4 if narrow else 6)
    kind: Any = "log" if forest.log else "linear"
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=domain, type=kind, nice=False, zero=False, clamp=True),
        axis=alt.Axis(
            values=ticks, title=wrap(typeset(forest.axis), width), tickSize=4, labelFlush=False, format=".6~g"
        ),
    )
    layers = _ground(forest, x, domain, height)
    top = 0.0
    for row, lines, band in zip(forest.rows, words, bands, strict=True):
        y = top + band - (_ROW - 6) / 2 if narrow else top + band / 2
        first = top + 10 if narrow else y - LINE_HEIGHT * (len(lines) - 1) / 2
        if narrow:
            layers.append(_paper(top, top + LINE_HEIGHT * len(lines) + 3, width, height))
        layers += _forest_row(row, y, x, domain, height)
        weight = "normal" if row.kind == "study" else "bold"
        layers.append(text_at(-left, first, lines[:1], height, weight=weight))
        layers.append(text_at(-left, first + LINE_HEIGHT, lines[1:], height, GREY))
        if not narrow:
            layers.append(text_at(width + 12, y, [_numbers(row, forest.log)], height, weight=weight))
        top += band
    view = layered(layers, width, height)
    parts = [view]
    if forest.left or forest.right:
        parts.append(_sides(forest, domain, width))
    weighted = any(row.kind == "study" for row in forest.rows)
    marks = (
        "Points and 95 % intervals; squares grow with the weight."
        if weighted
        else "Points and 95 % intervals."
    )
    notes = [f"{marks} {_important(forest)}".strip()]
    if any(not row.verified for row in forest.rows):
        notes.append(HOLLOW)
    notes.append(NOTICE)
    return assemble(f"{capital(forest.title)}: {forest.outcome}", notes, parts, layout, spacing=4)


def _important(forest: ForestData) -> str:
    return (
        "" if forest.important is None else f"Dotted: smallest important difference ({forest.important:g})."
    )


def _axis_range(forest: ForestData, ticks: int) -> tuple[list[float], list[float]]:
    """Range that shows every estimate and, within reason, every interval; wider ones end in an arrow."""
    centre = [r.estimate for r in forest.rows if r.estimate is not None]
    ends = [x for r in forest.rows if r.kind != "prediction" for x in (r.low, r.high)]
    values = [*centre, *ends, forest.no_effect]
    if not forest.log:
        reach = max(abs(v - forest.no_effect) for v in values)
        cap = 4 * max(abs(v - forest.no_effect) for v in [*centre, forest.no_effect]) + 1e-9
        if forest.important is not None:
            cap = max(cap, 3 * forest.important)
        shown = [v for v in values if abs(v - forest.no_effect) <= cap]
        margin = forest.important or 0.25 * min(reach, cap)
        shown += [forest.no_effect - margin, forest.no_effect + margin]  # both sides are always seen
        if reach > cap:
            shown += [forest.no_effect - cap, forest.no_effect + cap]
        return nice_domain(shown, ticks)
    low, high = max(min(values), min(centre) / 16, 1e-3), min(max(values), max(centre) * 16, 1e3)
    low, high = min(low, 0.7), max(high, 1.4)
    steps = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5)]
    low_tick = max([s for s in steps if s <= low * 1.001] or [steps[0]])
    high_tick = min([s for s in steps if s >= high * 0.999] or [steps[-1]])
    inside = [s for s in steps if low_tick <= s <= high_tick]
    while len(inside) > ticks + 2:
        inside = [s for s in inside[::2] if s != 1.0] + [1.0]
    return [low_tick, high_tick], sorted(set(inside))


def _ground(forest: ForestData, x: alt.X, domain: Sequence[float], height: float) -> list[Any]:
    lines = [(forest.no_effect, GREY, [1, 0])]
    if forest.important is not None:
        lines += [(forest.no_effect + s * forest.important, EDGE, [2, 3]) for s in (-1, 1)]
    shown = [line for line in lines if domain[0] <= line[0] <= domain[1]]
    return [
        alt.Chart(data([{"x": at, "y": 0, "y2": height}]))
        .mark_rule(color=color, strokeDash=dash, strokeWidth=1.2)
        .encode(x=x, y=pixel_y(height), y2=alt.Y2("y2:Q"))
        for at, color, dash in shown
    ]


def _forest_row(row: ForestRow, y: float, x: alt.X, domain: Sequence[float], height: float) -> list[Any]:
    low, high = max(row.low, domain[0]), min(row.high, domain[1])
    summary = row.kind in ("pooled", "prediction", "network")
    colour = BLUE if summary else BLACK
    spec = {"x": low, "x2": high, "y": y}
    layers: list[Any] = []
    if row.kind == "prediction":
        band = {"x": low, "x2": high, "y": y - 3, "y2": y + 3}
        layers.append(
            alt.Chart(data([band]))
            .mark_rect(color=BAR, opacity=0.55)
            .encode(x=x, x2=alt.X2("x2:Q"), y=pixel_y(height), y2=alt.Y2("y2:Q"))
        )
    else:
        layers.append(
            alt.Chart(data([spec]))
            .mark_rule(color=colour, strokeWidth=1.6)
            .encode(x=x, x2=alt.X2("x2:Q"), y=pixel_y(height))
        )
    for end, cut, angle in ((low, row.low < domain[0], 270), (high, row.high > domain[1], 90)):
        if cut:
            layers.append(
                alt.Chart(data([{"x": end, "y": y}]))
                .mark_point(shape="triangle-up", angle=angle, size=60, filled=True, color=colour, opacity=1)
                .encode(x=x, y=pixel_y(height))
            )
    if row.estimate is not None and domain[0] <= row.estimate <= domain[1]:
        size = 60 + 240 * (row.weight or 0) if row.kind == "study" else 190
        shape = "diamond" if row.kind in ("pooled", "network") else "square"
        layers.append(
            alt.Chart(data([{"x": row.estimate, "y": y}]))
            .mark_point(
                shape=shape,
                size=size,
                filled=True,
                fill=colour if row.verified else "white",
                stroke=colour,
                strokeWidth=1.6,
                opacity=1,
            )
            .encode(x=x, y=pixel_y(height))
        )
    return layers


def _words(row: ForestRow, pixels: float, log: bool, narrow: bool) -> list[str]:
    """Lines printed for a row: label, then note (with the numbers where there is no column for them)."""
    parts = [_numbers(row, log)] if narrow else []
    parts += [t for t in (row.note, f"certainty {row.certainty}" if row.certainty else "") if t]
    return [_fit(row.label, pixels, bold=row.kind != "study"), *wrap(typeset("; ".join(parts)), pixels)]


def _paper(y: float, y2: float, width: float, height: float) -> Any:
    """White ground behind words that stand over the lines of the plot."""
    return (
        alt.Chart(data([{"y": y, "y2": y2}]))
        .mark_rect(color="white", opacity=1)
        .encode(x=alt.XValue(-1), x2=alt.X2Value(width + 1), y=pixel_y(height), y2=alt.Y2("y2:Q"))
    )


def _numbers(row: ForestRow, log: bool) -> str:
    def show(value: float) -> str:
        return f"{value:.2f}" if log else f"{value:+.1f}" if abs(value) >= 9.95 else f"{value:+.2f}"

    interval = f"{show(row.low)} to {show(row.high)}"
    return typeset(f"{show(row.estimate)} ({interval})" if row.estimate is not None else interval)


def _fit(text: str, pixels: float, *, bold: bool = False) -> str:
    """Shorten a text to a width, with an ellipsis."""
    text = typeset(text)
    if text_width(text, 12, bold=bold) <= pixels:
        return text
    while text and text_width(text + "…", 12, bold=bold) > pixels:
        text = text[:-1]
    return text.rstrip(" ,;") + "…"


def text_at(
    x: float,
    y: float,
    lines: Sequence[str],
    height: float,
    color: str = BLACK,
    *,
    weight: Any = "normal",
    align: Any = "left",
) -> Any:
    """Draw lines of text at a place in pixels from the top left of a view."""
    return (
        alt.Chart(data([{"y": y, "text": list(lines)}]))
        .mark_text(
            align=align,
            baseline="middle",
            fontSize=12,
            lineHeight=LINE_HEIGHT,
            color=color,
            fontWeight=weight,
        )
        .encode(x=alt.XValue(x), y=pixel_y(height), text=alt.Text("text:N"))
    )


def _sides(forest: ForestData, domain: Sequence[float], width: float) -> dict[str, Any]:
    """Words under the axis: which side is better."""
    if forest.log:
        share = math.log(forest.no_effect / domain[0]) / math.log(domain[1] / domain[0])
    else:
        share = (forest.no_effect - domain[0]) / (domain[1] - domain[0])
    middle = width * share
    layers = []
    for text, at, align, room in (
        (f"← {forest.left}", middle - 8, "right", middle - 8),
        (f"{forest.right} →", middle + 8, "left", width - middle - 8),
    ):
        if room > 40:
            layers.append(text_at(at, 9, [_fit(text, room)], 18, GREY, align=align))
    return layered(layers, width, 18)


def capital(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
