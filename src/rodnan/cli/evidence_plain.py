"""``rodnan evidence plain mycophenolate``, ``rodnan evidence plain lung``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    name: Annotated[
        str | None,
        typer.Argument(help="A therapy (any of its names) or a topic; the list of pages when absent."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the page as Markdown here.")] = None,
    folder: Annotated[Path | None, typer.Option("--all", help="Write all pages into this folder.")] = None,
) -> None:
    """Show a page in plain language, made from the records."""
    from rodnan.cli.output import require_writable, write_text
    from rodnan.evidence.plain import page_names, plain_page

    if folder is not None:
        require_writable(folder, folder=True)
        for page in map(plain_page, page_names()):
            write_text(folder / f"{page.name}.md", page.text)
        typer.echo(f"Written: {len(page_names())} pages in {folder}")
    if name is not None:
        text = plain_page(name).text
        if out is not None:
            write_text(out, text)
        typer.echo(text, nl=False)
    elif folder is None:
        for page in map(plain_page, page_names()):
            typer.echo(f"{page.name:<24}{page.title}")
