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

_STATUSES = ("answered", "partly", "not yet")


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
    """List the claims with their status: answered by which records, by which executable check, or not yet.

    An answer may be no: `rodnan claims check` says which claims hold and which are refuted.
    """
    from collections import Counter

    from rodnan.cli.output import write_json
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import claims

    ledger = claims()
    for given, known in ((status, set(_STATUSES)), (kind, {c.kind for c in ledger})):
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
    parts = ", ".join(f"{counts[name]} {name}" for name in _STATUSES if counts[name])
    typer.echo(f"{len(chosen)} claims{': ' if parts else ''}{parts}")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Id of a claim.")]) -> None:
    """Show one claim, what it must be checked against, what answers it, and what its check asks for."""
    from rodnan.cli.evidence_show import claim_lines, criterion_lines
    from rodnan.evidence import load_claim

    claim = load_claim(name)
    for line in claim_lines(claim):
        typer.echo(line)
    if claim.needs_check:
        from rodnan.calibration.claims import criteria

        for line in criterion_lines(criteria()[name]):
            typer.echo(line)


@app.command("check")
def check(
    only: Annotated[
        list[str] | None, typer.Option(help="Check this claim only; give it again for more than one.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write a list of id, verdict, value, criterion, note here.")
    ] = None,
    patients: Annotated[
        int | None, typer.Option(min=64, help="Patients of a cohort; by default the number on record.")
    ] = None,
    pool: Annotated[
        int | None, typer.Option(min=256, help="Patients followed untreated; by default as on record.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random streams; by default the seed on record.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Check the simulation-backed claims: number, criterion and verdict of each.

    The exit status is 0 when the checks could be run: a refuted claim is a result and no error.
    """
    from rodnan.calibration.claims import check_claims, chosen_checks, summary_line
    from rodnan.cli.output import progress_line, require_writable, write_json
    from rodnan.report.claims_table import claims_table

    chosen_checks(only or ())
    if json is not None:
        require_writable(json)
    rows = check_claims(
        only or (),
        seed=seed,
        patients=patients,
        pool=pool,
        workers=workers,
        progress=progress_line(quiet),
    )
    if json is not None:
        write_json(json, rows)
    typer.echo(f"{claims_table(rows)}\n")
    typer.echo(
        "These are computer simulations of populations of virtual patients; they say nothing about a person "
        "and are no advice."
    )
    typer.echo(summary_line(rows))
