"""``rodnan evidence list``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["command"]

_SHOWN = {
    "studies": ("id", "design", "year", "patients", "name"),
    "drugs": ("id", "kind", "action", "approval"),
    "safety": ("group", "event", "exposure", "measure", "value"),
    "kinetics": ("group", "what", "value", "unit"),
    "claims": ("id", "status", "claim"),
}


def command(
    kind: Annotated[str, typer.Argument(help="studies, drugs, safety, kinetics or claims.")] = "studies",
    drug: Annotated[str | None, typer.Option(help="Only studies with this drug; any of its names.")] = None,
    design: Annotated[str | None, typer.Option(help="Only studies of this design, such as rct.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the rows as JSON here.")] = None,
) -> None:
    """List records, one a line."""
    from rodnan.cli.output import write_json
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence.rows import kind_rows

    if kind not in _SHOWN:
        raise EvidenceError("RDN-E009", "nothing to list", value=kind, nearest=nearest_name(kind, _SHOWN))
    rows = kind_rows(kind, drug=drug, design=design)
    if json is not None:
        write_json(json, rows)
    for line in _lines(rows, _SHOWN[kind]):
        typer.echo(line)
    typer.echo(f"{len(rows)} {kind}")


def _lines(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[str]:
    from rodnan.evidence.rows import cell

    cells = [[cell(row.get(name)) for name in columns] for row in rows]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(len(columns))]
    widths = [min(width, 44) for width in widths[:-1]] + [0]
    return ["  ".join(_cut(text, w) for text, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cut(text: str, width: int) -> str:
    if not width:
        return text
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "~"
