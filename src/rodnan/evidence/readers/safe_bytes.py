"""Bytes of a file that is not to be trusted, as UTF-8 in pieces: bounded, damage reported."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from rodnan.errors import SourceError
from rodnan.evidence.readers.records import OnProblem, ReadProblem

__all__ = ["Limits", "lines_of", "problem", "utf8_pieces"]

_CHUNK = 1 << 16
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_NOT_TEXT = re.compile("[\udc80-\udcff\ufffd]")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a reading.

    Parameters
    ----------
    record_bytes
        Largest record (and largest single line, tag or comment), in bytes; a larger one is skipped and
        reported.
    depth
        Deepest nesting of XML elements.
    total_bytes
        Largest file, counted after decompression: a compressed file may not grow without end.
    """

    record_bytes: int = 8 << 20
    depth: int = 64
    total_bytes: int = 64 << 30


def problem(code: str, severity: str, message: str, where: str, record: str | None = None) -> ReadProblem:
    """Make a `ReadProblem`; the arguments are its fields."""
    return ReadProblem.model_validate(
        {"code": code, "severity": severity, "message": message, "where": where, "record": record}
    )


def utf8_pieces(
    stream: BinaryIO, *, name: str, limits: Limits, on_problem: OnProblem
) -> Iterator[tuple[bytes, bool]]:
    """Yield the file as UTF-8 in pieces of about 64 KiB, with a flag on the last one.

    Bytes that are not text in the file's encoding (by byte-order mark, else as an XML declaration says,
    else UTF-8) become U+FFFD, with a note. When the file cannot be read to its end the last flag is never
    set.

    Parameters
    ----------
    stream
        Bytes, already decompressed.
    name
        Name of the file for messages.
    limits
        Only ``total_bytes`` is used here.
    on_problem
        Called for replaced bytes (``RDN-S113``), an empty (``RDN-S110``), too large (``RDN-S114``), truncated
        (``RDN-S115``) or unreadable (``RDN-S116``) file.

    Yields
    ------
    (bytes, bool)
        A piece, and whether the file ends with it.

    Raises
    ------
    SourceError
        ``RDN-S113`` for an encoding that is not known.
    """
    total, line = 0, 1
    decoder: codecs.IncrementalDecoder | None = None
    while True:
        raw, fault = _read(stream)
        total += len(raw)
        if fault is None and total > limits.total_bytes:
            fault = (
                "RDN-S114",
                f"the file is larger than {limits.total_bytes} bytes and was not read further",
            )
        if decoder is None:
            if not raw and fault is None:
                on_problem(problem("RDN-S110", "file", "the file is empty", name))
                return
            decoder = _decoder(raw, name)
        text = decoder.decode(raw, not raw)
        if not text.isascii() and (bad := _NOT_TEXT.search(text)):
            message = "bytes that are not text in the file's encoding were replaced by U+FFFD"
            where = f"{name}: line {line + text.count(chr(10), 0, bad.start())}"
            on_problem(problem("RDN-S113", "note", message, where))
            text = _NOT_TEXT.sub("\ufffd", text)
        line += text.count("\n")
        if fault is not None:
            on_problem(problem(fault[0], "file", fault[1], f"{name}: line {line}"))
        yield text.encode("utf-8"), fault is None and not raw
        if fault is not None or not raw:
            return


def lines_of(
    stream: BinaryIO, *, name: str, limits: Limits, on_problem: OnProblem
) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, text without line end); a line longer than a record may be is cut and
    reported.

    The parameters and problems are those of `utf8_pieces`, and ``RDN-S112`` for a line that was cut.
    """
    number, held, cutting = 0, b"", False
    for piece, _ in utf8_pieces(stream, name=name, limits=limits, on_problem=on_problem):
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            number += 1
            if not cutting:
                yield number, line.decode("utf-8").rstrip("\r")
            cutting = False
        if len(held) > limits.record_bytes:
            if not cutting:
                message = f"the line is longer than {limits.record_bytes} bytes and was skipped"
                on_problem(problem("RDN-S112", "record", message, f"{name}: line {number + 1}"))
            held, cutting = b"", True
    if held and not cutting:
        yield number + 1, held.decode("utf-8").rstrip("\r")


def _decoder(first: bytes, name: str) -> codecs.IncrementalDecoder:
    """Choose how bytes become text: by byte-order mark, else as declared, else UTF-8."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace")
    declared = None if first.startswith(codecs.BOM_UTF8) else _DECLARED.match(first)
    encoding = declared.group(1).decode("ascii") if declared else "utf-8"
    try:
        if codecs.lookup(encoding).name in {"utf-8", "ascii"}:
            encoding = "utf-8-sig"
        "".encode(encoding)  # refuses codecs that are not text encodings
        return codecs.getincrementaldecoder(encoding)("surrogateescape")
    except LookupError:
        raise SourceError(
            "RDN-S113", "the file declares an encoding that is not known", where=name, value=encoding
        ) from None


def _read(stream: BinaryIO) -> tuple[bytes, tuple[str, str] | None]:
    """Read the next piece; a damaged or truncated compressed file becomes a fault."""
    try:
        return stream.read(_CHUNK), None
    except EOFError:
        return b"", ("RDN-S115", "the compressed file is truncated")
    except (OSError, zlib.error) as error:
        return b"", ("RDN-S116", f"the file cannot be read further ({error})")
