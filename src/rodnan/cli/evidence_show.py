"""``rodnan evidence show NAME``: one record as text, every number with its basis."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rodnan.evidence import Claim, Drug, Study

__all__ = ["command"]

WIDTH = 100


def command(
    name: Annotated[str, typer.Argument(help="Study, drug (any of its names) or claim.")],
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON here.")] = None,
) -> None:
    """Show one record."""
    from rodnan.cli.output import write_json
    from rodnan.evidence import Drug, Study
    from rodnan.report.wording import NOT_ADVICE

    record = _find(name)
    if json is not None:
        write_json(json, record.model_dump(mode="json", exclude_none=True))
    if isinstance(record, Study):
        lines = study_lines(record)
    elif isinstance(record, Drug):
        lines = drug_lines(record)
    else:
        lines = claim_lines(record)
    for line in lines:
        typer.echo(line)
    typer.echo("")
    for line in textwrap.wrap(NOT_ADVICE, WIDTH):
        typer.echo(line)


def _find(name: str) -> Study | Drug | Claim:
    """Return the record of a name, whatever its kind.

    Raises
    ------
    EvidenceError
        RDN-E010 for a name that no record has.
    """
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import claims, drug_id, drugs, load_claim, load_drug, load_study, studies

    if name in studies():
        return load_study(name)
    ledger = [claim.id for claim in claims()]
    if name in ledger:
        return load_claim(name)
    try:
        return load_drug(drug_id(name))
    except EvidenceError as error:
        near = error.nearest or nearest_name(name, (*studies(), *drugs(), *ledger))
        raise EvidenceError("RDN-E010", "no record of that name", value=name, nearest=near) from None


def _field(label: str, text: Any) -> Iterator[str]:
    if text in (None, "", (), []):
        return
    yield from textwrap.wrap(
        f"{label:<14}{text}",
        WIDTH,
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _items(label: str, texts: Iterable[str]) -> Iterator[str]:
    for i, text in enumerate(texts):
        yield from _field(label if i == 0 else "", text)


def _table(title: str, rows: Sequence[Mapping[str, Any]], leave: Iterable[str] = ()) -> Iterator[str]:
    """Yield rows under a heading: one a line, a name for every number, the basis last."""
    from rodnan.evidence.rows import cell, verified

    if not rows:
        return
    yield ""
    yield title
    hidden = {"basis", "derived", "note", "source", *leave}
    for row in rows:
        parts = [
            cell(value) if name in leave else f"{name} {cell(value)}"
            for name, value in row.items()
            if name not in hidden
        ]
        head = " / ".join(cell(row[name]) for name in leave if row.get(name) is not None)
        tail = [f"[{verified(row)}]"] if row.get("basis") else []
        tail += [f"({cell(row[name])})" for name in ("note", "source") if row.get(name)]
        text = f"{head}: {', '.join(parts)} {' '.join(tail)}" if parts else f"{head} {' '.join(tail)}"
        yield from textwrap.wrap(
            text,
            WIDTH,
            initial_indent="  ",
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _dump(records: Iterable[Any]) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json", exclude_none=True) for record in records]


def study_lines(study: Study) -> Iterator[str]:
    """Yield a study as lines of text.

    Parameters
    ----------
    study
        A study record.
    """
    from rodnan.evidence.rows import cell

    c, d = study.citation, study.design
    yield f"{study.id}: {study.acronym}"
    where = [c.first_author, c.journal, c.year and str(c.year)]
    links = [f"PMID {c.pmid}" if c.pmid else "", f"doi:{c.doi}" if c.doi else "", c.nct or "", c.pmcid or ""]
    yield from _field("published", ", ".join(x for x in (*where, *links) if x))
    centres = f", {d.centres} centres" if d.centres else ""
    chance = "randomised" if d.randomised else "not randomised"
    yield from _field("design", f"{d.type}, {chance}, blinding {d.blinding}{centres}")
    yield from _field("condition", study.condition)
    yield from _field("patients", study.population.n)
    yield from _items("entry", study.population.inclusion)
    for i, arm in enumerate(study.arms):
        size = f" (n {arm.n})" if arm.n is not None else ""
        yield from _field("arms" if i == 0 else "", f"{arm.id}: {arm.label}{size}")
        for item in _dump(arm.regimen):
            yield from _field("", "  " + ", ".join(f"{name} {cell(value)}" for name, value in item.items()))
    yield from _table("Baseline", _dump(study.population.baseline), ("variable", "arm"))
    outcomes = _dump(study.outcomes)
    for row in outcomes:
        row["arm"] = row.get("arm") or " - ".join(row.pop("arms"))
    yield from _table("Outcomes", outcomes, ("endpoint", "measure", "arm"))
    yield from _table("Adverse events", _dump(study.adverse_events), ("event", "arm"))
    yield from _table("Withdrawals", _dump(study.withdrawals), ("reason", "arm"))
    yield from _table("The source's own model", _dump(study.model_estimates), ("parameter",))
    yield ""
    yield from _field("note", study.notes)
    yield from _items("sources", study.source)


def drug_lines(drug: Drug) -> Iterator[str]:
    """Yield a therapy as lines of text.

    Parameters
    ----------
    drug
        A drug record.
    """
    from rodnan.evidence import load_study, studies

    n = drug.names
    yield f"{drug.id}: {', '.join(dict.fromkeys((n.inn, *n.brands, *n.abbreviations)))}"
    yield from _field("kind", f"{drug.kind}, {drug.selectivity}, {drug.action}")
    yield from _field("acts on", drug.target)
    if drug.cell_effect is not None:
        yield from _field("cells", f"{drug.cell_effect.mode}: {drug.cell_effect.detail}")
    yield from _field("for SSc", drug.approval)
    if drug.onset is not None:
        yield from _field("onset", f"{drug.onset.description} [{drug.onset.basis}]")
    yield from _table("Regimens", _dump(drug.regimens), ("label",))
    if drug.pk is not None:
        yield from _table("Published kinetics", _dump(drug.pk.parameters), ("name",))
        yield ""
        yield from _field("kinetics", f"{drug.pk.structure}; {drug.pk.population}")
        yield from _table("Observed exposure", _dump(drug.pk.checks), ("quantity", "regimen"))
    yield from _table("Effects", _dump(drug.pd), ("process", "model"))
    yield from _table("Harms", _dump(drug.safety), ("event", "setting"))
    for title, rows in (
        ("Kidney", drug.renal),
        ("Renal crisis", drug.renal_crisis),
        ("Infection", drug.infection),
    ):
        yield from _table(title, _dump(rows), ("label",))
    yield from _table("Genes", _dump(drug.pharmacogenetics), ("gene", "group"))
    yield ""
    yield from _field("monitoring", "; ".join(drug.monitoring))
    yield from _field("not with", "; ".join(drug.contraindications))
    yield from _field("interactions", "; ".join(drug.interactions))
    yield from _field("units", "; ".join(drug.unit_pitfalls))
    yield from _field("note", drug.notes)
    yield from _field("studies", ", ".join(s for s in studies() if drug.id in load_study(s).drugs))


def claim_lines(claim: Claim) -> Iterator[str]:
    """Yield a claim as lines of text.

    Parameters
    ----------
    claim
        A claim of the ledger.
    """
    from rodnan.evidence.records.claim import DOCUMENTS

    yield f"{claim.id}: {claim.status}"
    yield from _field("claim", claim.claim)
    yield from _field("from", DOCUMENTS[claim.document])
    yield from _field("kind", claim.kind)
    yield from _field("shown by", "evidence and simulation" if claim.shown_by == "both" else claim.shown_by)
    yield from _field("records say", claim.answer or ("not yet" if claim.needs_records else ""))
    yield from _field("records", ", ".join(claim.records))
    yield from _field("must show", claim.check)
    if claim.needs_check:
        yield from _field("checked by", ", ".join(claim.checked_by) or "no executable check yet")
