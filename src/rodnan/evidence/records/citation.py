"""Where a study was published, and how it was done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rodnan.evidence.records.base import Count, Record, Year

__all__ = ["Citation", "Design"]


class Citation(Record):
    """A publication or registry entry; identifiers are text, so that none loses a digit."""

    pmid: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    doi: Annotated[str, Field(pattern=r"^10\.\d+/\S+$")] | None = None
    nct: Annotated[str, Field(pattern=r"^NCT\d{8}$")] | None = None
    pmcid: Annotated[str, Field(pattern=r"^PMC\d+$")] | None = None
    first_author: str | None = None
    title: str | None = None
    journal: str | None = None
    year: Year | None = None
    what: str | None = None
    extension: Citation | None = None
    second: Citation | None = None
    series_2: Citation | None = None
    subgroups: tuple[str, ...] = ()


class Design(Record):
    """How a study was done."""

    type: Literal[
        "rct", "cohort", "registry", "open-label", "case-series", "case-report", "case-control",
        "cross-sectional", "crossover", "meta-analysis", "systematic-review", "review", "pharmacokinetic",
    ]  # fmt: skip
    blinding: Literal["quadruple", "triple", "double", "single", "open", "none"]
    randomised: bool
    centres: Count | None = None
    countries: tuple[str, ...] = ()
    n_countries: Count | None = None
