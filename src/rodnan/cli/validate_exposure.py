"""``rodnan validate exposure``: every published exposure beside the model's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    from rodnan.cli.output import write_json
    from rodnan.pharmacology.checks import check_exposure
    from rodnan.pharmacology.models import load_model, model_ids
    from rodnan.report.exposure import check_record, checks_table

    results = {d: check_exposure(load_model(d)) for d in drugs or model_ids()}
    if json is not None:
        rows = [{"drug": d} | check_record(r) for d, group in results.items() for r in group]
        write_json(json, {"simulation": True, "checks": rows})
    typer.echo(str(checks_table(results)))
