"""The patient series as a factor of the likelihood of draws that are simulated again, in place of the rows made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.likelihood import Likelihood, build_likelihood
from rodnan.calibration.bayes.observations import Observation, heterogeneity
from rodnan.calibration.bayes.series import Series, series_settings
from rodnan.calibration.bayes.series_effects import counts_log_density, integrated
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["SeriesFactor", "SeriesValues", "replaced", "series_logs", "without_series"]

ENDPOINT = "fvc_pct_pred"


@dataclass(frozen=True)
class SeriesValues:
    """What one evaluation found.

    Attributes
    ----------
    logs
        Log likelihood on the grid of trial effects, by arm: float64[levels, drifts].
    error
        Monte-Carlo standard error of the log likelihood of all arms.
    bias
        Its expected error, of a log of means.
    effective
        Effective number of persons a patient is likened to: least, lower quartile and median over patients.
    shares
        Share of patients with each recorded count's event, by ``<arm>/<event>/<week>``.
    """

    logs: Mapping[str, Array]
    error: float
    bias: float
    effective: tuple[float, float, float]
    shares: Mapping[str, float]

    def record(self) -> dict[str, Any]:
        """Return the values as JSON takes them."""
        return asdict(self) | {"logs": {k: np.round(v, 6).tolist() for k, v in self.logs.items()}}

    @staticmethod
    def of(record: Mapping[str, Any]) -> SeriesValues:
        """Return the values of a `record`."""
        logs = {name: np.array(rows) for name, rows in record["logs"].items()}
        least, lower, middle = record["effective"]
        return SeriesValues(
            logs, record["error"], record["bias"], (least, lower, middle), dict(record["shares"])
        )


@dataclass(frozen=True)
class SeriesFactor:
    """The series, and how it is evaluated.

    Attributes
    ----------
    series
        The patients.
    evaluate
        From points and a folder's name to the values of each; None for a point that could not be simulated.
    size
        Virtual patients of an evaluation: of the untreated pool and of an arm.
    """

    series: Series
    evaluate: Callable[[Sequence[Mapping[str, float]], str], list[SeriesValues | None]]
    size: tuple[int, int]

    def mark(self) -> dict[str, Any]:
        """Return what the factor depends on besides the points."""
        return {
            "sha256": self.series.sha256,
            "size": list(self.size),
            "settings": series_settings().model_dump(mode="json"),
        }

    def summary(self, values: Sequence[SeriesValues | None]) -> dict[str, Any]:
        """Return checksum, size, and how well the log likelihoods are known.

        Parameters
        ----------
        values
            Of the draws.
        """
        there = [v for v in values if v is not None]
        if not there:
            raise CalibrationError(
                "RDN-C068", "the patient series could not be simulated at any draw", value=len(values)
            )
        return {
            "sha256": self.series.sha256,
            "recorded": self.series.recorded,
            "patients": len(self.series.patients),
            "virtual_patients": self.size[1],
            "failed": len(values) - len(there),
            "error_median": float(np.median([v.error for v in there])),
            "error_worst": float(max(v.error for v in there)),
            "bias_median": float(np.median([v.bias for v in there])),
            "effective_least": float(min(v.effective[0] for v in there)),
            "effective_median": float(np.median([v.effective[2] for v in there])),
        }

    def used(self, logs: Array, weights: Array) -> dict[str, Any]:
        """Return what the posterior's file says of the factor.

        Parameters
        ----------
        logs
            Log of the factor by draw, float64[n].
        weights
            Of the draws, float64[n].
        """
        there = np.isfinite(logs)
        return {
            "sha256": self.series.sha256,
            "recorded": self.series.recorded,
            "patients": len(self.series.patients),
            "counts": len(series_settings().counts),
            "log_mean_before": float(logs[there].mean()),
            "log_mean_after": float(np.sum(weights[there] * logs[there]) / weights[there].sum()),
            "log_sd": float(logs[there].std()),
        }


def replaced(observation: Observation) -> bool:
    """Return whether an observation was computed from the patients of the series.

    Parameters
    ----------
    observation
        The observation.
    """
    settings = series_settings()
    own = observation.unit == settings.study and observation.endpoint == ENDPOINT
    return own or observation.key in settings.replaces


def without_series(
    observations: Sequence[Observation], keys: Sequence[str], correlation: Array | None = None
) -> Likelihood:
    """Return the likelihood of everything that was not computed from the patients of the series.

    Parameters
    ----------
    observations
        All of them.
    keys, correlation
        Of the summaries; see `rodnan.calibration.bayes.likelihood.build_likelihood`.
    """
    return build_likelihood([o for o in observations if not replaced(o)], keys, correlation=correlation)


def series_logs(draws: Sequence[Mapping[str, Any] | None], likelihood: Likelihood, spreads: Array) -> Array:
    """Return the log of the factor at every draw, float64[n]: series and counts, effects of the trial integrated out.

    Parameters
    ----------
    draws
        `SeriesValues.record` of each; None gives not a number.
    likelihood
        That the spreads are of.
    spreads
        Between-trial spreads of the draws, float64[n, t].

    Raises
    ------
    CalibrationError
        RDN-C069 when the draws have no between-trial spread of FVC.
    """
    names = [f"{effect}/{ENDPOINT}" for effect in ("level", "drift", "arm")]
    missing = [name for name in names if name not in likelihood.spreads]
    if missing:
        raise CalibrationError(
            "RDN-C069", "the patient series needs a between-trial spread", value=", ".join(missing)
        )
    columns = [likelihood.spreads.index(name) for name in names]
    rows, correlation = series_settings().counts, heterogeneity().count_correlation
    found = np.full(len(draws), np.nan)
    for k, draw in enumerate(draws):
        if draw is not None:
            values = SeriesValues.of(draw)
            level, drift, arm = (float(s) for s in spreads[k, columns])
            found[k] = integrated(list(values.logs.values()), level, drift, arm, likelihood.grid)
            found[k] += counts_log_density(values.shares, rows, correlation)
    return found
