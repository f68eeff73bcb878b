"""``rodnan validate nonmem DIR``: agreement with NONMEM's printed output, scenario by scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of scenario folders, or one scenario.")
    ],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the results here.")
    ] = None,
) -> None:
    """Compare event records with NONMEM's own printed output."""
    from rodnan.cli.output import require_writable, write_json
    from rodnan.pharmacology.nonmem import find_scenarios, run_scenario, summary

    if json_file is not None:
        require_writable(json_file)
    folders = find_scenarios(folder)
    width = max(len("scenario"), *(len(f.name) for f in folders))
    typer.echo(f"{'scenario':<{width}}  {'rows':>6}  {'worst relative error':>20}  agrees to last digit")
    verdicts = []
    for each in folders:
        v = run_scenario(each)
        verdicts.append(v)
        answer = "yes" if v.agrees else f"NO: {v.error or f'{v.disagreeing} of {v.values} values; {v.first}'}"
        if not (v.agrees or v.required):
            answer = f"not required: {v.error or v.first}"
        worst = "-" if v.error else f"{v.worst:.1e}"
        typer.echo(f"{v.scenario:<{width}}  {v.rows:>6}  {worst:>20}  {answer}")
    if json_file is not None:
        write_json(json_file, summary(verdicts))
    agreeing = sum(v.agrees for v in verdicts)
    failed = sum(v.required and not v.agrees for v in verdicts)
    worst = max((v.worst for v in verdicts if v.error is None), default=0.0)
    typer.echo(
        f"{agreeing} of {len(verdicts)} scenarios agree with NONMEM to the last printed digit "
        f"({sum(v.values for v in verdicts):,} values, worst relative error {worst:.1e})"
    )
    if failed:
        raise typer.Exit(1)
