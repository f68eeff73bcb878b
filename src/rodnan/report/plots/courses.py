"""Courses over time: one panel per arm, bands between patients, the trial mean and the published means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from rodnan.report.comparing import Comparison
from rodnan.report.plots.letters import text_width
from rodnan.report.plots.style import (
    BANDS,
    BLACK,
    BLUE,
    EDGE,
    GREY,
    LINE_HEIGHT,
    KeyEntry,
    Layout,
    assemble,
    data,
    key_strip,
    layered,
    nice_domain,
    spread,
    wrap,
)
from rodnan.report.wording import Endpoint, arm_name, interval, number, typeset

__all__ = ["course_figure"]

_AXIS = 46  # pixels for the vertical axis
_LABELS = 122  # pixels for the labels right of a panel
_SIGNED = "datum.value == 0 ? '0' : format(datum.value, '+~f')"
_ASIDE = 18  # pixels between two published means of one week


@dataclass(frozen=True)
class _Scene:
    """What the panels of one figure share."""

    endpoint: Endpoint
    domain: list[float]
    ticks: list[float]
    weeks: list[float]
    last: float
    width: float
    height: float

    def pixel(self, value: float) -> float:
        """Vertical pixel of a value."""
        low, high = self.domain
        return self.height * (high - value) / (high - low)

    @property
    def x(self) -> alt.X:
        return alt.X(
            "week:Q",
            scale=alt.Scale(domain=[0, self.last], nice=False),
            axis=alt.Axis(
                values=self.weeks, title="Weeks since start of treatment", grid=False, labelFlush=False
            ),
        )

    def y(self, field: str) -> alt.Y:
        """Vertical channel of a field, with the shared axis."""
        return alt.Y(
            f"{field}:Q",
            scale=alt.Scale(domain=self.domain, nice=False, zero=False),
            axis=alt.Axis(values=self.ticks, title=None, labelExpr=_SIGNED),
        )


def course_figure(
    endpoint: Endpoint,
    courses: Sequence[Mapping[str, Any]],
    published: Sequence[Comparison],
    labels: Mapping[str, str],
    layout: Layout,
    title: str,
    notice: str,
) -> dict[str, Any]:
    """Draw the simulated course of an endpoint in every arm beside the published means.

    Parameters
    ----------
    endpoint
        What is shown.
    courses
        Trajectories of the result for this endpoint, one per arm.
    published
        Outcomes of this endpoint that have a published number.
    labels
        Heading of each arm, by its id.
    layout
        Wide or narrow.
    title
        Title of the figure.
    notice
        Printed under the title.
    """
    across = min(layout.across, len(courses))
    width = layout.width / across - _AXIS - _LABELS
    values = [0.0]
    for course in courses:
        values += [*course["patient_quantiles"]["5"], *course["patient_quantiles"]["95"]]
        values += [*course["mean_interval90"][0], *course["mean_interval90"][1]]
    for row in published:
        if row.published:
            values += [row.published.value, *(row.published.bounds or ())]
    domain, ticks = nice_domain(values, 8)
    last = max(max(course["weeks"]) for course in courses)
    scene = _Scene(
        endpoint, domain, ticks, _week_ticks(last), last, width, 330 if layout.name == "wide" else 280
    )
    panels = []
    for first in range(0, len(courses), across):
        side = courses[first : first + across]
        heads = [wrap(arm_name(labels, c["arm"]), width + _LABELS, 13, bold=True) for c in side]
        deepest = max(len(head) for head in heads)
        level = [
            _panel(
                scene,
                course,
                [row for row in published if row.arm_ids == (course["arm"],)],
                [*head, *[""] * (deepest - len(head))],
            )
            for course, head in zip(side, heads, strict=True)
        ]
        spaced = {"hconcat": level, "spacing": _AXIS + _LABELS, "bounds": "flush"}
        panels.append(spaced if across > 1 else level[0])
    return assemble(
        title,
        [notice],
        [key_strip(_key(published), layout, start=-_AXIS, plot=width), *panels],
        layout,
        spacing=22,
    )


def _key(published: Sequence[Comparison]) -> list[KeyEntry]:
    key = [
        KeyEntry("90", "9 in 10 virtual patients"),
        KeyEntry("50", "half of the virtual patients"),
        KeyEntry("mean", "simulated mean of the trial, 90 % interval"),
    ]
    if any(not row.unverified for row in published):
        key.append(KeyEntry("square", "published mean, 90 % interval"))
    if any(row.unverified for row in published):
        key.append(KeyEntry("hollow", "published, unverified"))
    return key


def _week_ticks(last: float) -> list[float]:
    step = next((s for s in (4, 8, 13, 26, 52, 104) if last / s <= 5), 260)
    return [float(week) for week in range(0, int(last) + 1, step)]


def _panel(
    scene: _Scene, course: Mapping[str, Any], published: Sequence[Comparison], heading: list[str]
) -> Any:
    quantiles = course["patient_quantiles"]
    low, high = course["mean_interval90"]
    rows = [
        {
            "week": week,
            "mean": course["mean"][i],
            "p5": quantiles["5"][i],
            "p25": quantiles["25"][i],
            "p75": quantiles["75"][i],
            "p95": quantiles["95"][i],
            "low": low[i],
            "high": high[i],
        }
        for i, week in enumerate(course["weeks"])
    ]
    base = alt.Chart(data(rows)).encode(x=scene.x)
    layers = [
        base.mark_area(color=shade, stroke=EDGE, strokeWidth=0.8, opacity=1).encode(
            y=scene.y(a), y2=alt.Y2(f"{b}:Q")
        )
        for shade, a, b in (
            (BANDS["90"], "p5", "p95"),
            (BANDS["50"], "p25", "p75"),
            (BANDS["mean"], "low", "high"),
        )
    ]
    zero = alt.Chart(data([{"y": 0}])).mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=scene.y("y"))
    layers += [
        zero,
        base.mark_line(color=BLUE, strokeWidth=2).encode(y=scene.y("mean")),
        base.mark_circle(color=BLUE, size=18, opacity=1).encode(y=scene.y("mean")),
        *_published(scene, published),
        *_labels(scene, rows[-1]),
    ]
    unit = f"Change in {scene.endpoint.name} from baseline ({scene.endpoint.unit})"
    heads = {
        "text": heading,
        "subtitle": wrap(typeset(unit), scene.width + _LABELS - 8),
        "anchor": "start",
        "frame": "group",
        "fontSize": 13,
        "lineHeight": 17,
        "offset": 10,
        "dx": -_AXIS,
    }
    return layered(layers, scene.width, scene.height, title=heads)


def _labels(scene: _Scene, last: Mapping[str, float]) -> list[Any]:
    """Labels at the right edge, each level with the band or line that it names."""
    digits = scene.endpoint.digits
    bounds = interval((last["low"], last["high"]), digits, sign=True)
    entries = [
        (last["p95"], ["9 in 10", "patients"], GREY, False),
        (last["p75"], ["half of patients"], GREY, False),
        (last["mean"], [f"mean {number(last['mean'], digits, sign=True)}"], BLUE, True),
        (last["low"], [f"({bounds})"], BLUE, False),
    ]
    heights = [LINE_HEIGHT * len(text) for _, text, _, _ in entries]
    wanted = [scene.pixel(value) for value, *_ in entries]
    centres = spread(wanted, heights, -4, scene.height + 4)
    layers = []
    for (_, text, color, bold), centre in zip(entries, centres, strict=True):
        value = scene.domain[1] - centre / scene.height * (scene.domain[1] - scene.domain[0])
        first = value + (LINE_HEIGHT * (len(text) - 1) / 2) / scene.height * (
            scene.domain[1] - scene.domain[0]
        )
        layers.append(
            alt.Chart(data([{"y": first, "text": [typeset(line) for line in text]}]))
            .mark_text(
                align="left",
                baseline="middle",
                fontSize=12,
                lineHeight=LINE_HEIGHT,
                color=color,
                fontWeight="bold" if bold else "normal",
            )
            .encode(x=alt.XValue(scene.width + 8), y=scene.y("y"), text=alt.Text("text:N"))
        )
    return layers


@dataclass(frozen=True)
class _Mark:
    """A published mean in pixels: its place, the ends of its interval and the centre of its label."""

    row: Comparison
    x: float
    y: float
    top: float
    bottom: float
    label_x: float
    label_y: float


def _place_published(scene: _Scene, published: Sequence[Comparison]) -> list[_Mark]:
    """Set published means side by side within a week, and each label where nothing else stands."""
    bare: list[tuple[Comparison, float, float, float, float]] = []
    seen: dict[float, int] = {}
    for row in published:
        if row.published is None:
            continue
        place = seen.get(row.week, 0)
        seen[row.week] = place + 1
        low, high = row.published.bounds or (row.published.value, row.published.value)
        x = scene.width * row.week / scene.last - _ASIDE * place
        bare.append((row, x, scene.pixel(row.published.value), scene.pixel(high), scene.pixel(low)))
    taken = [(x - 6, top, x + 6, bottom) for _, x, _, top, bottom in bare]
    marks = []
    for row, x, y, top, bottom in bare:
        half = text_width(typeset(row.show(row.published.value if row.published else 0)), 12, bold=True) / 2
        label_x = min(x, scene.width + 6 - half)
        spots = [spot for step in range(4) for spot in (top - 10 - 15 * step, bottom + 10 + 15 * step)]
        label_y = next(
            (s for s in spots if not _hits((label_x - half - 3, s - 7, label_x + half + 3, s + 7), taken)),
            spots[0],
        )
        taken.append((label_x - half, label_y - 7, label_x + half, label_y + 7))
        marks.append(_Mark(row, x, y, top, bottom, label_x, label_y))
    return marks


def _hits(box: tuple[float, ...], others: Sequence[tuple[float, ...]]) -> bool:
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


def _published(scene: _Scene, published: Sequence[Comparison]) -> list[Any]:
    """Draw published means as squares with their intervals and values."""
    layers: list[Any] = []
    for mark in _place_published(scene, published):
        value = mark.row.published.value if mark.row.published else 0.0
        at = alt.Chart(data([{"text": typeset(mark.row.show(value))}]))
        line = at.encode(x=alt.XValue(mark.x), y=alt.YValue(mark.top), y2=alt.Y2Value(mark.bottom))
        text = at.encode(x=alt.XValue(mark.label_x), y=alt.YValue(mark.label_y), text=alt.Text("text:N"))
        style: dict[str, Any] = {"baseline": "middle", "fontSize": 12, "fontWeight": "bold"}
        square = at.mark_point(
            shape="square",
            size=52,
            filled=True,
            fill="white" if mark.row.unverified else BLACK,
            stroke=BLACK,
            strokeWidth=1.5,
            opacity=1,
        )
        layers += [
            line.mark_rule(strokeWidth=4.5, color="white"),
            line.mark_rule(strokeWidth=1.6, color=BLACK),
            square.encode(x=alt.XValue(mark.x), y=alt.YValue(mark.y)),
            text.mark_text(**style, color="white", stroke="white", strokeWidth=4),
            text.mark_text(**style, color=BLACK),
        ]
    return layers
