"""The guide to the evidence: every command runs, the Python runs, the numbers of records are true."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

import rodnan.evidence
from rodnan.cli.main import execute
from rodnan.evidence import drugs, studies

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "evidence.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_guide_runs(line, capsys, tmp_path, monkeypatch):
    words = shlex.split(line)
    assert words[0] == "rodnan"
    record = Path(rodnan.evidence.__file__).parent / "data" / "studies" / "pope-2001.yaml"
    shutil.copy(record, tmp_path / "pope-2001.yaml")
    monkeypatch.chdir(tmp_path)
    words = ["pope-2001.yaml" if word == "my-study.yaml" else word for word in words]
    assert execute(words[1:]) == 0
    assert capsys.readouterr().out


def test_python_of_the_guide_runs():
    blocks = [text for kind, text in BLOCKS if kind == "python"]
    assert blocks
    for text in blocks:
        names: dict[str, object] = {}
        exec(compile(text, "evidence.md", "exec"), names)
        assert len(names) > 1  # the block left something behind besides the builtins


def test_numbers_of_records_are_true():
    assert f"{len(studies())} studies and cohorts, {len(drugs())} therapies" in GUIDE
