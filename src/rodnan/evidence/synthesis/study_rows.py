"""Rows of one study record about one outcome: candidates for pooling, or left with a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from rodnan.evidence.synthesis.effects import (
    log_odds_ratio,
    log_ratio_from_interval,
    log_risk_ratio,
    risk_difference,
    se_from_interval,
    se_from_p,
)
from rodnan.evidence.synthesis.rows import BASES, ArmChange, ContrastRow, StudyFacts, Unused

__all__ = ["StudyReader", "get", "treatment_of"]

_RATIO_SCALES = {
    "hazard_ratio": "HR",
    "odds_ratio": "OR",
    "risk_ratio": "RR",
    "rate_ratio": "IRR",
    "incidence_rate_ratio": "IRR",
}


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
        start = _first_number(get(item, "start_week"))
        if week is None or start is None or start < week or (start == 0 and week == 0):
            drugs.append(str(item.drug))
    active = sorted(set(drugs) - {"placebo"})
    if active:
        return " + ".join(active)
    if drugs:
        return "placebo"
    words = f"{arm.id} {arm.label}".casefold()
    return "placebo" if "placebo" in words else "no treatment"


def get(record: Any, name: str) -> Any:
    """Return a field of a record, or None where it has none."""
    return getattr(record, name, None)


def _first_number(value: Any) -> float | None:
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return float(value) if isinstance(value, (int, float)) else None


class StudyReader:
    """Reads the rows of one study into candidates."""

    def __init__(self, study: Any, facts: StudyFacts, binary: str) -> None:
        self.study, self.facts, self.binary = study, facts, binary
        self.arms = {a.id: a for a in study.arms}
        self.candidates: list[ContrastRow] = []
        self.changes: list[ArmChange] = []
        self.unused: list[Unused] = []

    def drop(self, row: Any, reason: str) -> None:
        """Note a row that cannot be used, and why."""
        self.unused.append(Unused(self.study.id, describe(row), reason))

    def read_outcomes(self, outcomes: Sequence[Any]) -> None:
        """Read the published outcomes, the best kind of each week first."""
        single: dict[tuple[str, float | None], list[Any]] = defaultdict(list)
        for o in outcomes:
            names = [get(o, "arm")] if get(o, "arm") else list(get(o, "arms") or ())
            if get(o, "subgroup") or any(n in self.arms and get(self.arms[n], "subgroup_of") for n in names):
                self.drop(o, "a subgroup of the patients")
            elif o.measure == "difference":
                self.difference(o, names)
            elif o.measure in _RATIO_SCALES:
                self.ratio(o, names)
            elif o.measure in ("change", "value") and len(names) == 1 and names[0] in self.arms:
                single[o.measure, get(o, "week")].append(o)
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
        """Read counts of events as comparisons of arms."""
        by_week: dict[float | None, list[tuple[Any, int, int]]] = defaultdict(list)
        for row in rows:
            n, of = get(row, "n"), get(row, "of")
            if row.arm not in self.arms:
                self.drop(row, "not of one arm")
            elif not isinstance(n, int) or not isinstance(of, int) or not 0 <= n <= of or of == 0:
                self.drop(row, "no count of patients with a denominator")
            else:
                by_week[get(row, "week")].append((row, n, of))
        for week, counted in by_week.items():
            self.count_pairs(counted, week)

    def difference(self, o: Any, names: Sequence[str]) -> None:
        """Use a difference between two arms as reported."""
        if len(names) != 2 or any(n not in self.arms for n in names):
            self.drop(o, "compares more than two arms at once")
            return
        if get(o, "mean") is None:
            self.drop(o, "gives a direction or a p value but no size")
            return
        se, how = _spread(o)
        if se is None:
            self.drop(o, "gives no standard error, interval or exact p value")
            return
        self.add(o, names, "MD", float(o.mean), se, f"difference as reported, {how}", 0)

    def ratio(self, o: Any, names: Sequence[str]) -> None:
        """Use a ratio between two arms as reported."""
        if len(names) != 2 or any(n not in self.arms for n in names):
            self.drop(o, "does not compare two arms of the study")
            return
        interval = get(o, "ci95")
        if get(o, "mean") is None or not interval or interval[0] is None or not 0 < interval[0] < interval[1]:
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
        """Use changes from baseline in arms: each alone, and their differences."""
        usable = []
        for o in rows:
            if get(o, "mean") is None:
                self.drop(o, "gives a direction or a median but no mean")
                continue
            se, how = _spread(o, patients=get(o, "n") or get(self.arms[o.arm], "n"))
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
                    get(o, "n") or get(self.arms[o.arm], "n"),
                    how,
                    _basis(o),
                    bool(get(o, "adjusted")),
                )
            )
            if se is not None:
                usable.append((o, se, how))
        self.pairs(usable, week, "change", 1)
        self.leftover([o for o in rows if get(o, "mean") is not None], usable, week)

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
        """Use values at one time in arms, as differences between arms."""
        counted, means = [], []
        for o in rows:
            events, of = get(o, "events"), get(o, "of") or get(o, "n")
            if events is None and get(o, "of") is not None:
                events, of = get(o, "n"), get(o, "of")
            if isinstance(events, int) and isinstance(of, int) and 0 <= events <= of and of > 0:
                counted.append((o, events, of))
                continue
            se, how = _spread(o, patients=get(o, "n"))
            if get(o, "mean") is not None and se is not None:
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
        """Compare every two arms by the difference of their means."""
        for (a, sa, ha), (b, sb, hb) in combinations(rows, 2):
            if a.arm == b.arm or bool(get(a, "adjusted")) != bool(get(b, "adjusted")):
                continue
            basis = max(_basis(a), _basis(b), key=BASES.index)
            how = f"{what} of two arms, {ha if ha == hb else ha + ' and ' + hb}"
            n = [get(r, "n") or get(self.arms[r.arm], "n") for r in (a, b)]
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
        """Compare every two arms by their counts."""
        measure = {"RR": log_risk_ratio, "OR": log_odds_ratio, "RD": risk_difference}[self.binary]
        for (a, ea, na), (b, eb, nb) in combinations(rows, 2):
            if a.arm == b.arm:
                continue
            effect = measure(ea, na, eb, nb)
            if not effect.usable[0]:
                self.drop(a, f"no event in {a.arm} or {b.arm}: carries no information on a ratio")
                continue
            basis = max(_basis(a), _basis(b), key=BASES.index)
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
        """Keep one comparison."""
        week = get(row, "week")
        first, second = (treatment_of(self.arms[name], week) for name in names)
        if first == second:
            self.drop(row, f"both arms are {first} by then: two doses, forms or schedules of one treatment")
            return
        if first > second:
            first, second, y = second, first, -y
            if events is not None:
                events = (events[2], events[3], events[0], events[1])
        if n is None:
            sizes = [get(self.arms[name], "n") for name in names]
            n = get(row, "n") or (sum(sizes) if all(isinstance(k, int) for k in sizes) else None)
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
                bool(get(row, "adjusted")),
                n,
                events,
                tuple(sorted({t for name in names for t in _stopped(self.arms[name], week)})),
                order,
            )
        )


def _basis(row: Any) -> str:
    basis = str(get(row, "basis") or "recalled")
    return basis if basis in BASES else "recalled"


def _stopped(arm: Any, week: float | None) -> list[str]:
    """Drugs of an arm that are no longer given at a time."""
    last: dict[str, float] = {}
    for item in arm.regimen:
        stop = get(item, "stop_week")
        stop = max(stop) if isinstance(stop, (list, tuple)) and stop else stop
        end = float(stop) if isinstance(stop, (int, float)) else float("inf")
        start = _first_number(get(item, "start_week"))
        short = (
            start is not None and end - start <= 8
        )  # a course such as two infusions acts long after its last dose
        last[str(item.drug)] = max(last.get(str(item.drug), 0.0), float("inf") if short else end)
    return [drug for drug, end in last.items() if week is not None and end < week - 4]


def _spread(row: Any, patients: int | None = None) -> tuple[float | None, str]:
    """Standard error of a mean or difference, and in words where it came from."""
    se, sd, interval, p = (get(row, k) for k in ("se", "sd", "ci95", "p"))
    if se is not None and se > 0:
        return float(se), "standard error as reported"
    if interval and interval[0] is not None and interval[1] is not None and interval[0] < interval[1]:
        return se_from_interval(
            float(interval[0]), float(interval[1])
        ), "standard error from the 95% interval"
    if sd is not None and sd > 0 and isinstance(patients, int) and patients > 1:
        return float(sd / np.sqrt(patients)), "standard error from the standard deviation"
    if row.measure == "difference" and p is not None and get(row, "mean") is not None:
        found = se_from_p(float(row.mean), float(p))
        if found is not None:
            return found, "standard error from the p value"
    return None, "no measure of spread"


def describe(row: Any) -> str:
    what = str(get(row, "measure") or get(row, "event") or "row").replace("_", " ")
    who = get(row, "arm") or " vs ".join(str(a) for a in get(row, "arms") or ())
    week = get(row, "week")
    parts = [what, str(who or ""), f"week {week:g}" if isinstance(week, (int, float)) else "no time given"]
    for name, text in (
        ("subgroup", "{}"),
        ("direction", "direction: {}"),
        ("p_below", "p < {}"),
        ("p", "p = {}"),
    ):
        if get(row, name) is not None:
            parts.append(text.format(get(row, name)))
    return ", ".join(p for p in parts if p)
