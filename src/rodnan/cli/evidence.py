"""``rodnan evidence``: look up what is known; members load lazily."""

from __future__ import annotations

from typing import ClassVar

import typer

from rodnan.cli.groups import LazyGroup

__all__ = ["app"]


class _Evidence(LazyGroup):
    members: ClassVar = {
        "list": ("rodnan.cli.evidence_list:command", "List studies, drugs, hazards, kinetics or claims."),
        "show": (
            "rodnan.cli.evidence_show:command",
            "Show a study, a drug or a claim with every number's source.",
        ),
        "search": ("rodnan.cli.evidence_search:command", "Search all records."),
        "table": ("rodnan.cli.evidence_table:command", "Write rows of the records as CSV, JSON or Markdown."),
        "query": ("rodnan.cli.evidence_query:command", "Ask the records in SQL."),
        "synthesise": (
            "rodnan.cli.evidence_synthesise:command",
            "Pool what the records say, with its certainty.",
        ),
        "bibliography": ("rodnan.cli.evidence_bibliography:command", "Publications with findings and links."),
        "plain": ("rodnan.cli.evidence_plain:command", "Plain-language pages."),
        "lint": ("rodnan.cli.evidence_lint:command", "Check records, ours or your own."),
        "import": ("rodnan.cli.evidence_import:command", "Read publications from a bibliographic file."),
        "update": ("rodnan.cli.evidence_update:command", "Show what outside sources have that records lack."),
    }


app = typer.Typer(
    cls=_Evidence,
    no_args_is_help=True,
    help="Look up studies, drugs and their numbers, each with source and basis.",
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Hold the group together."""
