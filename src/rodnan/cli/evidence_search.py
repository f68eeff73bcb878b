"""``rodnan evidence search "mycophenolate FVC"``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    query: Annotated[str, typer.Argument(help="Words, names of drugs or studies, brands.")],
    drug: Annotated[str | None, typer.Option(help="Only with this drug; any of its names.")] = None,
    organ: Annotated[str | None, typer.Option(help="Only about this organ, such as lung.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only with this endpoint, such as mrss.")] = None,
    design: Annotated[str | None, typer.Option(help="Only of this design, such as rct.")] = None,
    year: Annotated[int | None, typer.Option(help="Only of this year.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Only with this heading; end it with * for major.")] = None,
    substance: Annotated[str | None, typer.Option(help="Only with this indexed substance.")] = None,
    publication_type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show this many at most.")] = 10,
    imported: Annotated[
        Path | None,
        typer.Option("--imported", help="Search these publications, too (evidence import --out)."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write what was found as JSON here.")] = None,
) -> None:
    """Search all records."""
    from rodnan.cli.output import write_json
    from rodnan.evidence.search import default_catalogue

    found = default_catalogue(imported).search(
        query, drug=drug, organ=organ, endpoint=endpoint, design=design, year=year, mesh=mesh,
        substance=substance, publication_type=publication_type, limit=limit,
    )  # fmt: skip
    rows = found.to_dicts()
    if json is not None:
        write_json(json, rows)
    for row in rows:
        unseen = " [recalled (unverified)]" if row["basis"] == "recalled" else ""
        when = f", {row['year']}" if row["year"] else ""
        typer.echo(f"{row['score']:6.2f}  {row['kind']}:{row['id']}{when}  {row['summary']}{unseen}")
    typer.echo(f"{len(rows)} found" if rows else "Nothing found.")
