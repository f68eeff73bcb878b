"""Rodnan beside other engines on the common workload, in one run: ``python benchmarks/compare.py``.

Each engine is scanned from loose to tight for the loosest setting that keeps every disease state of every week of 20
patients within 1e-3 of the reference; of the ways to pose the workload the fastest that passes is kept. Then all
engines are timed in turn, several rounds, and medians go to ``benchmarks/results/compare.json``. Engines that use one
core run as one pinned process a core, all at the same time, and the slowest process counts. Nothing compiled is timed.
An engine in another environment: ``--python amici_cvodes=path/to/python``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from peers import ENGINES, LADDER
from workload.reference import reference

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "compare.json"
GATE, GATED, FEW, QUANTILE, MANY = 1e-3, 20, 2, 0.999, 10_000
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class EngineFailed(Exception):
    """An engine answered with an error."""


@dataclass
class Worker:
    """A process that holds one engine."""

    process: subprocess.Popen

    @classmethod
    def start(cls, name: str, cores: list[int], python: str) -> Worker:
        """Start the process; `cores` are those it may use."""
        command = [python, "-m", "peers.worker", name, ",".join(map(str, cores))]
        environment = os.environ | (ALONE if len(cores) == 1 else {})
        return cls(
            subprocess.Popen(
                command, cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )
        )  # fmt: skip

    def ask(self, do: str, **what: object) -> None:
        """Send a request; several workers then work at the same time."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict:
        """Wait for the answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise EngineFailed(f"the process ended with status {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Entry:
    """One row of the comparison."""

    name: str
    variants: tuple[str, ...]
    workers: list[Worker]
    row: dict
    rounds: list[dict] = field(default_factory=list)

    def all(self, do: str, **what: object) -> list[dict]:
        """Ask every worker the same and wait for all."""
        return self.each(do, [what] * len(self.workers))

    def each(self, do: str, whats: list[dict]) -> list[dict]:
        """Ask every worker its own question and wait for all; any error is raised."""
        for worker, what in zip(self.workers, whats, strict=True):
            worker.ask(do, **what)
        answers = [worker.answer() for worker in self.workers]
        for answer in answers:
            if "error" in answer and "failed" not in answer:
                raise EngineFailed(answer["error"])
        return answers

    def close(self) -> None:
        """End every process."""
        for worker in self.workers:
            worker.close()

    def run(self, patients: int, setting: float) -> dict:
        """Run `patients` shared out equally; return rate, failures and the error on those with a reference."""
        share = patients // len(self.workers)
        asked = [{"first": i * share, "count": share, "setting": setting} for i in range(len(self.workers))]
        answers = self.each("run", asked)
        return {
            "rate": share * len(answers) / max(answer["seconds"] for answer in answers),
            "per_core": share * len(answers) / sum(answer["cpu"] for answer in answers),
            "patients": share * len(answers),
            "failed": sum(answer["failed"] for answer in answers),
            "error": max((a["error"] for a in answers if a["error"] is not None), default=None),
        }


def passes(got: dict, gate: float = GATE) -> bool:
    """Whether every patient succeeded within the gate, in the middle of the many where that was asked."""
    return not got["failed"] and got["error"] < gate and got.get("quantile", 0.0) < gate


def scan(entry: Entry, patients: int) -> None:
    """Find the loosest passing setting of each variant; keep the fastest variant in the row."""
    module = import_module(f"peers.{entry.name}")
    tried, kept = [], None
    batch = getattr(module, "BATCH", 0) * len(entry.workers)
    for variant in entry.variants:
        entry.all("prepare", variant=variant)
        for setting in getattr(module, "LADDER", LADDER):
            got = {"failed": 0, "error": 0.0}
            if not batch:  # a few patients are enough to fail
                got = entry.run(min(patients, FEW * len(entry.workers)), setting)
            if passes(got):
                got = entry.run(patients, setting)
            got |= {"variant": variant, "setting": setting}
            tried.append(got)
            if passes(got) and hasattr(module, "exact"):
                answer = entry.all("quantile", count=MANY, setting=setting, q=QUANTILE)[0]
                got["quantile"] = answer["value"]
            if passes(got):
                if batch:  # the way it would be used decides how fast it is
                    whole = entry.run(batch, setting)
                    got |= {"rate": whole["rate"], "per_core": whole["per_core"]}
                kept = got if kept is None or got["per_core"] > kept["per_core"] else kept
                break
    entry.row["scan"] = tried
    if kept is None:
        raise EngineFailed(f"no setting keeps the error below {GATE:g}")
    entry.row |= {key: kept[key] for key in ("variant", "setting", "error", "quantile") if key in kept}
    entry.row["first_rate"] = kept["rate"]
    entry.all("prepare", variant=kept["variant"])


def start(name: str, variants: tuple[str, ...], python: str, cores: list[int]) -> Entry:
    """Start an engine's processes."""
    module = import_module(f"peers.{name}")
    groups = [cores] if getattr(module, "THREADED", False) else [[core] for core in cores]
    title = module.TITLE if len(variants) > 1 else f"{module.TITLE}, {variants[0]}"
    row = {"engine": name, "title": title, "processes": len(groups)}
    return Entry(name, variants, [Worker.start(name, group, python) for group in groups], row)


def time_rounds(entries: list[Entry], rounds: int, seconds: float, least: int) -> None:
    """Time every engine in turn, `rounds` times over; no round starts with an engine that was just used."""
    for number in range(rounds):
        for entry in entries:
            if "reason" in entry.row:
                continue
            module, processes = import_module(f"peers.{entry.name}"), len(entry.workers)
            wanted = max(entry.row["first_rate"] * seconds, math.ceil(least / rounds))
            many = max(math.ceil(wanted / processes), getattr(module, "BATCH", 0))
            many = min(many, getattr(module, "MOST", many)) * processes
            try:
                got = together(
                    [entry.run(many, entry.row["setting"]) for _ in range(round(wanted / many) or 1)]
                )
            except EngineFailed as problem:
                entry.row["reason"] = f"failed in round {number + 1}: {problem}"
                continue
            if not passes(got):
                entry.row["reason"] = f"failed the gate in round {number + 1}"
            entry.rounds.append(got)


def together(calls: list[dict]) -> dict:
    """Return several calls in a row as one."""
    patients = sum(call["patients"] for call in calls)
    return {
        "rate": patients / sum(call["patients"] / call["rate"] for call in calls),
        "per_core": patients / sum(call["patients"] / call["per_core"] for call in calls),
        "patients": patients,
        "failed": sum(call["failed"] for call in calls),
        "error": max(call["error"] for call in calls),
    }


def summarise(entries: list[Entry], others: list[dict]) -> list[dict]:
    """Turn the rounds into medians and ratios; our double precision is the unit. `others` are rows already made."""
    for entry in entries:
        rates = [got["rate"] for got in entry.rounds]
        if rates and "reason" not in entry.row:
            entry.row |= {
                "patients": sum(got["patients"] for got in entry.rounds),
                "rate": statistics.median(rates),
                "lowest": min(rates),
                "highest": max(rates),
                "per_core": statistics.median(got["per_core"] for got in entry.rounds),
                "error": max(entry.row["error"], *(got["error"] for got in entry.rounds)),
            }
        entry.row.pop("first_rate", None)
    rows = [entry.row for entry in entries] + others
    ours = next((row for row in rows if row["engine"] == "ours" and "rate" in row), None)
    for row in rows:
        if ours and "rate" in row:
            row["ours_over_this"] = ours["rate"] / row["rate"]
        if ours and "per_core" in row:
            row["ours_over_this_per_core"] = ours["per_core"] / row["per_core"]
    return rows


def mrgsolve(rounds: int) -> dict:
    """Run mrgsolve by its own script where R has it; return its row, or why there is none."""
    row = {"engine": "mrgsolve", "title": "mrgsolve, LSODA"}
    by_itself = "runs by itself with benchmarks/mrgsolve/compare.R"
    if shutil.which("Rscript") is None:
        return row | {"reason": f"no R on this machine; {by_itself} where R has mrgsolve"}
    folder = HERE.parent / "build" / "mrgsolve"
    for command in (
        [sys.executable, str(HERE / "mrgsolve" / "write_inputs.py"), str(folder)],
        ["Rscript", str(HERE / "mrgsolve" / "compare.R"), str(folder), str(rounds)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return row | {"reason": f"{said[-1] if said else 'failed without a word'}; {by_itself}"}
    return json.loads((folder / "mrgsolve.json").read_text(encoding="utf-8"))


def processor() -> str:
    """Return the model of the processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def main() -> None:
    """Measure and write the results."""
    ask = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--seconds", type=float, default=4.0, help="aim for each engine and round")
    ask.add_argument("--least", type=int, default=42, help="patients for each engine, all rounds together")
    ask.add_argument("--patients", type=int, default=GATED, help="patients of the error gate")
    ask.add_argument("--only", nargs="*", default=None, metavar="ENGINE")
    ask.add_argument("--python", action="append", default=[], metavar="ENGINE=PATH")
    ask.add_argument("--out", type=Path, default=RESULTS)
    given = ask.parse_args()
    pythons = dict(pair.split("=", 1) for pair in given.python)
    cores = sorted(os.sched_getaffinity(0))
    load_before = os.getloadavg()
    wanted = [("ours", (kind,)) for kind in ("float64", "float32")]
    wanted += [(name, import_module(f"peers.{name}").VARIANTS) for name in ENGINES]
    reference(given.patients, len(cores))

    entries, absent = [], []
    for name, variants in wanted:
        if given.only is not None and name not in given.only:
            continue
        entry = start(name, variants, pythons.get(name, sys.executable), cores)
        try:
            entry.row["versions"] = entry.all("load")[0]["versions"]
            scan(entry, given.patients)
        except EngineFailed as problem:
            entry.close()
            absent.append({"engine": name, "title": entry.row["title"], "reason": str(problem)})
            print(f"{name:20} {problem}")
            continue
        entries.append(entry)
        row = entry.row
        print(
            f"{row['title']:46} {row['variant']}, {row['setting']:g}: {row['first_rate']:.3g} patients/s",
            flush=True,
        )
    time_rounds(entries, given.rounds, given.seconds, given.least)
    for entry in entries:
        entry.close()
    others = [] if given.only is not None else [mrgsolve(given.rounds)]
    rows = summarise(entries, others)
    result = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": len(cores),
        "python": platform.python_version(),
        "load_before": [round(x, 2) for x in load_before],
        "load_after": [round(x, 2) for x in os.getloadavg()],
        "gate": GATE,
        "gate_patients": given.patients,
        "quantile": QUANTILE,
        "quantile_patients": MANY,
        "rounds": given.rounds,
        "engines": rows + absent,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        if "rate" in row:
            times = row.get("ours_over_this", math.nan)
            print(f"{row['title']:46} {row['rate']:8.4g} patients/s  error {row['error']:.1e}  {times:.4g}")


if __name__ == "__main__":
    main()
