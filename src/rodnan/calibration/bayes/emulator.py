"""An emulator of the simulator: the mean of every summary, and how far the emulator may be from it, in JAX.

For summary j and standardised inputs x the mean is

    c_j + g_j . x + x' H_j x + sum_k a_jk exp(-|A_j' x - p_jk|^2 / (2 l_j^2)),

a quadratic in all inputs plus a smooth function of the few directions in which the summary changes most. The variance of
that mean is ``exp(b_j0) (1 + q_j(x)/qbar_j)^{b_j1} + lack of fit``, q_j being the squared distance from the middle of the
design in the inputs that matter to j. `rodnan.calibration.bayes.emulator_fit` makes one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["VERSION", "Emulator", "load_emulator"]

VERSION = 1
"""Of the file format."""


@dataclass(frozen=True)
class Emulator:
    """Means and variances of m summaries as functions of d inputs.

    Attributes
    ----------
    inputs, keys
        Names of the inputs (d) and of the summaries (m).
    centre, scale
        Of the design, float64[d]: x = (input - centre) / scale.
    constant, gradient, curvature
        float64[m], float64[m, d], float64[m, d, d].
    directions, nodes, amplitude, length
        float64[m, d, r], float64[m, k, r], float64[m, k], float64[m].
    relevance, log_variance
        float64[m, d] and float64[m, 3] (b_0, b_1, qbar).
    lack_of_fit
        Variance of what the form cannot follow, float64[m].
    noise
        Standard deviation of one simulation around the mean, float64[m].
    correlation
        Of the errors between summaries, float64[m, m].
    r2, rmse, spread, coverage, rows
        Leave-one-out figures of the fit: explained share of the variance, root mean squared error, mean of the squared
        standardised errors, share inside their 90 % interval, and simulations used; float64[m] each.
    """

    inputs: tuple[str, ...]
    keys: tuple[str, ...]
    centre: Array
    scale: Array
    constant: Array
    gradient: Array
    curvature: Array
    directions: Array
    nodes: Array
    amplitude: Array
    length: Array
    relevance: Array
    log_variance: Array
    lack_of_fit: Array
    noise: Array
    correlation: Array
    r2: Array
    rmse: Array
    spread: Array
    coverage: Array
    rows: Array

    def mean(self, inputs: Any) -> Any:
        """Return the means, float64[m], at inputs float64[d]; in JAX, differentiable."""
        import jax.numpy as jnp

        x = (inputs - self.centre) / self.scale
        left, right = np.triu_indices(len(self.centre))
        packed = self.curvature[:, left, right] * np.where(left == right, 1.0, 2.0)
        bent = packed @ (x[left] * x[right])
        along = jnp.einsum("mdr,d->mr", self.directions, x)
        square = jnp.sum((along[:, None, :] - self.nodes) ** 2, axis=-1)
        smooth = jnp.sum(self.amplitude * jnp.exp(-0.5 * square / self.length[:, None] ** 2), axis=-1)
        return self.constant + self.gradient @ x + bent + smooth

    def variance(self, inputs: Any) -> Any:
        """Return the variances of the means, float64[m], at inputs float64[d]; in JAX, differentiable."""
        import jax.numpy as jnp

        x = (inputs - self.centre) / self.scale
        q = self.relevance @ x**2
        b = self.log_variance
        return jnp.exp(b[:, 0] + b[:, 1] * jnp.log1p(q / b[:, 2])) + self.lack_of_fit

    def predict(self, inputs: ArrayLike) -> tuple[Array, Array]:
        """Return means and variances float64[n, m] at inputs float64[n, d], as NumPy arrays."""
        import jax

        with jax.enable_x64(True):
            table = np.atleast_2d(np.asarray(inputs, dtype=np.float64))
            mean, variance = jax.jit(jax.vmap(lambda x: (self.mean(x), self.variance(x))))(table)
            return np.asarray(mean), np.asarray(variance)

    def select(self, keys: tuple[str, ...]) -> Emulator:
        """Return the emulator of some of the summaries, in that order."""
        missing = [k for k in keys if k not in self.keys]
        if missing:
            raise CalibrationError("RDN-C036", "the emulator does not know a summary", value=missing[0])
        at = np.array([self.keys.index(k) for k in keys])
        whole = {"inputs": self.inputs, "keys": keys, "centre": self.centre, "scale": self.scale}
        rest = {f.name: getattr(self, f.name)[at] for f in fields(self) if f.name not in whole}
        rest["correlation"] = rest["correlation"][:, at]
        return Emulator(**whole, **rest)

    def report(self) -> list[dict[str, Any]]:
        """Return one row a summary: key, rows, r2, rmse, noise, spread (1 when variances are right), coverage (percent)."""
        return [
            {
                "key": key,
                "rows": int(self.rows[j]),
                "r2": float(self.r2[j]),
                "rmse": float(self.rmse[j]),
                "noise": float(self.noise[j]),
                "spread": float(self.spread[j]),
                "coverage": 100.0 * float(self.coverage[j]),
            }
            for j, key in enumerate(self.keys)
        ]

    def save(self, path: Path) -> None:
        """Write the emulator to a file (npz)."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("inputs", "keys")}
        head = json.dumps({"version": VERSION, "inputs": self.inputs, "keys": self.keys})
        part = path.with_name(path.name + ".part.npz")
        np.savez_compressed(part, head=np.array(head), **arrays)
        part.replace(path)


def load_emulator(path: Path) -> Emulator:
    """Read an emulator from its file.

    Raises
    ------
    CalibrationError
        RDN-C037 when the file is none, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            head = json.loads(str(stored["head"]))
            arrays = {name: stored[name] for name in stored.files if name != "head"}
    except (OSError, ValueError, KeyError) as error:
        raise CalibrationError("RDN-C037", "not an emulator's file", where=str(path)) from error
    if head.get("version") != VERSION:
        raise CalibrationError(
            "RDN-C037", f"an emulator of version {VERSION} is needed", where=path.name, value=head
        )
    return Emulator(tuple(head["inputs"]), tuple(head["keys"]), **arrays)
