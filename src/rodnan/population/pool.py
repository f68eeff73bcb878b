"""The pool: virtual patients followed untreated from biological onset, from whom trials enrol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import ParameterSet
from rodnan.population.covariates import draw_covariates
from rodnan.population.individuals import FLARE_GRID, draw_effects, flare_paths, patient_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["OUTPUT_DAYS", "Pool", "PoolDraws", "draw_pool", "flare_inputs", "simulate_pool"]

OUTPUT_DAYS = 30
"""Days between kept states of the pool."""


@dataclass(frozen=True)
class PoolDraws:
    """Covariates and random effects of a pool, before any parameter turns them into patients.

    Attributes
    ----------
    seed, size, years
        How they were drawn; `years` is the length of the untreated course.
    covariates
        float64[n] by name.
    effects
        Standard normal numbers by purpose.
    """

    seed: int
    size: int
    years: float
    covariates: Mapping[str, Array]
    effects: Mapping[str, Array]


@dataclass(frozen=True)
class Pool:
    """Untreated courses.

    Attributes
    ----------
    draws
        Whose courses they are.
    parameters
        Shared parameters.
    individual, other
        Patient parameters (see `rodnan.population.individuals.patient_parameters`).
    flares
        float64[points, n] by name, for `FLARE_GRID` days each.
    days
        int64[n_times], days since onset of the kept states.
    states
        float64[n_times, n, 33].
    """

    draws: PoolDraws
    parameters: ParameterSet
    individual: Array
    other: Mapping[str, Array]
    flares: Mapping[str, Array]
    days: NDArray[np.int64]
    states: Array

    def own(self, name: str) -> Array:
        """Return one patient parameter, float64[n]."""
        return self.individual[:, INDIVIDUAL.index(name)]

    def mrss(self) -> Array:
        """Return the true mRSS, float64[n_times, n]."""
        return readouts.mrss(self.parameters, self.states, self.own("g_s"))

    def fvc(self) -> Array:
        """Return the true FVC in % of predicted, float64[n_times, n]."""
        return readouts.fvc_pct_pred(
            self.parameters, self.states, self.own("g_s"), self.own("g_l"), self.other["fvc_healthy"]
        )

    def dlco(self) -> Array:
        """Return the true DLCO in % of predicted, float64[n_times, n]."""
        return readouts.dlco_pct_pred(
            self.parameters, self.states, self.own("g_l"), self.draws.covariates["dlco_healthy"]
        )

    def duration_years(self) -> Array:
        """Return the disease duration since the first non-Raynaud symptom in years, float64[n_times, n]."""
        return (self.days[:, None] - self.other["t_lead"][None, :]) / 365.25


def draw_pool(seed: int, size: int, *, years: float = 11.0, follow_up_years: float = 2.5) -> PoolDraws:
    """Draw covariates and random effects of a pool.

    Parameters
    ----------
    seed
        The user's seed.
    size
        Patients.
    years
        Length of the untreated course.
    follow_up_years
        How far flare paths reach beyond it, for trials that start late.
    """
    patients = np.arange(size)
    points = int(np.ceil((years + follow_up_years) * 365.25 / FLARE_GRID)) + 1
    return PoolDraws(
        seed=seed,
        size=size,
        years=years,
        covariates=draw_covariates(seed, "pool", patients),
        effects=draw_effects(seed, "pool", patients, points),
    )


def flare_inputs(
    flares: Mapping[str, Array], start: NDArray[np.int64], columns: NDArray[np.int64], days: int
):
    """Return the flares of chosen patients, each from its own day on.

    Parameters
    ----------
    flares
        float64[points, n] by name.
    start
        int64[m], day since onset on which each patient starts.
    columns
        int64[m], which pool patient each is.
    days
        Length.

    Returns
    -------
    dict
        float64[days, m] by name.
    """
    index = (start[None, :] + np.arange(days)[:, None]) // FLARE_GRID
    return {name: path[index, columns[None, :]] for name, path in flares.items()}


def simulate_pool(
    parameters: ParameterSet, draws: PoolDraws, *, workers: int | None = None, device: str = "cpu"
) -> Pool:
    """Follow a pool untreated from onset.

    Parameters
    ----------
    parameters
        Disease parameters.
    draws
        Covariates and random effects; the same draws under other parameters are the same people.
    workers
        Threads.
    device
        ``cpu`` or ``gpu``, where the disease is computed.

    Returns
    -------
    Pool
    """
    individual, other = patient_parameters(parameters, draws.covariates, draws.effects)
    flares = flare_paths(parameters, draws.effects)
    days = int(draws.years * 365.25) // OUTPUT_DAYS * OUTPUT_DAYS
    kept = np.arange(0, days + 1, OUTPUT_DAYS)
    inputs = {name: path[: -(-days // FLARE_GRID)] for name, path in flares.items()}
    _, states = advance_patients(
        parameters,
        individual,
        onset_state(individual),
        inputs,
        days,
        out_days=kept,
        hold=FLARE_GRID,
        workers=workers,
        device=device,
    )
    return Pool(draws, parameters, individual, other, flares, kept, states)
