"""Priors of the calibration on one standard-normal scale, exactly: what samplers move on, and back.

Every coordinate z is standard normal under the prior. Lognormal, logit-normal and normal parameters are affine in z on
their own scale; half-normal and beta parameters go through their quantile functions; the weights of a Dirichlet group are
broken off a stick, share k of what is left being Beta(alpha_k, alpha_{k+1} + ... ), which is the Dirichlet exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from rodnan.disease.parameters import ParameterSet
from rodnan.errors import CalibrationError, nearest_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["POTENCY", "SHARE", "Coordinate", "Prior", "build_prior", "inputs_from_z", "sobol_points"]

POTENCY = "potency/"
"""Prefix of a drug's potency among the names of a point."""

SHARE = "share/"
"""Prefix of a coordinate that breaks a weight off a stick."""


@dataclass(frozen=True)
class Coordinate:
    """One coordinate of the standard-normal scale.

    Attributes
    ----------
    name
        The parameter's name; for weights ``share/<weight>``, the share of what is left of the stick.
    family
        ``lognormal``, ``logitnormal``, ``normal``, ``halfnormal`` or ``beta``.
    first, second
        Arguments: median and log-sd; median and logit-sd; mean and sd; scale and nothing; a and b.
    """

    name: str
    family: str
    first: float
    second: float = 0.0


@dataclass(frozen=True)
class Prior:
    """The joint prior of everything that is calibrated.

    Attributes
    ----------
    coordinates
        Coordinates of z, in order (d of them).
    names
        Names of the physical values, in order (p of them; a group of k weights has k - 1 coordinates).
    groups
        Names of the weights of each Dirichlet group.
    """

    coordinates: tuple[Coordinate, ...]
    names: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.coordinates)

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(c.name for c in self.coordinates)

    @property
    def bounded(self) -> NDArray[np.bool_]:
        """Which coordinates an emulator takes as a multiple of the prior's scale (half-normals), bool[d]."""
        return np.array([c.family == "halfnormal" for c in self.coordinates], bool)

    def values(self, z: ArrayLike) -> Array:
        """Return physical values, float64[n, p], of points float64[n, d] of the standard-normal scale."""
        points = _table(z, self.dimension)
        found = {c.name: _value(c, points[:, k]) for k, c in enumerate(self.coordinates)}
        for members in self.groups.values():
            left = np.ones(len(points))
            for member in members[:-1]:
                share = found[SHARE + member]
                found[member], left = left * share, left * (1.0 - share)
            found[members[-1]] = left
        return np.stack([found[name] for name in self.names], axis=1)

    def z_of(self, values: ArrayLike) -> Array:
        """Return the standard-normal scale, float64[n, d], of physical values float64[n, p].

        A half-normal value of exactly 0 (an absent mechanism) is at minus infinity.

        Raises
        ------
        CalibrationError
            RDN-C030 for a value outside the support of its prior, weights that do not sum to one included.
        """
        parts = self._parts(_table(values, len(self.names)))
        z = np.stack([_z(c, parts[c.name]) for c in self.coordinates], axis=1)
        bad = ~(np.isfinite(z) | (self.bounded & (z == -np.inf)))
        if bad.any():
            row, k = (int(i[0]) for i in np.nonzero(bad))
            c = self.coordinates[k]
            raise CalibrationError(
                "RDN-C030", "a value outside the support of its prior", where=c.name, value=parts[c.name][row]
            )
        return z

    def inputs(self, values: ArrayLike) -> Array:
        """Return what an emulator takes, float64[n, d]: z, but half-normals as multiples of their scale (0 if absent)."""
        table = _table(values, len(self.names))
        z, parts = self.z_of(table), self._parts(table)
        for k, c in enumerate(self.coordinates):
            if c.family == "halfnormal":
                z[:, k] = parts[c.name] / c.first
        return z

    def log_density(self, values: ArrayLike) -> Array:
        """Return the log density of physical values float64[n, p] (of k weights: of the first k - 1), float64[n]."""
        table = _table(values, len(self.names))
        parts, total = self._parts(table), np.zeros(len(table))
        for c in self.coordinates:
            total += _log_density(c, parts[c.name])
        column = {name: table[:, k] for k, name in enumerate(self.names)}
        for members in self.groups.values():
            left = np.ones(len(table))
            for member in members[:-1]:
                total -= np.log(left)
                left = left - column[member]
        return total

    def points(self, z: ArrayLike) -> list[dict[str, float]]:
        """Return points as mappings of physical values by name."""
        return [dict(zip(self.names, map(float, row), strict=True)) for row in self.values(z)]

    def table(self, points: Iterable[Mapping[str, float]]) -> Array:
        """Return mappings of physical values as a table float64[n, p] in the order of `names`."""
        rows = list(points)
        for row in rows:
            for name in self.names:
                if name not in row:
                    raise CalibrationError("RDN-C031", "a point lacks a value", where=name)
        return np.array([[float(row[name]) for name in self.names] for row in rows])

    def index(self, name: str) -> int:
        """Return the place of a coordinate."""
        names = self.coordinate_names
        if name not in names:
            raise CalibrationError(
                "RDN-C032", "no such coordinate", value=name, nearest=nearest_name(name, names)
            )
        return names.index(name)

    def _parts(self, table: Array) -> dict[str, Array]:
        column = {name: table[:, k] for k, name in enumerate(self.names)}
        for group, members in self.groups.items():
            total = sum(column[m] for m in members)
            if np.any(np.abs(total - 1.0) > 1e-6):
                raise CalibrationError("RDN-C030", "weights of a group must sum to one", where=group)
            for k, member in enumerate(members[:-1]):
                rest = sum((column[m] for m in members[k:]), np.zeros(len(table)))
                column[SHARE + member] = column[member] / rest
        return column


def build_prior(parameters: ParameterSet, names: Sequence[str]) -> Prior:
    """Return the prior of what the calibration moves.

    Parameters
    ----------
    parameters
        The parameter table, whose records carry the priors.
    names
        Names of physical values: parameters, all weights of a Dirichlet group, and ``potency/<drug>``.

    Raises
    ------
    CalibrationError
        RDN-C001 for a fixed parameter, RDN-C033 for a group of weights that is not whole, RDN-C034 for a drug
        without potency.
    """
    coordinates: list[Coordinate] = []
    groups: dict[str, list[str]] = {}
    for name in names:
        if name.startswith(POTENCY):
            coordinates.append(_potency(name.removeprefix(POTENCY)))
            continue
        _ = parameters[name]
        family, *arguments = parameters.records[name].prior
        if family == "dirichlet":
            groups.setdefault(str(arguments[0]), []).append(name)
        elif family == "fixed":
            raise CalibrationError("RDN-C001", "a fixed parameter cannot be calibrated", value=name)
        else:
            coordinates.append(Coordinate(name, str(family), *(float(x) for x in arguments)))
    for group, members in groups.items():
        whole = {
            n: float(r.prior[2]) for n, r in parameters.records.items() if r.prior[:2] == ("dirichlet", group)
        }
        if list(whole) != members:
            raise CalibrationError(
                "RDN-C033",
                "all weights of a group move together, in the order of the table",
                where=group,
                value=members,
            )
        alpha = list(whole.values())
        at = next((k for k, c in enumerate(coordinates) if c.name.startswith(POTENCY)), len(coordinates))
        coordinates[at:at] = [
            Coordinate(SHARE + m, "beta", alpha[k], sum(alpha[k + 1 :])) for k, m in enumerate(members[:-1])
        ]
    return Prior(tuple(coordinates), tuple(names), {g: tuple(m) for g, m in groups.items()})


def _potency(drug: str) -> Coordinate:
    from rodnan.pharmacology import load_model

    potency = load_model(drug).potency
    if potency is None:
        raise CalibrationError("RDN-C034", "the drug has no potency to calibrate", value=drug)
    median = float(special.expit(potency.prior_logit_mean))
    return Coordinate(POTENCY + drug, "logitnormal", median, potency.prior_logit_sd)


def sobol_points(
    dimension: int, count: int, *, seed: int, centre: ArrayLike | None = None, width: float = 1.0
) -> Array:
    """Draw a scrambled Sobol design of the prior, or of a local region.

    Parameters
    ----------
    dimension
        Number of coordinates d.
    count
        Points; a power of two keeps the balance of the sequence.
    seed
        Of the scrambling.
    centre
        float64[d] on the standard-normal scale; the prior's centre when None.
    width
        Spread as a multiple of the prior's.

    Returns
    -------
    float64[count, d]
        Points on the standard-normal scale.
    """
    sampler = stats.qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed))
    uniform = sampler.random_base2(int(np.ceil(np.log2(max(count, 2)))))[:count]
    middle = np.zeros(dimension) if centre is None else np.asarray(centre, dtype=np.float64)
    return middle + width * special.ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))


def inputs_from_z(z: Any, bounded: Any) -> Any:
    """Return an emulator's inputs from the standard-normal scale in JAX (differentiable): half-normals become multiples.

    Parameters
    ----------
    z
        float64[..., d].
    bounded
        bool[d], `Prior.bounded`.
    """
    import jax.numpy as jnp
    from jax.scipy.special import ndtr, ndtri

    safe = jnp.where(bounded, z, 0.0)
    return jnp.where(bounded, -ndtri(0.5 * ndtr(-safe)), z)


def _table(x: ArrayLike, columns: int) -> Array:
    table = np.atleast_2d(np.asarray(x, dtype=np.float64))
    if table.ndim != 2 or table.shape[1] != columns:
        raise CalibrationError("RDN-C035", f"expected a table of {columns} columns", value=table.shape)
    return table


def _value(c: Coordinate, z: Array) -> Array:
    if c.family == "lognormal":
        return c.first * np.exp(c.second * z)
    if c.family == "logitnormal":
        return special.expit(special.logit(c.first) + c.second * z)
    if c.family == "normal":
        return c.first + c.second * z
    if c.family == "halfnormal":
        return -c.first * special.ndtri(0.5 * special.ndtr(-z))
    lower = special.betaincinv(c.first, c.second, special.ndtr(np.minimum(z, 0.0)))
    upper = special.betainccinv(c.first, c.second, special.ndtr(-np.maximum(z, 0.0)))
    return np.where(z < 0.0, lower, upper)


def _z(c: Coordinate, x: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        if c.family == "lognormal":
            return np.log(x / c.first) / c.second
        if c.family == "logitnormal":
            return (special.logit(x) - special.logit(c.first)) / c.second
        if c.family == "normal":
            return (x - c.first) / c.second
        if c.family == "halfnormal":
            z = -special.ndtri(2.0 * special.ndtr(-x / c.first))
            return np.where(x < 0.0, np.nan, z)
        below, above = special.betainc(c.first, c.second, x), special.betaincc(c.first, c.second, x)
        return np.where(below < 0.5, special.ndtri(below), -special.ndtri(above))


def _log_density(c: Coordinate, x: Array) -> Array:
    if c.family == "lognormal":
        return stats.lognorm.logpdf(x, c.second, scale=c.first)
    if c.family == "logitnormal":
        t = special.logit(x)
        return stats.norm.logpdf(t, special.logit(c.first), c.second) - np.log(x) - np.log1p(-x)
    if c.family == "normal":
        return stats.norm.logpdf(x, c.first, c.second)
    if c.family == "halfnormal":
        return stats.halfnorm.logpdf(x, scale=c.first)
    return stats.beta.logpdf(x, c.first, c.second)
