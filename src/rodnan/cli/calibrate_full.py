"""The stages of ``rodnan calibrate --full``: run, resumed, and what each found in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from rodnan.cli.output import progress_line
from rodnan.errors import CalibrationError, nearest_name

__all__ = ["run"]


def run(
    folder: Path,
    *,
    points: int,
    patients: int,
    pool: int,
    seed: int,
    processes: int,
    sets: int,
    redraws: int,
    upto: str,
    version: int,
    sls1: Path | None = None,
    any_checksum: bool = False,
) -> None:
    """Run the full calibration in a folder, every stage resumed where it stopped, and show what each found.

    Parameters
    ----------
    folder
        Of the results.
    points
        Simulations of the (second) design; the first has half as many.
    patients, pool
        Virtual patients of an arm and of the untreated pool; four times as many when draws are simulated again.
    seed
        Of design, chains and resampling.
    processes
        Simulations at a time.
    sets
        Synthetic data sets of the simulation-based calibration.
    redraws
        Draws of the posterior to simulate again.
    upto
        Last stage.
    version
        Of the posterior's file.
    sls1
        The patient series of SLS I; without, the rows computed from it.
    any_checksum
        Take a series with another checksum than the recorded one.

    Raises
    ------
    CalibrationError
        RDN-C063 to RDN-C067 for a series that cannot be used;
        RDN-C052 for a stage that is none; RDN-C055 when the simulation-based calibration fails, before data are looked at.
    """
    from rodnan.calibration.bayes.full import full_calibration, run_full
    from rodnan.calibration.bayes.series import read_series
    from rodnan.calibration.bayes.simulate import Size
    from rodnan.calibration.bayes.stages import STAGES

    if upto not in STAGES:
        raise CalibrationError("RDN-C052", "no such stage", value=upto, nearest=nearest_name(upto, STAGES))
    series = None if sls1 is None else read_series(sls1, any_checksum=any_checksum)
    say = progress_line()
    size = Size(pool, patients)
    of = full_calibration(
        folder,
        seed=seed,
        sets=sets,
        redraws=redraws,
        version=version,
        size=size,
        redraw_size=Size(4 * pool, 4 * patients),
        processes=processes,
        series=series,
        report=say,
    )
    found = run_full(of, points, size=size, processes=processes, upto=upto, report=say)
    for stage, summary in found.items():
        typer.echo(f"{stage}: {_words(stage, summary)}")


def _words(stage: str, s: dict[str, Any]) -> str:
    """Return what a stage found in one line."""
    if stage == "emulate":
        text = f"{s['points']} points, {s['summaries']} summaries, R2 median {s['r2_median']:.2f}, least {s['r2_least']:.2f}"
        return text + (f"; left out: {', '.join(s['left_out'])}" if s["left_out"] else "")
    if stage == "check":
        return (
            f"{s['verdict']} over {s['sets']} data sets and {s['quantities']} quantities (false-alarm rate "
            f"{s['false_alarm']:.0%}); 50 % intervals hold {s['coverage_50']:.0f} %, 90 % intervals {s['coverage_90']:.0f} %"
        )
    if stage == "sample":
        return "; ".join(
            f"{name}: R-hat {v['r_hat_worst']:.3f}, least ESS {v['ess_bulk_worst']:.0f}, {v['divergences']} divergences"
            for name, v in s.items()
        )
    if stage == "stack":
        return "; ".join(
            f"{row['variant']} {row['weight']:.2f} (score {row['difference']:+.1f}, SE {row['se']:.1f})"
            for row in s["variants"]
        )
    if stage == "redraw":
        text = f"{s['draws']} draws simulated again, {s['failed']} failed"
        return text + (_series_words(s["series"]) if "series" in s else "")
    if stage == "mode":
        return f"point fit in fitted.yaml, cost {s['cost'][0]:.1f} to {s['cost'][1]:.1f}"
    k_hat, ess = s["k_hat"], s["effective_draws"]
    return f"{s['correction']}; " + "; ".join(
        f"{how}: k-hat {k_hat[how]:.2f}, {ess[how]:.0f} effective draws" for how in k_hat
    )


def _series_words(s: dict[str, Any]) -> str:
    """Return how well the likelihood of the patient series is known."""
    return (
        f"; series {s['sha256'][:12]} of {s['patients']} patients: error of the log likelihood {s['error_median']:.1f} "
        f"(worst {s['error_worst']:.1f}), each likened to {s['effective_median']:.0f} persons "
        f"(least {s['effective_least']:.1f})"
    )
