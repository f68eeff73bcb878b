"""Files appear whole or not at all; progress goes to standard error."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rodnan.cli.output import progress_line, require_writable, to_json, write_bytes, write_json, write_text
from rodnan.engine import files
from rodnan.errors import SourceError


def test_json_is_written_with_the_folders_on_the_way(tmp_path):
    path = tmp_path / "a" / "b" / "result.json"
    write_json(path, {"arm": "mmf", "µ": [1.5, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"arm": "mmf", "µ": [1.5, None]}
    assert os.listdir(path.parent) == ["result.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~files._umask()


def test_json_keeps_the_order_and_refuses_what_json_has_not():
    assert to_json({"b": 1, "a": 2}) == '{\n "b": 1,\n "a": 2\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"x": float("nan")})


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    write_text(path, "old")

    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"RDN-S001 cannot be written \(Is a directory\)"):
        write_bytes(tmp_path, b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("relative", "folder", "reason"),
    [
        (".", False, "is a folder"),
        ("file", True, "is no folder"),
        ("file/below/x.json", False, "file is no folder"),
    ],
)
def test_places_that_cannot_be_written_are_refused_before_a_run(tmp_path, relative, folder, reason):
    (tmp_path / "file").touch()
    with pytest.raises(SourceError) as caught:
        require_writable(tmp_path / relative, folder=folder)
    assert caught.value.code == "RDN-S001"
    assert reason in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SourceError, match="permission denied"):
        require_writable(tmp_path / "new" / "x.json")


def test_places_that_can_be_written_are_left_as_they_are(tmp_path):
    require_writable(tmp_path / "new" / "deeper" / "x.json")
    require_writable(tmp_path / "new", folder=True)
    require_writable(tmp_path, folder=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("terminal", "quiet", "expected"),
    [(False, False, "one\ntwo\n"), (True, False, "\r\033[Kone\r\033[Ktwo\r\033[K"), (True, True, "")],
)
def test_progress(capsys, monkeypatch, terminal, quiet, expected):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    show = progress_line(quiet)
    for line in ("one", "two", ""):
        show(line)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", expected)
