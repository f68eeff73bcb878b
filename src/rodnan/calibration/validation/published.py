"""Published numbers of a study as they are scored: contrasts, changes of arms, counts; and what is left out, why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from rodnan.evidence.synthesis.effects import se_from_p
from rodnan.trial.design import ENDPOINTS, LONGEST, LONGEST_COUNT
from rodnan.trial.harms import COUNTED, event_name

__all__ = ["Count", "Number", "Published", "published"]

SIGNS = {"lower": -1, "higher": 1}


@dataclass(frozen=True)
class Number:
    """A published mean change, or difference of two, to be scored.

    Attributes
    ----------
    study, endpoint, week
        Of what.
    arms
        One arm for a change, two for a difference (first minus second).
    mean
        None where only the sign is published.
    se
        None where no spread is published; it is then imputed from the simulated spread and the size.
    sign, sure
        Sign of a difference, and whether its 95 % interval excludes zero (or p below 0.05).
    n
        Patients by arm.
    adjusted, basis, notes
        How it is known; how it was derived.
    """

    study: str
    endpoint: str
    week: float
    arms: tuple[str, ...]
    mean: float | None
    se: float | None
    n: tuple[int | None, ...]
    sign: int = 0
    sure: bool = False
    adjusted: bool = False
    basis: str = "recalled"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """Patients with an event by a week."""

    study: str
    arm: str
    event: str
    week: float
    n: int
    of: int
    basis: str


@dataclass(frozen=True)
class Published:
    """What a study offers to be scored; `left` holds (what, reason)."""

    contrasts: tuple[Number, ...]
    levels: tuple[Number, ...]
    counts: tuple[Count, ...]
    left: tuple[tuple[str, str], ...]


def published(study: Any) -> Published:
    """Collect the published numbers of a study.

    Parameters
    ----------
    study
        A record of `rodnan.evidence`.

    Returns
    -------
    Published
        One number an arm, endpoint and week (read before recalled, changes before values); differences as printed,
        else made from two changes of the same week.
    """
    arms = {a.id: a for a in study.arms if a.subgroup_of is None}
    left: list[tuple[str, str]] = []
    levels: dict[tuple[str, str, float], tuple[int, Number]] = {}
    printed: list[Number] = []
    for row in study.outcomes:
        why = _unusable(row, arms)
        names = _names(row)
        if why is None and row.measure == "difference" and len(names) == 2:
            number = _difference(study.id, row, names, arms)
            why = "a difference without size or direction" if number is None else None
            if number is not None:
                printed.append(number)
        elif why is None and row.measure in ("change", "value") and len(names) == 1:
            number = _level(study, row, names[0], arms)
            if isinstance(number, str):
                why = number
            else:
                rank = (row.measure == "value") + 2 * (row.basis != "read")
                key = (names[0], row.endpoint, float(row.week))
                if key not in levels or rank < levels[key][0]:
                    levels[key] = (rank, number)
        elif why is None:
            why = f"a {row.measure.replace('_', ' ')} of {len(names)} arms is not scored"
        if why is not None and row.endpoint in ENDPOINTS:
            left.append((_words(row), why))
    kept = tuple(number for _, number in levels.values())
    others = sorted({r.endpoint for r in study.outcomes} - set(ENDPOINTS))
    if others:
        left.append((", ".join(others), "endpoints the model does not have"))
    counts = _counts(study, arms)
    return Published((*printed, *_made(kept, printed)), kept, counts, tuple(dict.fromkeys(left)))


def _names(row: Any) -> tuple[str, ...]:
    return tuple(row.arms) if row.arms is not None else (str(row.arm),)


def _words(row: Any) -> str:
    week = "no week" if row.week is None else f"week {row.week:g}"
    return f"{row.endpoint} {row.measure} {' vs '.join(_names(row))} {week}"


def _unusable(row: Any, arms: Any) -> str | None:
    if row.endpoint not in ENDPOINTS:
        return "not simulated"
    if row.subgroup:
        return f"a subgroup of the patients ({row.subgroup})"
    if row.week is None:
        return "no week is given"
    if not 0 < row.week <= LONGEST:
        return f"week {row.week:g} lies outside what is simulated (1 to {LONGEST})"
    unknown = [n for n in _names(row) if n not in arms]
    if unknown:
        return f"{', '.join(unknown)}: not an arm of its own"
    if row.unit is not None and row.unit not in _UNITS[row.endpoint]:
        return f"its unit is {row.unit}"
    return None


_UNITS = {
    "mrss": ("mRSS", "score", "points", "score_0_51", "score_unit"),
    "fvc_pct_pred": ("pct_pred", "pct", "%", "pct_point", "points"),
}


def _se(row: Any) -> tuple[float | None, tuple[str, ...]]:
    found = row.standard_error
    if found is not None and found.value > 0:
        return found.value, ("se from interval or sd",) if found.derived else ()
    if row.measure == "difference" and row.p is not None and row.mean:
        se = se_from_p(float(row.mean), float(row.p))
        return se, ("se from p",) if se else ()
    return None, ()


def _difference(study: str, row: Any, names: tuple[str, ...], arms: Any) -> Number | None:
    n = tuple(arms[a].n for a in names)
    if row.mean is None:
        sign = SIGNS.get(str(row.direction), 0)
        p = row.p if row.p is not None else row.p_below
        if not sign:
            return None
        return Number(
            study, row.endpoint, float(row.week), names, None, None, n, sign,
            p is not None and p <= 0.05, row.adjusted, row.basis, ("sign only",),
        )  # fmt: skip
    se, notes = _se(row)
    return _with_sign(
        Number(
            study, row.endpoint, float(row.week), names, float(row.mean), se, n,
            adjusted=row.adjusted, basis=row.basis, notes=notes,
        ),
        row.p,
    )  # fmt: skip


def _with_sign(number: Number, p: float | None = None) -> Number:
    mean, se = number.mean, number.se
    assert mean is not None
    sure = abs(mean) > 1.96 * se if se else p is not None and p < 0.05
    return replace(number, sign=0 if mean == 0 else int(math.copysign(1, mean)), sure=sure)


def _level(study: Any, row: Any, arm: str, arms: Any) -> Number | str:
    n = row.n or arms[arm].n
    if row.mean is None:
        sign, p = SIGNS.get(str(row.direction), 0), row.p if row.p is not None else row.p_below
        if row.median is not None or not sign or row.measure != "change":
            return "a median only" if row.median is not None else "no mean (a p value only)"
        return Number(
            study.id, row.endpoint, float(row.week), (arm,), None, None, (n,), sign,
            p is not None and p <= 0.05, row.adjusted, row.basis, ("sign only",),
        )  # fmt: skip
    if row.measure == "change":
        se, notes = _se(row)
        if se is None and row.sd and n:
            se, notes = row.sd / math.sqrt(n), ("se from sd and arm size",)
        mean = float(row.mean)
    else:
        base = next(
            (r for r in study.population.baseline if r.variable == row.endpoint and r.arm == arm), None
        )
        base = base or (study.baseline(row.endpoint) if len(arms) == 1 else None)
        if base is None or base.mean is None or base.subgroup:
            return "a value without the arm's own baseline mean"
        mean, se, notes = float(row.mean) - float(base.mean), None, ("value less baseline",)
    return Number(
        study.id, row.endpoint, float(row.week), (arm,), mean, se, (n,),
        adjusted=row.adjusted, basis=row.basis, notes=notes,
    )  # fmt: skip


def _made(levels: Sequence[Number], printed: Sequence[Number]) -> list[Number]:
    have = {(frozenset(p.arms), p.endpoint, p.week) for p in printed}
    made = []
    for a, b in combinations(levels, 2):
        same = (a.endpoint, a.week, a.adjusted) == (b.endpoint, b.week, b.adjusted)
        if (
            a.mean is None
            or b.mean is None
            or not same
            or a.arms == b.arms
            or (frozenset(a.arms + b.arms), a.endpoint, a.week) in have
        ):
            continue
        se = math.hypot(a.se, b.se) if a.se and b.se else None
        basis = "read" if a.basis == b.basis == "read" else "recalled"
        made.append(
            _with_sign(
                Number(
                    a.study, a.endpoint, a.week, (*a.arms, *b.arms), a.mean - b.mean, se, (*a.n, *b.n),
                    adjusted=a.adjusted, basis=basis, notes=("difference of two changes",),
                )
            )
        )  # fmt: skip
    return made


def _counts(study: Any, arms: Any) -> tuple[Count, ...]:
    found: dict[tuple[str, str, float], Count] = {}
    for row in study.adverse_events:
        event = event_name(row.event)
        if (
            event not in COUNTED
            or row.arm not in arms
            or row.week is None
            or not 0 < row.week <= LONGEST_COUNT
        ):
            continue
        of = row.of or arms[row.arm].n
        n = row.n if row.n is not None else None if row.pct is None or not of else round(row.pct * of / 100)
        if n is not None and of and n <= of:
            key = (row.arm, event, float(row.week))
            found.setdefault(key, Count(study.id, row.arm, event, float(row.week), n, of, row.basis))
    return tuple(found.values())
