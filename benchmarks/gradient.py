"""Cost of a gradient: the adjoint of a weekly-output loss against the forward run of the same patients, in turn.

The loss is a random weighted sum of every state of every week of two years; the patients take a drug that holds
proliferation back and have daily flares. The error is the largest deviation from central differences of five patients'
parameters, relative to each patient's largest derivative by a parameter in relative terms.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from rodnan.disease.gradients import course_gradient
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import load_parameters
from rodnan.population.covariates import draw_covariates
from rodnan.population.individuals import draw_effects, patient_parameters

DAYS = 728
WEEKS = np.arange(0, DAYS + 1, 7)


def made(n: int):
    """Return parameters, individual parameters, starting states, inputs and weights of n patients."""
    parameters = load_parameters()
    who = np.arange(n)
    effects = draw_effects(9, "benchmark", who, 400)
    individual, _ = patient_parameters(parameters, draw_covariates(9, "benchmark", who), effects)
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 500)
    rng = np.random.default_rng(1)
    inputs = {"pT": np.full((DAYS, n), 0.4), "flare": rng.lognormal(-0.1, 0.45, (DAYS, n))}
    return parameters, individual, start, inputs, rng.normal(size=(len(WEEKS), n, start.shape[1]))


def error(case, patients: int = 5) -> float:
    """Return the largest deviation from central differences (relative, see the module)."""
    parameters, individual, start, inputs, weights = case
    own, y, w = individual[:patients], start[:patients], weights[:, :patients]
    drive = {name: np.ascontiguousarray(values[:, :patients]) for name, values in inputs.items()}
    got = course_gradient(parameters, own, y, drive, DAYS, WEEKS, w).by_individual * own

    def loss(values):
        _, out = advance_patients(parameters, values, y, drive, DAYS, out_days=WEEKS)
        return (out * w).sum(axis=(0, 2))

    def central(j, width):
        factor = np.ones(own.shape[1])
        factor[j] = 1 + width
        high = loss(own * factor)
        factor[j] = 1 - width
        return (high - loss(own * factor)) / (2 * width)

    columns = range(own.shape[1])  # two widths, extrapolated: the error of the differences is of fourth order
    want = np.stack([(4 * central(j, 5e-4) - central(j, 1e-3)) / 3 for j in columns], axis=1)
    return float((np.abs(got - want).max(axis=1) / np.abs(want).max(axis=1)).max())


def main() -> None:
    """Print medians, ratios and the error as JSON."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--patients", type=int, default=2048)
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--workers", type=int, default=None)
    chosen = words.parse_args()
    case = made(chosen.patients)
    parameters, individual, start, inputs, weights = case
    runs = {
        "forward": lambda: advance_patients(
            parameters, individual, start, inputs, DAYS, out_days=WEEKS, workers=chosen.workers
        ),
        "gradient": lambda: course_gradient(
            parameters, individual, start, inputs, DAYS, WEEKS, weights, workers=chosen.workers
        ),
        "gradient with shared parameters": lambda: course_gradient(
            parameters, individual, start, inputs, DAYS, WEEKS, weights, shared=True, workers=chosen.workers
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(chosen.rounds + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            if turn:  # the first compiles
                times[name].append(time.perf_counter() - begun)
    result = {"patients": chosen.patients, "rounds": chosen.rounds, "workers": chosen.workers}
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, times["forward"], strict=True)]
        result[name] = {
            "seconds": statistics.median(seconds),
            "times_forward": statistics.median(ratios),
            "times_forward_range": [min(ratios), max(ratios)],
        }
    result["error_against_central_differences"] = error(case)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
