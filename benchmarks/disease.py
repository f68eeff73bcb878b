"""The disease model's own kernel on the SLS II workload: speed, error, share of the processor's arithmetic, cost by size.

``python benchmarks/disease.py`` writes ``benchmarks/results/disease.json``; ``scripts/benchmark_table.py`` puts it into the
guide. A patient is one on mycophenolate in SLS II for two years: daily drug channels and flares as the trial made them, all
states kept once a week. The error is the largest relative error of any weekly state against `EXACT` steps a day, of 20
patients and its 99.9 % quantile over 1,000; ``rodnan engine verify`` compares with a solver of another kind. The bound is
what independent products and sums reach on the same cores in one loop.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rodnan.disease import model
from rodnan.disease.equations import symbolic_system
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.disease.states import STATE_NAMES
from rodnan.engine.batch import advance, default_workers
from rodnan.engine.compile.statements import statements
from rodnan.evidence import load_study
from rodnan.trial import conduct
from rodnan.trial.cohort import enrol
from rodnan.trial.design import design_from_study
from rodnan.trial.settings import conduct_settings

RESULTS = Path(__file__).resolve().parent / "results" / "disease.json"
WEEKS, FEW, SOME, EXACT = 104, 20, 1000, 16
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
SHARD = 1000
"""Patients whose inputs and weekly states are in memory together."""


def workload() -> tuple[ParameterSet, dict[str, Any], float]:
    """Return what the kernel is given for 1,000 patients, and how long the whole arm takes a patient (seconds)."""
    parameters, design = load_parameters(), design_from_study(load_study("sls-2"))
    people = enrol(design, parameters, patients=1000, pool_size=2048, seed=1)
    arm = next(a for a in design.arms if a.id == "mmf")
    given: list[dict[str, np.ndarray]] = []
    whole = conduct.advance_patients

    def watched(parameters, individual, y, inputs, days, **options):
        given.append(dict(inputs))
        return whole(parameters, individual, y, inputs, days, **options)

    times = []
    for _ in range(3):
        given.clear()
        conduct.advance_patients = watched
        begun = time.perf_counter()
        conduct.conduct_arm(
            arm, people, parameters, conduct_settings(), study="sls-2", seed=1, weeks=WEEKS, stay=True
        )
        times.append(time.perf_counter() - begun)
        conduct.advance_patients = whole
    names = [name for name in model.INPUTS if name in given[0]]
    series = np.stack([np.concatenate([part[name] for part in given])[: 7 * WEEKS] for name in names], axis=1)
    return (
        parameters,
        {
            "y": people.state,
            "individual": people.individual,
            "series": series,
            "active": np.array([model.INPUTS.index(name) for name in names]),
            "names": names,
        },
        statistics.median(times) / 1000,
    )


def run(parameters: ParameterSet, given: dict[str, Any], who: np.ndarray, precision: Any, parts: int = 1):
    """Return the weekly states of some patients, with every day split into `parts`."""
    series = given["series"] if len(who) == SHARD else given["series"][:, :, who]
    split = model._substeps({name: series[:, k] for k, name in enumerate(given["names"])}, given["y"][who])
    if parts > 1:
        split = np.full((7 * WEEKS, len(who)), parts) * (1 if split is None else split)
    return advance(
        model.disease_kernel(precision), given["y"][who], given["individual"][who], parameters.population_vector(),
        model._DEFAULTS, given["active"], series, out_days=7 * np.arange(WEEKS + 1), substeps=split,
    )[1]  # fmt: skip


def errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return each patient's largest relative error; a state counts from a thousandth of its largest value on."""
    size = np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max(axis=(0, 1)))
    return np.max(np.abs(got - exact) / size, axis=(0, 2))


def speed(parameters: ParameterSet, given: dict[str, Any], n: int, precision: Any, rounds: int = 3) -> float:
    """Return the median of patients a second for n patients, in shards that fit the memory."""
    rates = []
    for _ in range(rounds if n <= 10_000 else 1):
        seconds = 0.0
        for begin in range(0, n, SHARD):
            who = np.arange(min(SHARD, n - begin))
            begun = time.perf_counter()
            run(parameters, given, who, precision)
            seconds += time.perf_counter() - begun
        rates.append(n / seconds)
    return statistics.median(rates)


def operations() -> int:
    """Return additions, products and divisions of one right-hand side and its share of a Runge-Kutta step, a patient.

    A power counts as 45: that is what its polynomials take.
    """
    made, results = statements(symbolic_system(load_parameters(fitted=False).population_names))
    count = 0
    for s in made:
        count += {"plain": 0, "max": 1, "min": 1, "power": 45}[s.kind]
        if s.kind == "plain":
            count += int(s.expression.count_ops())
    return count + sum(int(e.count_ops()) for e in results.values()) + 4 * len(STATE_NAMES)


def bound(precision: str) -> float:
    """Return products and sums a second of all cores in a loop that has nothing else to do, fused where they can be."""
    from concurrent.futures import ThreadPoolExecutor

    from numba import njit

    real = np.dtype(precision).type
    rounds, size, chain = 50_000, 256, 12

    lines = "\n".join(["            v = v * a + b"] * chain)
    space: dict[str, Any] = {}
    exec(
        f"def busy(x, a, b, rounds):\n    for _ in range(rounds):\n        for i in range(len(x)):\n            v = x[i]\n"
        f"{lines}\n            x[i] = v\n",
        space,
    )
    busy = njit(nogil=True, error_model="numpy", fastmath={"contract"})(space["busy"])
    xs = [np.ones(size, real) for _ in range(default_workers())]
    busy(xs[0], real(0.5), real(0.1), 10)
    best = 0.0
    for _ in range(3):
        begun = time.perf_counter()
        with ThreadPoolExecutor(len(xs)) as pool:
            list(pool.map(lambda x: busy(x, real(0.5), real(0.1), rounds), xs))
        best = max(best, 2.0 * rounds * size * chain * len(xs) / (time.perf_counter() - begun))
    return best


def main() -> None:
    """Measure everything and write the results."""
    before = os.getloadavg()[0]
    parameters, given, whole = workload()
    some = np.arange(SOME)
    exact = run(parameters, given, some, "float64", EXACT)
    rows, work = [], operations()
    for precision in ("float64", "float32"):
        each = errors(run(parameters, given, some, precision), exact)
        rate = speed(parameters, given, 10_000, precision)
        limit = bound(precision)
        rows.append(
            {
                "precision": precision,
                "rate": rate,
                "error": float(each[:FEW].max()),
                "quantile": float(np.quantile(each, 0.999)),
                "operations_per_patient": work * 4 * 7 * WEEKS,
                "bound_operations_per_second": limit,
                "share_of_bound": rate * work * 4 * 7 * WEEKS / limit,
            }
        )
        print(
            precision,
            f"{rate:,.0f} patients/s, error {rows[-1]['error']:.1e}, {rows[-1]['share_of_bound']:.0%} of the bound",
        )
    by_size = []
    for n in SIZES:
        by_size.append({"patients": n, "rate": speed(parameters, given, n, "float64")})
        print(f"{n:>9,} patients: {by_size[-1]['rate']:,.0f} a second")
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        ),
        "cores": default_workers(),
        "load_before": before,
        "kernel": rows,
        "whole_arm_patients_per_second": 1.0 / whole,
        "by_size": by_size,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
