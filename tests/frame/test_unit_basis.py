"""Every number on record says where it comes from: unit, basis and source, its own or of what holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import rodnan

SOURCE = Path(rodnan.__file__).parent
FILES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.yaml"))
BASES = {"read", "recalled", "assumed", "estimated"}
INHERITED = ("unit", "basis", "source", "sources", "citations")
NAMES_ITS_UNIT = ("measure", "variable")
"""A ratio, or a baseline variable such as female_pct, has its unit in its name."""

PURE = (".correlations", ".potency")
"""Parts of a drug model that are pure numbers by definition."""


def numbers(node: Any, given: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place of every ``value`` that is a number, with the facts that hold there."""
    if isinstance(node, dict):
        here = {**given, **{k: node[k] for k in (*INHERITED, *NAMES_ITS_UNIT) if node.get(k) is not None}}
        if isinstance(node.get("value"), int | float) and not isinstance(node["value"], bool):
            yield where, here
        for key, value in node.items():
            yield from numbers(value, here, f"{where}.{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from numbers(value, given, f"{where}[{position}]")


def complaints(record: Any) -> list[str]:
    """Return what is missing, one line a number."""
    found = []
    for where, given in numbers(record, {}, ""):
        if given.get("basis") not in BASES:
            found.append(f"{where}: basis {given.get('basis')!r}")
        if not any(given.get(key) for key in ("source", "sources", "citations")):
            found.append(f"{where}: no source")
        if not (where.startswith(PURE) or any(given.get(key) for key in ("unit", *NAMES_ITS_UNIT))):
            found.append(f"{where}: no unit")
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_value_has_unit_basis_and_source(name):
    record = yaml.load((SOURCE / name).read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert complaints(record) == []


def test_the_records_are_there():
    assert {"disease/parameters.yaml", "trial/settings.yaml", "evidence/data/studies/sls-2.yaml"} <= set(
        FILES
    )


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"value": 1, "unit": "mg", "source": "x"}, ": basis None"),
        ({"value": 1, "unit": "mg", "source": "x", "basis": "guessed"}, ": basis 'guessed'"),
        ({"value": 1, "unit": "mg", "basis": "read"}, ": no source"),
        ({"rows": [{"value": 1, "basis": "read", "source": "x"}]}, ".rows[0]: no unit"),
    ],
)
def test_what_is_missing_is_found(record, complaint):
    assert complaints(record) == [complaint]


def test_what_holds_a_number_may_say_it():
    assert complaints({"source": "x", "basis": "read", "rows": [{"value": 0.5, "unit": "1/h"}]}) == []
