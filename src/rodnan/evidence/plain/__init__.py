"""Pages in plain language, made from the records: one for each therapy and each topic.

Every number is that of a record and names it; shares have one denominator (100 people); benefits and harms stand in
one table. The reading age is held at about 12 years by a formula (`reading_grade`), and the notice ends every page.
"""

from __future__ import annotations

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence import loading
from rodnan.evidence.plain.drug_page import drug_page
from rodnan.evidence.plain.facts import Fact
from rodnan.evidence.plain.page import PlainPage
from rodnan.evidence.plain.reading import reading_grade
from rodnan.evidence.plain.topic_page import topic_page
from rodnan.evidence.plain.words import NOTICE, TOPICS

__all__ = ["NOTICE", "TOPICS", "Fact", "PlainPage", "page_names", "plain_page", "reading_grade"]


def page_names() -> tuple[str, ...]:
    """Return the names of all pages: therapies, then topics."""
    return (*loading.drugs(), *TOPICS)


def plain_page(name: str) -> PlainPage:
    """Make the page of a therapy or a topic.

    Parameters
    ----------
    name
        Any name of a therapy, or one of `TOPICS`.

    Returns
    -------
    PlainPage
        Sections, tables, and every number on it as a fact with its source.

    Raises
    ------
    EvidenceError
        RDN-E015 for a name of neither.
    """
    if name.casefold() in TOPICS:
        return topic_page(name.casefold())
    try:
        drug = loading.drug_id(name)
    except EvidenceError as error:
        near = error.nearest or nearest_name(name, page_names())
        raise EvidenceError(
            "RDN-E015", "no therapy or topic of that name", value=name, nearest=near
        ) from None
    return drug_page(loading.load_drug(drug))
