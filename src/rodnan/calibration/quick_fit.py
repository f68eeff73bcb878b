"""A quick penalised least-squares fit: the untreated model first, then one potency a drug.

Residuals are robust (soft l1), parameters are held by their priors, the pool's people and their readings are the same in
every evaluation. It gives a point, not a posterior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.courses import Courses
from rodnan.calibration.natural_history import evaluate_target, targets
from rodnan.calibration.scales import Scale, from_unbounded, scales_of, to_unbounded
from rodnan.disease.parameters import ParameterSet
from rodnan.population.pool import PoolDraws, simulate_pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Fit", "fit_untreated", "settings", "untreated_residuals"]


@dataclass(frozen=True)
class Fit:
    """Where a fit ended.

    Attributes
    ----------
    values
        Fitted value by parameter.
    cost
        Half the robust sum of squares, prior included, at the start and at the end.
    rows
        ``label, observed, model, residual`` of each datum at the end.
    evaluations
        Simulations of the pool.
    """

    values: Mapping[str, float]
    cost: tuple[float, float]
    rows: tuple[Mapping[str, float | str], ...]
    evaluations: int


@lru_cache(maxsize=1)
def settings() -> Mapping[str, Any]:
    """Return the recorded settings of the quick fit."""
    import yaml

    return yaml.safe_load(files("rodnan.calibration").joinpath("quick_fit.yaml").read_text(encoding="utf-8"))


def untreated_residuals(courses: Courses) -> list[dict[str, Any]]:
    """Return one row a datum: label, observed, model, residual in standard deviations.

    The standard deviation of a natural-history part is a third of the width of its tolerance, and what lies beyond the
    tolerance counts three times more; that of a trial arm includes its own error and the drift between trials.
    """
    rows: list[dict[str, Any]] = []
    for target in targets():
        if target.id == "N18":
            continue
        values = evaluate_target(target.id, courses)
        for part in target.parts:
            sd = (part.high - part.low) / 3.0
            model = values[part.key]
            beyond = max(0.0, part.low - model, model - part.high) * np.sign(model - part.observed)
            row = _row(f"{target.id} {part.key}", part.observed, model, sd)
            rows.append(row | {"residual": row["residual"] + 3.0 * beyond / sd})
    for arm in settings()["untreated"]["arms"]:
        entered = courses.enter(arm["entry"], 2.1)
        table = courses.observed_fvc if arm["endpoint"] == "fvc_pct_pred" else courses.observed_mrss
        model = entered.mean(entered.change(table, arm["days"]))
        rows.append(
            _row(f"{arm['entry']} {arm['endpoint']} day {arm['days']}", arm["observed"], model, arm["sd"])
        )
    return rows


def _row(label: str, observed: float, model: float, sd: float) -> dict[str, Any]:
    return {"label": label, "observed": observed, "model": model, "residual": (model - observed) / sd}


def fit_untreated(
    parameters: ParameterSet,
    draws: PoolDraws,
    *,
    names: Sequence[str] | None = None,
    rounds: int = 6,
    step: float = 0.25,
    workers: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Fit:
    """Fit the untreated model.

    Parameters
    ----------
    parameters
        Start; priors come from its records.
    draws
        The pool's people.
    names
        Parameters to move; the recorded list where None.
    rounds
        Gauss-Newton rounds, each with one Jacobian.
    step
        Finite-difference step on the unbounded scale, in prior standard deviations at least.
    workers
        Threads.
    report
        Takes a line of progress.

    Returns
    -------
    Fit
    """
    scales = scales_of(parameters, list(names or settings()["untreated"]["parameters"]))
    counter = [0]

    def evaluate(x: Array) -> tuple[Array, list[dict[str, Any]]]:
        counter[0] += 1
        values = {s.name: from_unbounded(s, v) for s, v in zip(scales, x, strict=True)}
        pool = simulate_pool(parameters.with_values(values, "fit"), draws, workers=workers)
        rows = untreated_residuals(Courses(pool, soft=True))
        return np.array([row["residual"] for row in rows]), rows

    x, start_cost, cost, rows = _gauss_newton(evaluate, scales, parameters, rounds, step, report)
    values = {s.name: from_unbounded(s, v) for s, v in zip(scales, x, strict=True)}
    return Fit(values, (start_cost, cost), tuple(rows), counter[0])


def _gauss_newton(
    evaluate: Callable[[Array], tuple[Array, list[dict[str, Any]]]],
    scales: Sequence[Scale],
    parameters: ParameterSet,
    rounds: int,
    step: float,
    report: Callable[[str], None],
) -> tuple[Array, float, float, list[dict[str, Any]]]:
    """Minimise the robust penalised sum of squares; Levenberg's damping, one Jacobian a round."""
    x: Any = np.array([to_unbounded(s, parameters[s.name]) for s in scales])
    centre, sd = np.array([s.centre for s in scales]), np.array([s.sd for s in scales])

    def cost_of(residuals: Array, at: Array) -> float:
        return float(np.sum(np.sqrt(1 + residuals**2) - 1) + 0.5 * np.sum(((at - centre) / sd) ** 2))

    residuals, rows = evaluate(x)
    start = cost = cost_of(residuals, x)
    report(f"start: cost {cost:.2f}")
    damping = 0.3
    for round_ in range(rounds):
        jacobian = np.empty((len(residuals), len(x)))
        for j, s in enumerate(sd):
            moved = x.copy()
            moved[j] += step * s
            jacobian[:, j] = (evaluate(moved)[0] - residuals) / (step * s)
        weight = 1.0 / np.sqrt(1 + residuals**2)
        gradient = jacobian.T @ (weight * residuals) + (x - centre) / sd**2
        curvature = (jacobian * weight[:, None]).T @ jacobian + np.diag(1 / sd**2)
        improved = False
        for _ in range(5):
            move = -np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            move = np.clip(move, -1.0 * sd, 1.0 * sd)
            new_residuals, new_rows = evaluate(x + move)
            new_cost = cost_of(new_residuals, x + move)
            if new_cost < cost:
                improved, damping = True, max(damping / 3, 0.01)
                break
            damping *= 4
        if not improved:
            report(f"round {round_ + 1}: no better point")
            break
        gain, x, residuals, rows, cost = cost - new_cost, x + move, new_residuals, new_rows, new_cost
        report(f"round {round_ + 1}: cost {cost:.2f}, damping {damping:.3g}")
        if gain < 0.05:
            break
    return x, start, cost, rows
