"""PubMed XML: the answer of E-utilities ``efetch`` and the yearly baseline and daily update files.

The element names follow the NLM's published description of the format (PubMed DTD, 2024 and later): a
``PubmedArticleSet`` of ``PubmedArticle``, ``PubmedBookArticle`` and ``DeleteCitation``; the older
``MedlineCitationSet`` is read too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO
from xml.etree.ElementTree import Element

from rodnan.evidence.readers.records import (
    Author,
    Link,
    MeshHeading,
    MeshQualifier,
    OnProblem,
    Publication,
    ReadProblem,
    Substance,
)
from rodnan.evidence.readers.safe_bytes import Limits
from rodnan.evidence.readers.xml_stream import stream_elements

__all__ = ["iter_pubmed_xml", "parse_printed_date", "publication_of_element"]

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
_ORCID = re.compile(r"(\d{4}-){3}\d{3}[\dX]")
_REGISTRY_ID = re.compile(
    r"NCT\d{8}|ISRCTN\d{6,}|EUCTR[\d-]+\S*|UMIN\d+|ACTRN\d+|DRKS\d+|ChiCTR\S+|jRCT\S+", re.I
)


def iter_pubmed_xml(
    stream: BinaryIO, *, name: str, on_problem: OnProblem, limits: Limits | None = None
) -> Iterator[Publication]:
    """Yield the publications of a PubMed XML stream, one at a time.

    Parameters
    ----------
    stream
        Bytes of the XML (already decompressed).
    name
        Name of the file for messages.
    on_problem
        Called for every record that is lost and for every reservation (missing PMID or title, a record that
        the source itself has withdrawn).
    limits
        Bounds of size and depth.

    Yields
    ------
    Publication
        In the order of the file; duplicates are not removed here.

    Raises
    ------
    SourceError
        ``RDN-S111`` when the file declares entities, ``RDN-S113`` for an unknown encoding.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_Raw(stream), 1 << 16)
    try:
        head = buffered.peek(4096)[:4096]
    except (OSError, EOFError):
        head = b""
    old = b"<MedlineCitationSet" in head
    wanted = {"MedlineCitation"} if old else {"PubmedArticle", "PubmedBookArticle", "DeleteCitation"}
    for element, where in stream_elements(
        buffered,
        frozenset(wanted),
        name=name,
        on_problem=on_problem,
        limits=limits,
        identify=lambda e: f"pmid:{pmid}" if (pmid := _pmid(e)) else None,
    ):
        if element.tag == "DeleteCitation":
            for node in element.iter("PMID"):
                message = "the source has withdrawn this record from PubMed"
                on_problem(_note("RDN-S118", message, where, f"pmid:{_text(node)}"))
            continue
        publication = publication_of_element(element, where=where, on_problem=on_problem)
        if publication is not None:
            yield publication


class _Raw(io.RawIOBase):
    """Lets any object with ``read`` be buffered."""

    def __init__(self, inner: BinaryIO) -> None:
        self.inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def publication_of_element(element: Element, *, where: str, on_problem: OnProblem) -> Publication | None:
    """Turn one ``PubmedArticle`` (or book article, or bare citation) into a `Publication`.

    Parameters
    ----------
    element
        The parsed element.
    where
        Place in the file for messages.
    on_problem
        Called when the element has no PMID (lost, ``RDN-S119``) or no title (kept with a note, ``RDN-S120``).

    Returns
    -------
    Publication or None
        None when the element cannot be a record.
    """
    book = element.find("BookDocument")
    citation = book if book is not None else element.find("MedlineCitation")
    if citation is None:
        citation = element
    pmid = _pmid(element)
    if not pmid:
        message = "the record has no PubMed identifier and was skipped"
        on_problem(ReadProblem(code="RDN-S119", severity="record", message=message, where=where))
        return None
    article = citation.find("Article")
    body = article if article is not None else citation
    title = _text(body.find("ArticleTitle"))
    vernacular = _text(body.find("VernacularTitle")) or None
    if not title or title == "[Not Available].":
        title = vernacular or _text(citation.find("Book/BookTitle")) or title
    if not title:
        on_problem(_note("RDN-S120", "the record has no title", where, f"pmid:{pmid}"))
        title = "(no title in the source)"
    date, year = _published(body, citation)
    issue = body.find("Journal/JournalIssue")
    journal = _text(body.find("Journal/Title")) or _text(citation.find("Book/BookTitle")) or None
    return Publication(
        source="pubmed-xml",
        title=title,
        pmid=pmid,
        pmcid=_article_id(element, "pmc"),
        doi=_doi(element, body),
        version=_version(citation),
        status=citation.get("Status"),
        vernacular_title=vernacular,
        journal=journal,
        journal_abbreviation=_text(body.find("Journal/ISOAbbreviation"))
        or _text(citation.find("MedlineJournalInfo/MedlineTA"))
        or None,
        issn=_text(body.find("Journal/ISSN"))
        or _text(citation.find("MedlineJournalInfo/ISSNLinking"))
        or None,
        volume=_text(issue.find("Volume")) or None if issue is not None else None,
        issue=_text(issue.find("Issue")) or None if issue is not None else None,
        pages=_pages(body.find("Pagination")),
        date=date,
        year=year,
        revised=_date(citation.find("DateRevised"))[0],
        languages=tuple(_text(n) for n in body.findall("Language")),
        abstract=_abstract(body.find("Abstract")),
        authors=tuple(_author(n) for n in body.findall("AuthorList/Author")),
        publication_types=tuple(
            _text(n)
            for n in (*body.findall("PublicationTypeList/PublicationType"), *body.findall("PublicationType"))
        ),
        mesh=tuple(_heading(n) for n in citation.findall("MeshHeadingList/MeshHeading")),
        substances=tuple(_substance(n) for n in citation.findall("ChemicalList/Chemical")),
        keywords=tuple(t for n in citation.findall("KeywordList/Keyword") if (t := _text(n))),
        registry_ids=_registries(body),
        links=tuple(_link(n) for n in citation.findall("CommentsCorrectionsList/CommentsCorrections")),
    )


def _note(code: str, message: str, where: str, record: str | None) -> ReadProblem:
    return ReadProblem(code=code, severity="note", message=message, where=where, record=record)


def _text(node: Element | None) -> str:
    """All text of an element, inline markup removed and white space made single."""
    if node is None:
        return ""
    text = "".join(node.itertext()) if len(node) else node.text or ""
    return " ".join(text.split())


def _pmid(element: Element) -> str | None:
    for path in ("MedlineCitation/PMID", "BookDocument/PMID", "PMID"):
        text = _text(element.find(path))
        if text.isdigit():
            return text
    return None


def _version(citation: Element) -> int:
    node = citation.find("PMID")
    version = node.get("Version", "1") if node is not None else "1"
    return int(version) if version.isdigit() else 1


def _article_id(element: Element, kind: str) -> str | None:
    for data in ("PubmedData", "PubmedBookData"):
        for node in element.findall(f"{data}/ArticleIdList/ArticleId"):
            if node.get("IdType") == kind and _text(node):
                return _text(node)
    return None


def _doi(element: Element, body: Element) -> str | None:
    for node in body.findall("ELocationID"):
        if node.get("EIdType") == "doi" and node.get("ValidYN", "Y") == "Y" and _text(node):
            return _text(node)
    return _article_id(element, "doi")


def parse_printed_date(text: str) -> tuple[str | None, int | None]:
    """Read a printed date at the precision that it has.

    Parameters
    ----------
    text
        Such as ``"2017 Aug 14"``, ``"2015 Nov-Dec"``, ``"2016 08"``, ``"1999 Spring"``.

    Returns
    -------
    (str or None, int or None)
        ISO date (``"2017-08-14"``, ``"2015-11"``, ``"1999"``) and the year; a range gives its first month,
        a season only the year.
    """
    found = re.search(r"(?<!\d)(1[89]|20)\d\d(?!\d)", text)
    if found is None:
        return None, None
    date = found.group(0)
    rest = re.match(r"[\s,-]*([A-Za-z]{3,}|\d{1,2})(?:[\s,]+(\d{1,2})(?!\d))?", text[found.end() :])
    if rest is not None:
        month = rest.group(1)
        number = int(month) if month.isdigit() else _MONTHS.get(month[:3].casefold(), 0)
        if 1 <= number <= 12:
            date += f"-{number:02d}"
            if rest.group(2) and 1 <= int(rest.group(2)) <= 31:
                date += f"-{int(rest.group(2)):02d}"
    return date, int(found.group(0))


def _date(node: Element | None) -> tuple[str | None, int | None]:
    """Date of an element with Year, Month, Day, or with MedlineDate."""
    if node is None:
        return None, None
    parts = [_text(node.find(tag)) for tag in ("Year", "Month", "Day")]
    return parse_printed_date(" ".join(t for t in parts if t) or _text(node.find("MedlineDate")))


def _published(body: Element, citation: Element) -> tuple[str | None, int | None]:
    """Date of the issue, else the electronic date, else the date of the book."""
    for path in ("Journal/JournalIssue/PubDate", "ArticleDate"):
        date, year = _date(body.find(path))
        if date:
            return date, year
    return _date(citation.find("Book/PubDate"))


def _pages(node: Element | None) -> str | None:
    if node is None:
        return None
    printed = _text(node.find("MedlinePgn"))
    if printed:
        return printed
    return "-".join(t for t in (_text(node.find("StartPage")), _text(node.find("EndPage"))) if t) or None


def _abstract(node: Element | None) -> str | None:
    if node is None:
        return None
    parts = []
    for part in node.findall("AbstractText"):
        text = _text(part)
        label = part.get("Label")
        if text:
            parts.append(f"{label}: {text}" if label else text)
    return "\n".join(parts) or None


def _author(node: Element) -> Author:
    parts = {child.tag: child for child in node}
    found = _ORCID.search(_text(parts["Identifier"])) if "Identifier" in parts else None
    return Author(
        last_name=_text(parts.get("LastName")) or None,
        fore_name=_text(parts.get("ForeName")) or None,
        initials=_text(parts.get("Initials")) or None,
        collective_name=_text(parts.get("CollectiveName")) or None,
        orcid=found.group(0) if found else None,
    )


def _heading(node: Element) -> MeshHeading:
    topics = [
        (_text(topic), topic.get("UI"), topic.get("MajorTopicYN") == "Y")
        for topic in node
        if topic.tag in ("DescriptorName", "QualifierName")
    ]
    return _shared_heading(tuple(topics))


@lru_cache(maxsize=20_000)
def _shared_heading(topics: tuple[tuple[str, str | None, bool], ...]) -> MeshHeading:
    """Make each distinct heading once: a file names the same few thousand over and over."""
    (name, ui, major), *qualifiers = topics or (("", None, False),)
    return MeshHeading(
        name=name,
        ui=ui,
        major=major,
        qualifiers=tuple(MeshQualifier(name=n, ui=u, major=m) for n, u, m in qualifiers),
    )


def _substance(node: Element) -> Substance:
    name = node.find("NameOfSubstance")
    return _shared_substance(
        _text(name), _text(node.find("RegistryNumber")) or None, name.get("UI") if name is not None else None
    )


@lru_cache(maxsize=20_000)
def _shared_substance(name: str, number: str | None, ui: str | None) -> Substance:
    return Substance(name=name, registry_number=number, ui=ui)


def _registries(body: Element) -> tuple[str, ...]:
    numbers = [_text(n) for n in body.findall("DataBankList/DataBank/AccessionNumberList/AccessionNumber")]
    return tuple(dict.fromkeys(n for n in numbers if _REGISTRY_ID.fullmatch(n)))


def _link(node: Element) -> Link:
    return Link(
        kind=node.get("RefType", "unknown"),
        pmid=_text(node.find("PMID")) or None,
        note=_text(node.find("RefSource")) or None,
    )
