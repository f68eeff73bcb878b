"""``rodnan population``: any number of virtual patients, streamed to files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Courses of virtual populations.", rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("simulate")
def simulate(
    to: Annotated[Path, typer.Option(help="Folder for the files; a stopped run goes on there.")],
    patients: Annotated[int, typer.Option(help="Virtual patients.")] = 10_000,
    weeks: Annotated[int, typer.Option(help="Weeks of follow-up.")] = 104,
    every: Annotated[int, typer.Option(help="Weeks between readouts.")] = 1,
    treatment: Annotated[
        str | None, typer.Option(help="In words: 'mycophenolate 1.5 g every 12 h for 104 weeks'.")
    ] = None,
    duration_low: Annotated[float, typer.Option(help="Least disease duration at the start, years.")] = 0.0,
    duration_high: Annotated[float, typer.Option(help="Greatest, years; uniform in between.")] = 5.0,
    summaries: Annotated[bool, typer.Option("--summaries", help="Keep distributions only.")] = False,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same bytes.")] = 1,
    shard_size: Annotated[int, typer.Option(help="Patients computed and kept together.")] = 4096,
    executor: Annotated[str, typer.Option(help="serial, processes or ray.")] = "processes",
    workers: Annotated[int | None, typer.Option(help="Shards at a time; all cores by default.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster, or auto.")] = None,
    device: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    precision: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Follow virtual patients week by week and write true readouts to Parquet files.

    Nobody dies or leaves, and everything is taken as planned: what trials add is the business of 'trial run'.
    """
    from rodnan.cli.output import progress_line
    from rodnan.engine.device import choose_device, choose_precision
    from rodnan.engine.executors import choose_executor
    from rodnan.population.courses import CoursesPlan
    from rodnan.population.streamed import NOTICE, stream_population

    exact = choose_precision(precision)
    chosen = choose_device(device, precision=precision, executor=executor)
    plan = CoursesPlan(
        seed=seed,
        patients=patients,
        weeks=weeks,
        every=every,
        duration_low=duration_low,
        duration_high=duration_high,
        treatment=treatment,
        device=chosen,
        precision=exact,
    )
    run = stream_population(
        plan,
        to,
        choose_executor(executor, workers=workers, address=address),
        shard=shard_size,
        summaries=summaries,
        progress=progress_line(quiet),
    )
    if not quiet and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    shards = -(-patients // shard_size)
    typer.echo(NOTICE)
    typer.echo(
        f"{patients:,} virtual patients over {weeks} weeks in {shards} shard(s), {run} of them run now."
    )
    for note in plan.notes():
        typer.echo(f"Note: {note}")
    typer.echo(f"Summary: {to / 'summary.csv'}")
    if not summaries:
        typer.echo(f"Readouts: {to / 'courses'}; patients: {to / 'patients'}")
