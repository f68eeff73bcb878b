"""What is known about an outcome beforehand: unit, direction, smallest difference that matters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

__all__ = ["RATIOS", "SCALE_WORDS", "Endpoint", "Sourced", "endpoint_of"]

SCALE_WORDS = {
    "MD": "mean difference",
    "RR": "risk ratio",
    "OR": "odds ratio",
    "HR": "hazard ratio",
    "IRR": "rate ratio",
    "RD": "risk difference",
}
RATIOS = frozenset({"RR", "OR", "HR", "IRR"})
"""Scales that are pooled as logarithms."""

_LOWER_WORDS = ("death", "worse", "decline", "fail", "relapse", "progress", "hospital")


@dataclass(frozen=True, slots=True)
class Sourced:
    """A number with its basis and source."""

    value: float
    basis: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An outcome.

    Parameters
    ----------
    id, label, unit
        Name in the records, name in words, unit of a difference (None when the records give none here).
    better
        ``"higher"``, ``"lower"`` or None where it is not known.
    mid
        Smallest difference that matters to patients, above 0, in `unit`.
    tau_scale
        Scale of the half-normal prior of the spread between studies, on the scale of a mean difference.
    harm
        True for an adverse event: fewer is better, and the scale is a ratio.
    """

    id: str
    label: str
    unit: str | None = None
    better: str | None = None
    mid: Sourced | None = None
    tau_scale: Sourced | None = None
    harm: bool = False


RATIO_TAU = Sourced(
    0.5, "assumed", "half-normal(0.5) for log ratios; Friede et al., Res Synth Methods 2017;8:79"
)
RATIO_MID = Sourced(0.2231435513142097, "assumed", "log 1.25: GRADE's customary 25 % relative difference")


@lru_cache(maxsize=1)
def _table() -> dict[str, Endpoint]:
    import yaml

    text = files("rodnan.evidence.synthesis").joinpath("endpoints.yaml").read_text(encoding="utf-8")
    table = {}
    for name, row in yaml.safe_load(text).items():
        mid, scale = (Sourced(**row[key]) if key in row else None for key in ("mid", "tau_scale"))
        table[name] = Endpoint(name, row["label"], row["unit"], row["better"], mid, scale)
    return table


def endpoint_of(name: str, *, adverse_event: bool = False) -> Endpoint:
    """Return what is known about an outcome.

    Parameters
    ----------
    name
        Name of the outcome or adverse event in the records.
    adverse_event
        True when the name is that of an adverse event.

    Returns
    -------
    Endpoint
        From the table where listed; otherwise with its name as label and, for adverse events and outcomes
        whose name speaks of death or worsening, fewer as better.
    """
    if name in _table() and not adverse_event:
        return _table()[name]
    label = name.replace("_", " ").replace("-", " ")
    lower = adverse_event or any(word in name for word in _LOWER_WORDS)
    return Endpoint(name, label, better="lower" if lower else None, harm=adverse_event)
