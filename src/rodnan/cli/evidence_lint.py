"""``rodnan evidence lint``: exit status 1 when there are problems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of your own; the catalogue when absent.")
    ] = None,
    remarks: Annotated[bool, typer.Option("--remarks", help="Also print what is only worth a look.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write all findings as JSON here.")] = None,
) -> None:
    """Check records for what contradicts itself or points nowhere."""
    from dataclasses import asdict

    from rodnan.cli.output import write_json
    from rodnan.evidence.lint import lint_catalogue, lint_paths

    found = lint_paths(paths) if paths else lint_catalogue()
    problems = [f for f in found if f.level == "problem"]
    if json is not None:
        write_json(json, [asdict(f) for f in found])
    for finding in found if remarks else problems:
        typer.echo(f"{finding.level}: {finding.where}: {finding.message}")
    others = len(found) - len(problems)
    hidden = " (shown with --remarks)" if others and not remarks else ""
    typer.echo(f"{len(problems)} problem{_s(len(problems))}, {others} remark{_s(others)}{hidden}")
    if problems:
        raise typer.Exit(1)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
