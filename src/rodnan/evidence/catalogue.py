"""What can be searched: every record, and imported publications, as documents with words and labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rodnan.errors import EvidenceError
from rodnan.evidence import loading
from rodnan.evidence.bibliography import publications

__all__ = ["Document", "catalogue_documents", "imported_documents", "organs_of", "split_words"]

_WORD = re.compile(r"[a-z0-9]+")
_ORGANS = {
    "lung": ("fvc", "dlco", "tlc", "qlf", "hrct", "lung", "pulmonary", "dyspnoea", "pneumon", "respiratory"),
    "skin": ("mrss", "skin", "ulcer"),
    "blood": ("leukopenia", "neutropenia", "anaemia", "thrombocytopenia", "cytopenia", "lymphocyte", "blood"),
    "gut": ("diarrhoea", "nausea", "vomiting", "gut", "gastro", "gi"),
    "kidney": ("renal", "kidney", "creatinine"),
    "heart": ("heart", "cardiac", "lvef"),
    "liver": ("liver", "alt", "hepat"),
    "bladder": ("bladder", "haematuria", "cystitis"),
    "vessels": ("raynaud", "vessels", "digital"),
}


@dataclass(frozen=True)
class Document:
    """One thing that can be found.

    Attributes
    ----------
    kind, id
        ``study``, ``drug``, ``claim``, ``publication``, ``hazard`` or ``imported``, and its name.
    title, text
        Words; those of the title count more.
    summary
        What is shown of it.
    drugs, organs, endpoints, mesh, substances, types
        Labels for filters; a major heading is there with and without its star.
    basis
        ``read`` or ``recalled`` where one word says it for the whole document.
    """

    kind: str
    id: str
    title: str
    text: str
    summary: str
    drugs: tuple[str, ...] = ()
    organs: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    design: str | None = None
    year: int | None = None
    mesh: tuple[str, ...] = ()
    substances: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    basis: str | None = None


def split_words(text: str) -> list[str]:
    """Return the words of a text: lower case, without accents, letters and digits only."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text)
    return _WORD.findall(plain.casefold())


def organs_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the organs that endpoints, events or topics belong to, by the words they are made of."""
    words = {word for name in names for word in split_words(name)}
    return tuple(
        organ
        for organ, stems in _ORGANS.items()
        if any(word == stem or (len(stem) > 4 and word.startswith(stem)) for stem in stems for word in words)
    )


@lru_cache(maxsize=1)
def _name_pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    """Every name of a therapy with four letters or more as one pattern, and the id it stands for."""
    ids = {
        " ".join(split_words(name)): drug
        for drug in loading.drugs()
        for name in loading.load_drug(drug).all_names
        if len(name) > 3
    }
    names = sorted(ids, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b"), ids


def _drugs_in(text: str) -> tuple[str, ...]:
    pattern, ids = _name_pattern()
    return tuple(dict.fromkeys(ids[name] for name in pattern.findall(" ".join(split_words(text)))))


def catalogue_documents() -> tuple[Document, ...]:
    """Return all records that ship with the package as documents."""
    return (*_studies(), *_drugs(), *_claims(), *_publications(), *_hazards())


def _studies() -> Iterator[Document]:
    for name in loading.studies():
        study = loading.load_study(name)
        endpoints = tuple(dict.fromkeys(row.endpoint for row in study.outcomes))
        events = tuple(dict.fromkeys(row.event for row in study.adverse_events))
        labels = [arm.label for arm in study.arms]
        text = " ".join(
            [study.condition, *study.population.inclusion, *labels, *endpoints, *events, study.notes]
        )
        citation = study.citation
        title = f"{study.acronym} {name} {citation.first_author or ''} {citation.journal or ''}"
        summary = (
            f"{study.condition}; {study.design.type}; {study.population.n or 'unknown number of'} patients"
        )
        yield Document(
            "study", name, title, text, summary, study.drugs, organs_of([*endpoints, *events]), endpoints,
            study.design.type, citation.year,
        )  # fmt: skip


def _drugs() -> Iterator[Document]:
    for name in loading.drugs():
        drug = loading.load_drug(name)
        events = [row.event for row in drug.safety]
        text = " ".join([drug.target, drug.kind, drug.action, *events, *drug.monitoring, drug.notes])
        title = " ".join(drug.all_names)
        yield Document("drug", name, title, text, drug.target, (name,), organs_of(events))


def _claims() -> Iterator[Document]:
    for claim in loading.claims():
        used = [record.partition(":")[2] for record in claim.records if record.startswith("drug:")]
        text = f"{claim.claim} {claim.answer or ''} {claim.kind}"
        drugs = tuple(dict.fromkeys([*used, *_drugs_in(text)]))
        yield Document("claim", claim.id, claim.id, text, claim.claim, drugs, organs_of([claim.claim]))


def _publications() -> Iterator[Document]:
    for item in publications():
        names = [item.id, item.finding, *item.conditions, *item.topics, item.journal, item.first_author or ""]
        headings = [heading.heading for heading in item.mesh]
        major = [f"{heading.heading}*" for heading in item.mesh if heading.major]
        yield Document(
            "publication", item.id, item.title, " ".join([*names, *headings]), item.finding, item.drugs,
            organs_of(item.topics), (), item.design, item.year, (*headings, *major), item.substances,
            item.publication_types, item.finding_basis,
        )  # fmt: skip


def _hazards() -> Iterator[Document]:
    for row in loading.safety():
        text = f"{row.group} {row.exposure} {row.population} {row.measure} {row.note or ''}"
        drugs = _drugs_in(f"{row.group} {row.exposure}")
        summary = f"{row.exposure}, in {row.population}"
        organs = organs_of([row.event, row.group])
        yield Document(
            "hazard", row.group, row.event, text, summary, drugs, organs, (row.event,), basis=row.basis
        )


def imported_documents(file: str | Path) -> Iterator[Document]:
    """Yield publications of a file that ``rodnan evidence import --out`` wrote, one JSON object a line.

    Raises
    ------
    EvidenceError
        RDN-E013: the file cannot be read, or a line is no publication.
    """
    from pydantic import ValidationError

    from rodnan.evidence.readers.records import Publication

    path = Path(file)
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    item = Publication.model_validate_json(line)
                except ValidationError:
                    where = f"{path.name}: line {number}"
                    raise EvidenceError(
                        "RDN-E013", "this line is no imported publication", where=where
                    ) from None
                yield _imported(item.identity or f"{path.name}:{number}", item)
    except (OSError, UnicodeDecodeError):
        message = "imported publications cannot be read"
        raise EvidenceError("RDN-E013", message, where=str(path)) from None


def _imported(name: str, item: object) -> Document:
    from rodnan.evidence.readers.records import Publication

    assert isinstance(item, Publication)
    headings = [heading.name for heading in item.mesh]
    major = [f"{heading.name}*" for heading in item.mesh if heading.is_major]
    substances = tuple(row.name for row in item.substances)
    text = " ".join([item.abstract or "", *headings, *substances, *item.keywords])
    return Document(
        "imported", name, item.title, text, item.title, _drugs_in(f"{item.title} {text}"),
        organs_of([item.title, *headings]), (), None, item.year, (*headings, *major), substances,
        item.publication_types,
    )  # fmt: skip
