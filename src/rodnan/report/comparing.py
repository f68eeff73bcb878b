"""Every simulated number of a result beside its published one, in one flat form.

Outcomes, contrasts, adverse events and withdrawals come in four shapes; tables, figures and the verdict all
need the same things of them: what it is, the simulated point and 90 % interval, the published point and
interval, and whether they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rodnan.errors import TrialError
from rodnan.report.wording import (
    arm_name,
    arm_names,
    basis_words,
    event_name,
    integer,
    interval,
    name_endpoint,
    number,
)

__all__ = ["Comparison", "Point", "check_result", "comparisons", "disagreeing", "judged", "verdict"]

Kind = Literal["outcome", "contrast", "adverse_event", "withdrawal"]

_REQUIRED = (
    "study",
    "title",
    "seed",
    "simulation_notice",
    "manifest",
    "cohort",
    "arms",
    "outcomes",
    "contrasts",
    "adverse_events",
    "withdrawals",
    "trajectories",
    "not_modelled",
)


@dataclass(frozen=True)
class Point:
    """A number with its 90 % interval, where one is known."""

    value: float
    low: float | None
    high: float | None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both ends of the interval, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Comparison:
    """One simulated number beside the published one.

    Attributes
    ----------
    kind
        Part of the result that it comes from.
    subject
        Endpoint, event or reason, in words with the unit left out.
    unit
        Unit in words; ``"%"`` for events and withdrawals.
    arm
        Short name of the arm, or ``"a minus b"`` for a contrast.
    arm_ids
        Identifiers of the arm or arms.
    week
        Weeks since the start of treatment.
    digits
        Decimal places shown.
    signed
        Whether positive numbers carry a plus sign.
    simulated, published
        The two numbers; None where there is none.
    basis
        How the published number came to us, in words.
    unverified
        Whether the published number was quoted from memory.
    count
        Published count as ``"30 of 73"``, for events and withdrawals.
    agrees
        Whether the published number lies inside the simulated 90 % interval; None where that cannot be asked.
    definition
        Definition of an event.
    row
        The row of the result, unchanged.
    """

    kind: Kind
    subject: str
    unit: str
    arm: str
    arm_ids: tuple[str, ...]
    week: float
    digits: int
    signed: bool
    simulated: Point | None
    published: Point | None
    basis: str
    unverified: bool
    count: str
    agrees: bool | None
    definition: str
    row: Mapping[str, Any]

    @property
    def agreement(self) -> str:
        """Agreement in words."""
        if self.simulated is None:
            return "not simulated"
        if self.published is None:
            return "nothing published"
        if self.agrees is None:
            return "not compared"
        return "agrees" if self.agrees else "DISAGREES"

    @property
    def side(self) -> str:
        """Where the published number lies relative to the simulated interval."""
        if self.simulated is None or self.published is None or self.simulated.bounds is None:
            return ""
        low, high = self.simulated.bounds
        return "below" if self.published.value < low else "above" if self.published.value > high else "inside"

    def show(self, value: float | None) -> str:
        """Return a value of this quantity as text."""
        return number(value, self.digits, sign=self.signed)

    def show_interval(self, point: Point | None) -> str:
        """Return the interval of a point as text."""
        return "" if point is None else interval(point.bounds, self.digits, sign=self.signed)

    def sentence(self) -> str:
        """Return the comparison as one plain sentence without a full stop."""
        unit = " %" if self.unit == "%" else ""
        what = f"{self.subject}, {self.arm}, by week {number(self.week, 0)}"
        if self.kind in ("outcome", "contrast"):
            what = f"{self.subject} ({self.unit}), {self.arm}, week {number(self.week, 0)}"
        if self.simulated is None or self.published is None:
            return f"{what}: {self.agreement}"
        text = f"{what}: simulated {self.show(self.simulated.value)}{unit}"
        if self.simulated.bounds:
            text += f" (90 % interval {self.show_interval(self.simulated)})"
        text += f", published {self.show(self.published.value)}{unit}"
        details = [part for part in (self.count, "unverified" if self.unverified else "") if part]
        text += f" ({', '.join(details)})" if details else ""
        return text + (f", which lies {self.side} that interval" if self.side in ("above", "below") else "")


def check_result(result: Mapping[str, Any]) -> None:
    """Refuse a mapping that is not the result of a virtual trial.

    Raises
    ------
    TrialError
        RDN-T901, with the parts that are missing.
    """
    missing = [key for key in _REQUIRED if key not in result]
    if missing:
        raise TrialError(
            "RDN-T901",
            "this is not the result of a virtual trial: parts are missing",
            value=", ".join(missing),
        )


def comparisons(result: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Return every comparison of a result, in its order: outcomes, contrasts, adverse events, withdrawals.

    Parameters
    ----------
    result
        The result of one virtual trial.

    Returns
    -------
    tuple of Comparison

    Raises
    ------
    TrialError
        RDN-T901 when parts of the result are missing.
    """
    check_result(result)
    names = arm_names(result["arms"])
    rows = [_change(row, names) for row in result["outcomes"]]
    rows += [_contrast(row, names) for row in result["contrasts"]]
    rows += [_share(row, names, "adverse_event", row["event"]) for row in result["adverse_events"]]
    rows += [_share(row, names, "withdrawal", row["reason"]) for row in result["withdrawals"]]
    return tuple(rows)


def _change(row: Mapping[str, Any], names: Mapping[str, str]) -> Comparison:
    return _measured(row, "outcome", (row["arm"],), arm_name(names, row["arm"]))


def _contrast(row: Mapping[str, Any], names: Mapping[str, str]) -> Comparison:
    arms = tuple(row["arms"])
    return _measured(row, "contrast", arms, " minus ".join(arm_name(names, a) for a in arms))


def _measured(row: Mapping[str, Any], kind: Kind, arms: tuple[str, ...], arm: str) -> Comparison:
    endpoint = name_endpoint(row["endpoint"], row.get("unit"))
    published = row.get("published")
    if published is not None and published.get("mean") is None:
        published = None
    return Comparison(
        kind=kind,
        subject=endpoint.name,
        unit=endpoint.unit,
        arm=arm,
        arm_ids=arms,
        week=row["week"],
        digits=endpoint.digits,
        signed=row.get("measure") != "value",
        simulated=_point(row.get("simulated"), "mean"),
        published=_point(published, "mean"),
        basis=basis_words(published) if published else "",
        unverified=bool(published) and published.get("basis") == "recalled",
        count="",
        agrees=row.get("agrees"),
        definition=endpoint.meaning,
        row=row,
    )


def _share(row: Mapping[str, Any], names: Mapping[str, str], kind: Kind, subject: str) -> Comparison:
    published = row.get("published")
    count = ""
    if published and published.get("n") is not None and published.get("of") is not None:
        count = f"{integer(published['n'])} of {integer(published['of'])}"
    return Comparison(
        kind=kind,
        subject=event_name(subject),
        unit="%",
        arm=arm_name(names, row["arm"]),
        arm_ids=(row["arm"],),
        week=row["week"],
        digits=1,
        signed=False,
        simulated=_point(row.get("simulated"), "percent"),
        published=_point(published, "percent"),
        basis=basis_words(published) if published else "",
        unverified=bool(published) and published.get("basis") == "recalled",
        count=count,
        agrees=row.get("agrees"),
        definition=row.get("definition") or "",
        row=row,
    )


def _point(part: Mapping[str, Any] | None, key: str) -> Point | None:
    if part is None or part.get(key) is None:
        return None
    low, high = part.get("interval90") or (None, None)
    return Point(part[key], low, high)


def judged(rows: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """Return the comparisons that have a verdict."""
    return tuple(row for row in rows if row.agreement in ("agrees", "DISAGREES"))


def disagreeing(rows: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """Return the comparisons whose published number lies outside the simulated 90 % interval."""
    return tuple(row for row in rows if row.agreement == "DISAGREES")


def verdict(rows: tuple[Comparison, ...]) -> str:
    """Return the verdict in one sentence: how many published numbers lie inside the simulated interval."""
    total, missed = len(judged(rows)), len(disagreeing(rows))
    if total == 0:
        return "Nothing published could be compared with this simulation."
    text = f"{total - missed} of {total} published numbers lie inside the simulated 90 % interval"
    return text + ("." if not missed else f"; {missed} {'does' if missed == 1 else 'do'} not.")
