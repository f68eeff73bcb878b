"""Read the model of a conformance scenario (``case.json``).

A scenario gives its equations as a rate matrix, as derivatives, by the name of a structure, or in sentences
(``dA1/dt = -KE*A1, A1(0)=BASE``). Whatever is not understood is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rodnan.errors import ModelError, SourceError, nearest_name
from rodnan.pharmacology.nonmem.expressions import parse
from rodnan.pharmacology.nonmem.model import DOSE_COLUMN, ModelSpec, Text
from rodnan.pharmacology.nonmem.structures import STRUCTURES, add_turnover, named_structure

__all__ = ["Scenario", "read_header", "read_scenario"]

_KEYS = {
    "equations": ("derivatives", "differential_equations", "odes", "ode", "equations", "des", "rhs"),
    "initial": (
        "initial",
        "initial_conditions",
        "initial_condition",
        "initial_values",
        "initial_amounts",
        "a0",
    ),
    "definitions": ("covariate_model", "individual_model", "parameter_model", "definitions", "derived"),
    "by_id": ("parameters_by_id", "individual_parameters", "subjects", "individuals"),
    "outputs": ("outputs", "output"),
    "lag": ("lag_column", "lag_columns", "lag"),
    "bioavailability": ("bioavailability_column", "bioavailability_columns", "bioavailability"),
    "duration": ("modelled_duration_column", "modelled_duration", "duration_column"),
    "rate": ("modelled_rate_column", "modelled_rate", "rate_column"),
}
_LEFT = re.compile(
    r"(?:\bd\s*\[?\(?(?P<a>[A-Za-z]\w*)(?:\((?P<an>\d+)\))?\)?\]?\s*/\s*dt|\bd/dt\s*\(\s*(?P<b>\w+)\s*\)"
    r"|DADT\s*\(\s*(?P<c>\d+)\s*\)|(?P<d>[A-Za-z]\w*)\s*\(\s*0\s*\)|A_0\s*\(\s*(?P<e>\d+)\s*\)"
    r"|(?<![\w(])(?P<f>[A-Za-z_]\w*))\s*=(?!=)"
)
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
            parameters[name] = re.sub(r"^column\s+", "", value) if isinstance(value, str) else value
    for key in ("parameter_columns", "parameter_column", "individual_parameter_columns"):
        parameters.update(case.get(key) or {})
    names = tuple(_compartment_names(case.get("compartments") or ()))
    fixed, moving = _definitions(_first(case, "definitions") or {}, names)
    parameters |= fixed
    events_header = read_header(folder / "events.csv")
    for name in [n for n in parameters if n in events_header or parameters[n] == n]:
        del parameters[name]  # a column of the data set: each record has its own value

    def by_compartment(kind: str, letter: str) -> Mapping[int, Text]:
        found = {int(i): text for key in _KEYS[kind] for i, text in (case.get(key) or {}).items()}
        for name in parameters:  # a parameter ALAG1, F1, D1 or R1 says so by its name
            m = DOSE_COLUMN.fullmatch(name)
            if m and m["kind"] == letter and int(m["number"]) <= len(case.get("compartments") or ()):
                found.setdefault(int(m["number"]), name)
        return found

    spec = ModelSpec(
        name=folder.name,
        compartments=names,
        parameters=parameters,
        definitions=moving,
        lag=by_compartment("lag", "ALAG"),
        bioavailability=by_compartment("bioavailability", "F"),
        duration=by_compartment("duration", "D"),
        rate=by_compartment("rate", "R"),
    )
    spec = _say_the_rest(_outputs(_equations(spec, case), case), case, events_header)
    by_id = {float(i): dict(v) for i, v in (_first(case, "by_id") or {}).items()}
    digits = int((case.get("tolerance") or {}).get("printed_significant_digits", 5))
    return Scenario(folder.name, folder, spec, by_id, digits, case.get("must_reproduce") is not False)


def _definitions(
    stated: Mapping[str, Text], compartments: Iterable[str]
) -> tuple[dict[str, Text], dict[str, Text]]:
    """Definitions that hold over a record's interval, and those that follow the amounts."""
    fixed: dict[str, Text] = {}
    for name, text in stated.items():
        m = _DEFINITION.fullmatch(str(text))
        fixed[name] = m["right"] if m and m["name"] == name else text
    amounts = set(compartments)
    moving: dict[str, Text] = {}
    while more := {
        k: v
        for k, v in fixed.items()
        if any(x in amounts or x in moving or re.fullmatch(r"A\d+", x) for x in parse(v, k).names)
    }:
        moving |= more
        fixed = {k: v for k, v in fixed.items() if k not in more}
    return fixed, moving


def _say_the_rest(spec: ModelSpec, case: Mapping[str, Any], header: Iterable[str]) -> ModelSpec:
    """Take definitions (``C = A2/V``) from the sentences, for names that nothing else explains."""
    equations = _first(case, "equations")
    sentences = [equations] if isinstance(equations, str) else list(equations or ())
    said = _read_sentences(map(str, [*sentences, *(case.get("semantics") or ())]), spec).definitions
    known = {*spec.parameters, *header, *spec.compartments, "T", "TIME"}
    definitions = dict(spec.definitions)
    texts: list[Text] = [*spec.outputs.values(), *(spec.derivatives or ()), *definitions.values()]
    while texts:
        for name in parse(texts.pop()).names - known - set(definitions):
            if name in said:
                definitions[name] = said[name]
                texts.append(said[name])
    return replace(spec, definitions=definitions)


def read_header(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a data set.

    Raises
    ------
    SourceError
        ``RDN-S152`` it cannot be read.
    """
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
    sentences = [str(x) for x in case.get("semantics") or ()]
    stated = _derivatives(_first(case, "equations"), spec)
    if stated is None and not _known(case):
        said = _read_sentences(sentences, spec)
        if said.derivatives:
            stated = _derivatives({f"A{i}": text for i, text in said.derivatives.items()}, spec)
    if stated is not None:
        n = len(stated)
        names = spec.compartments or tuple(f"compartment{i + 1}" for i in range(n))
        initial = initial or _initial(sentences, spec)
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
    elif advan in STRUCTURES:
        skeleton = named_structure(advan, int(trans[1]) if trans else None)
    elif turnover:
        skeleton = named_structure(_kinetics(names))
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


def _kinetics(parameters: set[str]) -> str:
    """The ADVAN structure that has these parameters, where the scenario names only its response."""
    bodies = (
        1 + bool(parameters & {"Q", "Q2", "Q3"}) + bool(parameters & {"Q4"} or {"Q2", "Q3"} <= parameters)
    )
    return f"ADVAN{(1, 3, 11)[bodies - 1] + ('KA' in parameters)}"


def _header_of(case: Mapping[str, Any]) -> Iterable[str]:
    return (name for group in (case.get("parameters_by_id") or {}).values() for name in group)


@dataclass
class _Sentences:
    """What sentences like ``dA1/dt = -KE*A1, A1(0)=BASE; C = A1/V`` say."""

    derivatives: dict[int, str]
    initial: dict[int, str]
    definitions: dict[str, str]


def _read_sentences(texts: Iterable[str], spec: ModelSpec) -> _Sentences:
    said = _Sentences({}, {}, {})
    for text in texts:
        for m in _LEFT.finditer(text):
            right = _longest_expression(text[m.end() :])
            if right is None:
                continue
            derivative = m["b"] or m["c"] or (f"A{m['an']}" if m["an"] else m["a"])
            start = m["d"] or m["e"]
            if derivative and (i := _find(derivative, spec)):
                said.derivatives[i] = right
            elif start and (i := _find(start, spec)):
                said.initial[i] = right
            elif m["f"]:
                said.definitions.setdefault(m["f"], right)
    return said


def _find(name: str, spec: ModelSpec) -> int | None:
    """Number of a compartment written as A2, 2 or by its name."""
    for i, compartment in enumerate(spec.compartments, 1):
        if name.casefold() == compartment.casefold():
            return i
    m = re.fullmatch(r"[A-Z]?(\d+)", name)
    return int(m[1]) if m else None


def _longest_expression(text: str) -> str | None:
    """The expression that a text begins with: up to a comma or semicolon outside brackets, or to words."""
    depth, end = 0, len(text)
    for i, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth < 0 or (depth == 0 and sign in ",;\n="):
            end = i
            break
    candidate = text[:end].strip().rstrip(".")
    while candidate:
        try:
            parse(candidate)
        except ModelError:
            candidate = candidate.rpartition(" ")[0].strip()
        else:
            return candidate
    return None


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
        found.update(_read_sentences(map(str, stated), spec).derivatives)
        for position, text in enumerate(stated, 1):
            if isinstance(text, int | float) or "=" not in str(text):
                found.setdefault(position, text)
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
    if isinstance(stated, str):
        stated = [stated]
    if any("=" in str(x) for x in stated):
        return dict(_read_sentences(map(str, stated), spec).initial)
    return {i: x for i, x in enumerate(stated, 1) if x != 0}


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
