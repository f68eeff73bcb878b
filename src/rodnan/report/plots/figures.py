"""Which figures a result gets, with their titles, descriptions and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import altair as alt

from rodnan.report.comparing import Comparison, Kind, Point, comparisons, disagreeing, judged
from rodnan.report.plots.courses import course_figure
from rodnan.report.plots.render import to_png, to_svg
from rodnan.report.plots.rows import Row, panel, row_key
from rodnan.report.plots.style import WIDE, KeyEntry, Layout, assemble, key_strip
from rodnan.report.table import Table
from rodnan.report.trial_tables import comparison_table, tables, trajectory_table
from rodnan.report.wording import NOTICE, arm_name, arm_names, name_endpoint, name_variable, number

__all__ = ["Figure", "figures"]

_PERCENT = "Patients, % of the arm"


@dataclass(frozen=True)
class Figure:
    """One figure: what it shows in words, its numbers, and how it is drawn.

    Attributes
    ----------
    id
        Identifier and stem of its file names.
    name
        What kind of figure it is, in a few words.
    title
        What is shown and what was found; says that it is a simulation.
    description
        One sentence on how to read it.
    table
        The numbers shown.
    draw
        Gives the Vega-Lite specification for a layout.
    """

    id: str
    name: str
    title: str
    description: str
    table: Table
    draw: Callable[[Layout], dict[str, Any]]

    def spec(self, layout: Layout = WIDE) -> dict[str, Any]:
        """Return the figure as a Vega-Lite specification."""
        return self.draw(layout)

    def chart(self, layout: Layout = WIDE) -> alt.VConcatChart:
        """Return the figure as an Altair chart, checked against the schema of Vega-Lite."""
        return alt.VConcatChart.from_dict(self.draw(layout))

    def svg(self, layout: Layout = WIDE) -> str:
        """Return the figure as an SVG document; the same result gives the same bytes."""
        return to_svg(self.draw(layout), f"{self.id}-{layout.name}", self.title, self.description)

    def png(self) -> bytes:
        """Return the wide figure as PNG at twice its size."""
        return to_png(self.svg())


def figures(result: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the figures of a result, in the order of the report.

    Parameters
    ----------
    result
        The result of one virtual trial, as returned by ``rodnan.trial``.

    Returns
    -------
    tuple of Figure
        One course per endpoint with trajectories (``fvc-pct-pred-over-time``, ``mrss-over-time``, ...), then
        ``compared-numbers``, ``safety-and-withdrawals`` and ``baseline-check``; a figure without data is left
        out.

    Raises
    ------
    TrialError
        RDN-T901 when parts of the result are missing.
    """
    rows = comparisons(result)
    made: list[Figure | None] = [
        _course(result, rows, endpoint)
        for endpoint in dict.fromkeys(course["endpoint"] for course in result["trajectories"])
    ]
    made += [_compared(result, rows), _shares(result, rows), _baseline(result)]
    return tuple(figure for figure in made if figure is not None)


def _course(result: Mapping[str, Any], rows: Sequence[Comparison], endpoint: str) -> Figure:
    names = arm_names(result["arms"])
    courses = [course for course in result["trajectories"] if course["endpoint"] == endpoint]
    shown = name_endpoint(endpoint, courses[0].get("unit"))
    published = [
        row for row in rows if row.kind == "outcome" and row.row["endpoint"] == endpoint and row.published
    ]
    ends = [
        f"{number(c['mean'][-1], shown.digits, sign=True)} ({arm_name(names, c['arm'])})" for c in courses
    ]
    week = number(courses[0]["weeks"][-1], 0)
    title = f"Simulation: average change in {shown.name} at week {week} is {_and(ends)}"
    description = (
        f"Simulated change in {shown.name} ({shown.unit}) from baseline in each arm of a virtual "
        f"{result['title']}: the mean with its 90 % interval, and the range of 9 in 10 and of half of the "
        f"virtual "
        "patients"
        + (", beside the published means." if published else "; nothing published can be shown beside it.")
    )
    return Figure(
        id=f"{endpoint}-over-time".replace("_", "-"),
        name=f"{shown.name} over time",
        title=title,
        description=description,
        table=trajectory_table(result, endpoint),
        draw=lambda layout: course_figure(shown, courses, published, names, layout, title, _notice(result)),
    )


def _notice(result: Mapping[str, Any]) -> str:
    """The line under every title: a figure that travels alone still says what it is."""
    return f"{NOTICE} {result['study']}, seed {result['seed']}."


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _compared(result: Mapping[str, Any], rows: Sequence[Comparison]) -> Figure | None:
    shown = [row for row in rows if row.simulated and row.published]
    if not shown:
        return None
    kinds: tuple[Kind, ...] = ("outcome", "contrast", "adverse_event", "withdrawal")
    total, missed = len(judged(tuple(rows))), len(disagreeing(tuple(rows)))
    title = f"Simulation against the published trial: {total - missed} of {total} numbers agree"

    def draw(layout: Layout) -> dict[str, Any]:
        return _rows_figure(title, _notice(result), _panels(shown), layout)

    return Figure(
        id="compared-numbers",
        name="Simulated against published numbers",
        title=title,
        description=(
            f"Every number of {result['title']} that was both simulated and published: the simulated 90 % "
            f"interval "
            "as a bar, the published number with its 90 % interval as a line below it, and whether they "
            "agree."
        ),
        table=comparison_table(result, kinds, "compared-numbers", "Every number simulated and published"),
        draw=draw,
    )


def _shares(result: Mapping[str, Any], rows: Sequence[Comparison]) -> Figure | None:
    kinds: tuple[Kind, ...] = ("adverse_event", "withdrawal")
    shown = [row for row in rows if row.kind in kinds and row.simulated]
    if not shown:
        return None
    week = number(max(row.week for row in shown), 0)
    events = [row.subject for row in shown if row.kind == "adverse_event"]
    parts = [event[:1].lower() + event[1:] for event in dict.fromkeys(events)]
    parts += ["patients who left"] if any(row.kind == "withdrawal" for row in shown) else []
    title = f"Simulation: {_and(parts)}, by week {week}"

    def draw(layout: Layout) -> dict[str, Any]:
        return _rows_figure(title, _notice(result), _panels(shown, by_subject=True), layout)

    return Figure(
        id="safety-and-withdrawals",
        name="Adverse events and patients who left",
        title=title,
        description=(
            "Percentage of patients in each arm with an adverse event, and of patients who left: the "
            "simulated 90 % "
            "interval as a bar, the published percentage with its 90 % interval as a line below it."
        ),
        table=comparison_table(result, kinds, "safety-and-withdrawals", "Adverse events and withdrawals"),
        draw=draw,
    )


@dataclass(frozen=True)
class _Panel:
    """A heading, its rows and its axis."""

    heading: str
    rows: tuple[Row, ...]
    axis: str
    percent: bool


def _panels(shown: Sequence[Comparison], *, by_subject: bool = False) -> list[_Panel]:
    """Put rows that share an axis into one panel."""

    def key(row: Comparison) -> tuple[str, str, str]:
        if row.kind in ("outcome", "contrast"):
            what = "change from baseline" if row.signed else "value"
            return f"{row.subject}: {what}", f"{row.subject}, {row.unit}", "measure"
        part = "Adverse events" if row.kind == "adverse_event" else "Patients who left"
        if by_subject:
            part = f"{row.subject} ({row.definition})" if row.definition else row.subject
        return f"{part}, by week {number(row.week, 0)}", _PERCENT, "percent"

    ordered = sorted(shown, key=lambda row: [key(other) for other in shown].index(key(row)))
    return [
        _Panel(heading, tuple(_row(row, by_subject) for row in members), axis, kind == "percent")
        for (heading, axis, kind), members in groupby(ordered, key)
    ]


def _row(row: Comparison, by_subject: bool) -> Row:
    week = number(row.week, 0)
    if row.kind in ("outcome", "contrast"):
        notes = [f"week {week}", *(["adjusted"] if "adjusted" in row.basis else [])]
        label = (row.arm, ", ".join(notes))
    else:
        label = (row.arm,) if by_subject else (row.subject, row.arm)
    return Row(
        label=label,
        simulated=row.simulated,
        published=row.published,
        words=(row.agreement, *_values(row)),
        strong=row.agreement == "DISAGREES",
        outside=row.agreement == "DISAGREES",
        hollow=row.unverified,
    )


def _values(row: Comparison) -> list[str]:
    if row.simulated is None or row.published is None:
        return []
    return [f"{row.show(row.simulated.value)} vs {row.show(row.published.value)}"]


def _rows_figure(title: str, notice: str, panels: Sequence[_Panel], layout: Layout) -> dict[str, Any]:
    """Stack panels; those of percentages share their range."""
    shares = [q for p in panels if p.percent for row in p.rows for q in (row.simulated, row.published) if q]
    reach = [value for point in shares for value in (point.value, *(point.bounds or ()))]
    key = key_strip(row_key([row for p in panels for row in p.rows]), layout, start=-layout.left)
    drawn = [
        panel(
            p.heading,
            p.rows,
            layout,
            axis_title=p.axis,
            limits=(0, 100) if p.percent else None,
            reach=reach if p.percent else (),
        )
        for p in panels
    ]
    return assemble(title, ["Numbers: simulated vs published. " + notice], [key, *drawn], layout)


def _baseline(result: Mapping[str, Any]) -> Figure | None:
    names = arm_names(result["arms"])
    rows, shifts = [], {}
    for line in result["cohort"]["baseline"]:
        published, simulated = line.get("published") or {}, line.get("simulated") or {}
        if published.get("mean") is None or simulated.get("mean") is None:
            continue
        name, unit, digits = name_variable(line["variable"], line.get("unit"))
        spread = published.get("sd") or _percent_sd(published["mean"], line.get("unit"))
        shift = (simulated["mean"] - published["mean"]) / spread if spread else None
        if shift is not None:
            shifts[f"{name}, {arm_name(names, line['arm'])}"] = abs(shift)
        rows.append(
            Row(
                label=(f"{name} ({unit})" if unit else name, arm_name(names, line["arm"])),
                simulated=None if shift is None else Point(shift, None, None),
                published=None,
                words=(
                    f"sim. {_mean_sd(simulated, digits)}",
                    f"publ. {_mean_sd(published, digits)}",
                ),
            )
        )
    if not rows:
        return None
    title = "Simulation: baseline means of the virtual patients beside the published ones"
    if shifts:
        worst = max(shifts, key=lambda name: shifts[name])
        title = (
            f"Simulation: baseline means lie within {number(shifts[worst], 2)} standard deviations of the "
            f"published "
            f"ones (furthest: {worst})"
        )
    axis = "Simulated minus published mean, in published standard deviations"

    def draw(layout: Layout) -> dict[str, Any]:
        key = key_strip(
            [KeyEntry("difference", "simulated mean, relative to the published mean at 0")],
            layout,
            start=-layout.left,
        )
        body = panel("", rows, layout, axis_title=axis, shade=(-0.25, 0.25))
        notes = ["Grey: less than a quarter of a standard deviation. Numbers: mean (SD).", _notice(result)]
        return assemble(title, notes, [key, body], layout)

    return Figure(
        id="baseline-check",
        name="Baseline check",
        title=title,
        description=(
            "Difference between the simulated and the published baseline mean of each variable and arm, "
            "in published "
            "standard deviations; zero means equal."
        ),
        table=next(table for table in tables(result) if table.id == "baseline"),
        draw=draw,
    )


def _percent_sd(mean: float, unit: str | None) -> float | None:
    """Standard deviation of a yes-or-no variable given as a percentage."""
    return (mean * (100 - mean)) ** 0.5 if unit == "pct" and 0 < mean < 100 else None


def _mean_sd(part: Mapping[str, Any], digits: int) -> str:
    sd = part.get("sd")
    return number(part["mean"], digits) + (f" ({number(sd, digits)})" if sd is not None else "")
