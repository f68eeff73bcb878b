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
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rodnan.errors import ModelError, RodnanError, SourceError, nearest_name
from rodnan.pharmacology.nonmem.dataset import read_dataset
from rodnan.pharmacology.nonmem.event_loop import Simulation, simulate
from rodnan.pharmacology.nonmem.model import ModelSpec, Text, compile_model, honour_columns
from rodnan.pharmacology.nonmem.structures import add_turnover, named_structure

__all__ = ["Scenario", "Verdict", "find_scenarios", "read_scenario", "run_scenario", "write_verdicts"]

_KEYS = {
    "equations": ("derivatives", "differential_equations", "odes", "ode", "equations", "des", "rhs"),
    "initial": ("initial", "initial_conditions", "initial_values", "initials", "init"),
    "definitions": ("covariate_model", "individual_model", "parameter_model", "definitions", "derived"),
    "by_id": ("parameters_by_id", "individual_parameters", "subjects", "individuals"),
    "outputs": ("outputs", "output"),
}
_DERIVATIVE = re.compile(
    r"(?:d\s*A\[?\(?(?P<a>\d+)\)?\]?\s*/\s*dt|DADT\(?(?P<b>\d+)\)?)\s*=\s*(?P<right>[^;,=]*(?:\([^;=]*\)[^;,=]*)*)"
)
_INITIAL = re.compile(r"\bA(?:_0)?\(?(?P<a>\d+)\)?(?:\(0\))?\s*=\s*(?P<right>[^;,=\s]+)")
_DEFINITION = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<right>.+)", re.DOTALL)


@dataclass(frozen=True)
class Scenario:
    """One scenario, read and ready to run.

    Attributes
    ----------
    name
        Name of its folder.
    folder
        Where it is.
    spec
        The model.
    by_id
        ID -> parameters of that individual, which replace those of the model.
    digits
        Significant digits that were printed.
    required
        Whether it has to agree.
    """

    name: str
    folder: Path
    spec: ModelSpec
    by_id: Mapping[float, Mapping[str, Text]]
    digits: int
    required: bool = True


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


def write_verdicts(verdicts: Sequence[Verdict], path: str | Path) -> None:
    """Write verdicts as JSON: ``{"agree": n, "scenarios": [...]}``.

    Raises
    ------
    SourceError
        ``RDN-S153`` the file cannot be written.
    """
    content = {
        "agree": sum(v.agrees for v in verdicts),
        "of": len(verdicts),
        "scenarios": [{**asdict(v), "agrees": v.agrees} for v in verdicts],
    }
    try:
        Path(path).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as e:
        raise SourceError(
            "RDN-S153", f"results cannot be written: {e.strerror or e}", where=str(path)
        ) from None


# ---- reading -------------------------------------------------------------------------------------------


def read_scenario(folder: str | Path) -> Scenario:
    """Read ``case.json`` of a scenario.

    Raises
    ------
    SourceError
        ``RDN-S152`` it cannot be read, or says something that is not understood.
    ModelError
        As `named_structure`.
    """
    folder = Path(folder)
    path = folder / "case.json"
    try:
        case = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise SourceError("RDN-S152", f"a scenario cannot be read: {e}", where=str(path)) from None
    if not isinstance(case, dict):
        raise SourceError("RDN-S152", "a scenario is a mapping", where=str(path))
    try:
        return _scenario(folder, case)
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise SourceError("RDN-S152", f"a scenario is not understood: {e!r}", where=str(path)) from None


def _first(case: Mapping[str, Any], what: str) -> Any:
    return next((case[key] for key in _KEYS[what] if case.get(key)), None)


def _scenario(folder: Path, case: Mapping[str, Any]) -> Scenario:
    parameters: dict[str, Text] = {}
    for name, value in (case.get("parameters") or {}).items():
        if value is not None:
            parameters[name] = value
    for name, text in (_first(case, "definitions") or {}).items():
        m = _DEFINITION.fullmatch(str(text))
        parameters[name] = m["right"] if m and m["name"] == name else text
    events_header = _header(folder / "events.csv")
    for name in [n for n in parameters if n in events_header]:
        del parameters[name]  # a column of the data set: each record has its own value

    def by_compartment(key: str) -> Mapping[int, Text]:
        return {int(i): text for i, text in (case.get(key) or {}).items()}

    spec = ModelSpec(
        name=folder.name,
        compartments=tuple(_compartment_names(case.get("compartments") or ())),
        parameters=parameters,
        lag=by_compartment("lag_column"),
        bioavailability=by_compartment("bioavailability_column"),
        duration=by_compartment("modelled_duration_column"),
        rate=by_compartment("modelled_rate_column"),
    )
    spec = _outputs(_equations(spec, case), case)
    by_id = {float(i): dict(v) for i, v in (_first(case, "by_id") or {}).items()}
    digits = int((case.get("tolerance") or {}).get("printed_significant_digits", 5))
    return Scenario(folder.name, folder, spec, by_id, digits, case.get("must_reproduce") is not False)


def _header(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig") as f:
            return tuple(field.strip() for field in f.readline().split(","))
    except (OSError, UnicodeDecodeError) as e:
        raise SourceError("RDN-S152", f"a scenario cannot be read: {e}", where=str(path)) from None


def _compartment_names(stated: Iterable[str]) -> Iterable[str]:
    for i, text in enumerate(stated, 1):
        name = re.sub(r"\s*\(\d+\)\s*$", "", str(text)).strip().replace(" ", "_")
        yield name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"compartment{i}"


def _equations(spec: ModelSpec, case: Mapping[str, Any]) -> ModelSpec:
    matrix = case.get("rate_matrix")
    initial = _initial(_first(case, "initial"), spec)
    if matrix:
        rows = tuple(tuple(row) for row in matrix)
        if not spec.compartments:
            spec = replace(spec, compartments=tuple(f"compartment{i + 1}" for i in range(len(rows))))
        return replace(spec, rate_matrix=rows, initial=initial)
    stated = _derivatives(_first(case, "equations"), spec)
    if stated is None and not _known(case):
        stated = _derivatives([str(s) for s in case.get("semantics") or ()], spec)
    if stated is not None:
        if not initial:
            initial = _initial([str(s) for s in case.get("semantics") or ()], spec)
        n = len(stated)
        names = spec.compartments or tuple(f"compartment{i + 1}" for i in range(n))
        return replace(spec, derivatives=stated, initial=initial, compartments=names)
    return _named(spec, case, initial)


_MODELS = {"claret-ode": "claret", "claret-closed": "claret-closed"}


def _known(case: Mapping[str, Any]) -> bool:
    return str(case.get("model", "")).casefold() in _MODELS


def _named(spec: ModelSpec, case: Mapping[str, Any], initial: Mapping[int, Text]) -> ModelSpec:
    """A structure by its name: a model this package knows, or ADVAN and TRANS."""
    model = str(case.get("model") or "").casefold().replace("_", "-").replace(" ", "-")
    advan = str(case.get("advan") or "")
    trans = re.search(r"TRANS\s*(\d+)", str(case.get("trans") or ""))
    names = set(spec.parameters) | set(_header_of(case))
    turnover = re.search(r"(?:turnover|idr|indirect(?:-response)?)-?(?:type-?|model-?)?([1-4])", model)
    if model in _MODELS:
        skeleton = named_structure(_MODELS[model])
    elif "tmdd" in model or "target-mediated" in model:
        kind = "qss" if "qss" in model else "qe" if re.search(r"qe|equilib|rapid", model) else "full"
        depot = "KA" in names
        skeleton = named_structure(f"tmdd-{kind}", bodies=2 if "Q" in names else 1, depot=depot)
    elif re.search(r"michaelis|saturable|\bmm\b", model):
        skeleton = named_structure("michaelis-menten", bodies=2 if "Q" in names else 1, depot="KA" in names)
    elif re.fullmatch(r"ADVAN\d+", advan) and advan not in ("ADVAN5", "ADVAN6", "ADVAN7", "ADVAN8", "ADVAN9"):
        skeleton = named_structure(advan, int(trans[1]) if trans else None)
    else:
        known = (*_MODELS, "tmdd-full", "tmdd-qe", "tmdd-qss", "michaelis-menten", "turnover-1")
        raise ModelError(
            "RDN-M404",
            "a scenario without a rate matrix or equations names no structure that is known",
            where=spec.name,
            value=case.get("model") or case.get("advan"),
            nearest=nearest_name(model, known),
        )
    if turnover:
        skeleton = add_turnover(skeleton, int(turnover[1]), hill="HILL" in names)
    derived = {k: v for k, v in skeleton.derived.items() if k not in spec.parameters}
    compartments = skeleton.compartments
    if len(spec.compartments) == len(compartments):
        compartments = spec.compartments
    return replace(
        spec,
        compartments=compartments,
        parameters={**spec.parameters, **derived},
        rate_matrix=skeleton.rate_matrix,
        derivatives=skeleton.derivatives,
        initial={**skeleton.initial, **initial},
    )


def _header_of(case: Mapping[str, Any]) -> Iterable[str]:
    return (name for group in (case.get("parameters_by_id") or {}).values() for name in group)


def _derivatives(stated: Any, spec: ModelSpec) -> tuple[Text, ...] | None:
    """Right-hand sides from a list, a mapping, or sentences that contain ``dA1/dt = ...``."""
    if stated is None:
        return None
    if isinstance(stated, str):
        stated = re.split(r"[;\n]", stated)
    found: dict[int, Text] = {}
    if isinstance(stated, Mapping):
        for key, text in stated.items():
            found[_index(str(key), spec)] = _right_side(text)
    else:
        for position, text in enumerate(stated, 1):
            matches = list(_DERIVATIVE.finditer(str(text)))
            for m in matches:
                found[int(m["a"] or m["b"])] = m["right"].strip()
            if not matches and "=" not in str(text) and re.fullmatch(r"[-+*/^().,\w\s]+", str(text)):
                found.setdefault(position, str(text))
    n = len(spec.compartments) or len(found)
    if set(found) != set(range(1, n + 1)):
        return None
    return tuple(found[i] for i in range(1, n + 1))


def _right_side(text: Text) -> Text:
    return (
        text.split("=", 1)[1]
        if isinstance(text, str) and re.match(r"\s*(d|DADT)[^=<>]*=[^=]", text)
        else text
    )


def _index(key: str, spec: ModelSpec) -> int:
    if key in spec.compartments:
        return spec.compartments.index(key) + 1
    m = re.search(r"\d+", key)
    if m is None:
        raise ValueError(f"no compartment in {key!r}")
    return int(m[0])


def _initial(stated: Any, spec: ModelSpec) -> dict[int, Text]:
    if stated is None:
        return {}
    if isinstance(stated, Mapping):
        return {_index(str(k), spec): v for k, v in stated.items()}
    if all(isinstance(x, int | float) for x in stated):
        return {i: x for i, x in enumerate(stated, 1) if x}
    return {
        int(m["a"]): m["right"]
        for text in stated
        for m in _INITIAL.finditer(text)
        if "(0)" in m[0] or "_0" in m[0]
    }


def _outputs(spec: ModelSpec, case: Mapping[str, Any]) -> ModelSpec:
    stated = _first(case, "outputs")
    entries = stated if isinstance(stated, list) else [stated]
    outputs: dict[str, Text] = {}
    for entry in entries:
        if "column" in entry:
            outputs[entry["column"]] = entry["expression"]
            for name, text in (entry.get("also") or {}).items():
                m = _DEFINITION.fullmatch(str(text))
                known = name in spec.parameters
                outputs[name] = name if known else (m["right"] if m and m["name"] == name else text)
        else:
            outputs.update(entry)
    return replace(spec, outputs=outputs)


# ---- judging -------------------------------------------------------------------------------------------


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
    header = _header(path)
    spec = honour_columns(spec, header)
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
        printed = [_printed(row[at], scenario.name, i) for i, row in enumerate(rows, 2)]
        largest = max(map(abs, printed))
        for i, (value, given) in enumerate(zip(done.outputs[column], printed, strict=True)):
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
