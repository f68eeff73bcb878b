"""Correcting a posterior for its emulator: Pareto-smoothed importance weights from draws that were simulated again."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.likelihood import Likelihood
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Corrected", "arviz_library", "combined", "correct", "resample", "smoothed"]


@dataclass(frozen=True)
class Corrected:
    """Importance weights of re-simulated draws.

    Attributes
    ----------
    weights
        Summing to one, float64[n]; 0 for a draw that the simulator could not do.
    k_hat
        Shape of the tail of the raw weights: below 0.7 they can be relied on.
    ess
        Effective number of draws.
    failed
        Draws without a simulation.
    log_ratio
        Log of exact over emulated likelihood, float64[n].
    """

    weights: Array
    k_hat: float
    ess: float
    failed: int
    log_ratio: Array

    @property
    def reliable(self) -> bool:
        """Whether the tail of the weights is light enough (k-hat below 0.7)."""
        return self.k_hat < 0.7


def arviz_library() -> Any:
    """Return the library ArviZ, without its note on its own future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import arviz
        except ImportError as error:
            raise CalibrationError(
                "RDN-C045", "the calibration needs the extra calibrate: pip install 'rodnan[calibrate]'"
            ) from error
    return arviz


def smoothed(log_ratio: Array) -> tuple[Array, float]:
    """Return Pareto-smoothed weights (summing to one) of log ratios float64[n], and k-hat."""
    ratio = np.asarray(log_ratio, dtype=np.float64)
    ratio = ratio - ratio.max()
    if np.ptp(ratio) < 1e-9:
        return np.full(len(ratio), 1.0 / len(ratio)), 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log_weights, k_hat = arviz_library().psislw(ratio.copy())
    weights = np.exp(np.asarray(log_weights))
    return weights / weights.sum(), float(k_hat)


def correct(
    likelihood: Likelihood,
    spreads: Array,
    emulated: tuple[Array, Array],
    simulated: tuple[Array, Array],
    *,
    exact_likelihood: Likelihood | None = None,
    factor: Array | None = None,
) -> Corrected:
    """Weigh draws by exact over emulated likelihood; trial effects are integrated out of both.

    Parameters
    ----------
    likelihood
        Of the observations.
    spreads
        Between-trial spreads of the draws, float64[n, t]; the same in both likelihoods, so that their prior cancels.
    emulated
        Means and variances of the summaries on the emulator, float64[n, m] each.
    simulated
        The same of the simulator, its variance that of a finite simulation (float64[n, m] or float64[m]); a draw with a
        summary that is not a number gets no weight.
    exact_likelihood
        Where the exact likelihood leaves out observations that a `factor` stands for; of the same summaries.
    factor
        Log of a further factor of the exact likelihood, float64[n]; a draw where it is not a number gets no weight.

    Raises
    ------
    CalibrationError
        RDN-C046 when fewer than ten draws were simulated.
    """
    mean, variance = np.asarray(simulated[0]), np.broadcast_to(simulated[1], np.shape(simulated[0]))
    there = np.isfinite(mean).all(axis=1)
    further = np.zeros(len(mean)) if factor is None else factor
    there = there & np.isfinite(further)
    if there.sum() < 10:
        raise CalibrationError("RDN-C046", "too few simulated draws to weigh them", value=int(there.sum()))
    of = likelihood if exact_likelihood is None else exact_likelihood
    columns = [likelihood.spreads.index(name) for name in of.spreads]
    exact = of.many(mean[there], variance[there], spreads[there][:, columns]).sum(axis=1) + further[there]
    proxy = likelihood.many(emulated[0][there], emulated[1][there], spreads[there]).sum(axis=1)
    ratio = np.full(len(mean), -np.inf)
    ratio[there] = exact - proxy
    weights = np.zeros(len(mean))
    weights[there], k_hat = smoothed(ratio[there])
    return Corrected(weights, k_hat, float(1.0 / np.sum(weights**2)), int((~there).sum()), ratio)


def combined(emulated: tuple[Array, Array], simulated: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return what emulator and a noisy simulation say together of the summaries' means, and its variance.

    A finite simulation is often noisier than the emulator, which has learnt from many; each counts by its precision.

    Parameters
    ----------
    emulated
        Means and variances on the emulator, float64[n, m] each.
    simulated
        Simulated summaries, float64[n, m], and the variance of one simulation (float64[n, m] or float64[m]).
    """
    mean, noise = np.asarray(simulated[0]), np.broadcast_to(simulated[1], np.shape(simulated[0]))
    gain = emulated[1] / (emulated[1] + noise)
    return emulated[0] + gain * (mean - emulated[0]), (1.0 - gain) * emulated[1]


def resample(weights: Array, count: int, *, seed: int) -> NDArray[np.int64]:
    """Return `count` places drawn by weight, systematically: each draw appears its expected number of times within one."""
    start = np.random.default_rng(seed).random()
    ladder = (start + np.arange(count)) / count
    return np.minimum(np.searchsorted(np.cumsum(weights), ladder), len(weights) - 1).astype(np.int64)
