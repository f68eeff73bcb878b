"""What is taken from study records: rows that can be pooled, courses of single arms, and what was left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

__all__ = ["BASES", "ArmChange", "ContrastRow", "Extraction", "Published", "StudyFacts", "Unused"]

BASES = ("read", "estimated", "assumed", "recalled")
"""From the best to the least verified."""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the certainty rules need to know of a study."""

    study: str
    name: str
    citation: str
    randomised: bool
    blinding: str
    condition: str
    n: int | None
    lost_share: float | None


@dataclass(frozen=True, slots=True)
class ContrastRow:
    """One usable comparison: `first` minus `second` (or log ratio), with where it came from.

    Parameters
    ----------
    scale
        ``"MD"``, ``"RR"``, ``"OR"``, ``"RD"``, ``"HR"`` or ``"IRR"``; ratios as logarithms.
    how
        How estimate and standard error were obtained, in words.
    basis
        The least verified basis of the numbers used.
    n
        Patients behind the row, where known.
    events
        (events, number) of both arms for counts.
    stopped
        Treatments whose dosing had ended more than four weeks before the time of the row.
    """

    facts: StudyFacts
    first: str
    second: str
    scale: str
    week: float | None
    y: float
    se: float
    how: str
    basis: str
    adjusted: bool
    n: int | None = None
    events: tuple[int, int, int, int] | None = None
    stopped: tuple[str, ...] = ()
    order: int = field(default=0, compare=False)

    def turned(self, first: str) -> ContrastRow:
        """Return the row with `first` as its first treatment."""
        if first == self.first:
            return self
        events = self.events and (*self.events[2:], *self.events[:2])
        return replace(self, first=self.second, second=self.first, y=-self.y, events=events)


@dataclass(frozen=True, slots=True)
class ArmChange:
    """Change from baseline of one arm; without a comparison it shows course, not effect."""

    facts: StudyFacts
    treatment: str
    arm: str
    week: float | None
    change: float
    se: float | None
    n: int | None
    how: str
    basis: str
    adjusted: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A comparison as a published meta-analysis gives it."""

    study: str
    citation: str
    first: str
    second: str
    week: float | None
    estimate: float
    low: float | None
    high: float | None
    n: int | None
    basis: str


@dataclass(frozen=True, slots=True)
class Unused:
    """A row that was not pooled, and why."""

    study: str
    row: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything about one outcome in the records."""

    endpoint: str
    adverse_event: bool
    contrasts: tuple[ContrastRow, ...]
    arms: tuple[ArmChange, ...]
    published: tuple[Published, ...]
    unused: tuple[Unused, ...]
