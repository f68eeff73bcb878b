"""Distributions of readouts over any number of patients, gathered in whole numbers.

Values are counted in bins, and summed in millionths as integers: such sums do not depend on the order or on how patients
were cut into shards, so that the same patients give the same numbers to the last bit.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["QUANTILES", "SCALES", "Distribution", "Scale"]

QUANTILES: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)
_UNIT = 1_000_000
"""Parts of a unit in which sums are kept: a sum of a million patients is then exact to less than the seventh digit."""


@dataclass(frozen=True)
class Scale:
    """How a readout is counted.

    Attributes
    ----------
    unit
        Its unit.
    low, width, bins
        Lowest value, width of a bin and number of bins; values beyond count in the outermost.
    steps
        Whether it takes the values ``low + k width`` only.
    """

    unit: str
    low: float
    width: float
    bins: int
    steps: bool = False

    def place(self, values: Array) -> NDArray[np.int64]:
        """Return the bin of each value."""
        scaled = (values - self.low) / self.width
        index = np.rint(scaled) if self.steps else np.floor(scaled)
        return np.clip(index, 0, self.bins - 1).astype(np.int64)


SCALES: dict[str, Scale] = {
    "mrss": Scale("points", 0.0, 0.1, 510),
    "fvc_pct_pred": Scale("% of predicted", 0.0, 0.25, 640),
    "dlco_pct_pred": Scale("% of predicted", 0.0, 0.25, 640),
    "haq_di": Scale("points", 0.0, 0.125, 25, steps=True),
    "neutrophils": Scale("1e9/L", 0.0, 0.05, 600),
    "white_cells": Scale("1e9/L", 0.0, 0.05, 800),
}


@dataclass(frozen=True)
class Distribution:
    """Distribution of each readout at each time.

    Attributes
    ----------
    n
        Patients.
    counts
        int64[n_times, bins] by readout.
    sums, squares
        int64[n_times] by readout: sum of the values in millionths of a unit, and of their squares in units squared times
        10^6.
    """

    n: int
    counts: dict[str, NDArray[np.int64]]
    sums: dict[str, NDArray[np.int64]]
    squares: dict[str, NDArray[np.int64]]

    @classmethod
    def of(cls, readouts: dict[str, Array]) -> Distribution:
        """Return the distribution of values float64[n_times, n] by readout."""
        counts, sums, squares = {}, {}, {}
        n = 0
        for name, values in readouts.items():
            times, n = values.shape
            bins = SCALES[name].bins
            place = SCALES[name].place(values) + bins * np.arange(times)[:, None]
            counts[name] = np.bincount(place.ravel(), minlength=times * bins).reshape(times, bins)
            sums[name] = np.rint(values * _UNIT).astype(np.int64).sum(axis=1)
            squares[name] = np.rint(values**2 * _UNIT).astype(np.int64).sum(axis=1)
        return cls(n, counts, sums, squares)

    @classmethod
    def from_bytes(cls, content: bytes) -> Distribution:
        """Return what `to_bytes` made."""
        with np.load(io.BytesIO(content)) as kept:
            parts = {
                part: {name: kept[f"{part}/{name}"].astype(np.int64) for name in SCALES}
                for part in ("counts", "sums", "squares")
            }
            return cls(int(kept["n"]), **parts)

    @classmethod
    def together(cls, parts: Iterable[Distribution]) -> Distribution:
        """Return the distribution of all patients of several, at least one."""
        first, *rest = parts
        n = first.n
        total = [{k: v.copy() for k, v in d.items()} for d in (first.counts, first.sums, first.squares)]
        for part in rest:
            n += part.n
            for mine, theirs in zip(total, (part.counts, part.sums, part.squares), strict=True):
                for name in mine:
                    mine[name] += theirs[name]
        return cls(n, *total)

    def to_bytes(self) -> bytes:
        """Return it as a compressed NumPy archive, the same bytes for the same numbers."""
        file = io.BytesIO()
        parts = {"counts": self.counts, "sums": self.sums, "squares": self.squares}
        arrays = {
            f"{part}/{name}": values.astype(np.uint32) if part == "counts" else values
            for part, by_name in parts.items()
            for name, values in by_name.items()
        }
        np.savez_compressed(file, n=np.int64(self.n), **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    def mean(self, name: str) -> Array:
        """Return the mean, float64[n_times], exact to a millionth of a unit."""
        return self.sums[name] / self.n / _UNIT

    def sd(self, name: str) -> Array:
        """Return the standard deviation, float64[n_times]; 0 for one patient."""
        if self.n < 2:
            return np.zeros(len(self.sums[name]))
        mean = self.mean(name)
        variance = (self.squares[name] / self.n / _UNIT - mean**2) * self.n / (self.n - 1)
        return np.sqrt(np.maximum(variance, 0.0))

    def quantile(self, name: str, q: float) -> Array:
        """Return a quantile, float64[n_times], exact to the width of a bin (linear within it)."""
        scale, counts = SCALES[name], self.counts[name]
        below = np.cumsum(counts, axis=1)
        rank = q * self.n
        index = (below < max(rank, 0.5)).sum(axis=1).clip(0, scale.bins - 1)
        if scale.steps:
            return scale.low + scale.width * index
        row = np.arange(len(counts))
        here = counts[row, index]
        share = (rank - (below[row, index] - here)) / np.maximum(here, 1)
        return scale.low + scale.width * (index + np.clip(share, 0.0, 1.0))
