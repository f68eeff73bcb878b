"""``rodnan trial``: run virtual trials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rodnan.cli.output import progress_line, require_writable, write_json

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Run a virtual trial beside its published results.", rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("run")
def run(
    study: Annotated[str, typer.Argument(help="Study on record, such as sls-2, or a study file (.yaml).")],
    patients: Annotated[int, typer.Option(help="Virtual patients; each is treated in every arm.")] = 1000,
    replicates: Annotated[int, typer.Option(help="Repetitions of the trial at its published size.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same result.")] = 1,
    pool: Annotated[
        int, typer.Option(help="Virtual patients followed untreated, from whom the trial enrols.")
    ] = 4096,
    draws: Annotated[
        int,
        typer.Option(
            min=0, help="Draws of the calibrated parameters for their uncertainty; 0 leaves it out."
        ),
    ] = 8,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")] = None,
    device: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    force: Annotated[
        bool, typer.Option("--force", help="Run below an effective sample size of 200.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the report (HTML, figures, tables) to this folder.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Run a virtual trial of a STUDY and print it beside the published results."""
    if json is not None:
        require_writable(json)
    if out is not None:
        require_writable(out, folder=True)
    from rodnan.report import text_tables
    from rodnan.trial import run as run_trial

    if draws:
        from rodnan.calibration.bayes.shipped import posterior_ships, trial_draws

        chosen = trial_draws(draws) if posterior_ships() else []
    else:
        chosen = []

    progress = progress_line(quiet)
    result = run_trial(
        _record(study),
        patients=patients,
        replicates=replicates,
        seed=seed,
        pool=pool,
        draws=chosen,
        force=force,
        workers=workers,
        device=device,
        progress=progress,
    )
    written = []
    if out is not None:
        from rodnan.report import write_report

        progress("writing the report")
        written = write_report(result, out)
    if json is not None:
        write_json(json, result)
    if not quiet and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    typer.echo(text_tables(result))
    if written:
        typer.echo(f"Report: {written[0]}")
    if json is not None:
        typer.echo(f"Result: {json}")


def _record(study: str) -> Any:
    """Return the study that a word names: the id of one on record, or what a file of the user's holds."""
    if not study.lower().endswith((".yaml", ".yml")):
        return study
    from rodnan.evidence import read_study

    return read_study(study)


@app.command("list")
def list_() -> None:
    """List the studies that can be run."""
    from rodnan.errors import TrialError
    from rodnan.evidence import load_study, studies
    from rodnan.trial.design import design_from_study

    for name in studies():
        record = load_study(name)
        try:
            design = design_from_study(record)
        except TrialError:
            continue
        arms = ", ".join(arm.id for arm in design.arms)
        typer.echo(f"{name:32} {design.role:12} {record.acronym} ({arms}; {design.weeks} weeks)")
