"""How far a trial's simulated means move with the parameters: the same virtual people under several sets of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.parameters import ParameterSet
from rodnan.engine.batch import default_workers
from rodnan.errors import TrialError
from rodnan.trial.design import TrialDesign
from rodnan.trial.predict import StudyMeans, predict_studies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ParameterDraw", "ParameterSpread", "parameter_spread"]

LEAST = 4
"""Draws from which a spread is said."""


@dataclass(frozen=True)
class ParameterDraw:
    """One set of disease parameters with the potency of each calibrated drug."""

    parameters: ParameterSet
    potencies: Mapping[str, float]


@dataclass(frozen=True)
class ParameterSpread:
    """A study's arm means under every draw, with the same patients and the same luck.

    Attributes
    ----------
    means
        One per draw.
    """

    means: tuple[StudyMeans, ...]

    def change(self, arm: str, endpoint: str, visit: int) -> Array:
        """Return how the mean change of an arm at a visit departs from its average over the draws, float64[draws]."""
        return self._centred([m.arms[arm].change[endpoint][visit] for m in self.means])

    def contrast(self, first: str, second: str, endpoint: str, visit: int) -> Array:
        """Return the same of the difference between two arms, first minus second."""
        return self._centred(
            [
                m.arms[first].change[endpoint][visit] - m.arms[second].change[endpoint][visit]
                for m in self.means
            ]
        )

    def share(self, arm: str, event: str, visit: int) -> Array:
        """Return the same of the percentage of patients with an event up to a visit."""
        return self._centred([100.0 * m.arms[arm].shares[event][visit] for m in self.means])

    def _centred(self, values: Sequence[float]) -> Array:
        found = np.array(values)
        middle = np.nanmean(found) if np.isfinite(found).any() else np.nan
        return np.where(np.isfinite(found), found - middle, 0.0)


def parameter_spread(
    design: TrialDesign,
    draws: Sequence[ParameterDraw],
    *,
    seed: int,
    patients: int = 256,
    pool: int = 1024,
    workers: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> ParameterSpread:
    """Simulate a trial's arm means under several sets of parameters.

    Every draw has the same pool (that of `seed`), so that what differs is the parameters' doing; the patients who enrol
    still change with the courses that the parameters give them.

    Parameters
    ----------
    design
        The trial.
    draws
        Sets of parameters, such as draws of a posterior.
    seed
        Whose pool, and random streams.
    patients, pool
        Virtual patients an arm, and followed untreated.
    workers
        Threads.
    progress
        Takes a line of progress.

    Raises
    ------
    TrialError
        RDN-T090 for fewer than four draws, or when fewer can be simulated.
    """

    def means_of(draw: ParameterDraw) -> tuple[dict[str, StudyMeans], dict[str, str]]:
        return predict_studies(
            [design],
            draw.parameters,
            potencies=draw.potencies,
            patients=patients,
            pool=pool,
            seed=seed,
            workers=1,
        )

    found: list[StudyMeans] = []
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(
        workers or default_workers()
    ) as threads:  # a draw a thread: the kernels release the lock
        for k, (means, bad) in enumerate(threads.map(means_of, draws)):
            progress(f"parameter draw {k + 1} of {len(draws)}")
            found += means.values()
            failed |= bad
    if len(found) < LEAST:
        reason = "; ".join(failed.values()) or f"at least {LEAST} draws are needed"
        raise TrialError(
            "RDN-T090", f"no uncertainty of parameters: {reason}", where="draws", value=len(draws)
        )
    return ParameterSpread(tuple(found))
