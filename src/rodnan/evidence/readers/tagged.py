"""Tagged text: MEDLINE (the ``.nbib`` and "MEDLINE" display formats of PubMed) and RIS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from rodnan.evidence.readers.pubmed_xml import parse_printed_date
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
from rodnan.evidence.readers.safe_bytes import Limits, lines_of

__all__ = ["iter_medline", "iter_ris"]

_MEDLINE_TAG = re.compile(r"^([A-Z0-9]{2,4}) {0,2}- ?(.*)$")
_RIS_TAG = re.compile(r"^([A-Z][A-Z0-9]) {1,2}- ?(.*)$")
_LINKS = {
    "RIN": "RetractionIn",
    "ROF": "RetractionOf",
    "EIN": "ErratumIn",
    "EFR": "ErratumFor",
    "ECI": "ExpressionOfConcernIn",
    "ECF": "ExpressionOfConcernFor",
    "CRI": "CorrectedandRepublishedIn",
    "CRF": "CorrectedandRepublishedFrom",
    "UIN": "UpdateIn",
    "UOF": "UpdateOf",
    "CIN": "CommentIn",
    "CON": "CommentOn",
    "RPI": "RepublishedIn",
}
_RIS_TYPES = {
    "JOUR": "Journal Article",
    "JFULL": "Journal Article",
    "ABST": "Abstract",
    "CHAP": "Book Chapter",
    "BOOK": "Book",
    "CONF": "Conference Paper",
    "CPAPER": "Conference Paper",
    "THES": "Thesis",
    "RPRT": "Report",
    "UNPB": "Preprint",
    "NEWS": "News",
    "ELEC": "Web Page",
}
Fields = dict[str, list[str]]


def iter_medline(
    stream: BinaryIO, *, name: str, on_problem: OnProblem, limits: Limits | None = None
) -> Iterator[Publication]:
    """Yield the publications of a MEDLINE (NBIB) text file.

    Parameters
    ----------
    stream
        Bytes of the file (already decompressed).
    name
        Name of the file for messages.
    on_problem
        Called for every line that belongs to no record and every record without identifier or title.
    limits
        Bounds of sizes.

    Yields
    ------
    Publication
        In the order of the file.
    """
    limits = limits or Limits()
    fields: Fields = {}
    begun, size = 0, 0
    last: str | None = None
    for number, line in lines_of(stream, name=name, on_problem=on_problem, limits=limits):
        found = _MEDLINE_TAG.match(line)
        starts = found is not None and found.group(1) == "PMID"
        if fields and (not line.strip() or starts):
            yield from _one(_medline_record, fields, f"{name}: line {begun}", on_problem)
            fields, last, size = {}, None, 0
        if not line.strip():
            continue
        size += len(line)
        if size > limits.record_bytes:
            on_problem(
                _lost(
                    "RDN-S112",
                    f"the record is larger than {limits.record_bytes} bytes",
                    f"{name}: line {begun}",
                )
            )
            fields, last, size = {}, None, 0
        elif found is not None and not line.startswith("      "):
            begun = begun if fields else number
            tag, last = found.group(1), found.group(1)
            fields.setdefault(tag, []).append(found.group(2).strip())
        elif last is not None and line[:1] == " ":
            fields[last][-1] += " " + line.strip()
        else:
            on_problem(
                _lost("RDN-S121", f"a line belongs to no field: {line[:60]!r}", f"{name}: line {number}")
            )
    if fields:
        yield from _one(_medline_record, fields, f"{name}: line {begun}", on_problem)


def iter_ris(
    stream: BinaryIO, *, name: str, on_problem: OnProblem, limits: Limits | None = None
) -> Iterator[Publication]:
    """Yield the publications of a RIS file.

    Parameters
    ----------
    stream
        The open file, in binary mode.
    name
        Name of the file, for messages.
    on_problem
        Called with each problem of a record.
    limits
        Greatest sizes; the usual ones where None.

    Yields
    ------
    Publication
        One record after the other.
    """
    limits = limits or Limits()
    fields: Fields = {}
    begun, size = 0, 0
    last: str | None = None
    for number, line in lines_of(stream, name=name, on_problem=on_problem, limits=limits):
        found = _RIS_TAG.match(line)
        size += len(line)
        if found is None:
            if line.strip() and last is not None:
                fields[last][-1] += " " + line.strip()
            elif line.strip():
                on_problem(
                    _lost("RDN-S121", f"a line belongs to no field: {line[:60]!r}", f"{name}: line {number}")
                )
        elif found.group(1) == "TY":
            if fields:
                message = "the record has no end mark (ER); the next one starts here"
                on_problem(
                    ReadProblem(
                        code="RDN-S122", severity="note", message=message, where=f"{name}: line {number}"
                    )
                )
                yield from _one(_ris_record, fields, f"{name}: line {begun}", on_problem)
            fields, begun, size, last = {"TY": [found.group(2).strip()]}, number, 0, "TY"
        elif found.group(1) == "ER":
            if fields:
                yield from _one(_ris_record, fields, f"{name}: line {begun}", on_problem)
            fields, last = {}, None
        elif not fields:
            on_problem(
                _lost("RDN-S121", f"a field stands outside a record: {line[:60]!r}", f"{name}: line {number}")
            )
        elif size > limits.record_bytes:
            on_problem(
                _lost(
                    "RDN-S112",
                    f"the record is larger than {limits.record_bytes} bytes",
                    f"{name}: line {begun}",
                )
            )
            fields, last, size = {}, None, 0
        else:
            tag, last = found.group(1), found.group(1)
            fields.setdefault(tag, []).append(found.group(2).strip())
    if fields:
        message = "the file ends inside a record (no end mark); it may be truncated"
        on_problem(
            ReadProblem(code="RDN-S115", severity="file", message=message, where=f"{name}: line {begun}")
        )
        yield from _one(_ris_record, fields, f"{name}: line {begun}", on_problem)


def _lost(code: str, message: str, where: str) -> ReadProblem:
    return ReadProblem(code=code, severity="record", message=message, where=where)


def _one(make, fields: Fields, where: str, on_problem: OnProblem) -> Iterator[Publication]:
    record = make(fields)
    if record is None:
        on_problem(_lost("RDN-S119", "the record has neither identifier nor title and was skipped", where))
    else:
        if record.title == _NO_TITLE:
            note = "the record has no title"
            on_problem(
                ReadProblem(
                    code="RDN-S120", severity="note", message=note, where=where, record=record.identity
                )
            )
        yield record


_NO_TITLE = "(no title in the source)"


def _first(fields: Fields, *tags: str) -> str | None:
    return next((fields[t][0] for t in tags if fields.get(t) and fields[t][0]), None)


def _person(name: str) -> Author:
    """Split "Tashkin, Donald P" or "Tashkin DP" into family and given names."""
    family, comma, given = name.partition(",")
    if comma:
        given = given.strip()
        initials = "".join(part[0] for part in re.split(r"[\s.-]+", given) if part)
        return Author(last_name=family.strip(), fore_name=given or None, initials=initials or None)
    family, _, initials = name.rpartition(" ")
    if family and initials.isupper():
        return Author(last_name=family, initials=initials)
    return Author(last_name=name)


def _heading(text: str) -> MeshHeading:
    """Read ``*Scleroderma, Systemic/drug therapy/*immunology``."""
    name, *qualifiers = text.split("/")
    return MeshHeading(
        name=name.lstrip("*"),
        major=name.startswith("*"),
        qualifiers=tuple(MeshQualifier(name=q.lstrip("*"), major=q.startswith("*")) for q in qualifiers),
    )


def _substance(text: str) -> Substance:
    found = re.match(r"^(\S+) \((.*)\)$", text)
    return Substance(name=found.group(2), registry_number=found.group(1)) if found else Substance(name=text)


def _medline_link(kind: str, text: str) -> Link:
    found = re.search(r"PMID: (\d+)", text)
    return Link(kind=kind, pmid=found.group(1) if found else None, note=text)


def _day(text: str | None) -> str | None:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text and re.fullmatch(r"\d{8}", text[:8]) else None


def _medline_record(fields: Fields) -> Publication | None:
    pmid = _first(fields, "PMID")
    title = _first(fields, "TI", "BTI", "TT", "CTI")
    if not (pmid and pmid.isdigit()) and not title:
        return None
    doi = next(
        (
            t.removesuffix("[doi]").strip()
            for t in (*fields.get("LID", ()), *fields.get("AID", ()))
            if t.endswith("[doi]")
        ),
        None,
    )
    date, year = parse_printed_date(_first(fields, "DP") or "")
    names = fields.get("FAU") or fields.get("AU") or []
    short = fields.get("AU") or []
    authors = [_person(n) for n in names]
    if len(short) == len(names) and fields.get("FAU"):
        authors = [
            a.model_copy(update={"initials": _person(s).initials or a.initials})
            for a, s in zip(authors, short, strict=True)
        ]
    issn = _first(fields, "IS")
    return Publication(
        source="medline",
        title=title or _NO_TITLE,
        pmid=pmid if pmid and pmid.isdigit() else None,
        pmcid=_first(fields, "PMC"),
        doi=doi,
        status=_first(fields, "STAT"),
        vernacular_title=_first(fields, "TT"),
        journal=_first(fields, "JT", "BTI"),
        journal_abbreviation=_first(fields, "TA"),
        issn=issn.split(" ")[0] if issn else None,
        volume=_first(fields, "VI"),
        issue=_first(fields, "IP"),
        pages=_first(fields, "PG"),
        date=date,
        year=year,
        revised=_day(_first(fields, "LR")),
        languages=tuple(fields.get("LA", ())),
        abstract="\n".join(fields.get("AB", ())) or None,
        authors=(*authors, *(Author(collective_name=n) for n in fields.get("CN", ()))),
        publication_types=tuple(fields.get("PT", ())),
        mesh=tuple(_heading(t) for t in fields.get("MH", ())),
        substances=tuple(_substance(t) for t in fields.get("RN", ())),
        keywords=tuple(t.lstrip("*") for t in fields.get("OT", ())),
        registry_ids=tuple(t.split("/")[-1] for t in fields.get("SI", ()) if "/" in t and "linical" in t),
        links=tuple(_medline_link(kind, t) for tag, kind in _LINKS.items() for t in fields.get(tag, ())),
    )


def _ris_record(fields: Fields) -> Publication | None:
    title = _first(fields, "TI", "T1", "CT", "BT")
    doi = _first(fields, "DO")
    if doi:
        doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", doi, flags=re.I)
    accession = _first(fields, "AN") or ""
    pmid = accession if re.fullmatch(r"\d{4,9}", accession) else None
    if title is None and doi is None and pmid is None:
        return None
    printed = _first(fields, "DA", "PY", "Y1") or ""
    date, year = parse_printed_date(printed.replace("/", " ").strip())
    pages = "-".join(t for t in (_first(fields, "SP"), _first(fields, "EP")) if t) or None
    kind = _first(fields, "TY") or "GEN"
    return Publication(
        source="ris",
        title=title or _NO_TITLE,
        pmid=pmid,
        pmcid=next((t for t in fields.get("C2", ()) if t.upper().startswith("PMC")), None),
        doi=doi,
        key=_first(fields, "ID"),
        journal=_first(fields, "JF", "JO", "T2"),
        journal_abbreviation=_first(fields, "JA", "J2"),
        issn=_first(fields, "SN"),
        volume=_first(fields, "VL"),
        issue=_first(fields, "IS"),
        pages=pages,
        date=date,
        year=year,
        languages=tuple(fields.get("LA", ())),
        abstract=_first(fields, "AB", "N2"),
        authors=tuple(_person(n) for tag in ("AU", "A1") for n in fields.get(tag, ())),
        publication_types=(_RIS_TYPES.get(kind, kind), *fields.get("M3", ())),
        keywords=tuple(fields.get("KW", ())),
    )
