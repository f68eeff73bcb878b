"""A study file of the user's own is run like one on record."""

import json

from rodnan.cli.main import execute
from rodnan.evidence.loading import data_folder

SMALL = ["--patients", "40", "--pool", "256", "--replicates", "40", "--draws", "0", "--force", "--quiet"]


def test_a_study_file_is_run_and_named_by_its_own_id(tmp_path, capsys):
    text = (data_folder("studies") / "sls-1.yaml").read_text(encoding="utf-8")
    assert "id: sls-1\n" in text
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("id: sls-1\n", "id: own-trial\n", 1), encoding="utf-8")
    assert execute(["trial", "run", str(own), "--json", str(tmp_path / "r.json"), *SMALL]) == 0
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result["study"] == "own-trial"
    assert {arm["id"] for arm in result["arms"]} == {"cyc", "placebo"}
    assert "own-trial" in capsys.readouterr().out


def test_a_file_that_is_not_there_or_no_study_is_refused(tmp_path, capsys):
    assert execute(["trial", "run", str(tmp_path / "none.yaml"), *SMALL]) == 2
    assert "RDN-E002" in capsys.readouterr().err
    (tmp_path / "bad.yaml").write_text("id: bad\narms: 3\n", encoding="utf-8")
    assert execute(["trial", "run", str(tmp_path / "bad.yaml"), *SMALL]) == 2
    assert "RDN-" in capsys.readouterr().err
