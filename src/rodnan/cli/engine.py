"""``rodnan engine``: how exact and how fast the solver is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="How exact the solver is.", rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("verify")
def verify(
    drug: Annotated[list[str] | None, typer.Option("--drug", help="Only this drug; may be repeated.")] = None,
    patients: Annotated[int, typer.Option(min=1, help="Random patients under each therapy.")] = 1,
    days: Annotated[int, typer.Option(min=7, max=3650, help="Length of the courses.")] = 112,
    seed: Annotated[int, typer.Option(help="Who the patients are.")] = 1,
    precision: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    json: Annotated[Path | None, typer.Option(help="Write the errors as JSON.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Compare the kernel with SciPy's DOP853 at 1e-10, on random patients under every therapy on record.

    Relative errors of a state count from a thousandth of its largest value on.
    """
    from rodnan.cli.output import progress_line, require_writable, write_json
    from rodnan.engine.device import choose_precision
    from rodnan.population.accuracy import measure_accuracy

    if json is not None:
        require_writable(json)
    found = measure_accuracy(
        drug or (),
        patients=patients,
        days=days,
        seed=seed,
        precision=choose_precision(precision),
        progress=progress_line(quiet),
    )
    typer.echo(
        f"Kernel in {precision} beside DOP853 at 1e-10: {len(found.therapies)} therapies x {patients} random patient(s), "
        f"{found.days} days, every day compared. Simulation of virtual patients."
    )
    typer.echo(f"{'state':8} {'largest':>9} {'99.9 %':>9}  worst under")
    for row in found.states:
        typer.echo(f"{row['name']:8} {row['largest']:9.1e} {row['q999']:9.1e}  {row['worst']}")
    for row in found.readouts:
        typer.echo(
            f"{row['name']:8} {row['largest']:9.1e} {row['q999']:9.1e}  {row['worst']} ({row['unit']})"
        )
    for row in found.refinement:
        order = f", order {row['order']:.1f}" if "order" in row else ""
        typer.echo(
            f"days split {row['parts']} times further: largest relative error {row['largest']:.1e}{order}"
        )
    typer.echo(
        f"The kernel splits {found.split:.1%} of patient-days by itself, where a rate of killing asks for it."
    )
    if json is not None:
        write_json(json, {"precision": precision, "seed": seed, **asdict(found)})
        typer.echo(f"Errors: {json}")
