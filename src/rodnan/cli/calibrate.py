"""``rodnan calibrate``: repeat the recorded fit of the disease model, or run the stages of the full calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rodnan.cli.output import progress_line, write_text
from rodnan.errors import CalibrationError

__all__ = ["command"]


def command(
    quick: Annotated[bool, typer.Option("--quick", help="The quick penalised least-squares fit.")] = False,
    patients: Annotated[int, typer.Option(min=256, help="Virtual patients in the pool.")] = 1280,
    rounds: Annotated[int, typer.Option(min=1, help="Gauss-Newton rounds of the quick fit.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed.")] = 101,
    out: Annotated[Path | None, typer.Option(help="Write the record of the quick fit (YAML).")] = None,
    full: Annotated[
        Path | None,
        typer.Option(
            help="Run the full Bayesian calibration in this folder, resumed where it stopped (hours)."
        ),
    ] = None,
    points: Annotated[int, typer.Option(min=100, help="Full: simulations of the design.")] = 600,
    arm: Annotated[int, typer.Option(min=64, help="Full: virtual patients of an arm.")] = 256,
    processes: Annotated[int, typer.Option(min=1, help="Full: simulations at a time.")] = 1,
    sets: Annotated[int, typer.Option(min=20, help="Full: synthetic data sets of the check.")] = 100,
    redraws: Annotated[int, typer.Option(min=20, help="Full: draws simulated again.")] = 300,
    upto: Annotated[str, typer.Option(help="Full: last stage.")] = "mode",
    version: Annotated[int, typer.Option(min=1, help="Full: version of the posterior's file.")] = 1,
    sls1: Annotated[
        Path | None,
        typer.Option(
            help="Full: the patient series of SLS I (CSV, not part of Rodnan), in place of the rows computed from it."
        ),
    ] = None,
    any_checksum: Annotated[
        bool, typer.Option("--any-checksum", help="Full: take a series that is not the file on record.")
    ] = False,
) -> None:
    """Fit the disease model: --quick a penalised least-squares point, --full FOLDER a posterior.

    Validation studies (SLS II, ESOS, SCOT and others) are never used.
    """
    if quick == (full is not None):
        raise CalibrationError("RDN-C002", "say either --quick or --full FOLDER")
    if full is None and (sls1 is not None or any_checksum):
        raise CalibrationError("RDN-C002", "--sls1 and --any-checksum belong to --full FOLDER")
    if any_checksum and sls1 is None:
        raise CalibrationError("RDN-C002", "--any-checksum belongs to --sls1 PATH")
    if full is not None:
        from rodnan.cli.calibrate_full import run

        run(
            full,
            points=points,
            patients=arm,
            pool=patients,
            seed=seed,
            processes=processes,
            sets=sets,
            redraws=redraws,
            upto=upto,
            version=version,
            sls1=sls1,
            any_checksum=any_checksum,
        )
        return
    from rodnan.calibration.courses import Courses
    from rodnan.calibration.potency_fit import fit_potency
    from rodnan.calibration.quick_fit import fit_untreated, settings
    from rodnan.calibration.record import fit_record, fit_yaml
    from rodnan.disease.parameters import load_parameters
    from rodnan.population.pool import draw_pool, simulate_pool

    say = progress_line()
    start = load_parameters(fitted=False).with_values(settings()["untreated"]["start"], "start")
    draws = draw_pool(seed, patients, years=10.5)
    fit = fit_untreated(start, draws, rounds=rounds, report=say)
    courses = Courses(simulate_pool(start.with_values(fit.values, "fit"), draws), soft=True)
    drugs = list(dict.fromkeys(arm["drug"] for arm in settings()["treated"]["arms"]))
    potencies = [fit_potency(courses, drug, say) for drug in drugs]
    record = fit_record(fit, potencies, seed=seed, patients=patients, rounds=rounds)
    typer.echo(f"{'datum':44} {'observed':>9} {'model':>9} {'residual':>9}")
    for row in record["data"]:
        typer.echo(f"{row['label']:44} {row['observed']:9.2f} {row['model']:9.2f} {row['residual']:9.2f}")
    for name, value in record["values"].items():
        typer.echo(f"{name:14} {start.records[name].value:10.5g} -> {value:.5g}")
    for drug, value in record["potencies"].items():
        typer.echo(f"potency of {drug}: {value:.3f}")
    if out is not None:
        write_text(out, fit_yaml(record))
        typer.echo(f"Fit record: {out}")
