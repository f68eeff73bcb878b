"""One process that loads one engine and answers requests, a line of JSON each; started by ``compare.py``.

Requests: ``load`` (is it here, which versions), ``prepare`` a variant, ``run`` patients at a setting, ``quantile`` of
the error against a finer setting of the same engine. An exception becomes an answer with ``error``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from workload.definition import population, relative_error
from workload.reference import cached_path

LOOSE = 1e-2
ABSOLUTE = 0.1  # absolute tolerance as a multiple of the relative one


class Engine:
    """An engine of this package and what was prepared of it."""

    def __init__(self, name: str):
        self.module = importlib.import_module(f"peers.{name}")
        self.run_patients: Callable | None = None
        self.warmed: set[int] = set()

    def load(self) -> dict:
        """Import what the engine needs; an `ImportError` says why it is absent."""
        self.module.available()
        return {"versions": {name: installed(name) for name in self.module.PACKAGES}}

    def prepare(self, variant: str) -> dict:
        """Compile one variant."""
        begun = time.perf_counter()
        self.run_patients, self.warmed = self.module.prepare(variant), set()
        if not hasattr(self.module, "WARM"):
            self.run_patients(population(1), LOOSE, LOOSE * ABSOLUTE)  # whatever is compiled on first use
        return {"seconds": time.perf_counter() - begun}

    def run(self, first: int, count: int, setting: float) -> dict:
        """Time one call; say how many patients failed and how far those with a reference are off."""
        assert self.run_patients is not None, "prepare comes first"
        patients = population(first + count)[first:]
        warm = getattr(self.module, "WARM", None)
        if warm is not None and count not in self.warmed:  # compiled for each number of patients
            self.run_patients(patients, warm, warm * ABSOLUTE)
            self.warmed.add(count)
        begun, worked = time.perf_counter(), time.process_time()
        states, succeeded = self.run_patients(patients, setting, setting * ABSOLUTE)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
        succeeded &= np.isfinite(states).all(axis=(1, 2))
        known = [i for i in range(count) if cached_path(first + i).exists()]
        error = None
        if known:
            reference = np.array([np.load(cached_path(first + i)) for i in known])
            error = relative_error(states[known], reference)
        return {"seconds": seconds, "cpu": cpu, "failed": int((~succeeded).sum()), "error": error}

    def quantile(self, count: int, setting: float, q: float) -> dict:
        """Return the quantile over patients of the largest relative error against the engine's own fine solution."""
        assert self.run_patients is not None, "prepare comes first"
        patients, errors = population(count), []
        for begin in range(0, count, 1000):
            part = patients[begin : begin + 1000]
            coarse, exact = self.run_patients(part, setting, 0.0)[0], self.module.exact(part)
            errors.append(np.max(np.abs(coarse - exact) / np.abs(exact), axis=(1, 2)))
        return {"value": float(np.quantile(np.concatenate(errors), q))}


def installed(package: str) -> str:
    """Return the version of a package, as installed or as it says itself."""
    try:
        return version(package)
    except PackageNotFoundError:
        return importlib.import_module(package).__version__


def main(name: str, cores: list[int]) -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an engine prints does not mix with the answers
    os.sched_setaffinity(0, cores)
    engine = Engine(name)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(engine, request.pop("do"))(**request)
        except Exception as problem:
            text = str(problem).strip().splitlines()
            answer = {"error": f"{type(problem).__name__}: {text[0] if text else ''}"}
            answer["missing"] = isinstance(problem, ImportError)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], [int(core) for core in sys.argv[2].split(",")])
