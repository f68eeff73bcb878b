"""Folders of finished shards: whole or not there, of one run only, used by one process at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from rodnan.engine.executors import choose_executor
from rodnan.engine.files import write_whole
from rodnan.engine.shards import open_folder
from rodnan.engine.stream import stream, time_left
from rodnan.errors import EngineError


@dataclass(frozen=True)
class Piece:
    number: int
    size: int = 10


def files_of(piece: Piece) -> dict[str, bytes]:
    return {"text.txt": f"piece {piece.number}".encode()}


def test_a_shard_counts_when_its_files_are_as_its_receipt_says(tmp_path):
    with open_folder(tmp_path / "run", {"seed": 1}) as folder:
        folder.put(0, {"a.txt": b"one", "b.txt": b"two"})
        folder.put(1, {"a.txt": b"three"})
        assert folder.finished(3) == [0, 1]
        folder.file(0, "b.txt").write_bytes(b"twO")
        folder.file(1, "a.txt").unlink()
        assert folder.finished(3) == []


def test_only_what_is_missing_is_run(tmp_path):
    pieces = [Piece(k) for k in range(4)]
    ran, lines = [], []

    def watched(piece: Piece) -> dict[str, bytes]:
        ran.append(piece.number)
        return files_of(piece)

    with open_folder(tmp_path / "run", {"seed": 1}) as folder:
        folder.put(2, files_of(pieces[2]))
        clock = iter(range(100)).__next__
        stream(folder, watched, pieces, choose_executor("serial"), progress=lines.append, clock=clock)
        assert folder.finished(4) == [0, 1, 2, 3]
    assert ran == [0, 1, 3]
    assert lines[0] == "1 of 4 shards are there"
    assert lines[1] == "shard 2 of 4: 20 of 40 patients, 2 s left"
    assert lines[-1] == "shard 4 of 4: 40 of 40 patients, 0 s left"


def test_leftovers_of_a_killed_run_are_cleared(tmp_path):
    path = tmp_path / "run"
    with open_folder(path, {"seed": 1}) as folder:
        folder.put(0, {"a.txt": b"one"})
    (path / "a" / ".half.tmp").write_bytes(b"ha")
    with open_folder(path, {"seed": 1}):
        assert not (path / "a" / ".half.tmp").exists()


def test_another_run_is_refused_with_the_difference(tmp_path):
    path = tmp_path / "run"
    with open_folder(path, {"settings": {"weeks": 52}, "seed": 1}):
        pass
    with (
        pytest.raises(EngineError, match=r"RDN-N022 .*settings\.weeks is 52.*given: 104"),
        open_folder(path, {"settings": {"weeks": 104}, "seed": 1}),
    ):
        pass


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_bytes(b"")
    with pytest.raises(EngineError, match=r"RDN-N022 .*thesis\.docx"), open_folder(tmp_path, {}):
        pass
    with pytest.raises(EngineError, match="RDN-N022 is no folder"), open_folder(tmp_path / "thesis.docx", {}):
        pass
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("{")
    with pytest.raises(EngineError, match="RDN-N022 the manifest"), open_folder(tmp_path / "bad", {}):
        pass


def test_two_runs_do_not_share_a_folder(tmp_path):
    with (
        open_folder(tmp_path / "run", {}),
        pytest.raises(EngineError, match="RDN-N023"),
        open_folder(tmp_path / "run", {}),
    ):
        pass


def test_an_error_of_the_run_is_not_taken_for_one_of_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError), open_folder(tmp_path / "run", {}):
        raise FileNotFoundError("of somebody else")


def test_a_file_that_cannot_be_renamed_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "full").touch()
    with pytest.raises(OSError):
        write_whole(tmp_path / "taken", b"content")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["taken"]


def test_the_manifest_is_kept_as_given(tmp_path):
    with open_folder(tmp_path / "run", {"seed": 1, "pair": (1, 2)}):
        pass
    assert json.loads((tmp_path / "run" / "manifest.json").read_text()) == {"seed": 1, "pair": [1, 2]}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s left"), (75, "1 min 15 s left"), (7265, "2 h 1 min left")]
)
def test_time_left_in_words(seconds, words):
    assert time_left(seconds) == words
