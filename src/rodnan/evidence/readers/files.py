"""Bibliographic files of any known format: open, recognise, read, and settle duplicates.

The format is recognised by what the file holds, not by its name; gzip is undone on the way.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tempfile
from collections import Counter
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

__all__ = ["Import", "convert_publications", "iter_publications", "read_publications"]

_READERS = {
    "PubMed XML": iter_pubmed_xml,
    "MEDLINE text": iter_medline,
    "RIS": iter_ris,
    "BibTeX": iter_bibtex,
}


@dataclass(frozen=True, slots=True)
class Import:
    """What was read from a file, duplicates settled, with everything that went wrong.

    Parameters
    ----------
    publications
        One record per publication, in the order of the file; empty where they were written to a file instead.
    count
        Number of publications.
    retracted
        Identity and title of those that the source marks as retracted.
    problems
        Notes, lost records and damage of the file, in the order met; at most `MOST_PROBLEMS` are kept.
    counts
        How often each code was met, however many were kept.
    lost
        Number of problems that are more than a note.
    format
        Name of the format that was recognised.
    """

    publications: tuple[Publication, ...]
    count: int
    retracted: tuple[tuple[str, str], ...]
    problems: tuple[ReadProblem, ...]
    counts: dict[str, int]
    lost: int
    format: str

    @property
    def complete(self) -> bool:
        """True when no record was lost and the file was read to its end."""
        return self.lost == 0


MOST_PROBLEMS = 1000


class _Settling:
    """Finds duplicates while records pass by, remembering of each only its identity, rank and fingerprint."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kept: dict[str, tuple[int, tuple[int, str], bytes, int]] = {}
        self.problems: list[ReadProblem] = []
        self.counts: Counter[str] = Counter()
        self.lost = 0
        self.seen = 0
        self.retracted: dict[str, str] = {}

    def note(self, found: ReadProblem) -> None:
        self.counts[found.code] += 1
        self.lost += found.severity != "note"
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(found)

    def take(self, record: Publication, line: bytes, place: int) -> None:
        """Remember a record that lies at `place`; the better of two with one identity stays."""
        position, self.seen = self.seen, self.seen + 1
        identity = record.identity or f"position:{position}"
        print_ = hashlib.blake2b(line, digest_size=16).digest()
        earlier = self.kept.get(identity)
        if earlier is not None:
            same = earlier[2] == print_
            keep_new = not same and _rank(record) >= earlier[1]
            kept = "the two are alike" if same else f"the {'later' if keep_new else 'earlier'} one was kept"
            message = f"the record stands more than once; {kept}"
            self.note(problem("RDN-S124", "note", message, f"{self.name}: record {position + 1}", identity))
            if not keep_new:
                return
            position = earlier[0]
        self.kept[identity] = (position, _rank(record), print_, place)
        self.retracted.pop(identity, None)
        if record.retracted:
            self.retracted[identity] = record.title

    def places(self) -> list[int]:
        """Places of the records that stay, in the order of the file."""
        return [kept[3] for kept in sorted(self.kept.values())]


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
    """Read a whole file and settle duplicates; all publications are held in memory.

    Of records with the same PMID (else DOI, else key) the one with the highest version is kept, then the one
    revised last, then the one that stands last in the file; every other is named in a problem (``RDN-S124``).

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
    settling = _Settling(Path(path).name)
    records: list[Publication] = []
    for record in iter_publications(path, on_problem=settling.note, limits=limits):
        settling.take(record, record.model_dump_json(exclude_defaults=True).encode(), len(records))
        records.append(record)
    return _import(settling, path, tuple(records[place] for place in settling.places()))


def convert_publications(path: str | Path, out: str | Path, *, limits: Limits | None = None) -> Import:
    """Read a file of any size and write its publications, one JSON object on each line, in bounded memory.

    Parameters
    ----------
    path
        File as in `read_publications`; duplicates are settled in the same way.
    out
        Where to write; replaced only when the reading has come to its end.
    limits
        Bounds of sizes.

    Returns
    -------
    Import
        Without the publications.

    Raises
    ------
    SourceError
        As `read_publications`; ``RDN-S137`` when `out` cannot be written.
    """
    settling, out = _Settling(Path(path).name), Path(out)
    fresh = out.with_name(out.name + ".new")
    try:
        with tempfile.TemporaryFile(dir=out.parent) as heap:
            for record in iter_publications(path, on_problem=settling.note, limits=limits):
                line = record.model_dump_json(exclude_defaults=True).encode() + b"\n"
                settling.take(record, line, heap.tell())
                heap.write(line)
            done = _import(settling, path, ())
            with fresh.open("wb") as target:
                for place in settling.places():
                    heap.seek(place)
                    target.write(heap.readline())
        fresh.replace(out)
    except OSError as error:
        raise SourceError("RDN-S137", f"cannot be written ({error.strerror})", where=str(out)) from None
    return done


def _import(settling: _Settling, path: str | Path, records: tuple[Publication, ...]) -> Import:
    name = Path(path).name
    if not settling.kept:
        first = next((p for p in settling.problems if p.severity != "note"), None)
        message, where = (first.message, first.where) if first else ("the file holds no record", name)
        raise SourceError("RDN-S103", message, where=where)
    with _opened(Path(path)) as stream:
        kind = _recognise(stream, name) or "empty"
    return Import(
        records,
        len(settling.kept),
        tuple(sorted(settling.retracted.items())),
        tuple(settling.problems),
        dict(sorted(settling.counts.items())),
        settling.lost,
        kind,
    )


def _rank(record: Publication) -> tuple[int, str]:
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
