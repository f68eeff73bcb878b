"""Commands of evidence and claims: what they print, write and refuse."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest

import rodnan.evidence
from rodnan.cli.main import execute
from rodnan.evidence import claims, drugs, load_drug, load_study, studies
from rodnan.evidence.rows import KINDS, as_csv, as_markdown, kind_rows, verified

DATA = Path(rodnan.evidence.__file__).parent / "data"


def call(capsys, *words):
    status = execute(list(words))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_list_names_every_study_and_filters(capsys):
    status, out, _ = call(capsys, "evidence", "list")
    assert status == 0
    assert all(re.search(rf"^{name} ", out, re.M) for name in studies())
    _, out, _ = call(capsys, "evidence", "list", "--drug", "CellCept", "--design", "rct")
    assert [line.split()[0] for line in out.splitlines()[:-1]] == ["sls-2", "volkmann-2016-cxcl4"]


def test_show_marks_recalled_numbers_as_unverified(capsys):
    status, out, _ = call(capsys, "evidence", "show", "sls-2")
    assert status == 0
    flat = " ".join(out.split())
    assert "mean 2.19, ci95 0.53; 3.84, week 104, adjusted yes [recalled (unverified)]" in flat
    assert "mean 3.3, se 1.1, week 104, adjusted no [read]" in flat
    assert "not medical advice" in flat


@pytest.mark.parametrize(
    "name",
    ["cytoxan", "rituximab", "sls1-waning", "placebo", "population-eustar-walker-2007", "esos-2017",
     "study:sls-2", "hazard:cytopenia", "safety:bladder", "publication:pneumotox"],
)  # fmt: skip
def test_show_finds_drugs_by_brand_and_claims(capsys, name):
    status, out, _ = call(capsys, "evidence", "show", name)
    assert status == 0
    assert len(out.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("evidence", "show", "sls-9"), "RDN-E010"),
        (("evidence", "show", "stduy:sls-2"), "RDN-E010"),
        (("evidence", "show", "publication:sls-2"), "RDN-E010"),
        (("evidence", "list", "stuides"), "RDN-E009"),
        (("evidence", "list", "--drug", "mycofenolate"), "RDN-E006"),
        (("evidence", "list", "--design", "rtc"), "RDN-E009"),
        (("evidence", "table", "outcomes", "--endpoint", "fvc_pct"), "RDN-E009"),
        (("evidence", "table", "outcomes", "--format", "xml"), "RDN-E009"),
        (("evidence", "table", "--study", "sls-9"), "RDN-E001"),
        (("claims", "show", "sls1"), "RDN-E007"),
        (("claims", "list", "--status", "answred"), "RDN-E009"),
    ],
)
def test_a_wrong_name_is_one_line_and_status_2(capsys, words, code):
    status, out, err = call(capsys, *words)
    assert status == 2
    assert out == ""
    assert err.startswith(code)
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_tables_hold_every_row_and_value(kind):
    rows = kind_rows(kind)
    assert rows
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert len(read) == len(rows)
    for given, back in zip(rows, read, strict=True):
        for name, value in given.items():
            if isinstance(value, float):
                assert float(back[name]) == pytest.approx(value, rel=1e-14)
    assert len(as_markdown(rows).splitlines()) == len(rows) + 2


def test_table_writes_json_that_equals_the_record(capsys, tmp_path):
    path = tmp_path / "out.json"
    status, _, _ = call(
        capsys, "evidence", "table", "outcomes", "--study", "sls-1", "--format", "json", "--out", str(path)
    )
    assert status == 0
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert [row.get("mean") for row in rows] == [o.mean for o in load_study("sls-1").outcomes]


def test_claims_list_names_all_with_status(capsys):
    status, out, _ = call(capsys, "claims", "list")
    assert status == 0
    for claim in claims():
        assert re.search(rf"^{claim.id} *{claim.status} ", out, re.M), claim.id
    assert out.splitlines()[-1].startswith("49 claims:")


def test_the_word_for_a_basis():
    assert verified({"basis": "recalled"}) == "recalled (unverified)"
    assert verified({"basis": "read", "derived": True}) == "read, derived"


def test_the_whole_catalogue_loads_within_a_second_of_work():
    from rodnan.evidence import loading

    for cached in (
        loading.load_study,
        loading.load_drug,
        loading.claims,
        loading.kinetics_table,
        loading.safety_table,
    ):
        cached.cache_clear()
    start = time.process_time()
    for name in studies():
        load_study(name)
    for name in drugs():
        load_drug(name)
    assert len(claims()) + len(rodnan.evidence.kinetics()) + len(rodnan.evidence.safety()) == 49 + 100 + 128
    assert time.process_time() - start < 1.0


def test_records_name_no_files_and_no_addresses_of_machines():
    for path in DATA.rglob("*.yaml"):
        if path.parent.name == "models":
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b\d{1,3}(\.\d{1,3}){3}\b(:\d+)?/", text), path.name
        assert not re.search(r"[a-z0-9-]+\.yaml", text), path.name
        assert not re.search(r"/work/|find_string|read_file", text), path.name


def test_two_kinds_of_one_name_are_told_apart(capsys):
    _, study, _ = call(capsys, "evidence", "show", "study:plasma-exchange")
    _, drug, _ = call(capsys, "evidence", "show", "drug:plasma-exchange")
    assert "Baseline" in study or "Outcomes" in study
    assert "Regimens" in drug


def test_lung_injury_links_to_the_public_registry(capsys):
    for name in ("safety:methotrexate-lung", "methotrexate"):
        _, out, _ = call(capsys, "evidence", "show", name)
        assert "https://www.pneumotox.com" in out
    _, out, _ = call(capsys, "evidence", "show", "safety:infection-drug")
    assert "pneumotox" not in out
    _, out, _ = call(capsys, "evidence", "table", "safety", "--format", "json")
    rows = json.loads(out)
    assert {"methotrexate-lung"} <= {row["group"] for row in rows if "registry" in row}
    assert all("infection" not in row["group"] for row in rows if "registry" in row)
