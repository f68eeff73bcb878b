"""``rodnan validate natural-history``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rodnan.cli.output import progress_line, write_json

__all__ = ["command"]


def command(
    patients: Annotated[int, typer.Option(min=256, help="Virtual patients followed untreated.")] = 16384,
    years: Annotated[
        float, typer.Option(min=10.5, max=40, help="Years followed from onset; calibration has 13.")
    ] = 13.0,
    seed: Annotated[int, typer.Option(help="Seed of the pool.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the rows as JSON.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Print the natural-history targets with model value, observed value and verdict."""
    from rodnan.calibration import Courses, natural_history
    from rodnan.disease.parameters import load_parameters
    from rodnan.population.pool import draw_pool, simulate_pool
    from rodnan.report import natural_history_table

    progress_line(quiet)(f"following {patients} virtual patients untreated for {years:g} years")
    pool = simulate_pool(load_parameters(), draw_pool(seed, patients, years=years, follow_up_years=4.3))
    rows = natural_history(Courses(pool))
    if json is not None:
        write_json(
            json, {"seed": seed, "patients": patients, "years": years, "simulation": True, "targets": rows}
        )
    typer.echo(str(natural_history_table(rows)))
    inside = sum(row["verdict"] == "within" for row in rows)
    typer.echo(
        f"{inside} of {len(rows)} targets within tolerance (computer simulation, {patients} virtual patients)"
    )
