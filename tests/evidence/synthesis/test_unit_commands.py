"""The three commands: what they print, write and refuse."""

from __future__ import annotations

import json

import pytest
import typer
import yaml
from typer.testing import CliRunner

from evidence.readers.made_files import article, article_set
from evidence.synthesis.test_unit_answer import made
from rodnan.cli import evidence_import, evidence_synthesise, evidence_update
from rodnan.errors import RodnanError
from rodnan.evidence.readers import Response, UrllibTransport

app = typer.Typer()
app.command("import")(evidence_import.command)
app.command("update")(evidence_update.command)
app.command("synthesise")(evidence_synthesise.command)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(result, code):
    assert isinstance(result.exception, RodnanError), result.output
    assert result.exception.code == code
    assert "\n" not in str(result.exception)
    return True


@pytest.fixture
def records(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    for study in made():
        text = yaml.safe_dump(study.model_dump(mode="json", exclude_none=True), sort_keys=False)
        (folder / f"{study.id}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_synthesise_prints_and_writes(records, tmp_path):
    out = tmp_path / "out"
    result = run(
        "synthesise",
        "--drug",
        "drug-x",
        "--endpoint",
        "fvc_pct_pred",
        "--against",
        "drug-y",
        "--records",
        records,
        "--json",
        tmp_path / "a.json",
        "--out",
        out,
    )
    assert result.exception is None, result.output
    assert "drug-x against drug-y (randomised; mean difference)" in result.output
    assert "certainty: " in result.output
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert data["comparisons"][0]["against"] == "drug-y"
    written = {p.suffix for p in out.iterdir()}
    assert written == {".txt", ".json", ".svg", ".png"}
    assert all(f"Written: {p}" in result.output.replace("\n", "") for p in out.glob("*.json"))


@pytest.mark.parametrize(
    ("drug", "endpoint", "code"), [("drug-w", "fvc_pct_pred", "RDN-E511"), ("drug-x", "fvc", "RDN-E512")]
)
def test_synthesise_refuses_with_the_nearest_name(records, drug, endpoint, code):
    result = run("synthesise", "--drug", drug, "--endpoint", endpoint, "--records", records)
    assert refused(result, code)
    assert "did you mean" in str(result.exception)


def test_a_brand_is_understood(records):
    text = (records / "x-1.yaml").read_text(encoding="utf-8").replace("drug-x", "mycophenolate")
    (records / "x-1.yaml").write_text(text, encoding="utf-8")
    result = run("synthesise", "--drug", "CellCept", "--endpoint", "fvc_pct_pred", "--records", records)
    assert result.output.startswith("mycophenolate: FVC")


def test_a_place_that_cannot_be_written(records, tmp_path):
    (tmp_path / "file").write_text("x")
    arguments = ["synthesise", "--drug", "drug-x", "--endpoint", "fvc_pct_pred", "--records", records]
    assert refused(run(*arguments, "--json", tmp_path / "file" / "a.json"), "RDN-S001")


def test_update_offline_says_so_in_one_line_and_ends_well(records, tmp_path):
    result = run("update", "--offline", "--records", records, "--cache", tmp_path / "cache")
    assert result.exit_code == 0
    assert result.output.strip().count("\n") == 0
    assert "Offline" in result.output


def test_update_writes_proposals_and_changes_no_record(records, tmp_path, monkeypatch):
    def answers(self, url):
        if "efetch" in url:
            return Response(200, article_set(article(1, date="<Year>2021</Year>")))
        if "esearch" in url:
            return Response(200, b'{"esearchresult": {"idlist": []}}')
        return Response(200, b'{"studies": []}')

    monkeypatch.setattr(UrllibTransport, "get", answers)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    before = {p.name: p.read_bytes() for p in records.iterdir()}
    for name in ("proposals.yaml", "proposals.md"):
        result = run(
            "update",
            "--records",
            records,
            "--out",
            tmp_path / name,
            "--drug",
            "drug-x",
            "--since",
            "2024-01-01",
            "--cache",
            tmp_path / "cache",
        )
        assert result.exit_code == 0, result.exception
        assert "No record was changed" in result.output
    data = yaml.safe_load((tmp_path / "proposals.yaml").read_text(encoding="utf-8"))
    assert any(p["field"] == "year" and p["theirs"] == 2021 for p in data["proposals"] if "field" in p)
    assert "- [ ] " in (tmp_path / "proposals.md").read_text(encoding="utf-8")
    assert {p.name: p.read_bytes() for p in records.iterdir()} == before


def test_update_refuses_a_date_that_is_none(records):
    assert refused(run("update", "--offline", "--records", records, "--since", "last year"), "RDN-S139")


def test_import_reports_and_writes(tmp_path):
    source, out = tmp_path / "made.xml", tmp_path / "made.jsonl"
    broken = article(2).replace("</Abstract>", "</Abstrakt>")
    retracted = article(3).replace("Randomized Controlled Trial", "Retracted Publication")
    source.write_bytes(article_set(article(1), broken, retracted, article(1)))
    result = run("import", source, "--out", out)
    assert result.exit_code == 0
    assert "PubMed XML, 2 publications" in result.output
    assert "lost: RDN-S110" in result.output
    assert "retracted: pmid:3" in result.output
    assert "worth knowing: RDN-S124" in result.output
    assert [json.loads(line)["pmid"] for line in out.read_text(encoding="utf-8").splitlines()] == ["1", "3"]
    assert refused(run("import", source, "--strict"), "RDN-S138")
    assert refused(run("import", tmp_path / "none.xml"), "RDN-S101")
