"""What the records refuse, and how they say it: file, field, value, reason, nearest name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

from rodnan.errors import EvidenceError
from rodnan.evidence import (
    Study,
    drugs,
    load_claim,
    load_drug,
    load_study,
    read_studies,
    read_study,
    safety,
    studies,
)
from rodnan.evidence.problems import parse_record, record_problems

_spec = importlib.util.spec_from_file_location("made_records", Path(__file__).with_name("made_records.py"))
assert _spec is not None
assert _spec.loader is not None
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

SPOILT = [
    (("citation",), "pmdi", "x", "citation.pmdi", "pmid"),
    (("arms", 0, "regimen", 0), "dose", -1500, "arms[0].regimen[0].dose", None),
    (("arms", 0, "regimen", 0), "dose", [1500, -1], "arms[0].regimen[0].dose[1]", None),
    (("arms", 0, "regimen", 0), "doze", 2, "arms[0].regimen[0].doze", "dose"),
    (("arms", 0, "regimen", 0), "unit", "mgg", "arms[0].regimen[0].unit", None),
    (("arms", 0, "regimen", 0), "interval_unit", "hours per", "arms[0].regimen[0].interval_unit", None),
    (("arms", 0, "regimen", 0), "stop_week", -3, "arms[0].regimen[0]", None),
    (("arms", 0), "n", "40", "arms[0].n", None),
    (("arms", 0), "n", 40.5, "arms[0].n", None),
    (("arms", 0), "n", True, "arms[0].n", None),
    (("arms", 1), "background", [{"drug": "prednisone", "shar": 0.5}], "arms[1].background[0].shar", "share"),
    (("arms", 1), "background", [{"drug": "prednisone", "share": 1.5}], "arms[1].background[0].share", None),
    (("outcomes", 0), "mean", float("nan"), "outcomes[0].mean", None),
    (("outcomes", 0), "mean", float("inf"), "outcomes[0].mean", None),
    (("outcomes", 0), "sd", -1.0, "outcomes[0].sd", None),
    (("outcomes", 0), "basis", "raed", "outcomes[0].basis", "read"),
    (("outcomes", 0), "measure", "chnage", "outcomes[0].measure", "change"),
    (("outcomes", 0), "of", 30, "outcomes[0]", None),
    (("outcomes", 0), "p", 1.2, "outcomes[0].p", None),
    (("outcomes", 0), "arms", ["drug"], "outcomes[0]", None),
    (("outcomes", 1), "ci95", [-1.0, -5.0], "outcomes[1]", None),
    (("outcomes", 1), "ci95", [-2.0, -1.0], "outcomes[1]", None),
    (("population", "baseline", 0), "unit", "scroe", "population.baseline[0].unit", None),
    (("adverse_events", 0), "pct", 125.0, "adverse_events[0].pct", None),
    (("withdrawals", 0), "n", 41, "withdrawals[0]", None),
    (("design",), "type", "rtc", "design.type", "rct"),
    (("design",), "blinding", "dubble", "design.blinding", "double"),
]


@pytest.mark.parametrize(("place", "field", "value", "where", "nearest"), SPOILT)
def test_a_spoilt_field_is_named(place, field, value, where, nearest):
    data = made.made_study()
    made.at(data, *place)[field] = value
    with pytest.raises(EvidenceError) as caught:
        parse_record(Study, data, "made.yaml")
    error = caught.value
    assert error.code == "RDN-E003"
    assert error.where == f"made.yaml: {where}"
    assert "\n" not in str(error)
    if nearest is not None:
        assert error.nearest == nearest


@pytest.mark.parametrize(
    "place", [("outcomes", 0), ("population", "baseline", 0), ("adverse_events", 0), ("withdrawals", 0)]
)
def test_every_number_needs_its_basis(place):
    data = made.made_study()
    del made.at(data, *place)["basis"]
    with pytest.raises(EvidenceError, match="missing"):
        parse_record(Study, data, "made.yaml")


@pytest.mark.parametrize(
    ("place", "field", "wrong"),
    [(("outcomes", 0), "basis", "bsis"), (("arms", 0), "label", "lable"), (("outcomes", 0), "endpoint", "endpiont"),
     (("arms", 0, "regimen", 0), "drug", "durg"), ((), "arms", "amrs")],
)  # fmt: skip
def test_a_misspelt_field_that_is_needed_is_one_problem(place, field, wrong):
    data = made.made_study()
    row = made.at(data, *place)
    row[wrong] = row.pop(field)
    (problem,) = record_problems(Study, data, "made.yaml")
    assert (problem.value, problem.nearest) == (wrong, field)
    assert problem.message == "there is no such field"


def test_all_problems_are_counted_and_the_first_is_told():
    data = made.made_study()
    data["outcomes"][0]["mean"] = "many"
    data["outcomes"][1]["weak"] = 52
    data["colour"] = "red"
    problems = record_problems(Study, data, "made.yaml")
    assert sorted(p.where or "" for p in problems) == [
        "made.yaml: colour",
        "made.yaml: outcomes[0].mean",
        "made.yaml: outcomes[1].weak",
    ]
    with pytest.raises(EvidenceError, match="and 2 more problems"):
        parse_record(Study, data, "made.yaml")


def test_units_of_an_unknown_name_say_the_nearest():
    data = made.made_study()
    data["arms"][0]["regimen"][0]["unit"] = "mg/kgg"
    with pytest.raises(EvidenceError, match="did you mean"):
        parse_record(Study, data, "made.yaml")


@pytest.mark.parametrize(
    "unit", ["mL", "pct_pred_per_month", "mRSS/year", "score_0_51", "pct_pred_squared", "10^9/L", "mg/L"]
)
def test_units_of_clinical_records_are_known(unit):
    data = made.made_study()
    data["outcomes"][0]["unit"] = unit
    assert parse_record(Study, data, "made.yaml").outcomes[0].unit == unit


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id: a\nid: b\n", "given twice at line 2"),
        ("a: &x [1]\nb: *x\n", "references"),
        ("a: {<<: {b: 1}}\n", "merging"),
        ("a: [1\n", "not YAML at line 2"),
        ("a: !!python/object/apply:os.getcwd []\n", "constructor"),
        ("- 1\n", "mapping of fields"),
        ("", "mapping of fields"),
    ],
)
def test_files_that_are_no_plain_records_are_refused(tmp_path, text, reason):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=reason) as caught:
        read_study(path)
    assert caught.value.where == "own.yaml"


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvidenceError, match="UTF-8"):
        read_study(path)
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_study(tmp_path / "absent.yaml")
    with pytest.raises(EvidenceError, match="no study records"):
        read_studies(tmp_path / "nothing")


def test_own_records_load_from_a_folder(tmp_path):
    for name in ("one", "two"):
        text = yaml.safe_dump({**made.made_study(), "id": name})
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert [study.id for study in read_studies(tmp_path)] == ["one", "two"]


@pytest.mark.parametrize(
    ("load", "name", "nearest"),
    [
        (load_study, "sls-3", "sls-2"),
        (load_drug, "mycofenolate", "mycophenolate"),
        (load_drug, "cellcept", "mycophenolate"),
        (load_claim, "sls1-efect", "sls1-effect"),
        (safety, "cytopenias", "cytopenia"),
    ],
)
def test_unknown_names_say_the_nearest(load, name, nearest):
    with pytest.raises(EvidenceError) as caught:
        load(name)
    assert caught.value.value == name
    assert caught.value.nearest == nearest or (name == "sls-3" and caught.value.nearest in {"sls-1", "sls-2"})


def test_records_are_frozen():
    study = load_study("sls-2")
    with pytest.raises(ValueError, match="frozen"):
        study.id = "other"  # type: ignore[misc]


def test_the_catalogue_is_whole():
    assert len(studies()) == 73
    assert len(drugs()) == 26
    assert load_drug("placebo").pk is None
    assert {load_study(name).id for name in studies()} == set(studies())
    assert {load_drug(name).id for name in drugs()} == set(drugs())
