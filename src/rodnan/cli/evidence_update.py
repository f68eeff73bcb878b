"""``rodnan evidence update``: what outside sources say that the records do not, for review."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]

_DRUGS = (
    "mycophenolate",
    "cyclophosphamide",
    "methotrexate",
    "azathioprine",
    "rituximab",
    "tocilizumab",
    "nintedanib",
)


def command(
    since: Annotated[
        str | None, typer.Option("--since", help="Look for newer things from this date (YYYY-MM-DD).")
    ] = None,
    drug: Annotated[
        list[str] | None, typer.Option("--drug", help="Drug to search for; may be given several times.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the proposals here: .md for Markdown, else YAML.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option("--records", help="Folder of study records of your own instead of ours.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder for answers of the sources, kept for a day.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody; use only answers that the cache holds.")
    ] = False,
) -> None:
    """Compare the records with PubMed and ClinicalTrials.gov.

    Lists what differs, for a person to accept or reject. No record is
    ever changed. Without a network it says so and ends in good order.
    """
    from rodnan.cli.output import write_text
    from rodnan.evidence import load_study, read_studies, studies
    from rodnan.evidence.readers import (
        CachedTransport,
        ClinicalTrials,
        FakeTransport,
        PubMed,
        default_transport,
        known_of_record,
        propose_updates,
        report_markdown,
        report_yaml,
    )

    today = datetime.date.today()
    start = _date(since) if since else today - datetime.timedelta(days=365)
    own = read_studies(records) if records is not None else [load_study(name) for name in studies()]
    folder = cache or _cache_folder()
    transport = CachedTransport(FakeTransport(), folder) if offline else default_transport(folder)
    names = tuple(drug) if drug else _DRUGS
    report = propose_updates(
        [known_of_record(s) for s in own],
        PubMed(transport),
        ClinicalTrials(transport),
        since=start.isoformat(),
        today=today.isoformat(),
        queries=[_query(name) for name in names],
        condition="Systemic Sclerosis",
        drugs=names,
    )
    if out is None and not (report.offline and not report.proposals):
        typer.echo(report_markdown(report))
        return
    for notice in report.notices:
        typer.echo(notice)
    if out is None:
        return
    text = report_markdown(report) if out.suffix == ".md" else report_yaml(report)
    write_text(out, text)
    typer.echo(f"{len(report.proposals)} proposals for review: {out}. No record was changed.")


def _query(drug: str) -> str:
    return (
        f'"scleroderma, systemic"[MeSH Terms] AND {drug}[Title/Abstract] AND clinical study[Publication Type]'
    )


def _date(text: str) -> datetime.date:
    from rodnan.errors import SourceError

    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise SourceError("RDN-S139", "a date is written YYYY-MM-DD", where="--since", value=text) from None


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rodnan" / "sources"
