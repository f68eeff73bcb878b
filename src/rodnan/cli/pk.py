"""``rodnan pk``: pharmacokinetic simulation of event records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="pk", help="Simulate doses and concentrations.", no_args_is_help=True)


@app.callback()
def _pk() -> None:
    """Simulate doses and concentrations."""


@app.command("simulate")
def simulate(
    model: Annotated[Path, typer.Argument(metavar="MODEL.yaml", help="Model file.")],
    events: Annotated[Path, typer.Argument(metavar="EVENTS.csv", help="NONMEM data set.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the table here.")] = None,
    doses: Annotated[
        str,
        typer.Option("--doses", metavar="given|none", help="'none': the data set gives no dose."),
    ] = "given",
    residual: Annotated[
        str | None,
        typer.Option(
            "--residual",
            metavar="ERROR",
            help="Residual error, such as proportional=0.15,additive=0.2 (or CP:...); 'none' leaves that of the "
            "model out.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the observations with residual error.")] = 1,
) -> None:
    """Simulate a NONMEM data set: a value on every record, and an observation where there is a residual error."""
    from rodnan.cli.output import require_writable, write_text
    from rodnan.pharmacology.nonmem import format_table, simulate_files

    if out is not None:
        require_writable(out)
    done = simulate_files(model, events, doses=doses, residual=residual, seed=seed)
    for notice in done.notices:
        typer.echo(f"note: {notice}", err=True)
    if done.observations:
        typer.echo(f"note: observations drawn with seed {seed}", err=True)
    if out is None:
        typer.echo(format_table(done), nl=False)
        return
    write_text(out, format_table(done))
    people = len(done.table.individuals)
    typer.echo(
        f"{out}: {len(done.table):,} simulated records of {people:,} individual{'s'[: people != 1]}", err=True
    )
