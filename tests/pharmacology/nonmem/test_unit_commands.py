"""``rodnan pk simulate`` and ``rodnan validate nonmem``, as a user meets them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from rodnan.cli.main import execute
from shared_data import shared_path


@pytest.fixture
def rodnan(capsys):
    """The command line in this process: what it prints, and its exit status."""

    def call(*arguments):
        status = execute(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=out, stderr=err)

    return call


@pytest.fixture
def files(tmp_path):
    (tmp_path / "model.yaml").write_text("name: m\nstructure: ADVAN2\nparameters: {KA: 1, CL: 1, V: WT}\n")
    (tmp_path / "events.csv").write_text("ID,TIME,EVID,AMT,CMT,WT,SEX\n1,0,1,100,1,70,0\n1,1,0,.,2,70,0\n")
    return tmp_path


def test_simulate_writes_the_table_to_a_file_or_to_standard_output(files, rodnan):
    shown = rodnan("pk", "simulate", files / "model.yaml", files / "events.csv")
    assert shown.returncode == 0
    assert shown.stdout.startswith("ID,TIME,EVID,AMT,CMT,A1,A2,CP\n1,0,1,100,1,100,0,0\n1,1,0,.,2,")
    assert "SEX" in shown.stderr
    written = rodnan("pk", "simulate", files / "model.yaml", files / "events.csv", "--out", files / "out.csv")
    assert (written.returncode, written.stdout) == (0, "")
    assert (files / "out.csv").read_text() == shown.stdout


def test_an_error_is_one_line_and_status_2(files, rodnan):
    (files / "events.csv").write_text("ID,TIME,EVID,AMT,CMT,WGT\n1,0,1,100,1,70\n")
    done = rodnan("pk", "simulate", files / "model.yaml", files / "events.csv", "--out", files / "out.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().count("\n") == 0
    assert "RDN-D122" in done.stderr
    assert "'WGT'" in done.stderr
    assert not (files / "out.csv").exists()


def test_validate_says_which_scenarios_agree_and_fails_with_the_first_that_does_not(tmp_path, rodnan):
    source = shared_path("conformance/nonmem/nmtests-ipred-1001")
    for name in ("same", "other"):
        (tmp_path / name).mkdir()
        for file in source.iterdir():
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    both = rodnan("validate", "nonmem", tmp_path, "--json", tmp_path / "out.json")
    assert both.returncode == 0
    assert both.stdout.splitlines()[-1].startswith("2 of 2 scenarios agree")
    case = (tmp_path / "other" / "case.json").read_text()
    (tmp_path / "other" / "case.json").write_text(case.replace('"CL": 1.1', '"CL": 1.1001'))
    one = rodnan("validate", "nonmem", tmp_path, "--json", tmp_path / "out.json")
    assert one.returncode == 1
    assert one.stdout.splitlines()[-1].startswith("1 of 2 scenarios agree")
    content = json.loads((tmp_path / "out.json").read_text())
    assert {s["scenario"]: s["agrees"] for s in content["scenarios"]} == {"same": True, "other": False}
    excused = case.replace('"CL": 1.1', '"CL": 1.1001').replace(
        '"must_reproduce": true', '"must_reproduce": false'
    )
    (tmp_path / "other" / "case.json").write_text(excused)
    assert rodnan("validate", "nonmem", tmp_path).returncode == 0
    nothing = rodnan("validate", "nonmem", tmp_path / "none")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "RDN-S151" in nothing.stderr
