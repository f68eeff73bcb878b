"""Parameters on unbounded scales, with their priors: what fits and draws move on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.parameters import Parameter, ParameterSet
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Scale", "from_unbounded", "prior_scale", "to_unbounded"]


@dataclass(frozen=True)
class Scale:
    """A parameter's unbounded scale.

    Attributes
    ----------
    name
        Parameter.
    kind
        ``log``, ``logit`` or ``linear``.
    centre, sd
        Prior mean and standard deviation on that scale.
    """

    name: str
    kind: str
    centre: float
    sd: float


def prior_scale(record: Parameter) -> Scale:
    """Return the scale and the prior of a parameter.

    Raises
    ------
    CalibrationError
        RDN-C001 for a fixed parameter, or a share that cannot be moved on its own.
    """
    family, arguments = record.prior[0], [float(x) for x in record.prior[1:] if not isinstance(x, str)]
    if family == "lognormal":
        return Scale(record.name, "log", float(np.log(arguments[0])), arguments[1])
    if family == "logitnormal":
        return Scale(record.name, "logit", _logit(arguments[0]), arguments[1])
    if family == "normal":
        return Scale(record.name, "linear", arguments[0], arguments[1])
    if family == "halfnormal":
        return Scale(record.name, "log", float(np.log(0.8 * arguments[0])), 0.6)
    if family == "beta":
        a, b = arguments
        return Scale(record.name, "logit", _logit(a / (a + b)), float(np.sqrt(1 / a + 1 / b)))
    raise CalibrationError(
        "RDN-C001", f"a parameter with a {family} prior cannot be fitted alone", value=record.name
    )


def _logit(x: float) -> float:
    return float(np.log(x / (1.0 - x)))


def to_unbounded(scale: Scale, value: float) -> float:
    """Return a value on its unbounded scale."""
    if scale.kind == "log":
        return float(np.log(value))
    return _logit(value) if scale.kind == "logit" else value


def from_unbounded(scale: Scale, x: float) -> float:
    """Return the value of a point on the unbounded scale."""
    if scale.kind == "log":
        return float(np.exp(x))
    return float(1.0 / (1.0 + np.exp(-x))) if scale.kind == "logit" else float(x)


def scales_of(parameters: ParameterSet, names: list[str]) -> list[Scale]:
    """Return the scales of parameters by name."""
    for name in names:
        _ = parameters[name]
    return [prior_scale(parameters.records[name]) for name in names]
