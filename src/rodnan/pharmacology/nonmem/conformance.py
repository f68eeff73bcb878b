"""Run conformance scenarios: a data set, a model and the values another program printed for it.

A scenario is a folder with ``events.csv`` (the records), ``expected.csv`` (ID, TIME and printed values,
row by row) and ``case.json`` (structure, parameters, which column is lag, bioavailability, duration or rate
of which compartment, output). A value agrees when it rounds to the printed one: it differs by at most half a
unit of the last printed digit, plus two millionths of the largest value of its column where the value itself
is below a thousandth of that (there the other program's own tolerance shows). A scenario that says
``must_reproduce: false`` is run and shown, but need not agree.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rodnan.errors import RodnanError, SourceError
from rodnan.pharmacology.nonmem.cases import Scenario, read_header, read_scenario
from rodnan.pharmacology.nonmem.dataset import read_dataset
from rodnan.pharmacology.nonmem.event_loop import Simulation, simulate
from rodnan.pharmacology.nonmem.model import DOSE_COLUMN, compile_model, honour_columns

__all__ = ["Verdict", "find_scenarios", "run_scenario", "summary"]


@dataclass(frozen=True)
class Verdict:
    """What a scenario showed.

    Attributes
    ----------
    scenario
        Its name.
    rows
        Number of records compared.
    values
        Number of values compared.
    worst
        Largest relative difference, taken where the printed value is not zero.
    disagreeing
        Number of values that do not round to the printed one.
    first
        The first disagreement in words, or None.
    error
        Why the scenario could not be run, or None.
    required
        Whether it has to agree.
    """

    scenario: str
    rows: int = 0
    values: int = 0
    worst: float = 0.0
    disagreeing: int = 0
    first: str | None = None
    error: str | None = None
    required: bool = True

    @property
    def agrees(self) -> bool:
        """Whether every value agrees."""
        return self.error is None and self.values > 0 and self.disagreeing == 0


def find_scenarios(folder: str | Path) -> tuple[Path, ...]:
    """Return the scenario folders below a folder (or the folder itself), by name.

    Raises
    ------
    SourceError
        ``RDN-S151`` there is no such folder, or no scenario in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError("RDN-S151", "no such folder of scenarios", where=str(folder))
    if (folder / "case.json").exists():
        return (folder,)
    found = tuple(sorted(p.parent for p in folder.glob("*/case.json")))
    if not found:
        raise SourceError(
            "RDN-S151", "no scenario (a folder with case.json) in this folder", where=str(folder)
        )
    return found


def run_scenario(folder: str | Path) -> Verdict:
    """Read, run and judge one scenario; an error of the package becomes part of the verdict."""
    folder = Path(folder)
    try:
        scenario = read_scenario(folder)
        expected = _read_expected(folder / "expected.csv")
        return _judge(scenario, expected)
    except RodnanError as e:
        return Verdict(folder.name, error=str(e))


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return verdicts as plain data: ``{"agree": n, "of": m, "scenarios": [...]}``."""
    return {
        "agree": sum(v.agrees for v in verdicts),
        "of": len(verdicts),
        "scenarios": [{**asdict(v), "agrees": v.agrees} for v in verdicts],
    }


def _read_expected(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise SourceError("RDN-S152", f"expected values cannot be read: {e}", where=str(path)) from None
    rows = [row for row in rows if row]
    if len(rows) < 2 or {len(row) for row in rows} != {len(rows[0])}:
        raise SourceError("RDN-S152", "expected values are a table with a header", where=str(path))
    return tuple(name.strip() for name in rows[0]), rows[1:]


def _simulate(scenario: Scenario) -> Simulation:
    spec = scenario.spec
    path = scenario.folder / "events.csv"
    header = read_header(path)
    spec = honour_columns(spec, [c for c in header if _is_dosing(c, len(spec.compartments))])
    if not scenario.by_id:
        model = compile_model(spec)
        table = read_dataset(path, model_columns=model.columns, accepted_by_nonmem=True)
        return simulate(model, table, accepted_by_nonmem=True)
    table = read_dataset(path, accepted_by_nonmem=True)
    parts = []
    for rows in table.individuals:
        number = table.ids[rows.start]
        own = scenario.by_id.get(number)
        if own is None:
            raise SourceError(
                "RDN-S152", "an individual without parameters", where=scenario.name, value=number
            )
        model = compile_model(replace(spec, parameters={**spec.parameters, **own}))
        one = replace(
            table,
            rows=table.rows[rows],
            lines=table.lines[rows],
            ids=table.ids[rows],
            events=table.events[rows],
        )
        parts.append(simulate(model, one, accepted_by_nonmem=True))
    return Simulation(
        table,
        np.concatenate([p.amounts for p in parts]),
        {name: np.concatenate([p.outputs[name] for p in parts]) for name in spec.outputs},
        tuple(c for p in parts for c in p.compartment),
    )


def _is_dosing(column: str, compartments: int) -> bool:
    m = DOSE_COLUMN.fullmatch(column)
    return m is not None and int(m["number"]) <= compartments


def _judge(scenario: Scenario, expected: tuple[tuple[str, ...], list[list[str]]]) -> Verdict:
    header, rows = expected
    spec = scenario.spec
    extra = {c: c for c in header if c not in ("ID", "TIME") and c not in spec.outputs}
    scenario = replace(scenario, spec=replace(spec, outputs={**spec.outputs, **extra}))
    done = _simulate(scenario)
    if len(rows) != len(done.table):
        raise SourceError(
            "RDN-S152",
            f"{len(done.table)} expected values, one a record",
            where=scenario.name,
            value=len(rows),
        )
    values = disagreeing = 0
    worst, first = 0.0, None
    for column in (c for c in header if c not in ("ID", "TIME")):
        at = header.index(column)
        printed = [
            math.nan if row[at].strip() in ("", ".") else _printed(row[at], scenario.name, i)
            for i, row in enumerate(rows, 2)
        ]
        largest = max((abs(x) for x in printed if not math.isnan(x)), default=0.0)
        for i, (value, given) in enumerate(zip(done.outputs[column], printed, strict=True)):
            if math.isnan(given):
                continue  # nothing was printed here
            values += 1
            miss = abs(value - given)
            if given != 0.0:
                worst = max(worst, miss / abs(given))
            if not miss <= _allowed(given, scenario.digits, largest):
                disagreeing += 1
                first = first or f"row {i + 2}, {column}: {value:.7g}, printed {given:g}"
    _check_keys(header, rows, done, scenario.name)
    return Verdict(scenario.name, len(rows), values, worst, disagreeing, first, required=scenario.required)


def _printed(field: str, name: str, row: int) -> float:
    try:
        value = float(field)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SourceError(
            "RDN-S152", "an expected value that is no number", where=f"{name}: row {row}", value=field
        )
    return value


def _allowed(printed: float, digits: int, largest: float) -> float:
    """Half a unit of the last printed digit; near zero, two millionths of the largest value besides."""
    rounding = 1e-12 * largest
    near_zero = 2e-6 * largest if abs(printed) < 1e-3 * largest else 0.0
    if printed == 0.0:
        return near_zero + rounding
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(printed))) - digits + 1) + near_zero + rounding


def _check_keys(header: Sequence[str], rows: Sequence[Sequence[str]], done: Simulation, name: str) -> None:
    for column, own in (("ID", done.table.ids), ("TIME", [e.time for e in done.table.events])):
        if column not in header:
            continue
        at = header.index(column)
        for i, (row, value) in enumerate(zip(rows, own, strict=True), 2):
            printed = _printed(row[at], name, i)
            if abs(printed - value) > 1e-4 * max(1.0, abs(value)):
                raise SourceError(
                    "RDN-S152",
                    f"expected values belong to another record: {column} is {value:g} there",
                    where=f"{name}: row {i}",
                    value=printed,
                )
