"""A publication of the annotated bibliography, and a place where sources say different things."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rodnan.evidence.records.base import Basis, Record, Text, Year

__all__ = ["Conflict", "Heading", "Publication", "PublicationList", "Reading"]

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
Reference = Annotated[
    str, Field(pattern=r"^(study|drug|safety|kinetics|claim|publication):[a-zA-Z0-9][\w.\-]*$")
]


class Heading(Record):
    """A medical subject heading, perhaps with a qualifier; `major` is the star of the index."""

    heading: Text
    qualifier: str | None = None
    major: bool = False

    @property
    def text(self) -> str:
        """Heading as an index prints it: ``Immunotherapy / methods*``."""
        name = self.heading if self.qualifier is None else f"{self.heading} / {self.qualifier}"
        return name + "*" if self.major else name


class Publication(Record):
    """One publication with what it found, in a sentence of our own.

    Attributes
    ----------
    listed
        Whether it is an item of the annotated bibliography.
    date
        Year, or year and month, as far as known.
    basis
        How the citation and its identifiers are known.
    finding_basis
        How the finding is known; None when it says only what kind of source this is.
    index_basis
        How publication types, headings and substances are known; None without any.
    see_also
        Records that belong to it: ``drug:...``, ``study:...``, ``safety:...``, ``publication:...``.
    """

    id: Id
    listed: bool = True
    title: Text
    first_author: str | None = None
    journal: Text
    place: str | None = None
    date: Annotated[str, Field(pattern=r"^\d{4}(-\d{2})?$")] | None = None
    pmid: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    doi: Annotated[str, Field(pattern=r"^10\.\d+/\S+$")] | None = None
    pmcid: Annotated[str, Field(pattern=r"^PMC\d+$")] | None = None
    nct: Annotated[str, Field(pattern=r"^NCT\d{8}$")] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    drugs: tuple[str, ...] = ()
    conditions: Annotated[tuple[Text, ...], Field(min_length=1)]
    topics: Annotated[tuple[Text, ...], Field(min_length=1)]
    design: Literal[
        "rct", "cohort", "case-series", "case-report", "systematic-review", "review", "laboratory",
        "registry-entry", "handbook", "patient-information", "news", "product-information", "database",
    ]  # fmt: skip
    evidence_level: Literal[
        "systematic review", "randomised trial", "controlled observation", "uncontrolled observation",
        "single case", "laboratory", "narrative", "none",
    ]  # fmt: skip
    finding: Text
    publication_types: tuple[str, ...] = ()
    mesh: tuple[Heading, ...] = ()
    substances: tuple[str, ...] = ()
    see_also: Annotated[tuple[Reference, ...], Field(min_length=1)]
    basis: Basis
    finding_basis: Basis | None = None
    index_basis: Basis | None = None
    note: str | None = None

    @property
    def year(self) -> int | None:
        """Year of publication."""
        return None if self.date is None else int(self.date[:4])

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Identifiers with their kind, such as ``pmid:21091117``."""
        named = (("pmid", self.pmid), ("doi", self.doi), ("pmc", self.pmcid), ("nct", self.nct))
        return tuple(f"{kind}:{value}" for kind, value in named if value is not None)


class PublicationList(Record):
    """The bibliography as a file holds it."""

    entries: tuple[Publication, ...]


class Reading(Record):
    """What one source says."""

    says: Text
    source: Text
    basis: Basis


class Conflict(Record):
    """Sources that disagree, both readings, and which one the records follow and why."""

    id: Id
    about: Reference
    question: Text
    readings: Annotated[tuple[Reading, ...], Field(min_length=2)]
    resolution: Text
    settled: bool
    year: Year | None = None
