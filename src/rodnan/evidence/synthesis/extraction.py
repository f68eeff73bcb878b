"""From study records to numbers that can be pooled, with a reason for every row that cannot.

Rules (``docs/decisions/0041-from-records-to-pooled-numbers.md``):

* Comparisons inside a study and before-after changes of single arms are kept apart; they answer different
  questions.
* Records of published meta-analyses are shown beside, never pooled: their trials are records of their own.
* Of several usable rows for one comparison of one study the one nearest in time to the target is taken (ties:
  the later), then one read at its source before a recalled one, then an adjusted before a raw one, then a
  difference as reported before one made from two arms, then changes from baseline before final values.
* An arm is named by the drugs given before the time of the row: an arm that starts a drug later is not that
  drug yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.rows import (
    BASES,
    ArmChange,
    ContrastRow,
    Extraction,
    Published,
    StudyFacts,
    Unused,
)
from rodnan.evidence.synthesis.study_rows import StudyReader, get, treatment_of

__all__ = ["extract", "treatment_of"]


def extract(
    studies: Iterable[Any],
    endpoint: str,
    *,
    week: float = 52.0,
    binary: str = "RR",
    prefer: Literal["read", "adjusted"] = "read",
) -> Extraction:
    """Collect the usable numbers about one outcome from study records.

    Parameters
    ----------
    studies
        Study records.
    endpoint
        Name of an outcome or of an adverse event.
    week
        Time to come nearest to.
    binary
        Scale for counts: ``"RR"``, ``"OR"`` or ``"RD"``.
    prefer
        What decides first among rows of the same time: that a number was read at its source, or that the
        trial's own adjusted analysis made it.

    Returns
    -------
    Extraction
        One row per study and pair of treatments, single arms, published pools, and what was left out.

    Raises
    ------
    EvidenceError
        ``RDN-E509`` for an unknown scale.
    """
    if binary not in ("RR", "OR", "RD"):
        raise EvidenceError("RDN-E509", "the scale for counts is RR, OR or RD", value=binary)
    contrasts: list[ContrastRow] = []
    arms: list[ArmChange] = []
    published: list[Published] = []
    unused: list[Unused] = []
    events_only = True
    for study in studies:
        outcomes = [o for o in study.outcomes if o.endpoint == endpoint]
        harms = [a for a in study.adverse_events if a.event == endpoint]
        events_only &= not outcomes
        if not outcomes and not harms:
            continue
        facts = _facts(study)
        if get(study.design, "type") == "meta-analysis":
            published.extend(_published(study, outcomes, facts))
            continue
        reader = StudyReader(study, facts, binary)
        reader.read_outcomes(outcomes)
        reader.read_counts(harms)
        chosen, dropped = _choose(reader.candidates, week, prefer)
        contrasts += chosen
        unused += dropped
        arms += _choose_arms(reader.changes, week, unused)
        unused += reader.unused
    return Extraction(
        endpoint, events_only, tuple(contrasts), tuple(arms), tuple(published), tuple(dict.fromkeys(unused))
    )


def _facts(study: Any) -> StudyFacts:
    c, d = study.citation, study.design
    where = next((f"{k}:{v}" for k in ("pmid", "doi", "nct") if (v := get(c, k))), "")
    who = " ".join(str(v) for v in (get(c, "first_author"), get(c, "year")) if v)
    lost = [
        w.n / w.of
        for w in get(study, "withdrawals") or ()
        if isinstance(get(w, "n"), (int, float)) and get(w, "of")
    ]
    return StudyFacts(
        study=study.id,
        name=study.acronym or study.id,
        citation=", ".join(t for t in (who, where) if t),
        randomised=bool(get(d, "randomised")) and str(get(d, "type")) != "meta-analysis",
        blinding=str(get(d, "blinding") or "none"),
        condition=str(get(study, "condition") or ""),
        n=get(study.population, "n") if get(study, "population") is not None else None,
        lost_share=max(lost) if lost else None,
    )


def _published(study: Any, outcomes: Sequence[Any], facts: StudyFacts) -> Iterator[Published]:
    names = {a.id: treatment_of(a) for a in study.arms}
    labels = {a.id: a.label.casefold() for a in study.arms}
    for o in outcomes:
        pair = list(get(o, "arms") or ())
        if o.measure != "difference" or len(pair) != 2 or get(o, "mean") is None:
            continue
        first, second = (labels[p] if names[p] == "no treatment" else names[p] for p in pair)
        low, high = get(o, "ci95") or (None, None)
        yield Published(
            study.id,
            facts.citation,
            first,
            second,
            get(o, "week"),
            o.mean,
            low,
            high,
            get(o, "n"),
            str(o.basis),
        )


def _distance(week: float | None, target: float) -> tuple[float, float]:
    return (float("inf"), 0.0) if week is None else (abs(week - target), -week)


def _choose(
    candidates: Sequence[ContrastRow], target: float, prefer: str
) -> tuple[list[ContrastRow], list[Unused]]:
    """Keep one row for each pair of treatments and scale; say why each other was left."""
    groups: dict[tuple[str, str, str], list[ContrastRow]] = defaultdict(list)
    for row in candidates:
        groups[row.first, row.second, row.scale].append(row)
    kept, dropped = [], []

    def quality(row: ContrastRow) -> tuple[int, ...]:
        read, raw = BASES.index(row.basis), 0 if row.adjusted else 1
        return (read, raw, row.order) if prefer == "read" else (raw, row.order, read)

    for rows in groups.values():
        rows = sorted(rows, key=lambda r: (_distance(r.week, target), quality(r)))
        best = rows[0]
        kept.append(best)
        for row in rows[1:]:
            when = f"week {row.week:g}" if row.week is not None else "no time given"
            reason = (
                f"week {best.week:g} was taken"
                if row.week != best.week and best.week is not None
                else (f"another row of the same time was taken ({best.how}; {best.basis})")
            )
            text = f"{row.first} vs {row.second}, {when}, {row.how}, {row.basis}"
            dropped.append(Unused(row.facts.study, text, reason))
    return kept, dropped


def _choose_arms(changes: Sequence[ArmChange], target: float, unused: list[Unused]) -> list[ArmChange]:
    groups: dict[str, list[ArmChange]] = defaultdict(list)
    for row in changes:
        groups[row.arm].append(row)
    kept = []
    for rows in groups.values():
        rows = sorted(
            rows,
            key=lambda r: (r.se is None, _distance(r.week, target), BASES.index(r.basis), not r.adjusted),
        )
        kept.append(rows[0])
        for row in rows[1:]:
            when = f"week {row.week:g}" if row.week is not None else "no time given"
            unused.append(
                Unused(
                    row.facts.study,
                    f"change, {row.arm}, {when}, {row.basis}",
                    "another row of the arm was taken",
                )
            )
    return kept
