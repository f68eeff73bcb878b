"""Candidates: every (patient, time) of a pool with what a clinic would read there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.keys import normals, uniforms
from rodnan.population.covariates import ANTIBODIES
from rodnan.population.pool import Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Candidates", "MeasurementErrors", "candidates", "measure_pool", "raters"]


@dataclass(frozen=True)
class MeasurementErrors:
    """Errors of the readings of a pool, on the pool's times.

    Attributes
    ----------
    rater
        float64[n_times, n], offset of the patient's rater of the skin score (mRSS); now and then the rater changes.
    within
        float64[n_times, n], standard normal, within-rater error.
    fvc
        float64[n_times, n], uniform, error of spirometry.
    """

    rater: Array
    within: Array
    fvc: Array


def measure_pool(pool: Pool) -> MeasurementErrors:
    """Draw the errors of measurement of a pool."""
    seed, who, times = pool.draws.seed, np.arange(pool.draws.size), len(pool.days)
    sd_rater, years = pool.parameters["sd_mrss_rater"], float(pool.days[1] - pool.days[0]) / 365.25
    offsets = normals(seed, "pool", "rater", who, times).T
    changes = pool.parameters["p_rater_switch"] * years > uniforms(seed, "pool", "rater-change", who, times).T
    return MeasurementErrors(
        rater=sd_rater * raters(offsets, changes),
        within=normals(seed, "pool", "mrss-error", who, times).T,
        fvc=uniforms(seed, "pool", "fvc-error", who, times).T,
    )


def raters(offsets: Array, changes: NDArray[np.bool_]) -> Array:
    """Return each visit's rater offset: the first rater stays until a change brings the offset of that visit.

    Parameters
    ----------
    offsets
        float64[n_times, n], the offset of a rater who would begin at that time.
    changes
        bool[n_times, n], whether the rater changes then; the first row does not count.
    """
    first = np.where(changes, np.arange(len(changes))[:, None], 0)
    first[0] = 0
    began = np.maximum.accumulate(first, axis=0)
    return np.take_along_axis(offsets, began, axis=0)


@dataclass(frozen=True)
class Candidates:
    """What could be enrolled.

    Attributes
    ----------
    patient, time
        int64[m], index into the pool's patients and times.
    values
        float64[m] by variable: observed readings and covariates, in the units of the study records (``age`` year,
        ``female`` and ``dcssc`` 0/1, ``disease_duration`` year, ``fvc_pct_pred``, ``mrss``, ``dlco_pct_pred``,
        ``haq_di``, ``weight`` kg, ``ild`` 0/1, ``il6`` relative, ``mrss_change_6mo``, ``scl70``, ``aca``, ``rnap3``).
    """

    patient: NDArray[np.int64]
    time: NDArray[np.int64]
    values: Mapping[str, Array]

    def take(self, index: NDArray[np.integer]) -> Candidates:
        """Return the candidates at `index`."""
        return Candidates(
            self.patient[index], self.time[index], {name: v[index] for name, v in self.values.items()}
        )


def candidates(
    pool: Pool, errors: MeasurementErrors, *, max_years: float = 15.0, every: int = 2, room_years: float = 0.0
) -> Candidates:
    """List the (patient, time) pairs after the first symptom.

    Parameters
    ----------
    pool, errors
        Courses and errors of measurement.
    max_years
        Longest disease duration.
    every
        Take each so-many-th kept time.
    room_years
        Untreated course that must still follow in the pool.

    Returns
    -------
    Candidates
    """
    duration = pool.duration_years()
    last = pool.days[-1] - room_years * 365.25
    usable = (duration > 0.0) & (duration <= max_years) & (pool.days[:, None] <= last)
    usable &= (np.arange(len(pool.days)) % every == 0)[:, None]
    time, patient = np.nonzero(usable)
    p, covariates = pool.parameters, pool.draws.covariates
    true_mrss, true_fvc = pool.mrss(), pool.fvc()
    seen_mrss = readouts.observe_mrss(true_mrss, errors.rater, errors.within, p["sd_mrss_within"])
    seen_fvc = readouts.observe_fvc(true_fvc, errors.fvc, p["sd_fvc_noise"])
    haq = readouts.haq_di(pool.states, true_mrss, true_fvc, covariates["haq_level"])
    load = readouts.lung_load(p, pool.states, pool.own("g_l"))
    half_year = max(1, round(183 / (pool.days[1] - pool.days[0])))
    earlier = np.maximum(np.arange(len(pool.days)) - half_year, 0)
    antibody = covariates["antibody"].astype(int)
    fixed = {
        "age": covariates["age"],
        "female": 1.0 - covariates["sex"],
        "dcssc": covariates["dcssc"],
        "weight": covariates["weight"],
        "ild_prone": covariates["ild_prone"],
    } | {
        name: (antibody == ANTIBODIES.index(code)).astype(float)
        for name, code in (("scl70", "ata"), ("aca", "aca"), ("rnap3", "rnap3"))
    }
    varying = {
        "disease_duration": duration,
        "fvc_pct_pred": seen_fvc,
        "mrss": seen_mrss,
        "dlco_pct_pred": pool.dlco(),
        "haq_di": haq,
        "ild": (load > 5.0).astype(float),
        "lung_load": load,
        "il6": pool.states[..., STATE_INDEX["I"]],
        "mrss_change_6mo": seen_mrss - seen_mrss[earlier],
    }
    values = {name: value[patient] for name, value in fixed.items()}
    values |= {name: value[time, patient] for name, value in varying.items()}
    return Candidates(patient, time, values)
