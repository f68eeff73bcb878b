"""The annotated bibliography: publications with findings and links, and where sources disagree."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence import loading
from rodnan.evidence.problems import parse_record
from rodnan.evidence.records.publication import Conflict, Publication, PublicationList
from rodnan.evidence.yaml_text import read_yaml

__all__ = ["conflicts", "find_publications", "load_publication", "publications", "read_publication_list"]


def read_publication_list(path: str | Path) -> tuple[Publication, ...]:
    """Read a bibliography from a file.

    Raises
    ------
    EvidenceError
        RDN-E002 (cannot be read) or RDN-E003 (does not validate, or an id is given twice).
    """
    path = Path(path)
    found = parse_record(PublicationList, read_yaml(path), path.name).entries
    seen: set[str] = set()
    for i, item in enumerate(found):
        if item.id in seen:
            where = f"{path.name}: entries[{i}].id"
            raise EvidenceError("RDN-E003", "publication is given twice", where=where, value=item.id)
        seen.add(item.id)
    return found


@lru_cache(maxsize=1)
def publications() -> tuple[Publication, ...]:
    """Return all publications on record, in the order of the bibliography."""
    return read_publication_list(loading.data_folder("bibliography") / "publications.yaml")


@lru_cache(maxsize=1)
def conflicts() -> tuple[Conflict, ...]:
    """Return the places where sources disagree, with both readings and the resolution."""
    path = loading.data_folder("bibliography") / "conflicts.yaml"
    rows = read_yaml(path)
    return tuple(parse_record(Conflict, row, f"{path.name}: [{i}]") for i, row in enumerate(rows))


def load_publication(name: str) -> Publication:
    """Return a publication on record.

    Raises
    ------
    EvidenceError
        RDN-E011 for a name no publication has.
    """
    by_id = {item.id: item for item in publications()}
    if name not in by_id:
        raise EvidenceError(
            "RDN-E011", "no such publication on record", value=name, nearest=nearest_name(name, by_id)
        )
    return by_id[name]


def find_publications(
    *,
    drug: str | None = None,
    topic: str | None = None,
    mesh: str | None = None,
    substance: str | None = None,
    publication_type: str | None = None,
) -> tuple[Publication, ...]:
    """Return the publications that match everything that is given, in the order of the bibliography.

    Parameters
    ----------
    drug
        Any name of a therapy.
    topic, mesh, substance, publication_type
        As written in the records, case ignored; `mesh` is a heading, with a star for major ones only
        (``Immunotherapy*``).

    Raises
    ------
    EvidenceError
        RDN-E006 for an unknown drug; RDN-E012 for a word that no publication has.
    """
    found = list(publications())
    if drug is not None:
        wanted = loading.drug_id(drug)
        found = [item for item in found if wanted in item.drugs]
    for label, word, words in (
        ("topic", topic, lambda item: item.topics),
        ("heading", mesh, _headings),
        ("substance", substance, lambda item: item.substances),
        ("publication type", publication_type, lambda item: item.publication_types),
    ):
        if word is not None:
            found = _having(found, label, word, words)
    return tuple(found)


def _headings(item: Publication) -> tuple[str, ...]:
    plain = [heading.heading for heading in item.mesh]
    return (*plain, *(f"{heading.heading}*" for heading in item.mesh if heading.major))


def _having(
    found: list[Publication], label: str, word: str, words: Callable[[Publication], tuple[str, ...]]
) -> list[Publication]:
    known = {other.casefold(): other for item in publications() for other in words(item)}
    if word.casefold() not in known:
        near = nearest_name(word, known.values())
        raise EvidenceError("RDN-E012", f"no publication has this {label}", value=word, nearest=near)
    return [item for item in found if word.casefold() in {other.casefold() for other in words(item)}]
