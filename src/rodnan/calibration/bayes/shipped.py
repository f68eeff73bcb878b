"""The posterior that ships with the package: a small versioned file of draws, with where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.priors import POTENCY
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.errors import CalibrationError, nearest_name
from rodnan.trial.uncertainty import ParameterDraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Posterior", "load_posterior", "posterior_ships", "trial_draws", "write_posterior"]


@dataclass(frozen=True)
class Posterior:
    """Draws of the calibrated model.

    Attributes
    ----------
    names
        Physical values: parameters by name, potencies as ``potency/<drug>``.
    draws
        float64[n, len(names)].
    spreads
        Names of the between-trial spreads.
    taus
        float64[n, len(spreads)].
    weights
        Summing to one, float64[n].
    provenance
        How the file was made: settings, diagnostics, hashes.
    """

    names: tuple[str, ...]
    draws: Array
    spreads: tuple[str, ...]
    taus: Array
    weights: Array
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.draws)

    def column(self, name: str) -> Array:
        """Return the draws of one value; RDN-C032 for a name the posterior does not have."""
        if name not in self.names:
            raise CalibrationError(
                "RDN-C032", "no such calibrated value", value=name, nearest=nearest_name(name, self.names)
            )
        return self.draws[:, self.names.index(name)]

    def places(self, count: int) -> NDArray[np.int64]:
        """Return the places of `count` draws, spread evenly over the cumulated weights."""
        ladder = (0.5 + np.arange(count)) / count
        return np.minimum(np.searchsorted(np.cumsum(self.weights), ladder), len(self) - 1).astype(np.int64)

    def parameter_sets(self, count: int | None = None) -> list[tuple[ParameterSet, dict[str, float]]]:
        """Return parameter sets with their potencies, one a draw.

        Parameters
        ----------
        count
            How many; every draw of the file when None.

        Returns
        -------
        list of (ParameterSet, dict)
            The dict gives the potency of each calibrated drug.
        """
        places = np.arange(len(self)) if count is None else self.places(count)
        found = []
        for k in places:
            values = dict(zip(self.names, map(float, self.draws[k]), strict=True))
            own = {n: v for n, v in values.items() if not n.startswith(POTENCY)}
            potencies = {n.removeprefix(POTENCY): v for n, v in values.items() if n.startswith(POTENCY)}
            found.append((load_parameters().with_values(own, f"posterior draw {k}"), potencies))
        return found

    def spreads_of(self, count: int | None = None) -> list[dict[str, float]]:
        """Return the between-trial spreads of the same draws as `parameter_sets`."""
        places = np.arange(len(self)) if count is None else self.places(count)
        return [dict(zip(self.spreads, map(float, self.taus[k]), strict=True)) for k in places]

    def table(self) -> list[dict[str, Any]]:
        """Return one row a value: name, mean, median and 90 % interval."""
        order = np.argsort(self.draws, axis=0)
        rows = []
        for j, name in enumerate(self.names):
            column = self.draws[order[:, j], j]
            level = np.cumsum(self.weights[order[:, j]])
            low, middle, high = (
                float(column[min(np.searchsorted(level, q), len(column) - 1)]) for q in (0.05, 0.5, 0.95)
            )
            mean = float(self.weights @ self.draws[:, j])
            rows.append({"name": name, "mean": mean, "median": middle, "low": low, "high": high})
        return rows


def write_posterior(posterior: Posterior, folder: Path, version: int) -> tuple[Path, Path]:
    """Write the draws (npz) and where they came from (YAML, with the hash of the draws).

    Parameters
    ----------
    posterior
        Draws and provenance.
    folder
        Where the two files go.
    version
        Of the posterior; part of the files' names.

    Returns
    -------
    tuple of Path
        The file of draws and the file of provenance.
    """
    import yaml

    draws, origin = (folder / f"posterior-{version}.{suffix}" for suffix in ("npz", "yaml"))
    np.savez_compressed(
        draws,
        names=np.array(posterior.names),
        draws=_six(posterior.draws),
        spreads=np.array(posterior.spreads),
        taus=_six(posterior.taus),
        weights=posterior.weights,
    )
    head = {"id": f"posterior-{version}", "version": version, "draws": len(posterior), "sha256": _hash(draws)}
    text = "# Where the posterior came from; made by its command, never by hand.\n"
    text += yaml.safe_dump(head | dict(posterior.provenance), sort_keys=False, allow_unicode=True, width=110)
    origin.write_text(text, encoding="utf-8")
    return draws, origin


def _six(table: Array) -> Array:
    """Return numbers rounded to six digits, so that the file is small."""
    size = 10.0 ** (5 - np.floor(np.log10(np.maximum(np.abs(table), 1e-300))))
    return np.where(table == 0.0, 0.0, np.round(table * size) / size)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def posterior_ships() -> bool:
    """Return whether the package holds a posterior."""
    return any(Path(str(files("rodnan.calibration").joinpath("data"))).glob("posterior-*.yaml"))


@lru_cache(maxsize=4)
def load_posterior(folder: Path | None = None) -> Posterior:
    """Read the newest posterior.

    Parameters
    ----------
    folder
        Where the files are; the package's own when None.

    Raises
    ------
    CalibrationError
        RDN-C049 when there is none, when the draws are not those that the provenance names, or when a name is unknown.
    """
    import yaml

    place = Path(str(files("rodnan.calibration").joinpath("data"))) if folder is None else folder
    found = sorted(place.glob("posterior-*.yaml"), key=lambda path: int(path.stem.rpartition("-")[2]))
    if not found:
        raise CalibrationError(
            "RDN-C049", "no posterior is there; make one with rodnan calibrate --full FOLDER"
        )
    provenance = yaml.safe_load(found[-1].read_text(encoding="utf-8"))
    draws = found[-1].with_suffix(".npz")
    if not draws.exists() or _hash(draws) != provenance["sha256"]:
        raise CalibrationError(
            "RDN-C049", "the draws are not those that the provenance names", where=draws.name
        )
    with np.load(draws, allow_pickle=False) as stored:
        return Posterior(
            tuple(map(str, stored["names"])),
            stored["draws"],
            tuple(map(str, stored["spreads"])),
            stored["taus"],
            stored["weights"],
            provenance,
        )


def trial_draws(count: int) -> list[ParameterDraw]:
    """Return draws of the shipped posterior as `rodnan.trial.run` takes them.

    Raises
    ------
    CalibrationError
        RDN-C049 when no posterior ships.
    """
    return [ParameterDraw(p, potencies) for p, potencies in load_posterior().parameter_sets(count)]
