"""Tables and the figure of drug exposure: published checks, usual regimens, channels, cells, the footprint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rodnan.pharmacology.effects import CHANNEL_MEANING
from rodnan.report.table import Column, Group, Table

if TYPE_CHECKING:
    from rodnan.disease.typical_course import Course
    from rodnan.pharmacology.checks import CheckResult
    from rodnan.pharmacology.models import DrugModel
    from rodnan.pharmacology.usual import UsualExposure

__all__ = [
    "cells_table",
    "channel_table",
    "check_record",
    "checks_table",
    "exposure_svg",
    "footprint_table",
    "usual_table",
]

CELLS: Mapping[str, str] = {
    "T": "effector T cells",
    "B": "B cells in blood",
    "Ps": "plasmablasts",
    "M": "profibrotic macrophages",
    "F_s": "myofibroblasts, skin",
    "A1": "autoantibody",
    "G1": "IgG",
    "N4": "neutrophils",
    "L": "lymphocytes",
    "GFR": "filtration of the kidney",
}
"""States shown on a card, with their names."""

WEEKS = (2, 4, 12, 26, 52)


def checks_table(results: Mapping[str, Sequence[CheckResult]]) -> Table:
    """Return predicted beside published exposures, grouped by drug.

    Parameters
    ----------
    results
        Drug -> its results.
    """
    everything = [(d, r) for d, group in results.items() for r in group]
    answered = [r for _, r in everything if r.verdict != "not answered"]
    agreeing = sum(r.agrees for r in answered)
    share = f" ({100 * agreeing / len(answered):.0f} %)" if answered else ""
    rows = {
        d: tuple(
            (
                r.quantity,
                r.regimen,
                _number(r.predicted),
                _observed(r),
                r.unit,
                r.verdict + (", unverified" if r.basis == "recalled" else ""),
            )
            for r in group
        )
        for d, group in results.items()
    }
    one = len(results) == 1
    notes = [
        f"{'' if one else f'{d}, '}{r.quantity}, {r.regimen}: {r.verdict}; {r.remark}"
        for d, r in everything
        if r.remark
    ]
    return Table(
        id="exposure",
        caption=(
            f"Simulation: exposure of the typical patient beside published exposure. {agreeing} of "
            f"{len(answered)} answered rows agree{share}; {len(everything) - len(answered)} not answered."
        ),
        columns=(
            Column("Quantity", wrap=True),
            Column("Regimen", wrap=True),
            Column("Predicted", align="right"),
            Column("Observed", align="right"),
            Column("Unit"),
            Column("Verdict", wrap=True),
        ),
        groups=tuple(Group("" if one else d, rows[d]) for d in results if rows[d]),
        notes=tuple(notes),
        records=tuple({"drug": d} | check_record(r) for d, r in everything),
    )


def check_record(r: CheckResult) -> dict[str, Any]:
    """Return one check as plain values; what is not known is None."""
    numbers = {"observed": r.observed, "low": r.low, "high": r.high, "predicted": r.predicted}
    return {
        "quantity": r.quantity,
        "regimen": r.regimen,
        "unit": r.unit,
        **{name: None if math.isnan(value) else value for name, value in numbers.items()},
        "verdict": r.verdict,
        "basis": r.basis,
        "remark": r.remark,
    }


def usual_table(model: DrugModel, exposures: Sequence[tuple[str, str, UsualExposure]]) -> Table:
    """Return the exposure of the typical patient to the usual regimens.

    Parameters
    ----------
    model
        The drug.
    exposures
        (label, doses in words, exposure) of each regimen.
    """
    rows, records = [], []
    for label, doses, e in exposures:
        rows.append(
            (
                f"{label}: {doses}",
                _days(e.interval),
                f"{_number(24 * e.auc)}",
                _number(e.cmax),
                _number(e.cmin),
                _number(e.cavg),
                f"{e.accumulation:.2f}",
                _days(e.half_life),
                "-" if math.isnan(e.above) else f"{100 * e.above:.0f} %",
            )
        )
        records.append(
            {"regimen": label, "doses": doses, "interval_day": e.interval, "auc_mg_day_per_L": e.auc,
             "cmax_mg_per_L": e.cmax, "cmin_mg_per_L": e.cmin, "cavg_mg_per_L": e.cavg,
             "accumulation": e.accumulation, "half_life_day": e.half_life, "above": e.above}
        )  # fmt: skip
    level = next((e.level for _, _, e in exposures if not math.isnan(e.level)), None)
    notes = [f"Measured: {model.record.measured}. Last dosing interval of the course, or of its first year."]
    if level is not None:
        notes.append(f"Above: share of the interval above the concentration of half effect, {level:g} mg/L.")
    return Table(
        id=f"{model.id}-usual",
        caption="Simulation: exposure of the typical patient to usual regimens.",
        columns=(
            Column("Regimen", wrap=True),
            Column("Interval", align="right"),
            Column("AUC mg*h/L", align="right"),
            Column("Cmax mg/L", align="right"),
            Column("Cmin mg/L", align="right"),
            Column("Cavg mg/L", align="right"),
            Column("Accum.", align="right"),
            Column("Half-life", align="right"),
            Column("Above", align="right"),
        ),
        groups=(Group("", tuple(rows)),),
        notes=tuple(notes),
        records=tuple(records),
    )


def channel_table(model: DrugModel, regimens: Sequence[tuple[str, Mapping[str, float]]]) -> Table:
    """Return what a drug does to the disease: channels, their size and their mean on the usual regimens."""
    rows = []
    for effect in dict.fromkeys(e.channel for e in model.effects):
        unit, meaning = CHANNEL_MEANING[effect]
        entries = [e for e in model.effects if e.channel == effect]
        size = " + ".join(
            f"{e.size:g}" + (" x potency" if e.potency else "") + f" x {model.series[e.series].name}"
            for e in entries
        )
        means = [f"{channels[effect]:.3f}" for _, channels in regimens]
        rows.append((effect, meaning, unit, size, *means))
    p = model.record.potency
    notes = [] if p is None else [f"Potency {p.value:g} ({p.basis}): {p.note}"]
    notes += (
        [f"Mean over the first 12 weeks of: {', '.join(label for label, _ in regimens)}."] if rows else []
    )
    return Table(
        id=f"{model.id}-channels",
        caption="What the model lets the drug do." if rows else "The model lets the drug do nothing.",
        columns=(
            Column("Channel"),
            Column("Meaning", wrap=True),
            Column("Unit"),
            Column("Size", wrap=True),
            *(Column(f"Mean {i + 1}", align="right") for i in range(len(regimens))),
        ),
        groups=(Group("", tuple(rows)),),
        notes=tuple(notes),
    )


def cells_table(model: DrugModel, label: str, course: Course) -> Table:
    """Return cells and counts of the typical patient under a regimen, in percent of the untreated course."""
    weeks = [w for w in WEEKS if 7 * w < len(course.days)]
    rows = tuple(
        (name, *(f"{100 * course.ratio(state)[7 * week]:.0f}" for week in weeks))
        for state, name in CELLS.items()
    )
    return Table(
        id=f"{model.id}-cells",
        caption=f"Simulation: cells of a typical patient under {label}, percent of the same patient untreated.",
        columns=(Column("State"), *(Column(f"Week {w}", align="right") for w in weeks)),
        groups=(Group("", rows),),
        notes=("Early diffuse disease, treatment two years after onset, every dose taken, no flares.",),
    )


def footprint_table(drugs: Sequence[tuple[str, str, str, Mapping[str, float]]]) -> Table:
    """Return which channels each drug drives on its first usual regimen.

    Parameters
    ----------
    drugs
        (id, action, regimen in words, channel means) of each drug.
    """
    rows = tuple(
        (
            drug,
            action.replace("-", " "),
            doses,
            ", ".join(f"{c} {value:.2g}" for c, value in sorted(means.items(), key=lambda i: -i[1]))
            or "none",
        )
        for drug, action, doses, means in drugs
    )
    return Table(
        id="footprint",
        caption="Simulation: channels of the disease model that each therapy drives, mean of the first 12 weeks.",
        columns=(
            Column("Therapy", wrap=True),
            Column("Action", wrap=True),
            Column("Regimen", wrap=True),
            Column("Channels", wrap=True),
        ),
        groups=(Group("", rows),),
        notes=tuple(f"{name}: {meaning} ({unit})" for name, (unit, meaning) in CHANNEL_MEANING.items()),
        records=tuple(
            {"drug": d, "action": a, "doses": w} | {c: m.get(c, 0.0) for c in CHANNEL_MEANING}
            for d, a, w, m in drugs
        ),
    )


def exposure_svg(model: DrugModel, label: str, exposure: UsualExposure) -> str:
    """Return the last dosing interval of a usual regimen as an SVG document.

    Parameters
    ----------
    model
        The drug.
    label
        Name of the regimen.
    exposure
        Of the typical patient.
    """
    import altair as alt

    from rodnan.report.plots.render import to_svg
    from rodnan.report.plots.style import BLACK, BLUE, WIDE, assemble, data, layered

    hours = exposure.interval <= 2.0
    factor, unit = (24.0, "hours") if hours else (1.0, "days")
    step = max(1, len(exposure.times) // 240)
    rows = [
        {"x": float(factor * t), "y": float(c)}
        for t, c in zip(exposure.times[::step], exposure.concentration[::step], strict=True)
    ]
    x = alt.X("x:Q", title=f"{unit} after the dose", axis=alt.Axis(format="~g"))
    y = alt.Y("y:Q", title="mg/L", scale=alt.Scale(domainMin=0))
    line = alt.Chart(data(rows)).mark_line(color=BLUE, strokeWidth=2).encode(x=x, y=y)
    layers = [line]
    if not math.isnan(exposure.level):
        mark = alt.Chart(data([{"y": exposure.level}])).mark_rule(color=BLACK, strokeDash=[4, 3])
        layers.append(mark.encode(y="y:Q"))
    title = f"Simulation: {model.record.measured}, typical patient, {label}"
    note = "Last dosing interval." + (
        ""
        if math.isnan(exposure.level)
        else f" Dashed: concentration of half effect, {exposure.level:g} mg/L."
    )
    spec = assemble(title, [note], [layered(layers, WIDE.width - 90, 260)], WIDE)
    said = f"From {exposure.cmax:.3g} mg/L at the highest to {exposure.cmin:.3g} mg/L at the lowest."
    return to_svg(spec, f"{model.id}-exposure", title, said)


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _days(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{24 * value:.3g} h" if value < 2.0 else f"{value:.3g} d"


def _observed(r: CheckResult) -> str:
    if math.isnan(r.low):
        return _number(r.observed)
    return f"{_number(r.observed)} ({_number(r.low)} to {_number(r.high)})"
