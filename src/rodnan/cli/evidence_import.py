"""``rodnan evidence import FILE``: read publications from a bibliographic file of any known format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]

_SHOWN = 10


def command(
    file: Annotated[Path, typer.Argument(help="PubMed XML, MEDLINE (NBIB), RIS or BibTeX, plain or gzip.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the publications here, one JSON object on each line.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="End with status 2 when a record was lost or the file is damaged."),
    ] = False,
) -> None:
    """Read publications from a bibliographic file.

    Settles duplicates and says what could not be read. Nothing is added
    to the evidence records; with --out the publications are written in
    one form whatever the format they came in.
    """
    from rodnan.errors import SourceError
    from rodnan.evidence.readers import convert_publications, read_publications

    found = read_publications(file) if out is None else convert_publications(file, out)
    noun = "publication" if found.count == 1 else "publications"
    typer.echo(f"{file.name}: {found.format}, {found.count} {noun}")
    for identity, title in found.retracted:
        typer.echo(f"  retracted: {identity}  {title}")
    names = {"note": "worth knowing", "record": "lost", "file": "damage to the file"}
    for severity, name in names.items():
        rows = [p for p in found.problems if p.severity == severity]
        for problem in rows[:_SHOWN]:
            typer.echo(f"  {name}: {problem}")
        if len(rows) > _SHOWN:
            typer.echo(f"  {name}: more of the kind; in all " + _counted(found.counts))
    if out is not None:
        typer.echo(f"Written: {out}")
    if strict and not found.complete:
        raise SourceError("RDN-S138", f"the file was not read whole: {found.lost} losses", where=file.name)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{code} {count} times" for code, count in counts.items())
