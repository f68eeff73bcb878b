"""The tables of one virtual trial: published numbers beside simulated ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rodnan.report.comparing import Comparison, Kind, Point, check_result, comparisons
from rodnan.report.table import Column, Group, Table
from rodnan.report.wording import (
    arm_name,
    arm_names,
    basis_words,
    integer,
    name_endpoint,
    name_variable,
    number,
    regimen_words,
)

__all__ = ["comparison_table", "tables", "trajectory_table", "uncertainty_table"]

_BASIS_NOTE = (
    "Basis of a published number: read = seen in the source; unverified = quoted from memory, not yet "
    "checked "
    "against the source; computed = worked out from published figures; adjusted = from the trial's own model."
)
_AGREES_NOTE = "agrees / DISAGREES: the published number lies inside / outside the simulated 90 % interval."


def tables(result: Mapping[str, Any]) -> tuple[Table, ...]:
    """Return the tables of a result, in reading order; a part without rows gives no table.

    Parameters
    ----------
    result
        The result of one virtual trial, as returned by ``rodnan.trial``.

    Returns
    -------
    tuple of Table
        With ids ``arms``, ``baseline``, ``outcomes``, ``contrasts``, ``adverse-events``, ``withdrawals``.

    Raises
    ------
    TrialError
        RDN-T901 when parts of the result are missing.
    """
    rows = comparisons(result)
    weeks = "change from baseline"
    made = (
        _arms_table(result),
        _baseline_table(result),
        _outcome_table(rows, "outcome", "outcomes", f"Simulated and published mean {weeks}, by arm"),
        _outcome_table(rows, "contrast", "contrasts", f"Simulated and published difference in {weeks}"),
        _share_table(
            rows, "adverse_event", "adverse-events", "Patients with an adverse event, simulated and published"
        ),
        _share_table(rows, "withdrawal", "withdrawals", "Patients who left, simulated and published"),
    )
    return tuple(table for table in made if table.groups)


def _grouped(rows: Iterable[Comparison], key) -> list[tuple[Any, list[Comparison]]]:
    """Group rows by key in order of first appearance."""
    groups: dict[Any, list[Comparison]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.items())


def _outcome_table(rows: Sequence[Comparison], kind: Kind, name: str, caption: str) -> Table:
    groups = []
    chosen = [row for row in rows if row.kind == kind]
    for (subject, unit, arm, _), members in _grouped(chosen, lambda r: (r.subject, r.unit, r.arm, r.arm_ids)):
        groups.append(Group(f"{subject} ({unit}): {arm}", tuple(_outcome_cells(row) for row in members)))
    return Table(
        id=name,
        caption=caption,
        columns=(
            Column("Week", "right"),
            Column("Simulated mean", "right"),
            Column("Simulated 90\N{NO-BREAK SPACE}% interval", "right"),
            Column("Published mean", "right"),
            Column("Published 90\N{NO-BREAK SPACE}% interval", "right"),
            Column("Basis", wrap=True),
            Column("Agreement"),
        ),
        groups=tuple(groups),
        notes=(
            "Simulated 90 % interval: where the arm mean of a trial of the published size is expected to "
            "fall.",
            _AGREES_NOTE,
            _BASIS_NOTE,
        )
        if kind == "outcome"
        else (),
        records=tuple(_record(row) for row in chosen),
    )


def _outcome_cells(row: Comparison) -> tuple[str, ...]:
    return (
        number(row.week, 0),
        row.show(row.simulated.value) if row.simulated else "",
        row.show_interval(row.simulated),
        row.show(row.published.value) if row.published else "",
        row.show_interval(row.published) or ("not given" if row.published else ""),
        row.basis,
        row.agreement,
    )


def _share_table(rows: Sequence[Comparison], kind: Kind, name: str, caption: str) -> Table:
    groups = []
    chosen = [row for row in rows if row.kind == kind]
    for (subject, definition, week), members in _grouped(chosen, lambda r: (r.subject, r.definition, r.week)):
        heading = f"{subject} ({definition})" if definition else subject
        groups.append(
            Group(
                f"{heading}, by week {number(week, 0)}",
                tuple(
                    (
                        row.arm,
                        _point_cell(row, row.simulated),
                        row.count,
                        _point_cell(row, row.published),
                        row.basis,
                        row.agreement,
                    )
                    for row in members
                ),
            )
        )
    return Table(
        id=name,
        caption=caption,
        columns=(
            Column("Arm", wrap=True),
            Column("Simulated\N{NO-BREAK SPACE}% (90\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}interval)", "right"),
            Column("Published count", "right"),
            Column("Published\N{NO-BREAK SPACE}% (90\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}interval)", "right"),
            Column("Basis", wrap=True),
            Column("Agreement", wrap=True),
        ),
        groups=tuple(groups),
        notes=(
            "Simulated 90 % interval: where the percentage in an arm of the published size is expected to "
            "fall.",
        ),
        records=tuple(_record(row) for row in chosen),
    )


def _point_cell(row: Comparison, point: Point | None) -> str:
    if point is None:
        return ""
    bounds = row.show_interval(point)
    return row.show(point.value) + (f" ({bounds})" if bounds else "")


def _record(row: Comparison) -> dict[str, Any]:
    """Raw numbers of a comparison; every column name says simulated or published."""
    simulated, published = row.row.get("simulated") or {}, row.row.get("published") or {}
    low, high = (row.simulated.bounds if row.simulated else None) or (None, None)
    plow, phigh = (row.published.bounds if row.published else None) or (None, None)
    uncertainty = simulated.get("uncertainty") or {}
    subject = row.row.get("endpoint") or row.row.get("event") or row.row.get("reason")
    return {
        "kind": row.kind,
        "subject": subject,
        "arm": " minus ".join(row.arm_ids),
        "week": row.week,
        "unit": "pct" if row.unit == "%" else row.row.get("unit"),
        "simulated": row.simulated.value if row.simulated else None,
        "simulated_low90": low,
        "simulated_high90": high,
        "simulated_sd": simulated.get("sd"),
        "simulated_sd_between_patients": uncertainty.get("between_patients"),
        "simulated_sd_trial_luck": uncertainty.get("trial_luck"),
        "simulated_sd_trial_setting": uncertainty.get("trial_setting"),
        "simulated_sd_parameters": uncertainty.get("parameters"),
        "published": row.published.value if row.published else None,
        "published_low90": plow,
        "published_high90": phigh,
        "published_count": published.get("n") if row.kind in ("adverse_event", "withdrawal") else None,
        "published_of": published.get("of"),
        "published_adjusted": published.get("adjusted"),
        "published_basis": published.get("basis"),
        "agreement": row.agreement,
    }


def _arms_table(result: Mapping[str, Any]) -> Table:
    names = arm_names(result["arms"])
    return Table(
        id="arms",
        caption="Arms of the simulated trial",
        columns=(
            Column("Arm", wrap=True),
            Column("In full", wrap=True),
            Column("Treatment simulated", wrap=True),
            Column("Published patients", "right"),
            Column("Virtual patients", "right"),
        ),
        groups=(
            Group(
                "",
                tuple(
                    (
                        names[arm["id"]],
                        str(arm.get("label") or ""),
                        regimen_words(arm.get("regimen")),
                        integer(arm.get("published_n")),
                        integer(arm.get("simulated_n")),
                    )
                    for arm in result["arms"]
                ),
            ),
        ),
        records=tuple(
            {
                "arm": arm["id"],
                "label": arm.get("label"),
                "simulated_regimen": regimen_words(arm.get("regimen")),
                "published_n": arm.get("published_n"),
                "simulated_n": arm.get("simulated_n"),
            }
            for arm in result["arms"]
        ),
    )


def _baseline_table(result: Mapping[str, Any]) -> Table:
    names = arm_names(result["arms"])
    groups: dict[str, list[tuple[str, ...]]] = {}
    records = []
    for row in result["cohort"]["baseline"]:
        name, unit, digits = name_variable(row["variable"], row.get("unit"))
        published, simulated = row.get("published") or {}, row.get("simulated") or {}
        groups.setdefault(f"{name} ({unit})" if unit else name, []).append(
            (
                arm_name(names, row["arm"]),
                number(simulated.get("mean"), digits),
                number(simulated.get("sd"), digits),
                number(published.get("mean"), digits),
                number(published.get("sd"), digits),
                basis_words(published) if published else "",
            )
        )
        records.append(
            {
                "variable": row["variable"],
                "arm": row["arm"],
                "unit": row.get("unit"),
                "simulated_mean": simulated.get("mean"),
                "simulated_sd": simulated.get("sd"),
                "published_mean": published.get("mean"),
                "published_sd": published.get("sd"),
                "published_basis": published.get("basis"),
            }
        )
    return Table(
        id="baseline",
        caption="Baseline of the virtual patients beside the published baseline table",
        columns=(
            Column("Arm"),
            Column("Simulated mean", "right"),
            Column("Simulated SD", "right"),
            Column("Published mean", "right"),
            Column("Published SD", "right"),
            Column("Basis"),
        ),
        groups=tuple(Group(heading, tuple(rows)) for heading, rows in groups.items()),
        notes=("SD: standard deviation between patients. A percentage has none.",),
        records=tuple(records),
    )


def comparison_table(result: Mapping[str, Any], kinds: Sequence[Kind], name: str, caption: str) -> Table:
    """Return the rows of some kinds that have both a simulated and a published number, in one flat table.

    Parameters
    ----------
    result
        The result of one virtual trial.
    kinds
        Which kinds of comparison to show.
    name
        Identifier of the table.
    caption
        What it shows.
    """
    chosen = [r for r in comparisons(result) if r.kind in kinds and r.simulated and r.published]
    return Table(
        id=name,
        caption=caption,
        columns=(
            Column("What"),
            Column("Arm"),
            Column("Week", "right"),
            Column("Simulated", "right"),
            Column("Simulated 90\N{NO-BREAK SPACE}% interval", "right"),
            Column("Published", "right"),
            Column("Published 90\N{NO-BREAK SPACE}% interval", "right"),
            Column("Basis"),
            Column("Agreement"),
        ),
        groups=(Group("", tuple((f"{r.subject} ({r.unit})", r.arm, *_outcome_cells(r)) for r in chosen)),)
        if chosen
        else (),
        records=tuple(_record(r) for r in chosen),
    )


def trajectory_table(result: Mapping[str, Any], endpoint: str) -> Table:
    """Return the simulated course of an endpoint as a table: mean, its 90 % interval and patients' quantiles.

    Parameters
    ----------
    result
        The result of one virtual trial.
    endpoint
        Identifier of the endpoint.
    """
    check_result(result)
    names = arm_names(result["arms"])
    shown = name_endpoint(endpoint)
    groups, records = [], []
    for course in (c for c in result["trajectories"] if c["endpoint"] == endpoint):
        quantiles = course["patient_quantiles"]
        columns = [
            course["mean"],
            *course["mean_interval90"],
            *(quantiles[q] for q in ("5", "25", "75", "95")),
        ]
        rows = []
        for index, week in enumerate(course["weeks"]):
            values = [column[index] for column in columns]
            rows.append((number(week, 0), *(number(v, shown.digits, sign=True) for v in values)))
            records.append(
                {"endpoint": endpoint, "arm": course["arm"], "unit": course.get("unit"), "week": week}
                | dict(
                    zip(
                        (
                            "simulated_mean",
                            "simulated_mean_low90",
                            "simulated_mean_high90",
                            "simulated_patients_5pct",
                            "simulated_patients_25pct",
                            "simulated_patients_75pct",
                            "simulated_patients_95pct",
                        ),
                        values,
                        strict=True,
                    )
                )
            )
        groups.append(Group(arm_name(names, course["arm"]), tuple(rows)))
    return Table(
        id=f"course-{endpoint}".replace("_", "-"),
        caption=f"Simulated change in {shown.name} ({shown.unit}) from baseline",
        columns=(
            Column("Week", "right"),
            Column("Mean", "right"),
            Column("Mean, 5\N{NO-BREAK SPACE}%", "right"),
            Column("Mean, 95\N{NO-BREAK SPACE}%", "right"),
            Column("Patients, 5\N{NO-BREAK SPACE}%", "right"),
            Column("Patients, 25\N{NO-BREAK SPACE}%", "right"),
            Column("Patients, 75\N{NO-BREAK SPACE}%", "right"),
            Column("Patients, 95\N{NO-BREAK SPACE}%", "right"),
        ),
        groups=tuple(groups),
        records=tuple(records),
    )


def uncertainty_table(result: Mapping[str, Any]) -> Table:
    """Return the four named kinds of uncertainty of each outcome, at the last week of its endpoint.

    Parameters
    ----------
    result
        The result of one virtual trial.
    """
    rows = [r for r in comparisons(result) if r.kind == "outcome" and r.row["simulated"]]
    last = {(r.subject, r.arm): r for r in sorted(rows, key=lambda r: r.week)}
    cells = []
    for row in last.values():
        parts = row.row["simulated"].get("uncertainty")
        if parts:
            values = [parts.get(k) for k in ("between_patients", "trial_luck", "trial_setting", "parameters")]
            shown = ("not computed" if v is None else number(v, row.digits + 1) for v in values)
            cells.append((f"{row.subject} ({row.unit})", row.arm, number(row.week, 0), *shown))
    return Table(
        id="uncertainty",
        caption="Uncertainty of the simulated changes, as standard deviations",
        columns=(
            Column("Endpoint"),
            Column("Arm"),
            Column("Week", "right"),
            Column("Between patients", "right"),
            Column("Luck of the trial", "right"),
            Column("Trial setting", "right"),
            Column("Parameters", "right"),
        ),
        groups=(Group("", tuple(cells)),) if cells else (),
    )
