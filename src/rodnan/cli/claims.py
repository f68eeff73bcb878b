"""``rodnan claims``: the claim ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="What the founding documents claim, and what answers each claim.",
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("list")
def list_(
    status: Annotated[
        str | None, typer.Option(help="Only claims of this status: answered, partly or 'not yet'.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only claims of this kind, such as efficacy or safety.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the claims as JSON here.")] = None,
) -> None:
    """List the claims with their status: answered by which records, by which executable check, or not yet."""
    from collections import Counter

    from rodnan.cli.output import write_json
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import claims

    ledger = claims()
    for given, known in ((status, {c.status for c in ledger}), (kind, {c.kind for c in ledger})):
        if given is not None and given not in known:
            raise EvidenceError(
                "RDN-E009", "no claim of that sort", value=given, nearest=nearest_name(given, known)
            )
    chosen = [c for c in ledger if status in (None, c.status) and kind in (None, c.kind)]
    if json is not None:
        write_json(
            json, [{**c.model_dump(mode="json", exclude_none=True), "status": c.status} for c in chosen]
        )
    for claim in chosen:
        by = []
        if claim.needs_records:
            by.append("records: " + (", ".join(claim.records) or "not yet"))
        if claim.needs_check:
            by.append("check: " + (", ".join(claim.checked_by) or "not yet"))
        typer.echo(f"{claim.id:<36}{claim.status:<10}{'; '.join(by)}")
    counts = Counter(c.status for c in chosen)
    parts = ", ".join(f"{counts[name]} {name}" for name in ("answered", "partly", "not yet") if counts[name])
    typer.echo(f"{len(chosen)} claims: {parts}")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Id of a claim.")]) -> None:
    """Show one claim, what it must be checked against, and what answers it."""
    from rodnan.cli.evidence_show import claim_lines
    from rodnan.evidence import load_claim

    for line in claim_lines(load_claim(name)):
        typer.echo(line)
