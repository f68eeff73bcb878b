"""What the model says about a study, one value a parameter draw; and the adapter to the trial simulator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.errors import CalibrationError
from rodnan.trial.design import ENDPOINTS, TrialDesign
from rodnan.trial.predict import EVENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Draw", "StudyPrediction", "parameter_draws", "predict"]

Key = tuple[str, str, float]
"""(arm, endpoint, week)."""

FAULTS = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError)
"""What one record with impossible numbers may raise; it must not stop the others."""


@dataclass(frozen=True)
class Draw:
    """One set of parameters with the between-trial spreads that belong to it.

    Attributes
    ----------
    parameters, potencies
        Disease parameters, and potency by drug.
    spreads
        Standard deviations by ``level/<endpoint>``, ``drift/`` (a year) and ``arm/``.
    """

    parameters: ParameterSet
    potencies: Mapping[str, float]
    spreads: Mapping[str, float]


@dataclass(frozen=True)
class StudyPrediction:
    """A study under every parameter draw.

    Attributes
    ----------
    study, draws
        Its id; number of parameter draws.
    change, change_of_all
        Mean change from the observed baseline by (arm, endpoint, week), float64[draws]: of those still seen, and
        of everybody enrolled.
    spread
        Between-patient sd of that change, float64[draws].
    baseline
        (mean, sd) at entry by endpoint.
    shares
        Share of patients by (arm, event, week), float64[draws].
    not_simulated
        (what, reason).
    notes
        What was assumed.
    """

    study: str
    draws: int
    change: Mapping[Key, Array]
    change_of_all: Mapping[Key, Array]
    spread: Mapping[Key, Array]
    baseline: Mapping[str, tuple[float, float]]
    shares: Mapping[Key, Array]
    not_simulated: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def parameter_draws(count: int, seed: int) -> tuple[list[Draw], str]:
    """Return parameter draws, and where they come from in words.

    Parameters
    ----------
    count
        Draws; the shipped posterior's, spread evenly over it.
    seed
        Random stream of the between-trial spreads where no posterior ships.

    Returns
    -------
    list of Draw
        Without a shipped posterior the recorded point estimate, and spreads from their half-normal priors
        (`rodnan.calibration.bayes` ``heterogeneity.yaml``).
    str
        What the draws are.
    """
    from rodnan.calibration.bayes.shipped import load_posterior

    priors = _spread_priors()
    try:
        posterior = load_posterior()
    except CalibrationError:
        rng = np.random.default_rng(seed)
        scale = np.abs(rng.standard_normal((count, len(priors))))
        names = list(priors)
        return [
            Draw(load_parameters(), {}, {n: float(priors[n] * z) for n, z in zip(names, row, strict=True)})
            for row in scale
        ], "point estimate (no posterior ships); between-trial spreads from their priors"
    sets, spreads = posterior.parameter_sets(count), posterior.spreads_of(count)
    missing = [name for name in priors if name not in posterior.spreads]
    if missing:
        raise CalibrationError(
            "RDN-C060", "the posterior lacks a between-trial spread", value=", ".join(missing)
        )
    return [
        Draw(p, e, {name: s[name] for name in priors}) for (p, e), s in zip(sets, spreads, strict=True)
    ], f"{count} draws of the shipped posterior"


def _spread_priors() -> dict[str, float]:
    import yaml

    text = files("rodnan.calibration.bayes").joinpath("heterogeneity.yaml").read_text(encoding="utf-8")
    return {f"{r['effect']}/{r['endpoint']}": float(r["value"]) for r in yaml.safe_load(text)["scales"]}


def predict(
    designs: Sequence[TrialDesign],
    draws: Sequence[Draw],
    *,
    patients: int,
    pool: int,
    seed: int,
    workers: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, StudyPrediction], dict[str, str]]:
    """Simulate studies under every parameter draw, each draw with a pool of its own.

    Parameters
    ----------
    designs
        Trials.
    draws
        Parameter draws.
    patients, pool
        Virtual patients an arm, and followed untreated.
    seed
        Draw k has the pool of seed ``seed + k``, so that the luck of a pool is part of the spread.
    workers
        Threads.
    progress
        Takes a line of progress.

    Returns
    -------
    predictions : dict
        By study id; draws under which a study could not be simulated are left out.
    failed : dict
        Why a study could not be simulated under any draw.
    """
    from rodnan.trial.cohort import follow_untreated
    from rodnan.trial.predict import FOLLOW_UP_YEARS, UNTREATED_YEARS, predict_studies

    if not designs:
        return {}, {}
    found: dict[str, list[Any]] = {d.study.id: [] for d in designs}
    failed: dict[str, str] = {}
    for k, draw in enumerate(draws):
        progress(f"parameter draw {k + 1} of {len(draws)}, {len(designs)} studies")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            followed = follow_untreated(
                draw.parameters,
                seed=seed + k,
                size=pool,
                years=UNTREATED_YEARS,
                follow_up_years=FOLLOW_UP_YEARS,
                workers=workers,
            )
            for design in designs:
                name = design.study.id
                try:
                    means, bad = predict_studies(
                        [design],
                        draw.parameters,
                        potencies=draw.potencies,
                        patients=patients,
                        seed=seed + k,
                        followed=followed,
                        workers=workers,
                    )
                except FAULTS as error:
                    bad, means = {name: f"cannot be simulated ({type(error).__name__}: {error})"}, {}
                failed |= bad
                if name in means:
                    found[name].append((k, means[name]))
    made = {d.study.id: _gather(d, found[d.study.id]) for d in designs if found[d.study.id]}
    return made, {name: why for name, why in failed.items() if name not in made}


def _gather(design: TrialDesign, runs: Sequence[tuple[int, Any]]) -> StudyPrediction:
    change: dict[Key, Array] = {}
    of_all: dict[Key, Array] = {}
    spread: dict[Key, Array] = {}
    shares: dict[Key, Array] = {}
    for arm in design.arms:
        arms = [one.arms[arm.id] for _, one in runs]
        for visit, day in enumerate(arms[0].days):
            week = float(day) / 7.0
            for name in ENDPOINTS:
                key = (arm.id, name, week)
                change[key] = np.array([a.change[name][visit] for a in arms])
                of_all[key] = np.array([a.change_of_all[name][visit] for a in arms])
                spread[key] = np.array([a.spread[name][visit] for a in arms])
            for event in EVENTS:
                shares[arm.id, event, week] = np.array([a.shares[event][visit] for a in arms])
    moments = {n: np.array([one.baseline[n] for _, one in runs]).mean(axis=0) for n in ENDPOINTS}
    return StudyPrediction(
        design.study.id,
        len(runs),
        change,
        of_all,
        spread,
        {n: (float(m[0]), float(m[1])) for n, m in moments.items()},
        shares,
        tuple((item.what, item.reason) for item in design.not_simulated),
        design.assumptions,
    )


def at(table: Mapping[Key, Array], arm: str, name: str, week: float) -> Array | None:
    """Return the draws at the visit nearest to a week (within four weeks); None without."""
    weeks = [key[2] for key in table if key[:2] == (arm, name)]
    if not weeks:
        return None
    near = min(weeks, key=lambda w: abs(w - week))
    values = table[arm, name, near]
    return values if abs(near - week) <= 4.0 and np.isfinite(values).all() else None
