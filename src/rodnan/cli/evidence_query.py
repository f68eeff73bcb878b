"""``rodnan evidence query "SELECT study, mean FROM outcomes WHERE endpoint = 'mrss'"``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    sql: Annotated[
        str | None,
        typer.Argument(help="SQL over the tables; their names and columns are listed when absent."),
    ] = None,
    format: Annotated[str, typer.Option(help="csv, json or markdown.")] = "markdown",
    records: Annotated[
        Path | None, typer.Option(help="Folder of study records of your own instead of ours.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file; to the screen otherwise.")] = None,
) -> None:
    """Ask the records in SQL."""
    from rodnan.cli.output import to_json, write_text
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import read_studies
    from rodnan.evidence.rows import KINDS, as_csv, as_markdown
    from rodnan.evidence.tables import frame, query, table_names

    if sql is None:
        for name, kind in zip(table_names(), KINDS, strict=True):
            typer.echo(f"{name}: {', '.join(frame(kind).columns)}")
        return
    writers = {"csv": as_csv, "json": to_json, "markdown": as_markdown, "md": as_markdown}
    if format not in writers:
        raise EvidenceError("RDN-E009", "no such format", value=format, nearest=nearest_name(format, writers))
    found = query(sql, studies=None if records is None else read_studies(records))
    text = writers[format](found.to_dicts())
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"Written: {out}")
