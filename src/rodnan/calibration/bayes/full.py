"""The full calibration of the disease model: its targets, variants and simulator put into the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.observations import Observation, natural_observations, trial_observations
from rodnan.calibration.bayes.points import draw_points, draw_points_again, moved_names
from rodnan.calibration.bayes.posterior import Settings
from rodnan.calibration.bayes.series import Series
from rodnan.calibration.bayes.series_factor import SeriesFactor, SeriesValues
from rodnan.calibration.bayes.series_simulate import run_series, series_size
from rodnan.calibration.bayes.simulate import Size, arm_targets, run_points, summary_keys
from rodnan.calibration.bayes.stages import STAGES, Calibration, run_stage, write_design
from rodnan.calibration.natural_history import targets
from rodnan.disease.parameters import load_parameters
from rodnan.disease.variants import variants
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["COUNTED_AS_ARMS", "evidence_classes", "full_calibration", "full_observations", "run_full"]

COUNTED_AS_ARMS = ("nh/N8/week24", "nh/N8/week48", "nh/N10/all")
"""Natural-history parts that are placebo arms of calibration trials, which come in as arms."""

_NOT_SIMULATED = "N18"

_SHIPPED = "full"


def full_observations() -> tuple[Observation, ...]:
    """Return everything that the full calibration is fitted to: arms, differences, natural history; each number once."""
    natural = [t for t in targets() if t.id != _NOT_SIMULATED]
    return trial_observations(arm_targets()) + natural_observations(natural, COUNTED_AS_ARMS)


def full_calibration(
    folder: Path,
    *,
    seed: int = 1,
    settings: Settings | None = None,
    sets: int = 100,
    redraws: int = 300,
    version: int = 1,
    size: Size | None = None,
    redraw_size: Size | None = None,
    processes: int = 1,
    series: Series | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Calibration:
    """Return the calibration of the disease model.

    Parameters
    ----------
    folder
        Of the results.
    seed
        Of chains, synthetic data and resampling.
    settings
        Length of the chains.
    sets, redraws, version
        See `Calibration`.
    size, redraw_size
        Virtual patients of a simulation of the design, and of one of ``redraw``.
    processes
        Simulations at a time.
    series
        The patient series of SLS I (`rodnan.calibration.bayes.series.read_series`): its likelihood stands for the rows that
        were computed from it wherever draws are simulated again. None: the rows do.
    report
        Takes a line of progress.
    """
    small = size or Size()
    large = redraw_size or small
    people = series_size()

    def evaluate(points: Sequence[Mapping[str, float]], name: str) -> list[SeriesValues | None]:
        assert series is not None
        return run_series(
            points,
            series,
            folder / name,
            seed=seed + 2 * 10**6,
            size=people,
            processes=processes,
            report=report,
        )

    def simulate(points: Sequence[Mapping[str, float]], name: str) -> Array:
        return run_points(
            points, folder / name, seed=seed + 10**6, size=large, processes=processes, report=report
        )

    return Calibration(
        folder=folder,
        parameters=load_parameters(),
        names=moved_names(load_parameters()),
        observations=full_observations(),
        variants={name: dict(v.held) for name, v in variants().items()},
        shipped=_SHIPPED,
        simulate=simulate,
        seed=seed,
        sampler=settings or Settings(),
        sets=sets,
        redraws=redraws,
        version=version,
        redraw_noise=float(np.sqrt(small.patients / large.patients)),
        series=None if series is None else SeriesFactor(series, evaluate, (people.pool, people.patients)),
    )


def run_full(
    of: Calibration,
    points: int,
    *,
    repeats: int = 24,
    size: Size | None = None,
    processes: int = 1,
    upto: str = STAGES[-1],
    rounds: int = 2,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, dict[str, Any]]:
    """Run designs and stages, each resumed where it stopped; data are not looked at before the check of the method.

    Parameters
    ----------
    of
        The calibration.
    points
        Points of the (second) design.
    repeats
        Simulations of its middle with other people each, from which the noise of a simulation is known.
    size
        Virtual patients of each.
    processes
        Simulations at a time.
    upto
        Last stage to run.
    rounds
        1: one design around the recorded fit. 2: a design of half as many points there first, then one where the posterior
        of the first lies.
    report
        Takes a line of progress.

    Returns
    -------
    dict
        Summary by stage.

    Raises
    ------
    CalibrationError
        RDN-C055 when the simulation-based calibration fails.
    """
    say = report
    if not (of.folder / "design.npz").exists():
        z = _first_round(of, points // 2, repeats, size, processes, say) if rounds > 1 else None
        drawn, middle = _drawn(of, points, z), _drawn(of, 1, z, 0.0)
        _simulate_design(of, drawn + middle * repeats, size, processes, say)
    return _run_stages(of, STAGES[: STAGES.index(upto) + 1], say)


def _run_stages(
    of: Calibration, chosen: Sequence[str], report: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for stage in chosen:
        found[stage] = run_stage(of, stage, report)
        if stage == "check" and found[stage]["verdict"] == "fails":
            raise CalibrationError(
                "RDN-C055",
                "the simulation-based calibration fails: prior, likelihood and sampler do not agree",
                value=found[stage]["alarms"],
            )
    return found


def _first_round(
    of: Calibration,
    points: int,
    repeats: int,
    size: Size | None,
    processes: int,
    report: Callable[[str], None],
) -> Array:
    """Run a smaller design around the recorded fit, its emulator and its chains; return the draws."""
    first = replace(of, folder=of.folder / "round-1", variants={of.shipped: of.variants[of.shipped]})
    if not (first.folder / "design.npz").exists():
        drawn = _drawn(first, points, None) + _drawn(first, 1, None, 0.0) * repeats
        _simulate_design(first, drawn, size, processes, report)
    _run_stages(first, ("emulate", "check", "sample"), report)
    return first.chains(of.shipped).flat_z


def _drawn(
    of: Calibration, count: int, z: Array | None, width: float | None = None
) -> list[dict[str, float]]:
    if z is None:
        usual = 0.7 if width is None else width
        return draw_points(count, seed=of.seed, parameters=of.parameters, width=usual)
    usual = 1.2 if width is None else width
    return draw_points_again(z, count, seed=of.seed + 1, parameters=of.parameters, width=usual)


def _simulate_design(
    of: Calibration,
    drawn: Sequence[Mapping[str, float]],
    size: Size | None,
    processes: int,
    report: Callable[[str], None],
) -> None:
    summaries = run_points(
        drawn, of.folder / "design", seed=of.seed, size=size, processes=processes, report=report
    )
    write_design(of.folder, of.prior.names, of.prior.table(list(drawn)), summary_keys(), summaries)


@lru_cache(maxsize=1)
def evidence_classes() -> Mapping[str, str]:
    """Return what each calibration study informs about: the action of its drugs on record, or several joined by ``+``."""
    from rodnan.evidence import load_drug, load_study
    from rodnan.trial.design import design_from_study

    found = {}
    for name in dict.fromkeys(o.unit for o in full_observations() if o.arms):
        drugs = dict.fromkeys(d for arm in design_from_study(load_study(name)).arms for d in arm.drugs)
        actions = dict.fromkeys(str(load_drug(d).action) for d in drugs)
        found[name] = " + ".join(actions) or "no drug"
    return found
