"""A folder of finished shards: what a long run has done, so that a stopped run goes on where it was.

The folder holds ``manifest.json``, the shards' files (``<kind>/<shard>.<ending>``) and a receipt for each finished shard
(``finished/<shard>.json``: size and hash of its files), which is written last. Everything gets its name only when it is
whole; a shard without a receipt, or with files that differ from it, is computed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from rodnan.engine.files import write_whole
from rodnan.errors import EngineError

__all__ = ["ShardFolder", "open_folder"]

MANIFEST = "manifest.json"
_LOCK = ".lock"


class ShardFolder:
    """The shards of one run; made by `open_folder`.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, shard: int, files: Mapping[str, bytes]) -> None:
        """Keep the files of a finished shard.

        Parameters
        ----------
        shard
            Its number.
        files
            Content by name, such as ``courses.parquet``; it is kept as ``courses/00017.parquet``.

        Raises
        ------
        EngineError
            RDN-N021 when a file cannot be written.
        """
        try:
            for name, content in files.items():
                write_whole(self.file(shard, name), content, lasting=True)
            receipt = {name: _fingerprint(content) for name, content in sorted(files.items())}
            write_whole(self._receipt(shard), _json(receipt), lasting=True)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def put_whole(self, name: str, content: bytes) -> None:
        """Keep a file of the whole run; raises as `put`."""
        try:
            write_whole(self.path / name, content, lasting=True)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def file(self, shard: int, name: str) -> Path:
        """Return where a shard's file lies."""
        kind, _, ending = name.partition(".")
        return self.path / kind / f"{shard:06d}.{ending}"

    def finished(self, shards: int) -> list[int]:
        """Return which of the first `shards` shards are there whole; files that differ from their receipt do not count."""
        return [shard for shard in range(shards) if self._whole(shard)]

    def _receipt(self, shard: int) -> Path:
        return self.path / "finished" / f"{shard:06d}.json"

    def _whole(self, shard: int) -> bool:
        try:
            receipt = json.loads(self._receipt(shard).read_bytes())
            return all(
                _fingerprint(self.file(shard, name).read_bytes()) == kept for name, kept in receipt.items()
            )
        except (FileNotFoundError, json.JSONDecodeError):
            return False


@contextmanager
def open_folder(path: Path, manifest: Mapping[str, Any]) -> Iterator[ShardFolder]:
    """Open a folder for a run, new or to go on with, and keep others out meanwhile.

    Parameters
    ----------
    path
        The folder; made where it is not there.
    manifest
        Everything that the content of the shards follows from.

    Yields
    ------
    ShardFolder

    Raises
    ------
    EngineError
        RDN-N021 when it cannot be written to; RDN-N022 when it holds something else, or a run of another manifest (the
        first difference is named); RDN-N023 when another run is at work in it.
    """
    wanted = json.loads(json.dumps(manifest))
    try:
        _admit(path, wanted)
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / _LOCK, "wb")  # noqa: SIM115 (closed below; errors of the body are not those of the folder)
    except OSError as error:
        raise _unwritable(path, error) from None
    with lock:
        try:
            _take(lock, path)
            _admit(path, wanted)
            if not (path / MANIFEST).exists():
                write_whole(path / MANIFEST, _json(wanted), lasting=True)
            for left in path.rglob(".*.tmp"):  # of a run that was killed while it wrote
                left.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from None
        yield ShardFolder(path)


def _admit(path: Path, wanted: Mapping[str, Any]) -> None:
    """Refuse a folder that is of something else."""
    if not path.exists():
        return
    if not path.is_dir():
        raise EngineError("RDN-N022", "is no folder", where=str(path))
    known = path / MANIFEST
    if not known.exists():
        strangers = sorted(p.name for p in path.iterdir() if p.name != _LOCK and not p.name.endswith(".tmp"))
        if strangers:
            raise EngineError(
                "RDN-N022",
                "the folder holds other things and no run; name a new one",
                where=str(path),
                value=strangers[0],
            )
        return
    try:
        there = json.loads(known.read_bytes())
    except json.JSONDecodeError:
        raise EngineError("RDN-N022", "the manifest cannot be read", where=str(known)) from None
    difference = _difference(there, wanted)
    if difference:
        name, old, new = difference
        raise EngineError(
            "RDN-N022",
            f"the folder holds another run: its {name} is {old!r}; name a new folder",
            where=str(path),
            value=new,
        )


def _difference(there: Any, wanted: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Return the first place where two manifests differ, and both values."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(k for k in there if k not in wanted)]:
            found = _difference(there.get(key), wanted.get(key), f"{name}.{key}".lstrip("."))
            if found:
                return found
        return None
    return None if there == wanted else (name, there, wanted)


def _take(lock: BinaryIO, path: Path) -> None:
    """Lock an open file; the system gives the lock back when this process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EngineError("RDN-N023", "another run is at work in the folder", where=str(path)) from None


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _unwritable(path: Path, error: OSError) -> EngineError:
    return EngineError("RDN-N021", f"the folder cannot be written ({error.strerror})", where=str(path))
