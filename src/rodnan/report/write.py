"""Write the whole report as files: all of it, or none of it.

Everything is made in a hidden directory first. A new report directory then appears by one rename; in a
directory that exists already, finished files replace older ones one by one, and an interrupt waits until that
is done. Files that do not belong to the report are left alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rodnan.errors import TrialError
from rodnan.report.comparing import check_result
from rodnan.report.page import manifest_table, render_page
from rodnan.report.plots import figures
from rodnan.report.plots.render import to_png
from rodnan.report.trial_tables import tables

__all__ = ["write_report"]

_PREFIX = "simulation-"


def write_report(result: Mapping[str, Any], directory: str | os.PathLike[str]) -> list[Path]:
    """Write a result as a self-contained page with its figures, tables and data.

    The same result gives the same bytes. Every file name starts with ``simulation-``:
    ``simulation-report.html``, ``simulation-result.json``, ``figures/simulation-*.svg`` and ``.png``,
    ``tables/simulation-*.csv``.

    Parameters
    ----------
    result
        The result of one virtual trial, as returned by ``rodnan.trial``.
    directory
        Where to write; made when absent. In a directory that exists, an older report is replaced.

    Returns
    -------
    list of Path
        The files written, the page first.

    Raises
    ------
    TrialError
        RDN-T901 when parts of the result are missing, RDN-T902 when it holds a value that JSON cannot carry,
        RDN-T903 when the directory cannot be written.
    """
    check_result(result)
    target = Path(directory)
    contents = _contents(result)
    try:
        _write_all(contents, target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TrialError("RDN-T903", f"the report cannot be written: {reason}", where=str(target)) from error
    return [target / name for name in contents]


def _contents(result: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of the report by its relative path, the page first."""
    try:
        data = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TrialError("RDN-T902", f"the result cannot be written as JSON: {error}") from error
    made: dict[str, bytes] = {}
    stems: dict[str, str] = {}
    drawn = []
    for figure in figures(result):
        stem = f"figures/{_PREFIX}{figure.id}"
        stems[f"figure:{figure.id}"] = stem
        svg = figure.svg()
        drawn.append((figure, svg))
        made[f"{stem}.svg"] = svg.encode()
        made[f"{stem}.png"] = to_png(svg)
    behind = [figure.table for figure, _ in drawn]
    for table in (*tables(result), *behind, manifest_table(result["manifest"])):
        text = table.to_csv()
        if text:
            stem = f"tables/{_PREFIX}{table.id}"
            stems[f"table:{table.id}"] = stem
            made[f"{stem}.csv"] = text.encode()
    made[f"{_PREFIX}result.json"] = data.encode()
    page = render_page(result, drawn, sorted(made), stems)
    return {f"{_PREFIX}report.html": page.encode()} | {name: made[name] for name in sorted(made)}


def _write_all(contents: Mapping[str, bytes], target: Path) -> None:
    fresh = not target.exists()
    home = target.parent if fresh else target
    home.mkdir(parents=True, exist_ok=True)
    staging = home / f".{_PREFIX}{secrets.token_hex(8)}.partial"
    try:
        for name, data in contents.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        with _interrupt_later():
            if fresh:
                staging.replace(target)
            else:
                _replace_files(staging, contents, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace_files(staging: Path, contents: Mapping[str, bytes], target: Path) -> None:
    """Move finished files over older ones, then drop files of an older report that this one does not have."""
    for folder in {(target / name).parent for name in contents}:
        folder.mkdir(parents=True, exist_ok=True)
    for name in contents:
        os.replace(staging / name, target / name)
    for pattern in (f"figures/{_PREFIX}*", f"tables/{_PREFIX}*"):
        for path in target.glob(pattern):
            if path.relative_to(target).as_posix() not in contents:
                path.unlink()


@contextmanager
def _interrupt_later() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done, then let it through."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt
