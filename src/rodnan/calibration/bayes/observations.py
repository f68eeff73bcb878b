"""What was observed, as the likelihood takes it: changes of arms, differences between arms, natural history, counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rodnan.calibration.natural_history import Target

__all__ = ["Heterogeneity", "Observation", "heterogeneity", "natural_observations", "trial_observations"]

_WIDTH_90 = 2 * 1.6449
"""Width of a 90 % interval in standard deviations."""


class Observation(BaseModel):
    """One number to compare the model with.

    Attributes
    ----------
    key
        Name of the summary of the simulator.
    kind
        ``level`` (change of an arm), ``contrast`` (difference between the changes of two arms), ``natural-history`` or
        ``count`` (patients out of `n`; the summary is a percentage).
    unit
        What leave-one-out leaves out: the study, or the natural-history target.
    arms, endpoint, days
        Of levels and contrasts.
    y, se
        Observed value and its standard error (0 for a count).
    observational
        Whether treatment was chosen and not drawn.
    n
        Patients, of a count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    kind: Literal["level", "contrast", "natural-history", "count"]
    unit: str
    y: float = Field(allow_inf_nan=False)
    se: float = Field(ge=0.0, allow_inf_nan=False)
    arms: tuple[str, ...] = ()
    endpoint: str = ""
    days: float = 0.0
    observational: bool = False
    n: int = 0

    @model_validator(mode="after")
    def _whole(self) -> Observation:
        arms = {"level": 1, "contrast": 2}.get(self.kind, 0)
        if len(self.arms) != arms or (arms and not self.endpoint):
            raise ValueError(f"a {self.kind} has {arms} arm(s) and, with arms, an endpoint")
        if self.kind == "count":
            if not 0 <= self.y <= self.n or self.n < 1:
                raise ValueError("a count lies between 0 and n")
        elif self.se <= 0.0:
            raise ValueError("a standard error is positive")
        return self


class Heterogeneity(BaseModel):
    """Priors of the between-trial spreads, and the shape of their distribution.

    Attributes
    ----------
    scales
        ``level``, ``drift`` (a year) and ``arm`` by endpoint: half-normal scales.
    degrees
        Of freedom of the Student-t across trials.
    visit_correlation
        Between successive visits of an arm.
    observational
        Factor on the arm effect where treatment was chosen.
    count_correlation
        Half-normal scale of the intra-class correlation of counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scales: dict[str, tuple[float, float, float]]
    degrees: float = Field(gt=0.0)
    visit_correlation: float = Field(ge=0.0, lt=1.0)
    observational: float = Field(ge=1.0)
    count_correlation: float = Field(gt=0.0)


@lru_cache(maxsize=1)
def heterogeneity() -> Heterogeneity:
    """Return the recorded priors of the between-trial spreads (`heterogeneity.yaml`)."""
    import yaml

    text = files("rodnan.calibration.bayes").joinpath("heterogeneity.yaml").read_text(encoding="utf-8")
    rows: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = {(row["endpoint"], row["effect"]): float(row["value"]) for row in rows["scales"]}
    endpoints = dict.fromkeys(endpoint for endpoint, _ in found)
    scales = {e: tuple(found[e, effect] for effect in ("level", "drift", "arm")) for e in endpoints}
    shape = {row["name"]: float(row["value"]) for row in rows["shape"]}
    return Heterogeneity.model_validate({"scales": scales, **shape})


def trial_observations(recorded: Mapping[str, Any]) -> tuple[Observation, ...]:
    """Return the observations of recorded arm targets.

    Parameters
    ----------
    recorded
        ``arms`` and ``contrasts``: rows ``study, arm | arms, design, endpoint, week, y, se``.
    """
    found = []
    for row in recorded["arms"]:
        key = f"level/{row['study']}/{row['arm']}/{row['endpoint']}/{row['week']}"
        found.append(_of_trial(row, key, "level", (row["arm"],)))
    for row in recorded["contrasts"]:
        key = f"contrast/{row['study']}/{'-'.join(row['arms'])}/{row['endpoint']}/{row['week']}"
        found.append(_of_trial(row, key, "contrast", tuple(row["arms"])))
    return tuple(found)


def _of_trial(row: Mapping[str, Any], key: str, kind: Any, arms: tuple[str, ...]) -> Observation:
    return Observation(
        key=key,
        kind=kind,
        unit=row["study"],
        arms=arms,
        endpoint=row["endpoint"],
        days=7.0 * float(row["week"]),
        y=row["y"],
        se=row["se"],
        observational=row["design"] == "observational",
    )


def natural_observations(targets: Sequence[Target], without: Iterable[str] = ()) -> tuple[Observation, ...]:
    """Return natural-history targets as normal observations; a tolerance counts as a 90 % interval.

    Parameters
    ----------
    targets
        The targets.
    without
        Keys ``nh/<target>/<part>`` to leave out: numbers that come in as arms of a trial already.
    """
    left_out = MappingProxyType(dict.fromkeys(without))
    return tuple(
        Observation(
            key=key,
            kind="natural-history",
            unit=f"nh/{target.id}",
            y=part.observed,
            se=(part.high - part.low) / _WIDTH_90,
        )
        for target in targets
        for part in target.parts
        if (key := f"nh/{target.id}/{part.key}") not in left_out
    )
