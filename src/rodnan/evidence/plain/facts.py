"""What records say about a therapy, as facts that can be put in plain words, each with its source."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from rodnan.evidence import loading
from rodnan.evidence.plain.words import SCORES, Event, event_words, time_words
from rodnan.evidence.records.drug import Drug, SafetyFinding
from rodnan.evidence.records.results import NORMAL_95, AdverseEvent, Outcome
from rodnan.evidence.records.study import Arm, Study

__all__ = ["Fact", "safety_facts", "study_facts", "who_in", "wilson"]

Kind = Literal["change", "share", "rate"]
_LAST_WEEK = 110
_COMBINED = ("procedure", "cell-therapy")
_UNTREATED = ("none", "no-gc")
_WITHOUT_LOTS = ("cohort", "registry", "open-label", "case-series")


@dataclass(frozen=True)
class Fact:
    """One number of a record.

    Attributes
    ----------
    label
        What was seen, in plain words, with its time.
    topic
        Key of `TOPICS`, or ``general``.
    good
        Whether it is a benefit.
    kind
        ``change`` of a score; ``share``, people in 100; ``rate``, events in 100 people over a year.
    value, low, high
        The number and its 95 % interval (None where the record gives no spread).
    counted
        The count behind a share as ``n of all``; empty when only a share is on record.
    drug
        Who: the id of a therapy, ``placebo``, or ``none``.
    arm
        Arm of the study; empty for the therapy's own record.
    source
        ``study:...`` or ``drug:...``, and the setting with the record's own source.
    """

    label: str
    topic: str
    good: bool
    kind: Kind
    value: float
    low: float | None
    high: float | None
    counted: str
    drug: str
    arm: str
    source: str
    basis: str

    @property
    def what(self) -> str:
        """What was seen, without its time."""
        return self.label.partition(" after ")[0]

    @property
    def text(self) -> str:
        """The number in plain words, all shares in 100: ``6 in 100 (2 to 14)``, ``up 3 (up 1 to up 5)``."""
        shown = {"change": _change, "share": _share, "rate": _rate}[self.kind](self.value)
        notes = []
        if self.low is not None and self.high is not None:
            word = _signed if self.kind == "change" else _whole
            notes.append(f"{word(self.low)} to {word(self.high)}")
        if self.basis == "recalled":
            notes.append("not checked")
        return shown + (f" ({'; '.join(notes)})" if notes else "")


def _whole(value: float) -> str:
    return f"{round(value)}"


def _signed(value: float) -> str:
    points = round(value)
    return f"{'up' if points > 0 else 'down'} {abs(points)}" if points else "0"


def _change(value: float) -> str:
    return _signed(value) if round(value) else "no change"


def _share(value: float) -> str:
    return f"{'fewer than 1' if 0 < value < 0.5 else round(value)} in 100"


def _rate(value: float) -> str:
    shown = (
        "less than 1 time" if 0 < value < 0.5 else f"{round(value)} time{'' if round(value) == 1 else 's'}"
    )
    return f"{shown} in 100 people over a year"


def wilson(n: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share in per cent (Wilson 1927).

    Parameters
    ----------
    n, of
        Patients with the event, and all.
    """
    p, z2 = n / of, NORMAL_95**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = NORMAL_95 * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return 0.0 if n == 0 else 100 * (middle - half), 100.0 if n == of else 100 * (middle + half)


def who_in(arm: Arm, week: float | None) -> str | None:
    """Return which therapy an arm tells of at a week: an id, ``placebo``, ``none``; None where it is mixed.

    An arm in which another drug starts later tells of its first treatment until then. A transplant or a
    procedure stands for its whole protocol.
    """
    first = {item.drug for item in arm.regimen if not item.start_week}
    later = [item.start_week for item in arm.regimen if item.start_week and item.drug not in first]
    if later and (week is None or week > min(later)):
        return None
    if "placebo" in arm.id.casefold() or arm.label.casefold().startswith(("placebo", "matching placebo")):
        return "placebo" if first <= {"placebo"} else None
    whole = [name for name in first if name in loading.drugs() and loading.load_drug(name).kind in _COMBINED]
    if len(first) == 1 or whole:
        return whole[0] if whole else next(iter(first))
    return "none" if not first and arm.id in _UNTREATED else None


def study_facts(study: Study) -> Iterator[Fact]:
    """Yield what each arm of a study showed, one visit for each thing that was seen.

    The visit within two years at which most arms can be compared is taken, then the latest; later ones only where
    there is no other. At a visit a number that was seen goes before one that is recalled, an adjusted one before a
    raw one. Subgroups are left out, and in studies without lots groups of unknown size: they are from elsewhere.
    """
    historical = study.design.type in _WITHOUT_LOTS
    arms = {
        arm.id: arm for arm in study.arms if arm.subgroup_of is None and not (historical and arm.n is None)
    }
    visits: dict[str, dict[float | None, dict[str, tuple[tuple[bool, bool], Fact]]]] = {}
    for row in (*study.outcomes, *study.adverse_events):
        arm = arms.get(row.arm or "")
        if arm is None or getattr(row, "subgroup", None) is not None:
            continue
        who = who_in(arm, row.week)
        fact = _outcome(row, study) if isinstance(row, Outcome) else _event(row, study)
        if who is None or fact is None:
            continue
        rank = (row.basis == "read", getattr(row, "adjusted", False))
        week = None if fact.what == fact.label else row.week
        group = visits.setdefault(fact.what, {}).setdefault(week, {})
        if arm.id not in group or rank > group[arm.id][0]:
            group[arm.id] = (rank, replace(fact, drug=who, arm=arm.id))
    for by_week in visits.values():
        week = max(by_week, key=lambda week: _merit(week, len(by_week[week])))
        yield from (fact for _, fact in by_week[week].values())


def _merit(week: float | None, arms: int) -> tuple[bool, int, float]:
    soon = week is None or week <= _LAST_WEEK
    return soon, arms, 0.0 if week is None else week if soon else -week


def _outcome(row: Outcome, study: Study) -> Fact | None:
    when = time_words(row.week)
    after = f" after {when}" if when else ""
    score = SCORES.get(row.endpoint)
    if score is not None and row.measure == "change" and row.mean is not None:
        low, high = row.ci95 or (None, None)
        error = row.standard_error
        if row.ci95 is None and error is not None:
            low, high = row.mean - NORMAL_95 * error.value, row.mean + NORMAL_95 * error.value
        return Fact(
            score.label + after,
            score.topic,
            True,
            "change",
            row.mean,
            low,
            high,
            "",
            "",
            "",
            _in(study),
            row.basis,
        )
    words = event_words(row.endpoint)
    if words is None or row.measure != "value":
        return None
    if row.n is not None and row.of:
        return _counted(words, row.n, row.of, after, _in(study), row.basis)
    shares = row.endpoint.endswith("_pct")
    return _shared(words, row.mean, after, _in(study), row.basis) if shares and row.mean is not None else None


def _event(row: AdverseEvent, study: Study) -> Fact | None:
    words = event_words(row.event)
    when = time_words(row.week)
    after = f" after {when}" if when else ""
    if words is None:
        return None
    if row.n is not None and row.of:
        return _counted(words, row.n, row.of, after, _in(study), row.basis)
    return _shared(words, row.pct, after, _in(study), row.basis) if row.pct is not None else None


def _in(study: Study) -> str:
    return f"study:{study.id}"


def _label(words: Event, after: str) -> str:
    """Arms that were followed for different times in the long run share one label."""
    return words.words if words.words.endswith("that came") else words.words + after


def _counted(words: Event, n: int, of: int, after: str, source: str, basis: str) -> Fact:
    low, high = wilson(n, of)
    label = _label(words, after)
    return Fact(
        label,
        words.topic,
        words.good,
        "share",
        100 * n / of,
        low,
        high,
        f"{n} of {of}",
        "",
        "",
        source,
        basis,
    )


def _shared(words: Event, percent: float | None, after: str, source: str, basis: str) -> Fact | None:
    if percent is None:
        return None
    label = _label(words, after)
    return Fact(label, words.topic, words.good, "share", percent, None, None, "", "", "", source, basis)


def safety_facts(drug: Drug) -> Iterator[Fact]:
    """Yield the harms of a therapy's own record that are a count, a share or a rate of people."""
    for row in drug.safety:
        words = event_words(row.event)
        if words is None or "placebo arm" in row.setting:
            continue
        if words.words.startswith("had a sudden crisis") and drug.kind in _COMBINED:
            continue  # the record of transplants counts crises among those who had kidney trouble
        source = f"drug:{drug.id}; {row.setting}; {row.source}"
        fact = _safety(row, words, source)
        if fact is not None:
            yield replace(fact, drug=drug.id)


def _safety(row: SafetyFinding, words: Event, source: str) -> Fact | None:
    if row.n is not None and row.of:
        return _counted(words, row.n, row.of, "", source, row.basis)
    if isinstance(row.incidence_pct, float):
        return _shared(words, row.incidence_pct, "", source, row.basis)
    if row.rate_per_100py is not None:
        rate = row.rate_per_100py
        return Fact(
            words.words, words.topic, words.good, "rate", rate, None, None, "", "", "", source, row.basis
        )
    return None
