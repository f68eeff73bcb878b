"""``rodnan evidence table``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    kind: Annotated[
        str,
        typer.Argument(help="outcomes, baseline, adverse-events, withdrawals, regimens, studies, drugs, ..."),
    ] = "outcomes",
    study: Annotated[list[str] | None, typer.Option(help="Only this study; may be repeated.")] = None,
    drug: Annotated[str | None, typer.Option(help="Only studies with this drug; any of its names.")] = None,
    design: Annotated[str | None, typer.Option(help="Only studies of this design, such as rct.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only rows of this outcome or event.")] = None,
    format: Annotated[str, typer.Option(help="csv, json or markdown.")] = "csv",
    records: Annotated[
        Path | None, typer.Option(help="Folder of study records of your own instead of ours.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file; to the screen otherwise.")] = None,
) -> None:
    """Write rows of the records as a table."""
    from rodnan.cli.output import to_json, write_text
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import load_study, read_studies
    from rodnan.evidence.rows import as_csv, as_markdown, kind_rows

    writers = {"csv": as_csv, "json": to_json, "markdown": as_markdown, "md": as_markdown}
    if format not in writers:
        raise EvidenceError("RDN-E009", "no such format", value=format, nearest=nearest_name(format, writers))
    own = read_studies(records) if records is not None else None
    if study:
        by_id = {s.id: s for s in own or ()}
        own = [by_id[name] if name in by_id else load_study(name) for name in study]
    text = writers[format](kind_rows(kind, studies=own, drug=drug, design=design, endpoint=endpoint))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"Written: {out}")
