"""Thousands of random tables, files and model texts: a result or a coded error, never anything else."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.nonmem_tables import run_yaml
from rodnan.errors import ModelError, RodnanError
from rodnan.pharmacology.nonmem import parse_dataset, parse_model_record, to_spec
from rodnan.pharmacology.nonmem.expressions import parse

CODE = re.compile(r"RDN-[A-Z]\d{3}")
LINEAR = [
    "{name: a, structure: ADVAN2, parameters: {KA: 1, CL: 1, V: 10}, lag: {depot: 30}, rate: {1: 5}}",
    "{name: b, structure: ADVAN3, parameters: {CL: WT/70, V1: 1, Q: 0.1, V2: 100}, duration: {1: 3}}",
    "{name: c, structure: transit, transit: 3, parameters: {MTT: 1, KA: 1, CL: 1, V: 1}, lag: {1: 0.5}}",
    "{name: d, compartments: [x, y], rate_matrix: [[-1e6, 1e-6], [0, 0]], outputs: {C: x/WT}}",
    "{name: e, compartments: [x], rate_matrix: [[0.3]], outputs: {C: x}, lag: {x: WT - 1}}",
]
NONLINEAR = [
    "{name: f, structure: ADVAN10, parameters: {VM: 10, KM: 5}, outputs: {C: A1/WT}}",
    "{name: g, structure: ADVAN1, turnover: {kind: 2}, parameters: {CL: 1, V: 10, KIN: 1, KOUT: 0.5, "
    "IMAX: 1, IC50: 2}}",
    "{name: h, compartments: [x], derivatives: {x: -x^0.5 + WT*exp(-T)}, outputs: {C: x}}",
]


def _field(r: random.Random, column: str) -> str:
    usual = {
        "TIME": ["0", "0", "1", "1", "2.5", "24", "24.000000001", "1e3"],
        "EVID": ["0", "0", "0", "1", "1", "1", "1", "2", "3", "4"],
        "AMT": ["0", "100", "100", "1", "1e-9", "."],
        "CMT": ["1", "1", "1", "2", "0"],
        "RATE": ["0", "0", "0", "0", "10", "-1", "-2", "1e-3"],
        "II": ["0", "0", "12", "24", "1", "0.1"],
        "ADDL": ["0", "0", "0", "3", "1000"],
        "SS": ["0", "0", "0", "1", "1", "2"],
        "WT": ["70", "70", "1", "0", "1e-3"],
        "F1": ["1", "1", "0.5", "0", "2"],
    }[column]
    odd = ["-1", ".", "", "nan", "inf", "1e308", "-0", "x", "1e-308", "99999999", "0.5", "8:30", "5", "1e15"]
    return r.choice(odd) if r.random() < 0.02 else r.choice(usual)


def _seconds(row: dict[str, str]) -> float:
    try:
        return float(row["TIME"])
    except ValueError:
        return 0.0


def _random_table(r: random.Random) -> str:
    columns = ["TIME", "EVID", "AMT", "CMT", "WT"]
    columns += [c for c in ("RATE", "II", "ADDL", "SS", "F1") if r.random() < 0.8]
    rows = []
    for _ in range(r.randint(1, 6)):
        row = {c: _field(r, c) for c in columns}
        if r.random() < 0.85:  # mostly legal, so that the loop is reached
            if row["EVID"] in "023":
                row.update({c: "0" for c in ("AMT", "RATE", "II", "ADDL", "SS") if c in row})
            elif row["AMT"] in ("0", "."):
                row["AMT"] = "50"
            repeated = row.get("ADDL", "0") != "0" or row.get("SS", "0") != "0"
            if "II" in row:
                row["II"] = ("12" if row["II"] == "0" else row["II"]) if repeated else "0"
        rows.append(row)
    if r.random() < 0.95:
        rows.sort(key=_seconds)
    lines = [",".join(row[c] for c in columns) for row in rows]
    return (
        "\n".join([",".join(["ID", *columns]), *(f"{1 + (i > 4)},{x}" for i, x in enumerate(lines))]) + "\n"
    )


def _error(run) -> RodnanError | None:
    """Return the coded error that `run` ends with, or None; any other exception passes through."""
    try:
        run()
    except RodnanError as e:
        return e
    return None


def _outcome(model: str, text: str) -> str:
    done = []
    error = _error(lambda: done.append(run_yaml(model, text)))
    if error is not None:
        assert CODE.fullmatch(error.code)
        assert "\n" not in str(error)
        return error.code
    assert np.isfinite(done[0].amounts).all()
    assert all(np.isfinite(v).all() for v in done[0].outputs.values())
    assert len(done[0].amounts) == len(done[0].table)
    return "result"


@pytest.mark.parametrize(("models", "tables"), [(LINEAR, 1600), (NONLINEAR, 120)])
def test_random_tables_give_a_result_or_a_coded_error(models, tables):
    r = random.Random(f"tables {tables}")
    seen = [_outcome(r.choice(models), _random_table(r)) for _ in range(tables)]
    assert seen.count("result") > 0.15 * tables  # the fuzz reaches the loop, not only the checks before it
    assert len(set(seen)) > (20 if tables > 1000 else 5)


def test_damaged_files_give_a_result_or_a_coded_error():
    r = random.Random("files")
    good = "ID,TIME,EVID,AMT,CMT,RATE,II,ADDL,SS,WT\n1,0,1,100,1,0,12,3,1,70\n1,5,0,.,2,.,.,.,.,70\n"
    seen = []
    for _ in range(800):
        text = list(good)
        for _ in range(r.randint(1, 4)):
            at = r.randrange(len(text))
            match r.randrange(3):
                case 0:
                    text[at] = r.choice('",.\n-+eE:#; \t\r\0é019IDT')
                case 1:
                    del text[at]
                case 2:
                    text.insert(at, r.choice('",.\n-019eTA'))
        seen.append(_outcome(LINEAR[0], "".join(text)))
    assert "result" in seen  # small damage is sometimes harmless
    assert len(set(seen)) > 3  # and is refused for more than one reason


@settings(max_examples=400)
@given(st.text(alphabet="A12.+-*/^()eE, <>=WTxlnmaxif", max_size=25))
def test_any_text_is_an_expression_or_a_coded_error(text):
    error = _error(lambda: parse(text))
    assert error is None or error.code == "RDN-M401"


NUMBERS = st.integers(1, 9).map(str)
ARITHMETIC = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", "-", "*", "/"]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(NUMBERS, st.sampled_from(["**2", "**-1", "**0.5"])).map("".join),
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(ARITHMETIC)
def test_arithmetic_means_what_python_means(text):
    try:
        expected = eval(text, {"__builtins__": {}})
    except ZeroDivisionError:
        with pytest.raises(ModelError):
            _ = parse(text).constant
        return
    assert parse(text).constant == pytest.approx(expected, rel=1e-12, abs=1e-12)


FIELDS = [
    "structure",
    "trans",
    "bodies",
    "transit",
    "turnover",
    "parameters",
    "rate_matrix",
    "derivatives",
    "lag",
    "outputs",
    "compartments",
    "initial",
    "default_dose",
    "units",
    "nonsense",
]
KEYS = st.sampled_from(["CL", "V", "depot", "central", "1", "kind", "value", "X"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.sampled_from(["CL/V", "A1", "ADVAN2", "1", "x y", ""])
)
VALUES = st.recursive(
    LEAVES,
    lambda x: st.one_of(st.lists(x, max_size=3), st.dictionaries(KEYS, x, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=150)
@given(VALUES, st.sampled_from(FIELDS))
def test_any_value_in_a_model_file_is_used_or_refused(value, field):
    base = {"name": "m", "structure": "ADVAN2", "parameters": {"KA": 1, "CL": 1, "V": 10}}
    error = _error(lambda: to_spec(parse_model_record(yaml.safe_dump({**base, field: value}))))
    assert error is None or (CODE.fullmatch(error.code) and "\n" not in str(error))


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "a: 1\na: 2", "!!python/object:os.system x", "\t", "name: 1: 2"]
)
def test_text_that_is_no_model_file_is_refused(text):
    with pytest.raises(ModelError) as caught:
        parse_model_record(text)
    assert caught.value.code == "RDN-M411"


def test_a_table_is_read_the_same_whatever_the_order_of_its_columns():
    a = parse_dataset("ID,TIME,EVID,AMT\n1,0,1,5\n1,1,0,.\n")
    b = parse_dataset("AMT,EVID,TIME,ID\n5,1,0,1\n.,0,1,1\n")
    assert [(e.time, e.evid) for e in a.events] == [(e.time, e.evid) for e in b.events]
    assert a.events[0].amt == b.events[0].amt == 5.0
