"""Shared by commands: progress on standard error, files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rodnan.errors import SourceError

__all__ = ["progress_line", "require_writable", "to_json", "write_bytes", "write_json", "write_text"]


def to_json(value: Any) -> str:
    """Return JSON text: the same bytes for the same value, no NaN.

    Parameters
    ----------
    value
        Mappings, lists, text, numbers, None.

    Returns
    -------
    str
        Indented JSON, keys in the order given, with a closing newline.
    """
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; see `to_json` and `write_bytes`."""
    write_text(path, to_json(value))


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it: it is there whole, or as it was before.

    Parameters
    ----------
    path
        The file; folders on the way are made.
    content
        What to write.

    Raises
    ------
    SourceError
        RDN-S001 when the file cannot be written.
    """
    from rodnan.engine.files import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise _unwritable(path, error.strerror) from None


def require_writable(path: Path, *, folder: bool = False) -> None:
    """Refuse, before a long run, a place that its result could not be written to.

    Parameters
    ----------
    path
        A file, or a folder for several files; it need not exist.
    folder
        Whether `path` is a folder.

    Raises
    ------
    SourceError
        RDN-S001 when it is of the other kind, or no file could be made there.
    """
    if path.exists() and path.is_dir() != folder:
        raise _unwritable(path, "is a folder" if path.is_dir() else "is no folder")
    place = path if folder else path.parent
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise _unwritable(path, f"{place.name} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise _unwritable(path, "permission denied")


def progress_line(quiet: bool = False) -> Callable[[str], None]:
    """Return a function that shows a line of progress on standard error.

    Parameters
    ----------
    quiet
        Show nothing.

    Returns
    -------
    Callable
        Shows its text in place of the last on a terminal, and one text a line elsewhere; an empty text clears
        the line of a terminal.
    """

    def in_place(line: str) -> None:
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()

    def one_a_line(line: str) -> None:
        if line:
            sys.stderr.write(f"{line}\n")

    def nothing(line: str) -> None:
        pass

    if quiet:
        return nothing
    return in_place if sys.stderr.isatty() else one_a_line


def _unwritable(path: Path, reason: str | None) -> SourceError:
    return SourceError("RDN-S001", f"cannot be written ({reason})", where=str(path))
