"""Simulation-based calibration: does the sampler give back what generated the data, as often as it claims to?

A parameter set is drawn from the prior, data from the likelihood at the emulator, and the posterior is sampled. The rank of
the truth among thinned draws is uniform when prior, likelihood and sampler agree. Every coordinate, every spread and the log
likelihood are tested; the level of one test is the family's false-alarm rate shared out among them (Bonferroni).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from rodnan.calibration.bayes.likelihood import Likelihood
from rodnan.calibration.bayes.posterior import Problem, Settings, curvature_covariance, potential_of
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FALSE_ALARM", "RankTest", "calibration_check", "rank_tests", "simulate_ranks"]

FALSE_ALARM = 0.01
"""Chance that the whole family of tests raises an alarm when all is well."""

_BINS = 8
_CHUNK = 20
"""Data sets sampled side by side."""


@dataclass(frozen=True)
class RankTest:
    """Uniformity of one quantity's ranks.

    Attributes
    ----------
    name
        Coordinate, spread or ``log likelihood``.
    p
        Chi-square probability over bins.
    distance
        Largest distance between the ranks' distribution and the uniform one.
    p_distance
        Its probability (Kolmogorov and Smirnov).
    alarm
        Whether either falls below the level of one test.
    """

    name: str
    p: float
    distance: float
    p_distance: float
    alarm: bool


def simulate_ranks(
    problem: Problem,
    *,
    sets: int,
    seed: int,
    settings: Settings | None = None,
    thinned: int = 63,
    analysed: Likelihood | None = None,
    resume: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[tuple[str, ...], NDArray[np.int64], int]:
    """Return the ranks of true values among posterior draws over many synthetic data sets.

    Parameters
    ----------
    problem
        Prior, emulator and likelihood; data are made with these.
    sets
        Synthetic data sets.
    seed
        Set k has the stream ``[seed, k]``, so that a longer run begins with a shorter one.
    settings
        Of the sampler, one chain a data set.
    thinned
        Draws kept of a chain; ranks lie between 0 and this.
    analysed
        Likelihood the posterior is sampled with, where it is not the one that made the data (to see the check fail).
    resume
        File of finished sets (JSON lines); those are not run again.
    report
        Takes a line of progress.

    Returns
    -------
    names : tuple of str
        Coordinates, spreads, ``log likelihood``.
    ranks : int64[sets, len(names)]
    thinned : int
        Largest rank.

    Raises
    ------
    CalibrationError
        RDN-C047 when a chain is shorter than the draws to keep of it.
    """
    settings = settings or Settings(warmup=200, draws=252, chains=1, accept=0.8, depth=6)
    if settings.draws < thinned:
        raise CalibrationError(
            "RDN-C047", "chains shorter than the draws to keep of them", value=settings.draws
        )
    names = (
        *(problem.prior.coordinate_names[k] for k in problem.free),
        *problem.likelihood.spreads,
        "log likelihood",
    )
    of = Problem(problem.prior, problem.emulator, analysed or problem.likelihood, problem.held)
    known = _finished(resume, seed, thinned)
    todo = [k for k in range(sets) if k not in known]
    if todo:
        pilot = _synthetic(problem, seed, 10**6)
        run = _sampler_of_many(of, settings, curvature_covariance(of, pilot.y))
    for first in range(0, len(todo), _CHUNK):
        chunk = todo[first : first + _CHUNK]
        truths = [_synthetic(problem, seed, k) for k in chunk]
        padded = [truths[min(i, len(truths) - 1)] for i in range(_CHUNK)]
        draws = run(np.array([t.key for t in padded]), np.stack([t.y for t in padded]))
        evaluate = _evaluator(of)
        for k, truth, own in zip(chunk, truths, draws, strict=False):
            true = np.array([*truth.z, *truth.spreads, evaluate(truth.z, truth.spreads, truth.y)])
            known[k] = _ranks(own, true, thinned, np.random.default_rng([seed, k, 1]))
            if resume is not None:
                with resume.open("a", encoding="utf-8") as kept:
                    row = {"set": k, "seed": seed, "thinned": thinned, "ranks": known[k]}
                    kept.write(json.dumps(row) + "\n")
        report(f"simulation-based calibration: {len(known)} of {sets} data sets")
    return names, np.array([known[k] for k in range(sets)], dtype=np.int64), thinned


@dataclass(frozen=True)
class _Truth:
    z: Array
    spreads: Array
    y: Array
    key: int


def _synthetic(problem: Problem, seed: int, k: int) -> _Truth:
    """Draw parameters from the prior and data from the likelihood at the emulator."""
    rng = np.random.default_rng([seed, k])
    z = rng.normal(size=len(problem.free))
    scales = problem.likelihood.scales
    spreads = np.abs(rng.normal(size=len(scales))) * scales
    mean, variance = problem.emulator.predict(_inputs(problem, z))
    y = problem.likelihood.simulate(mean[0], variance[0], spreads, rng)
    return _Truth(z, spreads, y, int(rng.integers(2**31)))


def _sampler_of_many(
    of: Problem, settings: Settings, covariance: Array
) -> Callable[[NDArray[np.int64], Array], Array]:
    """Return a function of seeds int[c] and data float64[c, n] that gives draws float64[c, draws, d + t + 1]."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc import hmc

    d, scales = len(of.free), of.likelihood.scales
    start_kernel, step_kernel = hmc(potential_fn_gen=potential_of(of), algo="NUTS")

    def one(key: Any, y: Any) -> Any:
        first, second = jax.random.split(key)
        noise = jax.random.normal(first, (d + len(scales),))
        start = 0.5 * noise + jnp.concatenate([jnp.zeros(d), jnp.log(0.6 * scales)])
        state = start_kernel(
            start,
            settings.warmup,
            step_size=0.3,
            inverse_mass_matrix=covariance,
            adapt_mass_matrix=False,
            dense_mass=True,
            target_accept_prob=settings.accept,
            max_tree_depth=settings.depth,
            model_args=(y,),
            rng_key=second,
        )

        def step(state: Any, _: Any) -> Any:
            state = step_kernel(state, (y,))
            return state, state.z

        _, draws = jax.lax.scan(step, state, None, length=settings.warmup + settings.draws)
        draws = draws[settings.warmup :]
        spreads = jnp.exp(draws[:, d:])
        log = jax.vmap(lambda z, t: of.by_unit(z, t, y).sum())(draws[:, :d], spreads)
        return jnp.concatenate([draws[:, :d], spreads, log[:, None]], axis=1)

    with jax.enable_x64(True):
        compiled = jax.jit(jax.vmap(one))

    def run(seeds: NDArray[np.int64], y: Array) -> Array:
        with jax.enable_x64(True):
            return np.asarray(compiled(jax.vmap(jax.random.PRNGKey)(seeds), y))

    return run


def _inputs(problem: Problem, z: Array) -> Array:
    import jax

    with jax.enable_x64(True):
        return np.asarray(problem.inputs(z))


def _evaluator(problem: Problem) -> Callable[[Array, Array, Array], float]:
    import jax

    with jax.enable_x64(True):
        compiled = jax.jit(lambda z, spreads, y: problem.by_unit(z, spreads, y).sum())

    def evaluate(z: Array, spreads: Array, y: Array) -> float:
        with jax.enable_x64(True):
            return float(compiled(z, spreads, y))

    return evaluate


def _ranks(draws: Array, true: Array, thinned: int, rng: np.random.Generator) -> list[int]:
    kept = draws[np.linspace(0, len(draws) - 1, thinned).round().astype(int)]
    below, ties = (kept < true).sum(axis=0), (kept == true).sum(axis=0)
    return [int(b + rng.integers(t + 1)) for b, t in zip(below, ties, strict=True)]


def _finished(path: Path | None, seed: int, thinned: int) -> dict[int, list[int]]:
    if path is None or not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line during which a run was stopped: that set runs again
        if (row["seed"], row["thinned"]) != (seed, thinned):
            raise CalibrationError(
                "RDN-C048", "the file holds ranks of another run; choose another file", where=path.name
            )
        found[int(row["set"])] = [int(r) for r in row["ranks"]]
    return found


def rank_tests(
    names: Sequence[str], ranks: NDArray[np.int64], thinned: int, *, false_alarm: float = FALSE_ALARM
) -> list[RankTest]:
    """Test every quantity's ranks for uniformity.

    Parameters
    ----------
    names
        Of the columns.
    ranks
        int64[sets, n].
    thinned
        Largest rank.
    false_alarm
        Of the family; one test of one column has ``false_alarm / (2 n)``.
    """
    level = false_alarm / (2 * len(names))
    found = []
    for name, column in zip(names, np.asarray(ranks).T, strict=True):
        edges = np.linspace(0, thinned + 1, _BINS + 1)
        counts = np.histogram(column, bins=edges)[0]
        width = np.diff(np.ceil(edges)) / (thinned + 1)
        p = float(stats.chisquare(counts, width * len(column)).pvalue)
        spread = (np.sort(column) + 0.5) / (thinned + 1)
        distance, p_distance = stats.kstest(spread, "uniform")
        found.append(
            RankTest(name, p, float(distance), float(p_distance), bool(p < level or p_distance < level))
        )
    return found


def calibration_check(tests: Sequence[RankTest], ranks: NDArray[np.int64], thinned: int) -> dict[str, Any]:
    """Summarise the check: alarms, the least probabilities, and coverage of central 50 and 90 % intervals over all."""
    level = (np.asarray(ranks) + 0.5) / (thinned + 1)
    return {
        "sets": len(level),
        "quantities": len(tests),
        "false_alarm": FALSE_ALARM,
        "alarms": [t.name for t in tests if t.alarm],
        "least_p": min(min(t.p, t.p_distance) for t in tests),
        "coverage_50": 100.0 * float(np.mean(np.abs(level - 0.5) < 0.25)),
        "coverage_90": 100.0 * float(np.mean(np.abs(level - 0.5) < 0.45)),
        "verdict": "fails" if any(t.alarm for t in tests) else "holds",
    }
