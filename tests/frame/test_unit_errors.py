"""The error tree and its codes: one line, stable codes of one meaning, all of them documented."""

from __future__ import annotations

import importlib.util
import pickle
import re
import sys
from pathlib import Path

import pytest

from rodnan import errors
from rodnan.errors import RodnanError, nearest_name

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LETTERS = {
    "CalibrationError": "C", "DoseError": "D", "EvidenceError": "E", "ModelError": "M", "EngineError": "N",
    "PopulationError": "P", "SourceError": "S", "TrialError": "T", "UnitError": "U",
}  # fmt: skip


def script(name: str):
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


@pytest.fixture(scope="module")
def codes():
    return script("error_codes").error_codes()


def test_the_tree_is_what_the_module_exports():
    classes = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, RodnanError)}
    assert classes == set(LETTERS) | {"RodnanError"}
    assert classes | {"nearest_name"} == set(errors.__all__)
    for name, letter in LETTERS.items():
        assert getattr(errors, name).__mro__[1] is RodnanError
        assert re.search(rf"{name} +RDN-{letter}\.\.\.", errors.__doc__)


def test_a_message_is_one_line_with_all_that_is_known():
    error = errors.EvidenceError(
        "RDN-E001", "no such\nstudy", where="sls-2.yaml: arms[0].n", value="sls2", nearest="sls-2"
    )
    line = "RDN-E001 no such study [sls-2.yaml: arms[0].n] (given: 'sls2'); did you mean 'sls-2'?"
    assert str(error) == line
    assert (error.code, error.where, error.value, error.nearest) == (
        "RDN-E001", "sls-2.yaml: arms[0].n", "sls2", "sls-2",
    )  # fmt: skip


def test_a_page_in_a_field_does_not_fill_the_line():
    line = str(errors.UnitError("RDN-U001", "unknown unit", value="a" * 5000, nearest="day"))
    assert line == f"RDN-U001 unknown unit (given: {chr(39)}{'a' * 199}…); did you mean 'day'?"


def test_errors_cross_processes():
    error = errors.DoseError("RDN-D104", "a dose", where="x", value=-1.0, nearest="y")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), vars(twin), str(twin)) == (type(error), vars(error), str(error))


@pytest.mark.parametrize(
    ("given", "valid", "nearest"),
    [
        ("sls2", ["sls-1", "sls-2", "scot"], "sls-2"),
        ("Mycophenolat", ["mycophenolate", "methotrexate"], "mycophenolate"),
        ("MMRSS", ["mRSS", "FVC"], "mRSS"),
        ("nat", ["natural-history", "nonmem"], "natural-history"),
        ("non", ["nonmem-conformance", "nonlinear-kinetics"], None),
        ("zebra", ["mycophenolate"], None),
        (7, ["seven"], None),
        ("", ["a"], None),
    ],
)
def test_nearest_name(given, valid, nearest):
    assert nearest_name(given, valid) == nearest


def test_every_code_has_the_letter_of_its_class(codes):
    wrong = {
        code: entry.classes for code, entry in codes.items()
        if any(LETTERS.get(name.rpartition(".")[2]) not in (None, code[4]) for name in entry.classes)
    }  # fmt: skip
    assert not wrong


def test_every_code_belongs_to_one_class_and_one_room(codes):
    for code, entry in codes.items():
        rooms = {module.split("/")[0] for module in entry.modules} - {"cli"}
        assert len(rooms) <= 1, f"{code} is raised in {sorted(entry.modules)}"
        assert len(entry.classes) <= 1, f"{code} is raised as {sorted(entry.classes)}"


def test_every_code_says_what_was_wrong(codes):
    assert len(codes) > 100
    assert [code for code, entry in codes.items() if not entry.described()] == []


def test_docstrings_name_only_codes_that_are_raised(codes):
    named = script("error_codes").documented_codes()
    assert {code: where for code, where in named.items() if code not in codes} == {}


def test_every_code_is_on_the_page_of_errors(codes):
    page = script("reference_pages").errors()
    rows = re.findall(
        r"^\| `(RDN-[A-Z]\d{3})` \| ([^|]+) \| `[^|]+` \|$", page.replace("\\|", "/"), re.MULTILINE
    )
    assert [code for code, _ in rows] == list(codes)


def test_the_search_for_codes_misses_none(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "module.py").write_text(
        '"""Codes.\n\nRDN-D904   what a table says\n"""\n'
        'raise DoseError("RDN-D901", f"a dose of {x} is too large", value=x)\n'
        'refuse("RDN-D902" if a else "RDN-D903", "said twice")\n'
        'fault = ("RDN-D904", reason)\n'
        'say("RDN-X905 not enough memory")\n',
        encoding="utf-8",
    )
    found = script("error_codes").error_codes(tmp_path)
    assert {code: entry.described() for code, entry in found.items()} == {
        "RDN-D901": "a dose of … is too large",
        "RDN-D902": "said twice",
        "RDN-D903": "said twice",
        "RDN-D904": "what a table says",
        "RDN-X905": "not enough memory",
    }
    assert found["RDN-D901"].classes == {"DoseError"}
    assert found["RDN-D901"].modules == {"room/module.py"}
