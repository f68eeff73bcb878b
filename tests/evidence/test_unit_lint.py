"""The lint: each fault it knows is found where it lies, and the catalogue has none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

from rodnan.cli.main import execute
from rodnan.errors import EvidenceError
from rodnan.evidence import Claim, Study, claims, load_drug
from rodnan.evidence.lint import lint_catalogue, lint_claims, lint_drug, lint_paths, lint_study
from rodnan.evidence.records.drug import Drug

_spec = importlib.util.spec_from_file_location("made_records", Path(__file__).with_name("made_records.py"))
assert _spec is not None
assert _spec.loader is not None
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

FAULTS = [
    (("population",), "n", 99, "arms", "the arms hold 100 patients, the study 99"),
    (("population",), "n", 120, "arms", "the arms hold 100"),
    (
        ("arms", 0, "regimen", 0),
        "drug",
        "mycophenolat",
        "arms[0].regimen[0].drug",
        "did you mean 'mycophenolate'",
    ),
    (("outcomes", 0), "arm", "placebbo", "outcomes[0]", "did you mean 'placebo'"),
    (("outcomes", 0), "n", 41, "outcomes[0]", "41 patients of an arm of 40"),
    (("outcomes", 0), "range", [-4.0, 3.0], "outcomes[0]", "outside its range"),
    (("population", "baseline", 0), "n", 44, "population.baseline[0].n", "44 patients"),
    (("population", "baseline", 0), "variable", "female_pct", "", ""),
    (("adverse_events", 0), "pct", 40.0, "adverse_events[0]", "40 % is printed where 10 of 40 is 25.0 %"),
    (("withdrawals", 0), "of", 55, "withdrawals[0].of", "55 patients of an arm of 40"),
]


def findings(data):
    return lint_study(Study.model_validate(data))


def test_the_made_study_is_clean():
    assert findings(made.made_study()) == []


@pytest.mark.parametrize(("place", "field", "value", "where", "message"), FAULTS)
def test_a_fault_is_found_where_it_lies(place, field, value, where, message):
    data = made.made_study()
    made.at(data, *place)[field] = value
    problems = [f for f in findings(data) if f.level == "problem"]
    if not message:
        assert problems == []
        return
    assert any(f.where == f"made: {where}" and message in f.message for f in problems)


def test_other_faults_of_a_study():
    data = made.made_study()
    data["arms"].append({"id": "part", "label": "part", "n": 50, "subgroup_of": "drug"})
    data["outcomes"].append({"endpoint": "x", "measure": "value", "arm": "drug", "basis": "read"})
    data["outcomes"].append(
        {"endpoint": "y_pct", "measure": "value", "arm": "drug", "mean": 130.0, "basis": "read"}
    )
    data["outcomes"].append(
        {
            "endpoint": "z",
            "measure": "value",
            "arm": "drug",
            "median": 9.0,
            "iqr": [1.0, 5.0],
            "basis": "read",
        }
    )
    texts = " ".join(f.message for f in findings(data) if f.level == "problem")
    for part in (
        "subgroup of 50",
        "neither a number nor a direction",
        "y_pct is 130 %",
        "9 lies outside its iqr",
    ):
        assert part in texts


def test_comparators_without_a_record_and_groups_without_an_arm_are_remarks():
    data = made.made_study()
    data["arms"][0]["regimen"].append({"drug": "total body irradiation"})
    data["outcomes"][0]["arm"] = "healthy"
    assert {f.level for f in findings(data)} == {"remark"}
    assert len(findings(data)) == 2


def test_a_drug_whose_percentage_is_not_its_count_is_found():
    data = load_drug("mycophenolate").model_dump(exclude_unset=True)
    data["safety"][0]["incidence_pct"] = 50.0
    assert any("50 % is printed where 4 of 69" in f.message for f in lint_drug(Drug.model_validate(data)))


def test_claims_point_to_records_that_exist():
    claim = Claim(
        id="a", document="A", kind="safety", shown_by="evidence", claim="c", records=("study:nowhere",)
    )
    orphan = Claim(id="b", document="A", kind="safety", shown_by="evidence", claim="c", answer="so it is")
    problems = [f for f in lint_claims([claim, orphan]) if f.level == "problem"]
    assert [f.where for f in problems] == ["claim a", "claim b"]


def test_the_catalogue_has_no_problem():
    assert [f for f in lint_catalogue() if f.level == "problem"] == []


def test_own_files_are_told_apart_and_checked(tmp_path):
    spoilt = made.made_study()
    spoilt["outcomes"][0]["maen"] = 1
    spoilt["outcomes"][0]["basis"] = "heard"
    (tmp_path / "made.yaml").write_text(yaml.safe_dump(spoilt), encoding="utf-8")
    (tmp_path / "wrong-name.yaml").write_text(yaml.safe_dump(made.made_study()), encoding="utf-8")
    (tmp_path / "hazards.yaml").write_text("id: s\nentries: [{group: g}]\n", encoding="utf-8")
    (tmp_path / "ledger.yaml").write_text("- {id: x, document: D}\n", encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    places = [f.where for f in lint_paths([tmp_path])]
    assert "made.yaml: outcomes[0].maen" in places
    assert "made.yaml: outcomes[0].basis" in places
    assert "wrong-name.yaml: id" in places
    assert "hazards.yaml: entries[0].event" in places
    assert "ledger.yaml: [0].document" in places
    assert "broken.yaml" in places
    with pytest.raises(EvidenceError, match="RDN-E005"):
        lint_paths([tmp_path / "absent"])


@pytest.mark.parametrize(("spoil", "status"), [(False, 0), (True, 1)])
def test_exit_status_of_the_command(tmp_path, capsys, spoil, status):
    data = made.made_study()
    if spoil:
        data["population"]["n"] = 90
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert execute(["evidence", "lint", str(path)]) == status
    assert ("problem: made: arms:" in capsys.readouterr().out) == spoil


def test_the_ledger_is_whole_and_honest():
    ledger = claims()
    assert len(ledger) == 49
    for claim in ledger:
        missing = (claim.needs_records and not claim.records) or (claim.needs_check and not claim.checked_by)
        assert (claim.status == "answered") == (not missing)
        assert claim.needs_records or claim.needs_check
