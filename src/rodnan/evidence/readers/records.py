"""What the bibliographic readers hand over: frozen records of publications, and what went wrong while
reading.

Every reader (PubMed XML, MEDLINE text, RIS, BibTeX) makes the same `Publication`. A reader never drops a
record in silence: what it could not use becomes a `ReadProblem` with a stable code, the place in the file
and, where it could be read, the identifier of the record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Author",
    "Link",
    "MeshHeading",
    "MeshQualifier",
    "OnProblem",
    "Publication",
    "ReadProblem",
    "Substance",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Author(_Record):
    """One author, or a group that signs as an author.

    Parameters
    ----------
    last_name
        Family name; None for a group.
    initials, fore_name
        As printed by the source.
    collective_name
        Name of a group that signs as an author.
    orcid
        ORCID identifier without the address in front.
    """

    last_name: str | None = None
    fore_name: str | None = None
    initials: str | None = None
    collective_name: str | None = None
    orcid: str | None = None

    @property
    def short(self) -> str:
        """Family name and initials, or the name of the group."""
        if self.collective_name:
            return self.collective_name
        return " ".join(part for part in (self.last_name, self.initials) if part)


class MeshQualifier(_Record):
    """A subheading of a MeSH heading, with its major-topic mark."""

    name: str
    ui: str | None = None
    major: bool = False


class MeshHeading(_Record):
    """A MeSH heading; `major` is the mark of the descriptor itself (the star that MEDLINE prints)."""

    name: str
    ui: str | None = None
    major: bool = False
    qualifiers: tuple[MeshQualifier, ...] = ()

    @property
    def is_major(self) -> bool:
        """True when the descriptor or one of its qualifiers carries the major-topic mark."""
        return self.major or any(q.major for q in self.qualifiers)


class Substance(_Record):
    """A chemical that the record names; `registry_number` is "0" where the source knows none."""

    name: str
    registry_number: str | None = None
    ui: str | None = None


class Link(_Record):
    """A link to another record: a retraction notice, an erratum, a comment, an update.

    Parameters
    ----------
    kind
        The source's own word, for example ``"RetractionIn"``, ``"ErratumIn"``, ``"ExpressionOfConcernIn"``.
    pmid
        PubMed identifier of the other record, where given.
    note
        The citation text of the other record.
    """

    kind: str
    pmid: str | None = None
    note: str | None = None


class Publication(_Record):
    """One publication as a bibliographic source describes it.

    Parameters
    ----------
    source
        Which reader made it: ``"pubmed-xml"``, ``"medline"``, ``"ris"`` or ``"bibtex"``.
    date
        Date of publication at the precision of the source: ``"2017"``, ``"2017-08"`` or ``"2017-08-14"``.
    revised
        Date of the last revision of the record, used to choose among duplicates.
    version
        Version of a PubMed record (almost always 1).
    registry_ids
        Identifiers of trial registries, as ``"NCT00883129"``.
    """

    source: Literal["pubmed-xml", "medline", "ris", "bibtex"]
    title: str
    pmid: str | None = None
    pmcid: str | None = None
    doi: str | None = None
    key: str | None = Field(
        default=None, description="the file's own identifier of the record (BibTeX key, RIS ID)"
    )
    version: int = 1
    status: str | None = None
    vernacular_title: str | None = None
    journal: str | None = None
    journal_abbreviation: str | None = None
    issn: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    date: str | None = None
    year: int | None = None
    revised: str | None = None
    languages: tuple[str, ...] = ()
    abstract: str | None = None
    authors: tuple[Author, ...] = ()
    publication_types: tuple[str, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    substances: tuple[Substance, ...] = ()
    keywords: tuple[str, ...] = ()
    registry_ids: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def identity(self) -> str | None:
        """What tells two records of one publication apart from two publications: PMID, else DOI, else key."""
        if self.pmid:
            return f"pmid:{self.pmid}"
        if self.doi:
            return f"doi:{self.doi.casefold()}"
        return f"key:{self.key}" if self.key else None

    @property
    def retracted(self) -> bool:
        """True when the source marks the publication as retracted."""
        return "Retracted Publication" in self.publication_types or any(
            link.kind == "RetractionIn" for link in self.links
        )


class ReadProblem(_Record):
    """Something that a reader could not use, or used with a reservation.

    Parameters
    ----------
    code
        Stable code of the ``RDN-S1xx`` family (the table stands in `rodnan.evidence.readers`).
    severity
        ``"note"``: the record was read, and this is worth knowing; ``"record"``: this record was lost;
        ``"file"``: the rest of the file could not be read.
    where
        File and place: line, byte or record number.
    record
        Identifier of the record, where it could be read.
    """

    code: str
    severity: Literal["note", "record", "file"]
    message: str
    where: str
    record: str | None = None

    def __str__(self) -> str:
        who = f" ({self.record})" if self.record else ""
        return f"{self.code} {self.message}{who} [{self.where}]"


OnProblem = Callable[[ReadProblem], None]
