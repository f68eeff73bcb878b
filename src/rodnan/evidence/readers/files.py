"""Bibliographic files of any known format: open, recognise, read, and settle duplicates.

The format is recognised by what the file holds, not by its name; gzip is undone on the way.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rodnan.errors import SourceError
from rodnan.evidence.readers.bibtex import iter_bibtex
from rodnan.evidence.readers.pubmed_xml import iter_pubmed_xml
from rodnan.evidence.readers.records import OnProblem, Publication, ReadProblem
from rodnan.evidence.readers.safe_bytes import Limits, problem
from rodnan.evidence.readers.tagged import iter_medline, iter_ris

__all__ = ["Import", "iter_publications", "read_publications"]

_READERS = {
    "PubMed XML": iter_pubmed_xml,
    "MEDLINE text": iter_medline,
    "RIS": iter_ris,
    "BibTeX": iter_bibtex,
}


@dataclass(frozen=True, slots=True)
class Import:
    """Publications read from a file, duplicates settled, with everything that went wrong.

    Parameters
    ----------
    publications
        One record per publication, in the order of the file.
    problems
        Notes, lost records and damage of the file, in the order met.
    format
        Name of the format that was recognised.
    """

    publications: tuple[Publication, ...]
    problems: tuple[ReadProblem, ...]
    format: str

    @property
    def complete(self) -> bool:
        """True when no record was lost and the file was read to its end."""
        return all(p.severity == "note" for p in self.problems)


def iter_publications(
    path: str | Path, *, on_problem: OnProblem, limits: Limits | None = None
) -> Iterator[Publication]:
    """Yield the publications of a file one at a time, in bounded memory; duplicates are yielded too.

    Parameters
    ----------
    path
        File in PubMed XML, MEDLINE (NBIB), RIS or BibTeX, plain or gzip.
    on_problem
        Called with every problem as it is met.
    limits
        Bounds of sizes.

    Yields
    ------
    Publication
        In the order of the file.

    Raises
    ------
    SourceError
        ``RDN-S101`` when the file cannot be opened, ``RDN-S102`` when its format is not recognised,
        ``RDN-S111`` and ``RDN-S113`` from the XML reader.
    """
    limits = limits or Limits()
    name = Path(path).name
    with _opened(Path(path)) as stream:
        kind = _recognise(stream, name)
        if kind is None:
            on_problem(problem("RDN-S110", "file", "the file is empty", name))
            return
        yield from _READERS[kind](stream, name=name, on_problem=on_problem, limits=limits)


def read_publications(path: str | Path, *, limits: Limits | None = None) -> Import:
    """Read a whole file and settle duplicates.

    Of records with the same PMID (else DOI, else key) the one with the highest version is kept, then the
    one revised last, then the one that stands last in the file; every other is named in a problem
    (``RDN-S124``).

    Parameters
    ----------
    path
        File in PubMed XML, MEDLINE (NBIB), RIS or BibTeX, plain or gzip.
    limits
        Bounds of sizes.

    Returns
    -------
    Import
        Publications and problems.

    Raises
    ------
    SourceError
        As `iter_publications`; also ``RDN-S103`` when the file held no record that could be read.
    """
    problems: list[ReadProblem] = []
    name = Path(path).name
    with _opened(Path(path)) as stream:
        kind = _recognise(stream, name) or "empty"
    chosen: dict[str, tuple[int, Publication]] = {}
    for position, record in enumerate(iter_publications(path, on_problem=problems.append, limits=limits)):
        identity = record.identity or f"position:{position}"
        earlier = chosen.get(identity)
        if earlier is not None:
            keep_new = rank(record) >= rank(earlier[1])
            same = record == earlier[1]
            kept = "the two are alike" if same else f"the {'later' if keep_new else 'earlier'} one was kept"
            message = f"the record stands more than once; {kept}"
            problems.append(problem("RDN-S124", "note", message, f"{name}: record {position + 1}", identity))
            if not keep_new or same:
                continue
            position = earlier[0]
        chosen[identity] = (position, record)
    if not chosen:
        first = next((p for p in problems if p.severity != "note"), None)
        raise SourceError(
            "RDN-S103",
            first.message if first else "the file holds no record",
            where=first.where if first else name,
        )
    ordered = sorted(chosen.values(), key=lambda pair: pair[0])
    return Import(tuple(record for _, record in ordered), tuple(problems), kind)


def rank(record: Publication) -> tuple[int, str]:
    """Order of records of one publication: version, then date of revision."""
    return record.version, record.revised or ""


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, through gzip when its first bytes say so, and close all of it."""
    with ExitStack() as stack:
        try:
            plain = stack.enter_context(path.open("rb"))
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise SourceError("RDN-S101", f"the file cannot be opened: {reason}", where=str(path)) from None
        if plain.peek(2)[:2] == b"\x1f\x8b":
            packed = stack.enter_context(gzip.GzipFile(fileobj=plain))
            yield io.BufferedReader(cast(io.RawIOBase, packed), 1 << 16)
        else:
            yield plain


def _recognise(stream: BinaryIO, name: str) -> str | None:
    """Name of the format, None for an empty file."""
    try:
        head = cast(io.BufferedReader, stream).peek(4096)[:4096]
    except (OSError, EOFError):
        raise SourceError("RDN-S116", "the compressed file is damaged at its start", where=name) from None
    if not head:
        return None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "PubMed XML"
    lines = [line.strip() for line in text.split(b"\n")]
    if any(line.startswith((b"PMID-", b"PMID -")) for line in lines):
        return "MEDLINE text"
    if any(line.startswith((b"TY  -", b"TY -")) for line in lines):
        return "RIS"
    if any(line.startswith(b"@") and b"{" in line for line in lines):
        return "BibTeX"
    known = ", ".join(_READERS)
    raise SourceError(
        "RDN-S102", f"the format is not recognised; known are {known}, plain or gzip", where=name
    )
