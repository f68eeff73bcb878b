"""Fit the emulator: one Bayesian regression a summary, with scales chosen by evidence and errors by leaving one out.

1. Relevance: automatic relevance determination (MacKay's fixed point) on all inputs and their squares.
2. Regression on inputs, squares, products of the most relevant inputs (prior spreads proportional to relevance) and, where
   the evidence asks for it, radial functions of the leading directions of the mean gradient's outer product.
3. Scales and noise maximise the evidence; leave-one-out errors come from the hat matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, optimize

from rodnan.calibration.bayes.emulator import Emulator
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Form", "cross_validate", "fit_emulator"]


@dataclass(frozen=True)
class Form:
    """What the regression may use.

    Attributes
    ----------
    products
        How many of the most relevant inputs enter as products of two.
    directions, nodes
        Directions of the smooth part and its radial functions; 0 nodes for none.
    lack_of_fit
        Share of the residual variance taken for lack of fit where the simulation's own noise is not given.
    """

    products: int = 18
    directions: int = 3
    nodes: int = 40
    lack_of_fit: float = 0.5


@dataclass(frozen=True)
class _Regression:
    """One summary's regression: coefficients and their covariance in units of y's spread."""

    beta: Array
    root: Array
    noise: float
    evidence: float
    hat: Array
    residual: Array


@dataclass(frozen=True)
class _Basis:
    """Features of one summary: products by index, radial functions by directions, nodes and whitening."""

    weight: Array
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    directions: Array
    nodes: Array
    length: float
    white: Array

    def features(self, x: Array) -> tuple[Array, NDArray[np.int64]]:
        """Return features float64[n, p] and which scale (0 inputs, 1 products, 2 radial) each follows."""
        w = self.weight
        pairs = x[:, self.left] * x[:, self.right] - (self.left == self.right)
        parts = [x * w, pairs * (w[self.left] * w[self.right])]
        if self.nodes.size:
            parts.append(self.radial(x) @ self.white)
        kind = np.repeat(np.arange(len(parts)), [p.shape[1] for p in parts])
        return np.concatenate(parts, axis=1), kind

    def radial(self, x: Array) -> Array:
        """Return the radial functions, float64[n, k]."""
        along = x @ self.directions
        square = ((along[:, None, :] - self.nodes[None]) ** 2).sum(axis=-1)
        return np.exp(-0.5 * square / self.length**2)


def fit_emulator(
    inputs: ArrayLike,
    summaries: ArrayLike,
    *,
    names: Sequence[str],
    keys: Sequence[str],
    noise: ArrayLike | None = None,
    form: Form | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Emulator:
    """Fit an emulator to a design.

    Parameters
    ----------
    inputs
        float64[n, d], `Prior.inputs` of the points.
    summaries
        float64[n, m]; not a number where a simulation gave none, which leaves that row out of that summary.
    names, keys
        Names of inputs and summaries.
    noise
        Standard deviation of one simulation around its mean, float64[m], from repeated simulations of one point; without
        it a share of the residual variance is taken for lack of fit (`Form.lack_of_fit`).
    form
        What the regression may use.
    report
        Takes a line of progress.

    Returns
    -------
    Emulator

    Raises
    ------
    CalibrationError
        RDN-C038 when a summary has fewer finite simulations than inputs, or never varies.
    """
    form = form or Form()
    u, y = np.asarray(inputs, dtype=np.float64), np.asarray(summaries, dtype=np.float64)
    centre, scale = u.mean(axis=0), np.where(u.std(axis=0) > 0, u.std(axis=0), 1.0)
    x = (u - centre) / scale
    known = None if noise is None else np.asarray(noise, dtype=np.float64)
    errors = np.full(y.shape, np.nan)
    parts = []
    for j, key in enumerate(keys):
        usable = np.flatnonzero(np.isfinite(y[:, j]))
        if len(usable) <= u.shape[1] or np.ptp(y[usable, j]) == 0.0:
            raise CalibrationError(
                "RDN-C038", "too few simulations of a summary to emulate it", where=key, value=len(usable)
            )
        part, error = _fit_one(x[usable], y[usable, j], form, None if known is None else float(known[j]))
        errors[usable, j] = error
        parts.append(part)
        if (j + 1) % 10 == 0 or j + 1 == len(keys):
            report(f"emulator: {j + 1} of {len(keys)} summaries")
    stacked = {name: np.array([part[name] for part in parts]) for name in parts[0]}
    return Emulator(
        tuple(names), tuple(keys), centre, scale, correlation=_correlation(errors, x.shape[1]), **stacked
    )


def _fit_one(x: Array, y: Array, form: Form, noise: float | None) -> tuple[dict[str, Any], Array]:
    middle, unit = float(y.mean()), float(y.std())
    t = (y - middle) / unit
    basis = _plain_basis(x, t, form)
    fit = _regress(*basis.features(x), t)
    if form.nodes:
        for length in (1.5, 3.0):
            trial = _with_radial(basis, fit, x, form, length)
            other = _regress(*trial.features(x), t)
            if other.evidence > fit.evidence + 2.0:
                basis, fit = trial, other
    loo = fit.residual / (1.0 - fit.hat)
    expected = fit.noise**2 / (1.0 - fit.hat)
    spread = float(np.mean(loo**2 / expected))
    inflate = max(1.0, spread)
    b, relevance = _log_variance(basis, fit, x, inflate)
    residual_variance = inflate * (fit.noise * unit) ** 2
    if noise is None:
        lack = form.lack_of_fit * residual_variance
    else:
        lack = max(residual_variance - noise**2, 0.02 * residual_variance)
    part = _expanded(basis, fit, x.shape[1], form) | {
        "relevance": relevance,
        "log_variance": np.array([b[0] + 2.0 * np.log(unit), b[1], b[2]]),
        "lack_of_fit": lack,
        "noise": fit.noise * unit if noise is None else noise,
        "r2": 1.0 - float(np.mean(loo**2)),
        "rmse": unit * float(np.sqrt(np.mean(loo**2))),
        "spread": spread / inflate,
        "coverage": float(np.mean(loo**2 < 1.6449**2 * inflate * expected)),
        "rows": float(len(y)),
    }
    for name in ("constant", "gradient", "curvature", "amplitude"):
        part[name] = part[name] * unit
    part["constant"] += middle
    return part, loo / np.sqrt(inflate * expected)


def _plain_basis(x: Array, t: Array, form: Form) -> _Basis:
    d = x.shape[1]
    weight = np.sqrt(_relevance(x, t))
    weight = np.maximum(weight / weight.max(), 0.02)
    top = np.sort(np.argsort(-weight, kind="stable")[: min(form.products, d)])
    pairs = {(i, i) for i in range(d)} | {(int(i), int(j)) for i in top for j in top if i <= j}
    left, right = np.array(sorted(pairs), dtype=np.int64).T
    none = np.zeros((0, form.directions))
    return _Basis(weight, left, right, np.zeros((d, form.directions)), none, 1.0, np.zeros((0, 0)))


def _relevance(x: Array, t: Array) -> Array:
    """Return the share of variance that each input carries through itself and its square, float64[d]."""
    features = np.concatenate([x, (x**2 - 1.0) / np.sqrt(2.0)], axis=1)
    n, p = features.shape
    gram, right = features.T @ features, features.T @ t
    alpha, precision = np.full(p, float(p)), 2.0
    beta = np.zeros(p)
    for _ in range(40):
        covariance = linalg.inv(precision * gram + np.diag(alpha))
        beta = precision * covariance @ right
        gamma = np.clip(1.0 - alpha * np.diag(covariance), 1e-6, 1.0)
        alpha = np.clip(gamma / np.maximum(beta**2, 1e-12), 1e-2, 1e6)
        residual = float(t @ t - 2.0 * beta @ right + beta @ gram @ beta)
        precision = max(n - gamma.sum(), 0.1 * n) / max(residual, 1e-9)
    moment = beta**2 + 1.0 / alpha
    return moment[: x.shape[1]] + moment[x.shape[1] :]


def _with_radial(basis: _Basis, fit: _Regression, x: Array, form: Form, length: float) -> _Basis:
    """Return the basis with radial functions of the directions in which the regression changes most."""
    d = x.shape[1]
    gradient, curvature = _polynomial(basis, fit, d)
    slopes = gradient + 2.0 * x @ curvature
    _, vectors = linalg.eigh(slopes.T @ slopes / len(x), subset_by_index=(d - form.directions, d - 1))
    along = x @ vectors
    chosen = [int(np.argmin((along**2).sum(axis=1)))]
    distance = ((along - along[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(form.nodes, len(x)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((along - along[chosen[-1]]) ** 2).sum(axis=1))
    nodes = along[chosen]
    square = ((nodes[:, None] - nodes[None]) ** 2).sum(axis=-1)
    values, rotation = np.linalg.eigh(np.exp(-0.5 * square / length**2) + 1e-6 * np.eye(len(nodes)))
    white = rotation / np.sqrt(values)
    return _Basis(basis.weight, basis.left, basis.right, vectors, nodes, length, white)


def _regress(features: Array, kind: NDArray[np.int64], t: Array) -> _Regression:
    """Regress with scales and noise that maximise the evidence; the constant is free (features are centred)."""
    n, p = features.shape
    shifted = features - features.mean(axis=0)
    gram, right, square = shifted.T @ shifted, shifted.T @ t, float(t @ t)
    kinds = int(kind.max()) + 1

    def factor(log: Array) -> tuple[Array, Array, float]:
        noise2 = float(np.exp(2.0 * log[-1]))
        prior = np.exp(2.0 * log[:-1])[kind]
        matrix = gram / noise2
        matrix.flat[:: p + 1] += 1.0 / prior
        return linalg.cholesky(matrix, lower=True, check_finite=False), prior, noise2

    def cost(log: Array) -> float:
        root, prior, noise2 = factor(np.clip(log, -9.0, 4.0))
        half = linalg.solve_triangular(root, right / noise2, lower=True, check_finite=False)
        quadratic = square / noise2 - float(half @ half)
        determinant = 2.0 * np.log(np.diag(root)).sum() + np.log(prior).sum() + n * np.log(noise2)
        return 0.5 * (quadratic + determinant) + 0.5 * float(np.sum(((log + 1.0) / 3.0) ** 2))

    start = np.array([*[-1.0, -2.5, -2.5][:kinds], -0.7])
    found = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 0.02, "fatol": 0.02, "maxfev": 160}
    )
    root, _, noise2 = factor(np.clip(found.x, -9.0, 4.0))
    beta = linalg.cho_solve((root, True), right / noise2)
    half = linalg.solve_triangular(root, shifted.T, lower=True, check_finite=False)
    hat = np.minimum((half**2).sum(axis=0) / noise2 + 1.0 / n, 0.99)
    residual = t - shifted @ beta
    full = np.concatenate([[-float(features.mean(axis=0) @ beta)], beta])
    return _Regression(full, root, float(np.sqrt(noise2)), -float(found.fun), hat, residual)


def _polynomial(basis: _Basis, fit: _Regression, d: int) -> tuple[Array, Array]:
    """Return gradient float64[d] and symmetric curvature float64[d, d] of the polynomial part."""
    beta, w = fit.beta[1:], basis.weight
    gradient = beta[:d] * w
    curvature = np.zeros((d, d))
    size = beta[d : d + len(basis.left)] * w[basis.left] * w[basis.right]
    np.add.at(curvature, (basis.left, basis.right), 0.5 * size)
    np.add.at(curvature, (basis.right, basis.left), 0.5 * size)
    return gradient, curvature


def _expanded(basis: _Basis, fit: _Regression, d: int, form: Form) -> dict[str, Any]:
    """Return the emulator's arrays of one summary, radial functions padded to the form's size."""
    gradient, curvature = _polynomial(basis, fit, d)
    nodes, amplitude = np.zeros((form.nodes, form.directions)), np.zeros(form.nodes)
    if basis.nodes.size:
        nodes[: len(basis.nodes)] = basis.nodes
        amplitude[: len(basis.nodes)] = basis.white @ fit.beta[1 + d + len(basis.left) :]
    return {
        "constant": fit.beta[0] - float(np.trace(curvature)),
        "gradient": gradient,
        "curvature": curvature,
        "directions": basis.directions,
        "nodes": nodes,
        "amplitude": amplitude,
        "length": basis.length,
    }


def _log_variance(basis: _Basis, fit: _Regression, x: Array, inflate: float) -> tuple[Array, Array]:
    """Fit the form of the variance to the regression's own, inside the design and outside it (1.6 times as wide)."""
    points = np.concatenate([x, 1.6 * x[::2]])
    features = basis.features(points)[0]
    features = features - basis.features(x)[0].mean(axis=0)
    half = linalg.solve_triangular(fit.root, features.T, lower=True, check_finite=False)
    variance = inflate * ((half**2).sum(axis=0) + fit.noise**2 / len(x))
    relevance = basis.weight**2
    q = points**2 @ relevance
    middle = float(np.median(q[: len(x)]))
    design = np.stack([np.ones(len(q)), np.log1p(q / middle)], axis=1)
    b = np.linalg.lstsq(design, np.log(variance), rcond=None)[0]
    power = max(float(b[1]), 0.0)
    constant = float(np.mean(np.log(variance) - power * design[:, 1]))
    return np.array([constant, power, middle]), relevance


def _correlation(errors: Array, dimension: int) -> Array:
    """Return the correlation of standardised errors, shrunk towards none, float64[m, m]."""
    there = np.isfinite(errors)
    filled = np.where(there, errors, 0.0)
    pairs = there.astype(float).T @ there.astype(float)
    product = filled.T @ filled
    size = np.sqrt(np.diag(product) / np.diag(pairs))
    raw = product / np.maximum(pairs, 1.0) / np.outer(size, size)
    shrunk = raw * (pairs / (pairs + dimension + 20.0))
    np.fill_diagonal(shrunk, 1.0)
    values, vectors = linalg.eigh(shrunk)
    fixed = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    size = np.sqrt(np.diag(fixed))
    return fixed / np.outer(size, size)


def cross_validate(
    inputs: ArrayLike,
    summaries: ArrayLike,
    *,
    names: Sequence[str],
    keys: Sequence[str],
    folds: int = 5,
    form: Form | None = None,
) -> list[dict[str, float | str]]:
    """Refit without each fold in turn and predict it: the errors that leaving one out may flatter.

    Parameters
    ----------
    inputs, summaries, names, keys, form
        As for `fit_emulator`.
    folds
        Number of folds.

    Returns
    -------
    list of dict
        Per summary ``key``, ``r2``, ``rmse``, ``spread`` (mean squared standardised error) and ``coverage`` (percent within
        90 % intervals of a simulation).
    """
    u, y = np.asarray(inputs, dtype=np.float64), np.asarray(summaries, dtype=np.float64)
    errors, deviations = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    for fold in range(folds):
        out = np.arange(len(u)) % folds == fold
        emulator = fit_emulator(u[~out], y[~out], names=names, keys=keys, form=form)
        mean, variance = emulator.predict(u[out])
        errors[out] = y[out] - mean
        deviations[out] = np.sqrt(variance - emulator.lack_of_fit + emulator.noise**2)
    z = errors / deviations
    return [
        {
            "key": key,
            "r2": 1.0 - float(np.nanvar(errors[:, j]) / np.nanvar(y[:, j])),
            "rmse": float(np.sqrt(np.nanmean(errors[:, j] ** 2))),
            "spread": float(np.nanmean(z[:, j] ** 2)),
            "coverage": 100.0 * float(np.nanmean(np.abs(z[:, j][np.isfinite(z[:, j])]) < 1.6449)),
        }
        for j, key in enumerate(keys)
    ]
