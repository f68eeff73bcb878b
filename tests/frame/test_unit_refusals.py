"""What users get wrong most: one line with code, place, value and nearest name, status 2, no traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rodnan
from rodnan.cli.main import execute
from rodnan.errors import PopulationError
from rodnan.pharmacology import draw_patients, load_model

SLS_2 = Path(rodnan.__file__).parent / "evidence" / "data" / "studies" / "sls-2.yaml"


@pytest.fixture
def records(tmp_path):
    """Write the record of SLS II with one change; return its folder."""

    def _records(old: str, new: str) -> str:
        text = SLS_2.read_text(encoding="utf-8")
        assert old in text
        (tmp_path / "sls-2.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return str(tmp_path)

    return _records


def refusal(capsys, *words: str) -> str:
    """Return the line that refuses a command, and check that it is all there is."""
    status = execute(list(words))
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    (line,) = printed.err.splitlines()
    assert line.startswith("RDN-")
    return line


def test_a_wrong_study(capsys):
    assert "did you mean 'sls-2'?" in refusal(capsys, "trial", "run", "sls2")


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "exposure", "mycophenolat"),
        ("evidence", "show", "mycophenolat"),
        ("evidence", "synthesise", "--drug", "mycophenolat", "--endpoint", "mrss"),
    ],
)
def test_a_misspelt_drug(capsys, words):
    assert "(given: 'mycophenolat'); did you mean 'mycophenolate'?" in refusal(capsys, *words)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("dose: 1500", "dose: -1500", ("sls-2.yaml", "dose", "-1500")),
        ("unit: mg,", "unit: mgg,", ("sls-2.yaml", "unit", "'mgg'", "did you mean 'mg'?")),
        ("basis: read", "basis: reed", ("sls-2.yaml", "basis", "'reed'")),
    ],
)
def test_a_record_that_does_not_validate(capsys, records, old, new, parts):
    folder = records(old, new)
    line = refusal(
        capsys, "evidence", "synthesise", "--records", folder, "--drug", "mycophenolate", "--endpoint", "mrss"
    )
    assert [part for part in parts if part not in line] == []


def test_a_missing_covariate():
    with pytest.raises(PopulationError, match=r"^RDN-P101 .*covariate") as caught:
        draw_patients(load_model("mycophenolate"), {"weight": np.array([70.0])}, np.zeros((1, 0)))
    assert "\n" not in str(caught.value)
