"""Shared by commands: progress on stderr, files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rodnan.errors import SourceError

__all__ = ["progress_line", "to_json", "write_json", "write_text"]


def to_json(value: Any) -> str:
    """Return JSON text: the same bytes for the same value, no NaN."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON; see `write_text`."""
    write_text(path, to_json(value))


def write_text(path: Path, text: str) -> None:
    """Write text under a temporary name and rename it: the file is there whole, or not at all.

    Raises
    ------
    SourceError
        RDN-S001 when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    except OSError as error:
        raise SourceError("RDN-S001", f"cannot be written ({error.strerror})", where=str(path)) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def progress_line(quiet: bool = False) -> Callable[[str], None]:
    """Return a function that shows one line of progress: overwritten on a terminal, one a line elsewhere; quiet: none."""
    if quiet:
        return lambda line: None
    if not sys.stderr.isatty():
        return lambda line: sys.stderr.write(f"{line}\n") and None
    return lambda line: sys.stderr.write(f"\r\033[K{line}") and sys.stderr.flush()
