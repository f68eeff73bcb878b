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
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.effects import (
    log_odds_ratio,
    log_ratio_from_interval,
    log_risk_ratio,
    risk_difference,
    se_from_interval,
    se_from_p,
)

__all__ = ["ArmChange", "ContrastRow", "Extraction", "Published", "Unused", "extract", "treatment_of"]

_RATIO_SCALES = {
    "hazard_ratio": "HR",
    "odds_ratio": "OR",
    "risk_ratio": "RR",
    "rate_ratio": "IRR",
    "incidence_rate_ratio": "IRR",
}
_BASES = ("read", "estimated", "assumed", "recalled")  # from the best to the least verified


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
        if _get(study.design, "type") == "meta-analysis":
            published.extend(_published(study, outcomes, facts))
            continue
        reader = _StudyReader(study, facts, binary)
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


def treatment_of(arm: Any, week: float | None = None) -> str:
    """Name what an arm receives up to a time: its drugs joined by ``" + "``, ``placebo`` or ``no treatment``.

    Parameters
    ----------
    arm
        Arm record.
    week
        Time of the row; a drug that starts at or after it does not count. None counts all.
    """
    drugs = []
    for item in arm.regimen:
        start = _first_number(_get(item, "start_week"))
        if week is None or start is None or start < week or (start == 0 and week == 0):
            drugs.append(str(item.drug))
    if drugs:
        return " + ".join(sorted(set(drugs)))
    words = f"{arm.id} {arm.label}".casefold()
    return "placebo" if "placebo" in words else "no treatment"


def _get(record: Any, name: str) -> Any:
    return getattr(record, name, None)


def _first_number(value: Any) -> float | None:
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return float(value) if isinstance(value, (int, float)) else None


def _facts(study: Any) -> StudyFacts:
    c, d = study.citation, study.design
    where = next((f"{k}:{v}" for k in ("pmid", "doi", "nct") if (v := _get(c, k))), "")
    who = " ".join(str(v) for v in (_get(c, "first_author"), _get(c, "year")) if v)
    lost = [
        w.n / w.of
        for w in _get(study, "withdrawals") or ()
        if isinstance(_get(w, "n"), (int, float)) and _get(w, "of")
    ]
    return StudyFacts(
        study=study.id,
        name=study.acronym or study.id,
        citation=", ".join(t for t in (who, where) if t),
        randomised=bool(_get(d, "randomised")) and str(_get(d, "type")) != "meta-analysis",
        blinding=str(_get(d, "blinding") or "none"),
        condition=str(_get(study, "condition") or ""),
        n=_get(study.population, "n") if _get(study, "population") is not None else None,
        lost_share=max(lost) if lost else None,
    )


def _published(study: Any, outcomes: Sequence[Any], facts: StudyFacts) -> Iterator[Published]:
    names = {a.id: treatment_of(a) for a in study.arms}
    labels = {a.id: a.label.casefold() for a in study.arms}
    for o in outcomes:
        pair = list(_get(o, "arms") or ())
        if o.measure != "difference" or len(pair) != 2 or _get(o, "mean") is None:
            continue
        first, second = (labels[p] if names[p] == "no treatment" else names[p] for p in pair)
        low, high = _get(o, "ci95") or (None, None)
        yield Published(
            study.id,
            facts.citation,
            first,
            second,
            _get(o, "week"),
            o.mean,
            low,
            high,
            _get(o, "n"),
            str(o.basis),
        )


class _StudyReader:
    """Reads the rows of one study into candidates."""

    def __init__(self, study: Any, facts: StudyFacts, binary: str) -> None:
        self.study, self.facts, self.binary = study, facts, binary
        self.arms = {a.id: a for a in study.arms}
        self.candidates: list[ContrastRow] = []
        self.changes: list[ArmChange] = []
        self.unused: list[Unused] = []

    def drop(self, row: Any, reason: str) -> None:
        self.unused.append(Unused(self.study.id, _describe(row), reason))

    def read_outcomes(self, outcomes: Sequence[Any]) -> None:
        single: dict[tuple[str, float | None], list[Any]] = defaultdict(list)
        for o in outcomes:
            names = [_get(o, "arm")] if _get(o, "arm") else list(_get(o, "arms") or ())
            if _get(o, "subgroup") or any(
                n in self.arms and _get(self.arms[n], "subgroup_of") for n in names
            ):
                self.drop(o, "a subgroup of the patients")
            elif o.measure == "difference":
                self.difference(o, names)
            elif o.measure in _RATIO_SCALES:
                self.ratio(o, names)
            elif o.measure in ("change", "value") and len(names) == 1 and names[0] in self.arms:
                single[o.measure, _get(o, "week")].append(o)
            elif o.measure in ("change", "value") and names == ["all"]:
                self.drop(o, "all arms together")
            else:
                self.drop(o, f"a {str(o.measure).replace('_', ' ')}: not on a scale that is pooled here")
        for (measure, week), rows in single.items():
            if measure == "change":
                self.arm_changes(rows, week)
            else:
                self.arm_values(rows, week)

    def read_counts(self, rows: Sequence[Any]) -> None:
        by_week: dict[float | None, list[tuple[Any, int, int]]] = defaultdict(list)
        for row in rows:
            n, of = _get(row, "n"), _get(row, "of")
            if row.arm not in self.arms:
                self.drop(row, "not of one arm")
            elif not isinstance(n, int) or not isinstance(of, int) or not 0 <= n <= of or of == 0:
                self.drop(row, "no count of patients with a denominator")
            else:
                by_week[_get(row, "week")].append((row, n, of))
        for week, counted in by_week.items():
            self.count_pairs(counted, week)

    def difference(self, o: Any, names: Sequence[str]) -> None:
        if len(names) != 2 or any(n not in self.arms for n in names):
            self.drop(o, "compares more than two arms at once")
            return
        if _get(o, "mean") is None:
            self.drop(o, "gives a direction or a p value but no size")
            return
        se, how = _spread(o)
        if se is None:
            self.drop(o, "gives no standard error, interval or exact p value")
            return
        self.add(o, names, "MD", float(o.mean), se, f"difference as reported, {how}", 0)

    def ratio(self, o: Any, names: Sequence[str]) -> None:
        if len(names) != 2 or any(n not in self.arms for n in names):
            self.drop(o, "does not compare two arms of the study")
            return
        interval = _get(o, "ci95")
        if (
            _get(o, "mean") is None
            or not interval
            or interval[0] is None
            or not 0 < interval[0] < interval[1]
        ):
            self.drop(o, "a ratio without a usable interval")
            return
        y, se = log_ratio_from_interval(float(o.mean), float(interval[0]), float(interval[1]))
        self.add(
            o,
            names,
            _RATIO_SCALES[o.measure],
            y,
            se,
            "ratio as reported, standard error from the interval",
            0,
        )

    def arm_changes(self, rows: Sequence[Any], week: float | None) -> None:
        usable = []
        for o in rows:
            if _get(o, "mean") is None:
                self.drop(o, "gives a direction or a median but no mean")
                continue
            se, how = _spread(o, patients=_get(o, "n") or _get(self.arms[o.arm], "n"))
            if treatment_of(self.arms[o.arm], week) != treatment_of(self.arms[o.arm], 1.0):
                self.drop(o, "the arm changed its treatment on the way")
                continue
            self.changes.append(
                ArmChange(
                    self.facts,
                    treatment_of(self.arms[o.arm], week),
                    o.arm,
                    week,
                    float(o.mean),
                    se,
                    _get(o, "n") or _get(self.arms[o.arm], "n"),
                    how,
                    _basis(o),
                    bool(_get(o, "adjusted")),
                )
            )
            if se is not None:
                usable.append((o, se, how))
        self.pairs(usable, week, "change", 1)
        self.leftover([o for o in rows if _get(o, "mean") is not None], usable, week)

    def leftover(
        self, rows: Sequence[Any], usable: Sequence[tuple[Any, float, str]], week: float | None
    ) -> None:
        """Name the rows without spread of a study that has a comparator: they would have made a contrast."""
        if len({o.arm for o in rows}) < 2:
            return
        good = {id(o) for o, _, _ in usable}
        for o in rows:
            if id(o) not in good:
                self.drop(o, "gives no standard error, standard deviation or interval")

    def arm_values(self, rows: Sequence[Any], week: float | None) -> None:
        counted, means = [], []
        for o in rows:
            events, of = _get(o, "events"), _get(o, "of") or _get(o, "n")
            if events is None and _get(o, "of") is not None:
                events, of = _get(o, "n"), _get(o, "of")
            if isinstance(events, int) and isinstance(of, int) and 0 <= events <= of and of > 0:
                counted.append((o, events, of))
                continue
            se, how = _spread(o, patients=_get(o, "n"))
            if _get(o, "mean") is not None and se is not None:
                means.append((o, se, how))
            else:
                self.drop(o, "gives no count with a denominator and no mean with its spread")
        self.count_pairs(counted, week)
        if len({o.arm for o, _, _ in means}) >= 2 and not self.facts.randomised:
            for o, _, _ in means:
                self.drop(o, "final values of arms that were not randomised differ from the start")
        else:
            self.pairs(means, week, "final value", 2)
            if len({o.arm for o, _, _ in means}) == 1:
                for o, _, _ in means:
                    self.drop(o, "a value at one time of one arm: neither a change nor a comparison")

    def pairs(
        self, rows: Sequence[tuple[Any, float, str]], week: float | None, what: str, order: int
    ) -> None:
        for (a, sa, ha), (b, sb, hb) in combinations(rows, 2):
            if a.arm == b.arm or bool(_get(a, "adjusted")) != bool(_get(b, "adjusted")):
                continue
            basis = max(_basis(a), _basis(b), key=_BASES.index)
            how = f"{what} of two arms, {ha if ha == hb else ha + ' and ' + hb}"
            n = [_get(r, "n") or _get(self.arms[r.arm], "n") for r in (a, b)]
            self.add(
                a,
                [a.arm, b.arm],
                "MD",
                float(a.mean) - float(b.mean),
                float(np.hypot(sa, sb)),
                how,
                order,
                basis=basis,
                n=sum(n) if all(isinstance(k, int) for k in n) else None,
            )

    def count_pairs(self, rows: Sequence[tuple[Any, int, int]], week: float | None) -> None:
        measure = {"RR": log_risk_ratio, "OR": log_odds_ratio, "RD": risk_difference}[self.binary]
        for (a, ea, na), (b, eb, nb) in combinations(rows, 2):
            if a.arm == b.arm:
                continue
            effect = measure(ea, na, eb, nb)
            if not effect.usable[0]:
                self.drop(a, f"no event in {a.arm} or {b.arm}: carries no information on a ratio")
                continue
            basis = max(_basis(a), _basis(b), key=_BASES.index)
            how = f"{ea}/{na} against {eb}/{nb}" + (", 0.5 added to each cell" if effect.corrected[0] else "")
            self.add(
                a,
                [a.arm, b.arm],
                self.binary,
                float(effect.y[0]),
                float(np.sqrt(effect.v[0])),
                how,
                1,
                basis=basis,
                n=na + nb,
                events=(ea, na, eb, nb),
            )

    def add(
        self,
        row: Any,
        names: Sequence[str],
        scale: str,
        y: float,
        se: float,
        how: str,
        order: int,
        *,
        basis: str | None = None,
        n: int | None = None,
        events: tuple[int, int, int, int] | None = None,
    ) -> None:
        week = _get(row, "week")
        first, second = (treatment_of(self.arms[name], week) for name in names)
        if first == second:
            self.drop(row, f"both arms are {first} by then: two doses, forms or schedules of one treatment")
            return
        if first > second:
            first, second, y = second, first, -y
            if events is not None:
                events = (events[2], events[3], events[0], events[1])
        if n is None:
            sizes = [_get(self.arms[name], "n") for name in names]
            n = _get(row, "n") or (sum(sizes) if all(isinstance(k, int) for k in sizes) else None)
        self.candidates.append(
            ContrastRow(
                self.facts,
                first,
                second,
                scale,
                week,
                y,
                se,
                how,
                basis or _basis(row),
                bool(_get(row, "adjusted")),
                n,
                events,
                tuple(sorted({t for name in names for t in _stopped(self.arms[name], week)})),
                order,
            )
        )


def _basis(row: Any) -> str:
    basis = str(_get(row, "basis") or "recalled")
    return basis if basis in _BASES else "recalled"


def _stopped(arm: Any, week: float | None) -> list[str]:
    """Drugs of an arm that are no longer given at a time."""
    last: dict[str, float] = {}
    for item in arm.regimen:
        stop = _get(item, "stop_week")
        stop = max(stop) if isinstance(stop, (list, tuple)) and stop else stop
        end = float(stop) if isinstance(stop, (int, float)) else float("inf")
        start = _first_number(_get(item, "start_week"))
        short = (
            start is not None and end - start <= 8
        )  # a course such as two infusions acts long after its last dose
        last[str(item.drug)] = max(last.get(str(item.drug), 0.0), float("inf") if short else end)
    return [drug for drug, end in last.items() if week is not None and end < week - 4]


def _spread(row: Any, patients: int | None = None) -> tuple[float | None, str]:
    """Standard error of a mean or difference, and in words where it came from."""
    se, sd, interval, p = (_get(row, k) for k in ("se", "sd", "ci95", "p"))
    if se is not None and se > 0:
        return float(se), "standard error as reported"
    if interval and interval[0] is not None and interval[1] is not None and interval[0] < interval[1]:
        return se_from_interval(
            float(interval[0]), float(interval[1])
        ), "standard error from the 95% interval"
    if sd is not None and sd > 0 and isinstance(patients, int) and patients > 1:
        return float(sd / np.sqrt(patients)), "standard error from the standard deviation"
    if row.measure == "difference" and p is not None and _get(row, "mean") is not None:
        found = se_from_p(float(row.mean), float(p))
        if found is not None:
            return found, "standard error from the p value"
    return None, "no measure of spread"


def _describe(row: Any) -> str:
    what = str(_get(row, "measure") or _get(row, "event") or "row").replace("_", " ")
    who = _get(row, "arm") or " vs ".join(str(a) for a in _get(row, "arms") or ())
    week = _get(row, "week")
    parts = [what, str(who or ""), f"week {week:g}" if isinstance(week, (int, float)) else "no time given"]
    for name, text in (
        ("subgroup", "{}"),
        ("direction", "direction: {}"),
        ("p_below", "p < {}"),
        ("p", "p = {}"),
    ):
        if _get(row, name) is not None:
            parts.append(text.format(_get(row, name)))
    return ", ".join(p for p in parts if p)


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
        read, raw = _BASES.index(row.basis), 0 if row.adjusted else 1
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
            key=lambda r: (r.se is None, _distance(r.week, target), _BASES.index(r.basis), not r.adjusted),
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
