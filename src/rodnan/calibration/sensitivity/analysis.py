"""All sensitivities of a finished calibration in one record: what its report and its credibility file show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.observations import Observation
from rodnan.calibration.bayes.posterior import Chains, Problem
from rodnan.calibration.sensitivity.directions import class_map, informed_directions
from rodnan.calibration.sensitivity.local import MINUS, local_sensitivities
from rodnan.calibration.sensitivity.overlap import contraction
from rodnan.calibration.sensitivity.profile import profile_likelihood
from rodnan.calibration.sensitivity.total import sobol_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["analyse", "main_readouts"]

_REFERENCE = ("placebo", "low", "none", "control")
"""Names of arms that others are compared with, in order of preference."""

_LISTED = 8
"""Coordinates shown of each readout."""


def main_readouts(observations: Sequence[Observation], weeks: float = 52.0) -> tuple[str, ...]:
    """Return the readouts to explain: of each trial and endpoint, near one year, the reference arm and differences from it.

    Parameters
    ----------
    observations
        Of the calibration.
    weeks
        Time wished for; the nearest that a trial reports is taken.

    Returns
    -------
    tuple of str
        Names of summaries, or ``<summary> minus <summary>``.
    """
    groups: dict[tuple[str, str], list[Observation]] = {}
    for o in observations:
        if o.arms:
            groups.setdefault((o.unit, o.endpoint), []).append(o)
    found: list[str] = []
    for members in groups.values():
        nearest = min(abs(o.days - 7 * weeks) for o in members)
        there = [o for o in members if abs(o.days - 7 * weeks) == nearest]
        found += [o.key for o in there if o.kind == "contrast"]
        levels = {o.arms[0]: o.key for o in there if o.kind == "level"}
        reference = next((name for name in _REFERENCE if name in levels), None)
        if reference is None:
            found += list(levels.values())
            continue
        found.append(levels[reference])
        found += [f"{key}{MINUS}{levels[reference]}" for arm, key in levels.items() if arm != reference]
    return tuple(dict.fromkeys(found))


def analyse(
    problem: Problem,
    chains: Chains,
    classes: Mapping[str, str],
    *,
    names: Sequence[str],
    count: int = 512,
    profiles: int = 12,
    seed: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Return all sensitivities of a calibration.

    Parameters
    ----------
    problem, chains
        A variant and its posterior.
    classes
        Class of evidence of each unit (`class_map`).
    names
        Readouts (`main_readouts`).
    count
        Base points of the Sobol designs.
    profiles
        How many of the most contracted coordinates get a profile likelihood.
    seed
        Of the Sobol designs.
    report
        Takes a line of progress.

    Returns
    -------
    dict
        ``overlap``, ``directions``, ``informed`` (number of directions), ``classes``, ``sobol`` (``prior`` and
        ``posterior``), ``local``, ``profiles``; rows as the functions of this package give them, the first eight
        coordinates of each readout.
    """
    z, tau = chains.flat_z, chains.flat_tau
    middle, spread, typical = z.mean(axis=0), z.std(axis=0), tau.mean(axis=0)
    overlap = contraction(z, chains.coordinates)
    report("sensitivity: information")
    informed = informed_directions(problem, middle, typical)
    found: dict[str, Any] = {
        "readouts": list(names),
        "overlap": overlap,
        "informed": informed.count,
        "directions": informed.rows(),
        "classes": class_map(problem, middle, typical, classes),
        "local": _first(local_sensitivities(problem, middle, names)),
    }
    report("sensitivity: Sobol indices")
    found["sobol"] = {
        "prior": _first(sobol_indices(problem, names, count=count, seed=seed)),
        "posterior": _first(
            sobol_indices(problem, names, count=count, seed=seed, centre=middle, spread=spread)
        ),
    }
    rows = []
    for row in overlap[:profiles]:
        profile = profile_likelihood(problem, row["coordinate"], start=(middle, typical))
        rows.append(
            {
                "coordinate": profile.coordinate,
                "grid": profile.grid.tolist(),
                "log": profile.log.tolist(),
                "low": profile.low if np.isfinite(profile.low) else None,
                "high": profile.high if np.isfinite(profile.high) else None,
                "bounded": profile.bounded,
            }
        )
        report(f"sensitivity: {len(rows)} of {min(profiles, len(overlap))} profiles")
    found["profiles"] = rows
    return found


def _first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first rows of every readout."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["summary"]] = seen.get(row["summary"], 0) + 1
        if seen[row["summary"]] <= _LISTED:
            kept.append(row)
    return kept
