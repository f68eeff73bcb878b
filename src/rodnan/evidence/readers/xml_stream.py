"""Streaming of one kind of element out of an XML file of any size, in bounded memory, from sources not to
be trusted.

The expat parser is driven by hand so that five things hold at once:

* memory is bounded: only the element now being read is kept, and it may not pass `Limits.record_bytes`;
* no entity is ever expanded: a declaration of an entity ends the reading (the "billion laughs" and every
  external entity start with one), and nothing outside the file is ever opened;
* depth is bounded;
* damage is local: after an error the reader goes on at the next start tag of the element and says what was
  lost;
* bytes that are not text in the file's encoding become U+FFFD, with a note, instead of ending the reading.

``docs/decisions/0042-reading-untrusted-files.md`` gives the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from rodnan.errors import SourceError
from rodnan.evidence.readers.records import OnProblem
from rodnan.evidence.readers.safe_bytes import Limits, problem, utf8_pieces

__all__ = ["stream_elements"]


_ENDED = frozenset(
    expat.errors.codes[name]
    for name in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class _Stop(Exception):
    """Leaves the parser from inside a handler; never leaves this module."""


class _Builder:
    """Builds the wanted elements, one at a time, out of the events of one expat parser."""

    def __init__(
        self, wanted: frozenset[str], limits: Limits, note: Callable[[str, str], None], first_line: int
    ) -> None:
        self.wanted, self.limits, self.note, self.first_line = wanted, limits, note, first_line
        self.done: list[tuple[Element, int]] = []
        self.tree: TreeBuilder | None = None
        self.root: str | None = None
        self.depth = self.fed = self.seed = self.start = self.start_line = self.stopped = 0
        self.reason = ("", "")
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 16
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity
        self.parser.ExternalEntityRefHandler = self._external
        self.parser.SkippedEntityHandler = self._skipped
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    @property
    def line(self) -> int:
        return self.first_line + self.parser.CurrentLineNumber

    def partial(self) -> Element | None:
        """Return the element now being read, as far as it has been read."""
        return None if self.tree is None else self.tree.close()

    def open(self, root: str) -> None:
        """Start in the middle of a document whose root element is `root`."""
        seed = f"<{root}>".encode()
        self.parser.Parse(seed, False)
        self.seed = self.fed = len(seed)

    def feed(self, piece: bytes, final: bool) -> tuple[str, str, int] | None:
        """Feed a piece; return None, or the code, message and place (in the piece) of what went wrong."""
        before, self.fed = self.fed, self.fed + len(piece)
        try:
            self.parser.Parse(piece, final)
        except _Stop:
            code, message = self.reason
            return code, message, max(self.stopped - before, 0)
        except expat.ExpatError as error:
            place = min(max(self.parser.ErrorByteIndex - before, 0), len(piece))
            if final and error.code in _ENDED:
                place = len(piece)
            return "RDN-S110", f"not well-formed XML ({expat.ErrorString(error.code)})", place
        begun = self.parser.CurrentByteIndex if self.tree is None else self.start
        if not final and self.fed - max(begun, self.seed) > self.limits.record_bytes:
            return "RDN-S112", f"a record or tag is larger than {self.limits.record_bytes} bytes", len(piece)
        return None

    def _stop(self, code: str, message: str) -> None:
        self.reason, self.stopped = (code, message), self.parser.CurrentByteIndex
        raise _Stop

    def _entity(self, name: str, *_: object) -> None:
        self._stop("RDN-S111", f"the file declares an entity ({name[:40]}); such files are refused")

    def _external(self, *_: object) -> int:
        self._stop("RDN-S111", "the file points to an external entity; nothing outside the file is opened")
        return 0

    def _skipped(self, name: str, is_parameter: bool) -> None:
        if not is_parameter and self.tree is not None:
            self.tree.data(f"&{name};")
            self.note(
                "RDN-S117", f"the entity &{name[:40]}; is not defined in the file and was kept as it stands"
            )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        """Start of an element outside the wanted ones."""
        self.depth += 1
        if self.depth > self.limits.depth:
            self._stop("RDN-S112", f"elements are nested more than {self.limits.depth} deep")
        self.root = self.root or tag
        if tag in self.wanted:
            self.start, self.start_line = self.parser.CurrentByteIndex, self.line
            self._build(tag, attributes)

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _build(self, wanted_tag: str, wanted_attributes: dict[str, str]) -> None:
        """Build one wanted element: handlers without attribute look-ups, for they run for every tag."""
        self.tree = tree = TreeBuilder()
        depth, deepest, wanted = self.depth, self.limits.depth, self.wanted
        open_tree, close_tree = tree.start, tree.end

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > deepest:
                self._stop("RDN-S112", f"elements are nested more than {deepest} deep")
            if tag in wanted:
                self._stop("RDN-S110", "the record has no end tag: the next one starts inside it")
            open_tree(tag, attributes)

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            close_tree(tag)
            if tag == wanted_tag:
                self.done.append((tree.close(), self.start_line))
                self.depth, self.tree = depth, None
                self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
                self.parser.CharacterDataHandler = None

        open_tree(wanted_tag, wanted_attributes)
        self.parser.StartElementHandler, self.parser.EndElementHandler = start, end
        self.parser.CharacterDataHandler = tree.data


def stream_elements(
    stream: BinaryIO,
    wanted: frozenset[str],
    *,
    name: str,
    on_problem: OnProblem,
    limits: Limits | None = None,
    identify: Callable[[Element], str | None] = lambda element: None,
) -> Iterator[tuple[Element, str]]:
    """Yield each wanted element of an XML stream with its place, keeping one element in memory.

    Parameters
    ----------
    stream
        Bytes, read in pieces of 64 KiB.
    wanted
        Names of the elements to yield; they must not nest in each other.
    name
        Name of the file for messages.
    on_problem
        Called with every problem: a note, a damaged record (``"record"``), a truncated or refused file
        (``"file"``).
    limits
        Bounds of size and depth.
    identify
        Reads the identifier of a partly read element, for the message about a damaged record.

    Yields
    ------
    (Element, str)
        The element, and its place as ``"name: line L"``.

    Raises
    ------
    SourceError
        ``RDN-S113`` for an encoding that is not known; ``RDN-S111`` when entities are declared.
    """
    limits = limits or Limits()
    tags = b"|".join(re.escape(tag.encode()) for tag in sorted(wanted))
    next_start = re.compile(b"<(?:" + tags + rb")(?=[\s/>])")

    def report(severity: str, code: str, message: str, line: int, record: str | None = None) -> None:
        on_problem(problem(code, severity, message, f"{name}: line {line}", record))

    def builder_at(line: int) -> _Builder:
        new = _Builder(wanted, limits, lambda code, text: report("note", code, text, new.line), line)
        return new

    builder: _Builder | None = builder_at(0)
    root: str | None = None
    line = 0
    held = b""
    for piece, final in utf8_pieces(stream, name=name, limits=limits, on_problem=on_problem):
        piece, held = _whole_tags(held + piece, final)
        while True:
            if builder is None:
                found = next_start.search(piece)
                if found is None:
                    break
                line += piece.count(b"\n", 0, found.start())
                piece = piece[found.start() :]
                builder = builder_at(line)
                builder.open(root if root and root not in wanted else "resumed")
            fault = builder.feed(piece, final)
            for element, at in builder.done:
                yield element, f"{name}: line {at}"
            builder.done.clear()
            root = root or builder.root
            if fault is None:
                break
            code, message, place = fault
            partial = builder.partial()
            record = identify(partial) if partial is not None else None
            if code == "RDN-S111":
                raise SourceError(code, message, where=f"{name}: line {builder.line}")
            if final and place >= len(piece):
                if partial is not None:
                    report(
                        "file",
                        "RDN-S115",
                        "the file ends inside a record: it is truncated",
                        builder.line,
                        record,
                    )
                elif builder.seed == 0 or root not in wanted:
                    report(
                        "file", "RDN-S115", f"the file ends too early or is no XML: {message}", builder.line
                    )
                break
            if partial is not None:
                report("record", code, f"the record was skipped: {message}", builder.line, record)
            else:
                report("note", code, f"went on at the next record: {message}", builder.line)
            line += piece.count(b"\n", 0, place)
            piece = piece[place:]
            builder = None
        line += piece.count(b"\n")
        if final:
            return
    partial = builder.partial() if builder is not None else None
    if partial is not None:
        record = identify(partial)
        report(
            "record",
            "RDN-S115",
            "the record was cut off where the file could not be read further",
            line,
            record,
        )


def _whole_tags(piece: bytes, final: bool) -> tuple[bytes, bytes]:
    """Hold back the start of a tag at the end of a piece, so that a tag name is never cut in two."""
    cut = piece.rfind(b"<")
    if final or cut < 0 or len(piece) - cut > 256:
        return piece, b""
    return piece[:cut], piece[cut:]
