"""``rodnan evidence bibliography``: publications with what they found, and where sources disagree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rodnan.evidence.records.publication import Publication

__all__ = ["command"]


def command(
    name: Annotated[str | None, typer.Argument(help="Show only this publication, in full.")] = None,
    drug: Annotated[str | None, typer.Option(help="Only with this drug; any of its names.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only on this topic, such as skin.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Only with this heading; end it with * for major.")] = None,
    substance: Annotated[str | None, typer.Option(help="Only with this indexed substance.")] = None,
    publication_type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="Show where sources disagree.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the records as JSON here.")] = None,
) -> None:
    """List publications with findings, sources and links."""
    from rodnan.cli.output import write_json
    from rodnan.evidence import bibliography

    if conflicts:
        disagreements = bibliography.conflicts()
        if json is not None:
            write_json(json, [item.model_dump(mode="json") for item in disagreements])
        for item in disagreements:
            typer.echo(f"{item.id} ({item.about}): {item.question}")
            for reading in item.readings:
                unseen = "; recalled (unverified)" if reading.basis == "recalled" else ""
                typer.echo(f"  reading: {reading.says} [{reading.source}{unseen}]")
            typer.echo(f"  {'settled' if item.settled else 'not settled'}: {item.resolution}")
        return
    if name is not None:
        chosen: tuple[Publication, ...] = (bibliography.load_publication(name),)
    else:
        chosen = bibliography.find_publications(
            drug=drug, topic=topic, mesh=mesh, substance=substance, publication_type=publication_type
        )
    if json is not None:
        write_json(json, [item.model_dump(mode="json", exclude_none=True) for item in chosen])
    for item in chosen:
        _show(item, full=name is not None)
    if name is None:
        typer.echo(f"{len(chosen)} publications")


def _show(item: Publication, *, full: bool) -> None:
    unseen = " [recalled (unverified)]" if item.basis == "recalled" else ""
    doubt = " [recalled (unverified)]" if item.finding_basis == "recalled" else ""
    source = " ".join(part for part in (item.journal, item.date, item.place) if part)
    typer.echo(f"{item.id}: {item.title}. {source}. {', '.join(item.identifiers)}".rstrip(" .,") + unseen)
    typer.echo(f"  {item.finding}{doubt}")
    if full:
        typer.echo(f"  design: {item.design}; evidence: {item.evidence_level}")
        typer.echo(f"  conditions: {', '.join(item.conditions)}; topics: {', '.join(item.topics)}")
        rows = (
            ("types", item.publication_types),
            ("headings", tuple(heading.text for heading in item.mesh)),
            ("substances", item.substances),
        )
        for label, words in rows:
            if words:
                typer.echo(f"  {label} ({item.index_basis}): {'; '.join(words)}")
        if item.url:
            typer.echo(f"  {item.url}")
        if item.note:
            typer.echo(f"  note: {item.note}")
    typer.echo(f"  see also: {', '.join(item.see_also)}")
