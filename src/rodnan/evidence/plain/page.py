"""A page in plain language: sections of sentences and tables, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from rodnan.evidence import loading
from rodnan.evidence.plain.facts import Fact
from rodnan.evidence.plain.reading import reading_grade

__all__ = ["PlainPage", "Row", "Section", "Table", "name_of"]


@dataclass(frozen=True)
class Row:
    """A row of a table: a label, or a heading when there are no cells."""

    label: str
    cells: tuple[Fact | str | None, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table with a sentence on where it comes from."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Section:
    """A heading with sentences, then tables."""

    heading: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class PlainPage:
    """A page.

    Attributes
    ----------
    name
        Id of a therapy, or a topic.
    facts
        Every number on the page, in its order.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """The page as Markdown."""
        parts = [f"# {self.title}"]
        for section in self.sections:
            parts.append(f"## {section.heading}")
            if section.lines:
                parts.append("\n".join(f"- {line}" for line in section.lines))
            for table in section.tables:
                parts += [table.title, _markdown(table)]
        return "\n\n".join(parts) + "\n"

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything a reader reads, without headings, numbers in tables and sources."""
        found: list[str] = []
        for section in self.sections:
            found += section.lines
            for table in section.tables:
                found.append(table.title)
                found += [row.label for row in table.rows if row.cells]
                found += [cell.label for row in table.rows for cell in row.cells if isinstance(cell, Fact)]
        return tuple(found)

    @property
    def grade(self) -> float:
        """Flesch-Kincaid grade, names of therapies left out."""
        names = [name for drug in loading.drugs() for name in loading.load_drug(drug).all_names]
        return reading_grade(self.sentences, names)


def name_of(drug: str) -> str:
    """Return how a page names who was treated: a therapy, a dummy drug, or no such drug."""
    if drug == "placebo":
        return "a dummy drug"
    if drug == "none":
        return "no such drug"
    return loading.load_drug(drug).names.inn if drug in loading.drugs() else drug


def _markdown(table: Table) -> str:
    width = len(table.columns)
    lines = ["| " + " | ".join(table.columns) + " |", "| " + " | ".join(["---"] * width) + " |"]
    for row in table.rows:
        cells = (
            [f"**{row.label}**", *[""] * (width - 1)]
            if not row.cells
            else [row.label, *map(_cell, row.cells)]
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(cell: Fact | str | None) -> str:
    text = cell.text if isinstance(cell, Fact) else cell or "no number"
    return text.replace("|", "\\|")
