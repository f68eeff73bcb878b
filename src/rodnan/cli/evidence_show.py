"""``rodnan evidence show NAME``: one record as text, every number with its basis."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rodnan.calibration.claims.record import ClaimCheck
    from rodnan.evidence import Claim, Drug, SafetyRow, Study
    from rodnan.evidence.records.publication import Publication

__all__ = ["command"]

WIDTH = 100


KINDS = ("study", "drug", "claim", "publication", "safety")


def command(
    name: Annotated[
        str,
        typer.Argument(
            help="Study, drug (any of its names), claim, publication or group of hazards; "
            "kind:name, as search prints it, where two kinds share a name."
        ),
    ],
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON here.")] = None,
) -> None:
    """Show one record."""
    from rodnan.cli.output import write_json
    from rodnan.report.wording import NOT_ADVICE

    lines, record = _found(name)
    if json is not None:
        write_json(json, record)
    for line in lines:
        typer.echo(line)
    typer.echo("")
    for line in textwrap.wrap(NOT_ADVICE, WIDTH):
        typer.echo(line)


def _found(name: str) -> tuple[Iterator[str], Any]:
    """Return the lines and the plain data of the record of a name, whatever its kind.

    Raises
    ------
    EvidenceError
        RDN-E010 for a name that no record has.
    """
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import claims, drug_id, drugs, load_drug, safety, studies
    from rodnan.evidence.bibliography import publications

    kind, colon, rest = name.partition(":")
    kind, rest = (kind.replace("hazard", "safety"), rest) if colon else ("", name)
    by_kind = {
        "study": studies(),
        "claim": [claim.id for claim in claims()],
        "publication": [item.id for item in publications()],
        "safety": list(dict.fromkeys(row.group for row in safety())),
    }
    if colon and kind not in KINDS:
        near = nearest_name(kind, KINDS)
        raise EvidenceError("RDN-E010", "no such kind of record", value=kind, nearest=near)
    for other, names in by_kind.items():
        if kind in ("", other) and rest in names:
            return _record_lines(other, rest)
    names = [n for other, names in by_kind.items() if kind in ("", other) for n in names]
    if kind in ("", "drug"):
        try:
            drug = load_drug(drug_id(rest))
            return drug_lines(drug), _dump([drug])[0]
        except EvidenceError:
            names += [n for drug in drugs() for n in load_drug(drug).all_names]
    near = nearest_name(rest, names)
    raise EvidenceError("RDN-E010", "no record of that name", value=name, nearest=near)


def _record_lines(kind: str, name: str) -> tuple[Iterator[str], Any]:
    from rodnan.evidence import load_claim, load_study, safety
    from rodnan.evidence.bibliography import load_publication

    if kind == "study":
        study = load_study(name)
        return study_lines(study), _dump([study])[0]
    if kind == "claim":
        claim = load_claim(name)
        return claim_lines(claim), _dump([claim])[0]
    if kind == "publication":
        item = load_publication(name)
        return publication_lines(item), _dump([item])[0]
    rows = [row for row in safety() if row.group == name]
    return hazard_lines(rows), _dump(rows)


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
    hidden = {"basis", "derived", "note", "source", "group", *leave}
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
    from rodnan.evidence.harms import registry_link

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
    if links := {registry_link(row.event) for row in drug.safety} - {None}:
        yield ""
        yield from _field("lung injury", f"registry of drug-induced disease: {', '.join(map(str, links))}")
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


def publication_lines(item: Publication) -> Iterator[str]:
    """Yield a publication as lines of text.

    Parameters
    ----------
    item
        A publication of the bibliography.
    """
    from rodnan.evidence.rows import verified

    place = " ".join(part for part in (item.first_author, item.journal, item.date, item.place) if part)
    yield f"{item.id}: {item.title}"
    yield from _field("published", f"{place} [{verified({'basis': item.basis})}]")
    yield from _field("found by", ", ".join(item.identifiers))
    yield from _field("design", f"{item.design}; evidence: {item.evidence_level}")
    known = f" [{verified({'basis': item.finding_basis})}]" if item.finding_basis else ""
    yield from _field("finding", item.finding + known)
    yield from _field("drugs", ", ".join(item.drugs))
    yield from _field("conditions", ", ".join(item.conditions))
    yield from _field("topics", ", ".join(item.topics))
    index = f" [{verified({'basis': item.index_basis})}]" if item.index_basis else ""
    yield from _field("types", "; ".join(item.publication_types) + index if item.publication_types else "")
    yield from _items("headings", (heading.text for heading in item.mesh))
    yield from _field("substances", "; ".join(item.substances))
    yield from _field("address", item.url)
    yield from _field("note", item.note)
    yield from _field("see also", ", ".join(item.see_also))


def hazard_lines(rows: Sequence[SafetyRow]) -> Iterator[str]:
    """Yield hazards of one group as lines of text, with the registry where they are lung injury.

    Parameters
    ----------
    rows
        Rows of the hazard table.
    """
    from rodnan.evidence.harms import registry_link

    yield f"{rows[0].group}: {len(rows)} rows"
    yield from _table("Hazards", _dump(rows), ("event", "exposure", "population"))
    links = {registry_link(row.event, row.group) for row in rows} - {None}
    yield from _items("registry", map(str, links))


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
        yield from _items("checked by", claim.checked_by or ["no executable check yet"])


def criterion_lines(check: ClaimCheck) -> Iterator[str]:
    """Yield what the executable check of a claim asks for, as lines of text.

    Parameters
    ----------
    check
        Criteria of a claim (`rodnan.calibration.claims.criteria`).
    """
    for part in check.parts:
        yield from _field("holds if", f"{part.text} [{part.basis}: {part.reason}]")
    yield from _field("model lacks", check.missing)
    yield from _field("if refuted", check.limit)
