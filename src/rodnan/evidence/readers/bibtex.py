"""BibTeX: entries with nested braces, quoted values, joined values and ``@string`` names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from rodnan.evidence.readers.pubmed_xml import parse_printed_date
from rodnan.evidence.readers.records import Author, OnProblem, Publication, ReadProblem
from rodnan.evidence.readers.safe_bytes import Limits, lines_of

__all__ = ["iter_bibtex"]

_TYPES = {
    "article": "Journal Article",
    "book": "Book",
    "inbook": "Book Chapter",
    "incollection": "Book Chapter",
    "inproceedings": "Conference Paper",
    "conference": "Conference Paper",
    "phdthesis": "Thesis",
    "mastersthesis": "Thesis",
    "techreport": "Report",
    "misc": "Miscellaneous",
}
_START = re.compile(r"^\s*@\s*([A-Za-z]+)\s*[{(]")
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "c": "\u0327", "k": "\u0328",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å",
    "AA": "Å", "i": "ı", "alpha": "α", "beta": "β", "gamma": "γ", "mu": "μ",
    "textbeta": "β", "textalpha": "α",
}  # fmt: skip


class _Malformed(ValueError):
    """An entry that cannot be taken apart; never leaves this module."""


def iter_bibtex(
    stream: BinaryIO, *, name: str, on_problem: OnProblem, limits: Limits | None = None
) -> Iterator[Publication]:
    """Yield the publications of a BibTeX file.

    An entry whose braces never close is reported and given up at the next line that starts an entry.

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
    strings: dict[str, str] = {}
    held: list[str] = []
    begun = size = 0

    def lost(code: str, message: str, line: int) -> None:
        on_problem(ReadProblem(code=code, severity="record", message=message, where=f"{name}: line {line}"))

    def finish(text: str, line: int) -> Iterator[Publication]:
        try:
            record = _entry(text, strings)
        except _Malformed as error:
            lost("RDN-S123", f"the entry cannot be read and was skipped: {error}", line)
            return
        if isinstance(record, Publication):
            if record.title == _NO_TITLE:
                note = "the entry has no title"
                on_problem(
                    ReadProblem(
                        code="RDN-S120",
                        severity="note",
                        message=note,
                        where=f"{name}: line {line}",
                        record=record.identity,
                    )
                )
            yield record

    depth = 0
    for number, line in lines_of(stream, name=name, on_problem=on_problem, limits=limits):
        starts = _START.match(line)
        if (
            held
            and starts
            and depth > 0
            and line.lstrip().startswith("@")
            and not line.startswith((" ", "\t"))
        ):
            lost("RDN-S123", "the entry has no end: the next one starts inside it; it was skipped", begun)
            held, depth = [], 0
        if not held:
            if not starts:
                continue
            begun, size, depth = number, 0, 0
        held.append(line)
        size += len(line)
        depth += _balance(line)
        if size > limits.record_bytes:
            lost("RDN-S112", f"the entry is larger than {limits.record_bytes} bytes and was skipped", begun)
            held, depth = [], 0
        elif depth <= 0:
            yield from finish("\n".join(held), begun)
            held, depth = [], 0
    if held:
        message = "the file ends inside an entry: it is truncated"
        on_problem(
            ReadProblem(code="RDN-S115", severity="file", message=message, where=f"{name}: line {begun}")
        )


def _balance(line: str) -> int:
    bare = line.replace("\\{", "").replace("\\}", "")
    return bare.count("{") - bare.count("}")


_NO_TITLE = "(no title in the source)"


def _entry(text: str, strings: dict[str, str]) -> Publication | None:
    """Take one entry apart; None for ``@comment``, ``@preamble`` and ``@string`` (which is remembered)."""
    found = _START.match(text)
    if found is None:
        raise _Malformed("no entry starts here")
    kind = found.group(1).casefold()
    body = text[found.end() :].rstrip()
    if body[-1:] not in ("}", ")"):
        raise _Malformed("text follows the end of the entry")
    body = body[:-1]
    if kind in {"comment", "preamble"}:
        return None
    if kind == "string":
        strings.update(_fields(body, strings))
        return None
    key, comma, rest = body.partition(",")
    if not comma or "=" in key:
        raise _Malformed("the entry has no key")
    fields = {k: _plain(v) for k, v in _fields(rest, strings).items()}
    title = fields.get("title")
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", fields.get("doi", ""), flags=re.I) or None
    pmid = next((fields[k] for k in ("pmid", "eprint") if re.fullmatch(r"\d{4,9}", fields.get(k, ""))), None)
    if fields.get("eprinttype", "").casefold() not in ("", "pubmed", "pmid") and "pmid" not in fields:
        pmid = None
    printed = fields.get("date") or " ".join(t for t in (fields.get("year"), fields.get("month")) if t)
    date, year = parse_printed_date(printed.replace("-", " "))
    return Publication(
        source="bibtex",
        title=title or _NO_TITLE,
        key=key.strip() or None,
        pmid=pmid,
        pmcid=fields.get("pmcid") or None,
        doi=doi,
        journal=fields.get("journal") or fields.get("journaltitle") or fields.get("booktitle") or None,
        issn=fields.get("issn") or None,
        volume=fields.get("volume") or None,
        issue=fields.get("number") or fields.get("issue") or None,
        pages=re.sub("-+|–", "-", fields.get("pages", "")) or None,
        date=date,
        year=year,
        languages=tuple(t for t in (fields.get("language"),) if t),
        abstract=fields.get("abstract") or None,
        authors=tuple(_author(n) for n in re.split(r"\s+and\s+", fields.get("author", "")) if n.strip()),
        publication_types=(_TYPES.get(kind, kind),),
        keywords=tuple(t for t in re.split(r"\s*[,;]\s*", fields.get("keywords", "")) if t),
    )


def _fields(body: str, strings: dict[str, str]) -> dict[str, str]:
    """Read ``name = value`` pairs; a value is braces, quotes, a number or a name, joined by ``#``."""
    out: dict[str, str] = {}
    at = 0
    while True:
        head = re.compile(r"[\s,]*([A-Za-z][\w:.-]*)\s*=\s*").match(body, at)
        if head is None:
            if body[at:].strip(" \t\n,"):
                raise _Malformed(f"no field starts at {body[at : at + 30].strip()!r}")
            return out
        at = head.end()
        value = ""
        while True:
            part, at = _value(body, at, strings)
            value += part
            joined = re.compile(r"\s*#\s*").match(body, at)
            if joined is None:
                break
            at = joined.end()
        out[head.group(1).casefold()] = value


def _value(body: str, at: int, strings: dict[str, str]) -> tuple[str, int]:
    if at >= len(body):
        raise _Malformed("a field has no value")
    if body[at] == "{" or body[at] == '"':
        close, depth, i = ("}" if body[at] == "{" else '"'), 0, at + 1
        while i < len(body):
            c = body[i]
            if c == "\\":
                i += 2
                continue
            if c == close and depth == 0:
                return body[at + 1 : i], i + 1
            depth += (c == "{") - (c == "}")
            i += 1
        raise _Malformed("a value does not end")
    bare = re.compile(r"[\w.:+/-]+").match(body, at)
    if bare is None:
        raise _Malformed(f"no value stands at {body[at : at + 20]!r}")
    word = bare.group(0)
    return strings.get(word.casefold(), word), bare.end()


def _plain(value: str) -> str:
    """LaTeX accents and letters to Unicode, markup and braces removed, white space made single."""
    value = re.sub(r"\{\\([`'^\"~=.])\{?\\?([A-Za-z])\}?\}", r"\\\1{\2}", value)
    value = re.sub(
        r"\\([`'^\"~=.])\s*\{?\\?([A-Za-z])\}?|\\([uvHckr])\s*\{([A-Za-z])\}",
        lambda m: unicodedata.normalize("NFC", (m[2] or m[4]) + _ACCENTS[m[1] or m[3]]),
        value,
    )
    value = re.sub(r"\\([A-Za-z]+)(?:\{\}|\s+|(?![A-Za-z]))", lambda m: _LETTERS.get(m[1], m[0]), value)
    value = re.sub(r"\\(?:textit|emph|textbf|textsc|textsuperscript|textsubscript|mathrm)\s*\{", "{", value)
    value = (
        re.sub(r"\\([&%$#_{}])", "\x00\\1", value).replace("---", "—").replace("--", "–").replace("~", " ")
    )
    value = (
        re.sub(r"(?<!\x00)[{}]|\$", "", value.replace("\x00$", "\x01"))
        .replace("\x01", "$")
        .replace("\x00", "")
    )
    return " ".join(value.split())


def _author(name: str) -> Author:
    name = name.strip()
    family, comma, given = name.partition(",")
    if not comma:
        *rest, family = name.split(" ")
        given = " ".join(rest)
    initials = "".join(p[0] for p in re.split(r"[\s.-]+", given) if p)
    return Author(last_name=family.strip(), fore_name=given.strip() or None, initials=initials or None)
