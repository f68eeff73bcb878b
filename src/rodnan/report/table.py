"""A table as data, and its three renderings: text, HTML and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from rodnan.report.wording import typeset

__all__ = ["Column", "Group", "Table"]

_GAP = 2
_NARROWEST = 10


@dataclass(frozen=True)
class Column:
    """A column: its header, its alignment and whether long cells may wrap in text."""

    header: str
    align: Literal["left", "right"] = "left"
    wrap: bool = False


@dataclass(frozen=True)
class Group:
    """Rows under one heading; an empty heading shows none."""

    heading: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table of text cells with the raw numbers behind it.

    Attributes
    ----------
    id
        Identifier, also the stem of its file name.
    caption
        What the table shows, as a phrase.
    columns
        The columns; the first one heads its rows.
    groups
        Rows in groups.
    notes
        Sentences printed below the table.
    records
        Raw values for CSV, one mapping per row, all with the same keys.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...] = ()
    records: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, width: int = 100) -> str:
        """Return the table as plain text no wider than `width`, where its unbreakable cells allow it."""
        rows = [row for group in self.groups for row in group.rows]
        widths = self._widths(rows, width - 2)
        lines = [*_wrap(self.caption, width), ""]
        lines += self._lines(tuple(c.header for c in self.columns), widths, header=True)
        lines.append("  " + (" " * _GAP).join("-" * w for w in widths))
        for index, group in enumerate(self.groups):
            if group.heading:
                lines += [""] * (index > 0) + _wrap(group.heading, width)
            for row in group.rows:
                lines += self._lines(row, widths)
        if self.notes:
            lines.append("")
            for note in self.notes:
                lines += _wrap(note, width, "  ")
        return "\n".join(line.rstrip() for line in lines).replace("\N{NO-BREAK SPACE}", " ")

    def _widths(self, rows: Sequence[tuple[str, ...]], width: int) -> list[int]:
        """Natural widths, with the wrapping columns narrowed until the table fits."""
        widths = []
        for index, column in enumerate(self.columns):
            widths.append(max([_longest_word(column.header), *(len(row[index]) for row in rows)]))
        floors = [
            max([_NARROWEST, _longest_word(c.header), *(_longest_word(row[i]) for row in rows)])
            for i, c in enumerate(self.columns)
        ]
        spare = sum(widths) + _GAP * (len(widths) - 1) - width
        while spare > 0:
            widest = max(
                (i for i, c in enumerate(self.columns) if c.wrap and widths[i] > floors[i]),
                key=lambda i: widths[i],
                default=None,
            )
            if widest is None:
                break
            widths[widest] -= 1
            spare -= 1
        return widths

    def _lines(self, cells: Sequence[str], widths: list[int], *, header: bool = False) -> list[str]:
        """One row as lines; headers stand on the bottom line, cells on the top line."""
        blocks = []
        for cell, column, width in zip(cells, self.columns, widths, strict=True):
            wraps = header or column.wrap
            blocks.append(_wrap(cell, width) if wraps and len(cell) > width else [cell])
        height = max(len(block) for block in blocks)
        lines = []
        for level in range(height):
            parts = []
            for block, column, width in zip(blocks, self.columns, widths, strict=True):
                at = level - (height - len(block)) if header else level
                text = block[at] if 0 <= at < len(block) else ""
                parts.append(text.rjust(width) if column.align == "right" else text.ljust(width))
            lines.append("  " + (" " * _GAP).join(parts))
        return lines

    def to_html(self) -> str:
        """Return the table as HTML with caption, scoped headers and a scrolling region around it."""
        name = f"table-{escape(self.id)}"
        out = [
            f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{name}">',
            "<table>",
            f'<caption id="{name}"><span>{_html(self.caption)}</span></caption>',
            "<thead><tr>",
            *(f'<th scope="col" class="{c.align}">{_html(c.header)}</th>' for c in self.columns),
            "</tr></thead>",
        ]
        for group in self.groups:
            out.append("<tbody>")
            if group.heading:
                out.append(
                    f'<tr class="group"><th scope="rowgroup" colspan="{len(self.columns)}">'
                    f"<span>{_html(group.heading)}</span></th></tr>"
                )
            out += [self._html_row(row) for row in group.rows]
            out.append("</tbody>")
        out += ["</table>", "</div>"]
        out += [f'<p class="note">{_html(note)}</p>' for note in self.notes]
        return "\n".join(out)

    def _html_row(self, row: tuple[str, ...]) -> str:
        cells = []
        for index, (cell, column) in enumerate(zip(row, self.columns, strict=True)):
            tag, scope = ("th", ' scope="row"') if index == 0 else ("td", "")
            mark = " miss" if cell in ("DISAGREES", "outside") else ""
            kind = column.align if column.wrap else f"{column.align} whole"
            cells.append(f'<{tag}{scope} class="{kind}{mark}">{_html(cell)}</{tag}>')
        return "<tr>" + "".join(cells) + "</tr>"

    def to_csv(self) -> str:
        """Return the raw numbers as CSV (comma, quoted where needed, LF); empty where there is none."""
        if not self.records:
            return ""
        out = io.StringIO()
        writer = csv.DictWriter(out, list(self.records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records)
        return out.getvalue()


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _longest_word(text: str) -> int:
    return max((len(word) for word in text.split(" ")), default=0)


def _html(text: str) -> str:
    return escape(typeset(text))
