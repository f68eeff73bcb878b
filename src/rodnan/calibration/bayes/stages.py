"""The calibration as stages that leave their results in a folder and are not run again while nothing they use has changed.

1. ``emulate``: design (`write_design`) -> emulator and its errors.
2. ``check``: simulation-based calibration on the emulator, before real data are looked at.
3. ``sample``: chains of every structural variant.
4. ``stack``: leave-one-out scores and weights of the variants.
5. ``redraw``: draws of the shipped variant, simulated again.
6. ``correct``: importance weights, the posterior's file and its provenance.
7. ``mode``: the point fit that ships as the model's values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.emulator import Emulator, load_emulator
from rodnan.calibration.bayes.emulator_fit import fit_emulator
from rodnan.calibration.bayes.importance import combined, correct, resample
from rodnan.calibration.bayes.likelihood import build_likelihood
from rodnan.calibration.bayes.mode import find_mode, mode_record
from rodnan.calibration.bayes.observations import Observation, heterogeneity
from rodnan.calibration.bayes.posterior import Chains, Problem, Settings, load_chains, run_chains
from rodnan.calibration.bayes.priors import Prior, build_prior
from rodnan.calibration.bayes.sbc import calibration_check, rank_tests, simulate_ranks
from rodnan.calibration.bayes.series_factor import SeriesFactor, series_logs, without_series
from rodnan.calibration.bayes.shipped import Posterior, write_posterior
from rodnan.calibration.bayes.stacking import compare
from rodnan.calibration.natural_history import targets
from rodnan.calibration.record import fit_yaml
from rodnan.disease.parameters import ParameterSet
from rodnan.errors import CalibrationError, nearest_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["STAGES", "Calibration", "noise_of_repeats", "run_stage", "write_design"]

STAGES = ("emulate", "check", "sample", "stack", "redraw", "correct", "mode")

Report = Callable[[str], None]

_MODE_ROUNDS, _MODE_REPEATS = 3, 4
"""Rounds of simulating at the mode, and simulations with other people in each."""


@dataclass(frozen=True)
class Calibration:
    """A calibration: what moves, what was observed, where results go.

    Attributes
    ----------
    folder
        Of the results.
    parameters, names
        The parameter table and the names of what moves (`build_prior`).
    observations
        What was observed.
    variants
        Held values by name of the structural variant.
    shipped
        The variant whose posterior ships.
    simulate
        From points (physical values by name) and a folder's name to summaries float64[n, m] in the order of the design's
        keys; for ``redraw`` and ``mode``.
    seed, sampler, sets, redraws, version
        Random seed, length of the chains, synthetic data sets of the check, draws to simulate again, version of the file.
    redraw_noise
        Noise of a simulation of ``redraw`` as a share of one of the design (more virtual patients: less).
    series
        The patient series of SLS I, in place of its aggregated rows, for draws that are simulated again; None without.
    """

    folder: Path
    parameters: ParameterSet
    names: tuple[str, ...]
    observations: tuple[Observation, ...]
    variants: Mapping[str, Mapping[str, float]]
    shipped: str
    simulate: Callable[[Sequence[Mapping[str, float]], str], Array] | None = None
    seed: int = 1
    sampler: Settings = field(default_factory=Settings)
    sets: int = 100
    redraws: int = 300
    version: int = 1
    redraw_noise: float = 1.0
    series: SeriesFactor | None = None

    @property
    def prior(self) -> Prior:
        """The joint prior of what moves."""
        return build_prior(self.parameters, self.names)

    def emulator(self) -> Emulator:
        """Return the emulator that ``emulate`` left."""
        return load_emulator(self.folder / "emulator.npz")

    def chains(self, variant: str) -> Chains:
        """Return the chains that ``sample`` left of a variant."""
        return load_chains(self.folder / f"chains-{variant}.npz")

    def problem(self, variant: str | None = None) -> Problem:
        """Return prior, emulator and likelihood of a variant (the shipped one when None)."""
        name = self.shipped if variant is None else variant
        if name not in self.variants:
            raise CalibrationError(
                "RDN-C051",
                "no such structural variant",
                value=name,
                nearest=nearest_name(name, self.variants),
            )
        emulator = self.emulator()
        seen = [o.key for o in self.observations]
        emulator = emulator.select(tuple(k for k in emulator.keys if k in set(seen)))
        likelihood = build_likelihood(self.observations, emulator.keys, correlation=emulator.correlation)
        held = {n: v for n, v in self.variants[name].items() if n in self.names}
        return Problem(self.prior, emulator, likelihood, held)


def write_design(
    folder: Path,
    names: Sequence[str],
    points: ArrayLike,
    keys: Sequence[str],
    summaries: ArrayLike,
    noise: ArrayLike | None = None,
) -> Path:
    """Write a design that was simulated.

    Parameters
    ----------
    folder
        Of the calibration.
    names, points
        Names of the physical values and their table, float64[n, p].
    keys, summaries
        Names of the summaries and their table, float64[n, m]; not a number where there is none.
    noise
        Standard deviation of one simulation, float64[m]; estimated from repeated points when None and there are some.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table, found = np.asarray(points, dtype=np.float64), np.asarray(summaries, dtype=np.float64)
    known = noise_of_repeats(table, found) if noise is None else np.asarray(noise, dtype=np.float64)
    path = folder / "design.npz"
    np.savez_compressed(
        path,
        names=np.array(names),
        points=table,
        keys=np.array(keys),
        summaries=found,
        noise=np.zeros(0) if known is None else known,
    )
    return path


def noise_of_repeats(points: Array, summaries: Array, least: int = 10) -> Array | None:
    """Return the standard deviation between repeats of a point, float64[m], pooled; None where they are too few."""
    _, group = np.unique(points, axis=0, return_inverse=True)
    total, degrees = np.zeros(summaries.shape[1]), np.zeros(summaries.shape[1])
    for g in np.flatnonzero(np.bincount(group.ravel()) > 1):
        rows = summaries[group.ravel() == g]
        there = np.isfinite(rows)
        count = there.sum(axis=0)
        middle = np.where(there, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        total += np.where(there, (rows - middle) ** 2, 0.0).sum(axis=0)
        degrees += np.maximum(count - 1, 0)
    if not len(degrees) or degrees.min() < least - 1:
        return None
    return np.sqrt(total / degrees)


def run_stage(of: Calibration, stage: str, report: Report = lambda line: None) -> dict[str, Any]:
    """Run one stage, or return what it left when nothing it uses has changed.

    Parameters
    ----------
    of
        The calibration.
    stage
        One of `STAGES`.
    report
        Takes a line of progress.

    Returns
    -------
    dict
        Summary of the stage, as kept in ``manifest.json``.

    Raises
    ------
    CalibrationError
        RDN-C052 for a stage that is none, RDN-C053 when an earlier stage has not been run.
    """
    if stage not in STAGES:
        raise CalibrationError("RDN-C052", "no such stage", value=stage, nearest=nearest_name(stage, STAGES))
    manifest = _read_json(of.folder / "manifest.json")
    mark = _mark(of, stage)
    there = manifest.get(stage)
    if there is not None and there["mark"] == mark:
        report(f"{stage}: there already")
        return there["summary"]
    report(f"{stage}: runs")
    summary = _RUN[stage](of, report)
    manifest[stage] = {"mark": mark, "summary": summary}
    _write_json(of.folder / "manifest.json", manifest)
    return summary


def _needs(of: Calibration, stage: str) -> list[Path]:
    chains = [of.folder / f"chains-{name}.npz" for name in of.variants]
    return {
        "emulate": [of.folder / "design.npz"],
        "check": [of.folder / "emulator.npz"],
        "sample": [of.folder / "emulator.npz"],
        "stack": chains,
        "redraw": [of.folder / f"chains-{of.shipped}.npz"],
        "correct": [of.folder / "redrawn.npz", of.folder / "emulator.npz"]
        + ([] if of.series is None else [of.folder / "redrawn-series.json"]),
        "mode": [of.folder / f"chains-{of.shipped}.npz", of.folder / "emulator.npz"],
    }[stage]


def _mark(of: Calibration, stage: str) -> str:
    """Return a hash of everything a stage uses: files, priors, its settings, what was observed."""
    digest = hashlib.sha256()
    for path in _needs(of, stage):
        if not path.exists():
            raise CalibrationError(
                "RDN-C053", f"the stage {stage} needs the result of an earlier one", where=path.name
            )
        digest.update(path.read_bytes())
    of_stage = {
        "emulate": [],
        "check": [of.seed, of.sets, of.shipped],
        "sample": [of.seed, asdict(of.sampler)],
        "stack": [],
        "redraw": [of.seed, of.redraws, of.shipped],
        "correct": [of.seed, of.redraw_noise, of.shipped, of.version],
        "mode": [of.shipped],
    }[stage]
    uses: dict[str, Any] = {"prior": [asdict(c) for c in of.prior.coordinates], "settings": of_stage}
    if of.series is not None and stage in ("redraw", "correct"):
        uses["series"] = of.series.mark()
    if stage != "emulate":
        uses |= {
            "observations": [o.model_dump() for o in of.observations],
            "spread": heterogeneity().model_dump(),
            "variants": {n: dict(v) for n, v in of.variants.items()},
        }
    digest.update(json.dumps(uses, sort_keys=True).encode())
    return digest.hexdigest()[:24]


def _emulate(of: Calibration, report: Report) -> dict[str, Any]:
    with np.load(of.folder / "design.npz", allow_pickle=False) as stored:
        names, keys = tuple(map(str, stored["names"])), tuple(map(str, stored["keys"]))
        points, summaries, noise = stored["points"], stored["summaries"], stored["noise"]
    order = [names.index(name) for name in of.prior.names]
    inputs = of.prior.inputs(points[:, order])
    enough = np.isfinite(summaries).sum(axis=0) > inputs.shape[1] + 20
    varied = np.nanstd(np.where(np.isfinite(summaries), summaries, np.nan), axis=0) > 1e-9
    use = np.flatnonzero(enough & varied)
    emulator = fit_emulator(
        inputs,
        summaries[:, use],
        names=of.prior.coordinate_names,
        keys=[keys[k] for k in use],
        noise=noise[use] if noise.size else None,
        report=report,
    )
    emulator.save(of.folder / "emulator.npz")
    _write_json(of.folder / "emulator.json", {"summaries": emulator.report()})
    return {
        "points": len(points),
        "summaries": len(use),
        "left_out": [keys[k] for k in range(len(keys)) if k not in set(use.tolist())],
        "noise": "of repeated points"
        if noise.size
        else "not known; half of the residual taken for lack of fit",
        "r2_median": float(np.median(emulator.r2)),
        "r2_least": float(emulator.r2.min()),
        "coverage": 100.0 * float(np.mean(emulator.coverage)),
    }


def _check(of: Calibration, report: Report) -> dict[str, Any]:
    names, ranks, thinned = simulate_ranks(
        of.problem(), sets=of.sets, seed=of.seed, resume=of.folder / "sbc.jsonl", report=report
    )
    tests = rank_tests(names, ranks, thinned)
    _write_json(
        of.folder / "sbc.json",
        {"thinned": thinned, "tests": [asdict(t) for t in tests], "ranks": ranks.tolist()},
    )
    return calibration_check(tests, ranks, thinned)


def _sample(of: Calibration, report: Report) -> dict[str, Any]:
    found = {}
    for name in of.variants:
        chains = run_chains(of.problem(name), seed=of.seed, settings=of.sampler)
        chains.save(of.folder / f"chains-{name}.npz")
        diagnostics = chains.diagnostics()
        _write_json(of.folder / f"chains-{name}.json", diagnostics)
        found[name] = {k: v for k, v in diagnostics.items() if k != "columns"}
        report(f"sample: {name}, R-hat {found[name]['r_hat_worst']:.3f}")
    return found


def _stack(of: Calibration, report: Report) -> dict[str, Any]:
    rows = compare({name: of.chains(name) for name in of.variants})
    report("stack: " + ", ".join(f"{row['variant']} {row['weight']:.2f}" for row in rows))
    return {"variants": rows}


def _redraw(of: Calibration, report: Report) -> dict[str, Any]:
    if of.simulate is None:
        raise CalibrationError("RDN-C054", "the stage redraw needs the simulator")
    problem, chains = of.problem(), of.chains(of.shipped)
    rows = np.linspace(0, len(chains.flat_z) - 1, of.redraws).round().astype(int)
    values = problem.values(chains.flat_z[rows])
    points = [dict(zip(problem.prior.names, map(float, v), strict=True)) for v in values]
    with np.load(of.folder / "design.npz", allow_pickle=False) as stored:
        keys = tuple(map(str, stored["keys"]))
    summaries = np.asarray(of.simulate(points, "redrawn"), dtype=np.float64)
    np.savez_compressed(
        of.folder / "redrawn.npz",
        rows=rows,
        z=chains.flat_z[rows],
        tau=chains.flat_tau[rows],
        values=values,
        keys=np.array(keys),
        summaries=summaries,
    )
    found = {"draws": len(rows), "failed": int((~np.isfinite(summaries)).any(axis=1).sum())}
    if of.series is None:
        return found
    report(f"redraw: the patient series, {len(of.series.series.patients)} patients")
    values = of.series.evaluate(points, "redrawn-series")
    _write_json(
        of.folder / "redrawn-series.json",
        {"series": of.series.mark(), "draws": [None if v is None else v.record() for v in values]},
    )
    return found | {"series": of.series.summary(values)}


def _correct(of: Calibration, report: Report) -> dict[str, Any]:
    problem = of.problem()
    with np.load(of.folder / "redrawn.npz", allow_pickle=False) as stored:
        keys = tuple(map(str, stored["keys"]))
        tau, values, simulated = stored["tau"], stored["values"], stored["summaries"]
    simulated = simulated[:, [keys.index(k) for k in problem.emulator.keys]]
    emulated = problem.emulator.predict(problem.prior.inputs(values))
    noise = (of.redraw_noise * problem.emulator.noise) ** 2
    further: dict[str, Any] = {}
    if of.series is not None:
        draws = _read_json(of.folder / "redrawn-series.json")["draws"]
        further = {
            "exact_likelihood": without_series(
                of.observations, problem.emulator.keys, problem.emulator.correlation
            ),
            "factor": series_logs(draws, problem.likelihood, tau),
        }
    plain = correct(problem.likelihood, tau, emulated, (simulated, noise), **further)
    together = correct(problem.likelihood, tau, emulated, combined(emulated, (simulated, noise)), **further)
    chosen, how = (plain, "simulation alone") if plain.reliable else (together, "simulation and emulator")
    if not chosen.reliable:
        weights, how = np.where(np.isfinite(chosen.log_ratio), 1.0, 0.0), "none: no weights to be relied on"
        weights = weights / weights.sum()
    else:
        weights = chosen.weights
    report(f"correct: {how}, k-hat {chosen.k_hat:.2f}, effective draws {chosen.ess:.0f}")
    away = (simulated - emulated[0]) / np.sqrt(emulated[1] + noise)
    summary = {
        "correction": how,
        "k_hat": {"simulation": plain.k_hat, "simulation and emulator": together.k_hat},
        "effective_draws": {"simulation": plain.ess, "simulation and emulator": together.ess},
        "failed": plain.failed,
        "emulator_spread": float(np.nanmean(away**2)),
        "emulator_bias_worst": float(np.nanmax(np.abs(np.nanmean(away, axis=0)))),
    }
    if of.series is not None:
        summary["series"] = of.series.used(further["factor"], weights)
    places = resample(weights, len(values), seed=of.seed)
    posterior = Posterior(
        problem.prior.names,
        values[places],
        problem.likelihood.spreads,
        tau[places],
        np.full(len(places), 1.0 / len(places)),
        _provenance(of, summary),
    )
    write_posterior(posterior, of.folder, of.version)
    return summary


def _mode(of: Calibration, report: Report) -> dict[str, Any]:
    if of.simulate is None:
        raise CalibrationError("RDN-C054", "the stage mode needs the simulator")
    problem, chains = of.problem(), of.chains(of.shipped)
    with np.load(of.folder / "design.npz", allow_pickle=False) as stored:
        keys = tuple(map(str, stored["keys"]))
    found, offsets, worst = find_mode(problem, chains, targets()), dict.fromkeys(keys, 0.0), np.inf
    for k in range(_MODE_ROUNDS):
        simulated = np.asarray(of.simulate([found.values] * _MODE_REPEATS, f"mode-{k + 1}"), dtype=np.float64)
        mean = dict(zip(keys, map(float, np.nanmean(simulated, axis=0)), strict=True))
        away = {key: mean[key] - found.summaries[key] for key in found.summaries}
        worst = max(abs(a) / problem.emulator.noise[j] for j, a in enumerate(away.values()))
        report(
            f"mode: round {k + 1}, simulation and emulator differ by {worst:.2f} of a simulation's noise at most"
        )
        offsets = {key: offsets[key] + a for key, a in away.items()}
        found = find_mode(problem, chains, targets(), offsets=offsets)
    record = mode_record(found, problem, "rodnan calibrate --full FOLDER")
    (of.folder / "fitted.yaml").write_text(fit_yaml(record), encoding="utf-8")
    return {"cost": list(found.cost), "evaluations": found.evaluations, "last_difference": float(worst)}


def _provenance(of: Calibration, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the posterior was made: settings, inputs, diagnostics of all stages."""
    from importlib import metadata

    from rodnan._version import __version__

    manifest = _read_json(of.folder / "manifest.json")
    stages = {name: manifest[name]["summary"] for name in STAGES if name in manifest and name != "correct"}
    return {
        "variant": of.shipped,
        "rodnan": __version__,
        "libraries": {n: metadata.version(n) for n in ("numpy", "scipy", "jax", "numpyro", "arviz")},
        "seed": of.seed,
        "sampler": asdict(of.sampler),
        "observations": len(of.observations),
        "observations_sha256": hashlib.sha256(
            json.dumps([o.model_dump() for o in of.observations], sort_keys=True).encode()
        ).hexdigest(),
        "parameters_sha256": of.parameters.sha256(),
        "stages": json.loads(json.dumps(stages)),
        "correction": json.loads(json.dumps(dict(summary))),
    }


_RUN: Mapping[str, Callable[[Calibration, Report], dict[str, Any]]] = {
    "emulate": _emulate,
    "check": _check,
    "sample": _sample,
    "stack": _stack,
    "redraw": _redraw,
    "correct": _correct,
    "mode": _mode,
}


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    part.replace(path)
