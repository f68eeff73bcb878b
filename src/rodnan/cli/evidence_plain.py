"""``rodnan evidence plain mycophenolate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    drug: Annotated[str, typer.Argument(help="A therapy; any of its names.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write the page as Markdown here.")] = None,
) -> None:
    """Show a page in plain language, made from the records."""
    from rodnan.cli.output import write_text
    from rodnan.evidence.plain import plain_page

    text = plain_page(drug).text
    if out is not None:
        write_text(out, text)
    typer.echo(text, nl=False)
