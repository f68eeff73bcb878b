"""The bibliography: complete, linked, filtered, honest about what was not seen."""

from __future__ import annotations

import json

import pytest

from rodnan.cli.main import execute
from rodnan.errors import EvidenceError
from rodnan.evidence import drugs, load_claim, studies
from rodnan.evidence.bibliography import (
    conflicts,
    find_publications,
    load_publication,
    publications,
    read_publication_list,
)
from rodnan.evidence.lint import _on_record, lint_catalogue


def test_every_listed_item_is_there_with_finding_and_links():
    listed = [item for item in publications() if item.listed]
    assert len(listed) == 29  # 28 items and the cognitive effects of chemotherapy
    for item in publications():
        assert item.finding.endswith(".")
        assert set(item.drugs) <= set(drugs())
        for link in item.see_also:
            kind, _, name = link.partition(":")
            assert _on_record(kind, name) or load_claim(name).id == name, link
        assert item.identifiers or item.basis == "recalled" or item.url


def test_the_review_of_2010_carries_its_index_entry():
    item = load_publication("immunotherapy-review-2010")
    assert item.doi == "10.2217/imt.10.69"
    assert "Review" in item.publication_types
    assert "Immunotherapy / methods*" in [heading.text for heading in item.mesh]
    assert find_publications(mesh="Immunotherapy*") == (item,)
    assert find_publications(substance="cyclophosphamide", publication_type="review") == (item,)
    with pytest.raises(EvidenceError) as caught:
        find_publications(mesh="Humans*")
    assert caught.value.code == "RDN-E012"


def test_conflicts_hold_both_readings_and_a_resolution():
    found = {item.id: item for item in conflicts()}
    assert {"esos-duration", "sls-1-month-24", "sls-1-event-codes"} <= set(found)
    assert {reading.says for reading in found["esos-duration"].readings} == {"12 years", "12 months"}
    assert {item.about.partition(":")[2] for item in found.values()} <= set(studies())


def test_find_by_brand_and_unknown_names():
    assert {item.id for item in find_publications(drug="Imuran")} >= {"azathioprine-ild-2016"}
    with pytest.raises(EvidenceError) as caught:
        load_publication("esos-2071")
    assert (caught.value.code, caught.value.nearest) == ("RDN-E011", "esos-2017")


def test_an_id_given_twice_is_refused(tmp_path):
    row = load_publication("chemo-brain").model_dump(mode="json", exclude_none=True)
    file = tmp_path / "own.yaml"
    file.write_text(json.dumps({"entries": [row, row]}), encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        read_publication_list(file)
    assert (caught.value.code, caught.value.value) == ("RDN-E003", "chemo-brain")


def test_claims_that_waited_for_publications_have_them():
    for name in ("mtx-sle", "chemo-brain", "cyc-angiogenesis", "annotated-bibliography", "indexed-record"):
        assert any(record.startswith("publication:") for record in load_claim(name).records), name
    assert not [f for f in lint_catalogue() if "no such record" in f.message]


def test_command(capsys, tmp_path):
    assert (
        execute(["evidence", "bibliography", "--drug", "CellCept", "--json", str(tmp_path / "a.json")]) == 0
    )
    out = capsys.readouterr().out
    assert "mycophenolate-review-2015" in out
    assert "recalled (unverified)" in out
    assert len(json.loads((tmp_path / "a.json").read_text())) == len(find_publications(drug="mycophenolate"))
    assert execute(["evidence", "bibliography", "immunotherapy-review-2010"]) == 0
    assert "Immunotherapy / methods*" in capsys.readouterr().out
    assert execute(["evidence", "bibliography", "--conflicts"]) == 0
    assert "12 years" in capsys.readouterr().out
    assert execute(["evidence", "bibliography", "--topic", "skim"]) == 2
    assert "RDN-E012" in capsys.readouterr().err
