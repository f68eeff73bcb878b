"""``rodnan validate exposure``: every published exposure beside the model's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rodnan.cli.output import write_json

if TYPE_CHECKING:
    from rodnan.pharmacology.checks import CheckResult
    from rodnan.report.table import Table

__all__ = ["command"]


def command(
    drugs: Annotated[
        list[str] | None,
        typer.Argument(help="Drugs, such as mycophenolate; all with a model when none is named."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the rows as JSON.")] = None,
) -> None:
    """Print predicted beside published exposure for every drug.

    A row agrees when the prediction for the typical patient lies inside the
    observed range or within 1.25-fold of the observed value. Rows outside
    and rows the model cannot answer are explained below the table.
    """
    from rodnan.pharmacology.checks import check_exposure
    from rodnan.pharmacology.models import load_model, model_ids

    results = {d: check_exposure(load_model(d)) for d in drugs or model_ids()}
    typer.echo(str(exposure_table(results)))
    if json is not None:
        rows = [{"drug": d} | _plain(r) for d, group in results.items() for r in group]
        write_json(json, {"simulation": True, "checks": rows})


def exposure_table(results: dict[str, tuple[CheckResult, ...]]) -> Table:
    """Return predicted beside observed exposures, grouped by drug.

    Parameters
    ----------
    results
        Drug -> its results.
    """
    from rodnan.report.table import Column, Group, Table

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
                r.verdict + (", recalled" if r.basis == "recalled" else ""),
            )
            for r in group
        )
        for d, group in results.items()
    }
    notes = [f"{d}, {r.quantity}, {r.regimen}: {r.verdict}; {r.remark}" for d, r in everything if r.remark]
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
        groups=tuple(Group(d, rows[d]) for d in results if rows[d]),
        notes=tuple(notes),
        records=tuple({"drug": d} | _plain(r) for d, r in everything),
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _observed(r: CheckResult) -> str:
    if math.isnan(r.low):
        return _number(r.observed)
    return f"{_number(r.observed)} ({_number(r.low)} to {_number(r.high)})"


def _plain(r: CheckResult) -> dict[str, Any]:
    finite = {k: None if math.isnan(v) else v for k, v in
              {"observed": r.observed, "low": r.low, "high": r.high, "predicted": r.predicted}.items()}  # fmt: skip
    return {
        "quantity": r.quantity,
        "regimen": r.regimen,
        "unit": r.unit,
        **finite,
        "verdict": r.verdict,
        "basis": r.basis,
        "remark": r.remark,
    }
