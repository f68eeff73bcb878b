"""Residual error: what would be read off at each observation, beside the individual's own prediction.

With the prediction f, an observation is ``f + sqrt((proportional f)^2 + additive^2) z`` with a standard normal z:
the distribution of NONMEM's ``Y = F + F*EPS(1) + EPS(2)`` with independent EPS. ``exponential`` is ``f exp(sd z)``.
Each z depends on the seed, the output, the ID and the place of the record among those of its ID, so that other
individuals and later records change no number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from rodnan.engine.keys import normals
from rodnan.errors import ModelError, nearest_name
from rodnan.pharmacology.nonmem.event_loop import Simulation

__all__ = ["ResidualError", "check_residual", "observe", "read_residual"]

Array = NDArray[np.float64]
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class ResidualError:
    """Standard deviations of one output's error.

    Attributes
    ----------
    proportional
        As a fraction of the prediction.
    additive
        In the unit of the output.
    exponential
        Of the logarithm; stands alone.
    """

    proportional: float = 0.0
    additive: float = 0.0
    exponential: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ModelError(
                    "RDN-M415",
                    f"the {field.name} error is a finite standard deviation not below zero",
                    value=value,
                )
        if self.exponential and (self.proportional or self.additive):
            raise ModelError("RDN-M415", "an exponential error stands alone", value=self.exponential)
        if not (self.exponential or self.proportional or self.additive):
            raise ModelError("RDN-M415", "a residual error needs a standard deviation above zero")

    def apply(self, prediction: Array, z: Array) -> Array:
        """Return observations.

        Parameters
        ----------
        prediction
            Individual predictions, shape (records,).
        z
            Standard normals, of the same shape.
        """
        if self.exponential:
            return prediction * np.exp(self.exponential * z)
        return prediction + np.hypot(self.proportional * prediction, self.additive) * z


KINDS = tuple(field.name for field in fields(ResidualError))


def read_residual(text: str, outputs: Collection[str]) -> dict[str, ResidualError]:
    """Read residual errors in words.

    Parameters
    ----------
    text
        For example ``"proportional=0.15"``, ``"proportional=15%,additive=0.2"``, ``"CP:additive=1;E:exponential=0.1"``;
        ``"none"``. The name of the output may be left out where there is one.
    outputs
        Names of the model's outputs.

    Returns
    -------
    dict
        Output -> error; empty for ``"none"``.

    Raises
    ------
    ModelError
        ``RDN-M414`` an unknown output or kind, or words that are none; ``RDN-M415`` an illegal size.
    """
    found: dict[str, dict[str, float]] = {}
    if text.strip().casefold() == "none":
        return {}
    for part in text.split(";"):
        name, colon, sizes = part.rpartition(":")
        name = name.strip()
        if not colon:
            if len(outputs) != 1:
                reason = f"say which output the error is of: {', '.join(outputs)}"
                raise ModelError("RDN-M414", reason, where="residual", value=part.strip()[:60])
            (name,) = outputs
        if name in found:
            raise ModelError("RDN-M414", "an output with two residual errors", where="residual", value=name)
        found[name] = {}
        for item in sizes.split(","):
            match = re.fullmatch(r"\s*([A-Za-z_]+)\s*=\s*(\S+?)(%?)\s*", item)
            number = _number(match[2]) if match else None
            if match is None or number is None:
                raise ModelError(
                    "RDN-M414",
                    "a residual error reads like proportional=0.15,additive=0.2",
                    where="residual",
                    value=item.strip()[:60],
                )
            kind = match[1].casefold()
            if kind not in KINDS:
                raise ModelError(
                    "RDN-M414",
                    f"a residual error is {', '.join(KINDS)}",
                    where="residual",
                    value=match[1],
                    nearest=nearest_name(kind, KINDS),
                )
            if kind in found[name] or (match[3] and kind == "additive"):
                reason = (
                    "an additive error is in the unit of the output"
                    if kind not in found[name]
                    else "an error is given twice"
                )
                raise ModelError("RDN-M414", reason, where="residual", value=item.strip()[:60])
            found[name][kind] = number / 100.0 if match[3] else number
    errors = {name: _error(name, sizes) for name, sizes in found.items()}
    check_residual(errors, outputs)
    return errors


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _error(name: str, sizes: Mapping[str, float]) -> ResidualError:
    try:
        return ResidualError(**sizes)
    except ModelError as error:
        raise ModelError(error.code, error.message, where=f"residual.{name}", value=error.value) from None


def check_residual(errors: Mapping[str, ResidualError], outputs: Collection[str]) -> None:
    """Refuse errors of outputs that a model does not have.

    Parameters
    ----------
    errors
        Output -> error.
    outputs
        Names of the model's outputs.

    Raises
    ------
    ModelError
        ``RDN-M414`` an unknown output; ``RDN-M413`` an output has the name of a column of observations.
    """
    for name in errors:
        if name not in outputs:
            raise ModelError(
                "RDN-M414",
                f"a residual error of an unknown output; there are: {', '.join(outputs)}",
                where="residual",
                value=name,
                nearest=nearest_name(name, outputs),
            )
    taken = {column for pair in _columns(errors) for column in pair} & set(outputs)
    if taken:
        raise ModelError(
            "RDN-M413", "an output cannot have the name of another column", value=", ".join(sorted(taken))
        )


def _columns(errors: Collection[str]) -> list[tuple[str, str]]:
    """Names of the columns of prediction and observation of each output."""
    if len(errors) == 1:
        return [("IPRED", "DV")]
    return [(f"IPRED_{name}", f"DV_{name}") for name in errors]


def observe(simulation: Simulation, errors: Mapping[str, ResidualError], *, seed: int = 1) -> Simulation:
    """Add predictions and observations to a simulation.

    Parameters
    ----------
    simulation
        Without observations.
    errors
        Output -> error; empty leaves the simulation as it is.
    seed
        A whole number from zero.

    Returns
    -------
    Simulation
        With columns ``IPRED`` and ``DV`` (``IPRED_<output>`` and ``DV_<output>`` where several outputs have an error).
        DV is NaN on records that are no observation (EVID not 0, or MDV 1); it may be below zero.

    Raises
    ------
    ModelError
        ``RDN-M413``, ``RDN-M414`` as `check_residual`; ``RDN-M415`` an illegal seed.
    """
    if not errors:
        return simulation
    if not 0 <= seed <= LARGEST_SEED:
        raise ModelError("RDN-M415", "a seed is a whole number from zero", where="seed", value=seed)
    check_residual(errors, simulation.outputs)
    table = simulation.table
    seen = np.array([event.evid == 0 and event.mdv != 1.0 for event in table.events], dtype=bool)
    observations: dict[str, Array] = {}
    for (name, error), (ipred, dv) in zip(errors.items(), _columns(errors), strict=True):
        z = np.empty(len(table))
        for rows in table.individuals:
            who = (np.array([table.ids[rows.start]]) + 0.0).view(np.uint64)
            z[rows] = normals(seed, "pk simulate", f"residual/{name}", who, rows.stop - rows.start)[0]
        observations[ipred] = simulation.outputs[name]
        observations[dv] = np.where(seen, error.apply(simulation.outputs[name], z), np.nan)
    return replace(simulation, observations=observations)
