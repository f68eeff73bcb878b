"""Rules that hold, reduce, stop or resume a dose by what a visit finds: blood counts and creatinine.

A rule compares one quantity with a limit and says which share of the planned dose is then due. The words are
read by `rodnan.pharmacology.monitoring_words`; a virtual trial acts on them at its visits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rodnan.errors import DoseError, nearest_name

__all__ = ["ACTIONS", "MONITORED", "NOT_MODELLED", "MonitoringRule", "check_rules"]

ACTIONS = ("hold", "reduce", "resume", "stop")
"""What a rule does: no dose until it is lifted, a share of it, the end of both, no dose ever again."""

MONITORED: Mapping[str, str] = {
    "neutrophils": "10^9/L",
    "white cells": "10^9/L",
    "lymphocytes": "10^9/L",
    "creatinine": "mg/dL",
}
"""Quantities that a rule can look at, with the unit of a limit that is not a multiple of the baseline."""

NOT_MODELLED = ("platelets", "haemoglobin", "transaminases", "bilirubin", "blood pressure", "trough level")
"""Quantities that protocols look at and the disease model does not hold."""


@dataclass(frozen=True)
class MonitoringRule:
    """One rule.

    Attributes
    ----------
    action
        One of ``ACTIONS``.
    quantity
        One of ``MONITORED``.
    below
        Whether the rule is met under the limit; else above it. The limit itself does not meet it.
    limit
        In the unit of ``MONITORED``, or times the patient's own reading at entry where `relative`.
    relative
        Whether the limit is a multiple of the reading at entry.
    share
        Share of the planned dose that is due: 0 under hold and stop, between 0 and 1 under reduce, above 0 and
        at most 1 after resume.
    """

    action: str
    quantity: str
    below: bool
    limit: float
    relative: bool = False
    share: float = 0.0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DoseError(
                "RDN-D181",
                f"a rule begins with one of {', '.join(ACTIONS)}",
                value=self.action,
                nearest=nearest_name(self.action, ACTIONS),
            )
        if self.quantity in NOT_MODELLED:
            raise DoseError(
                "RDN-D182",
                f"not modelled; a rule looks at {', '.join(MONITORED)}",
                value=self.quantity,
            )
        if self.quantity not in MONITORED:
            raise DoseError(
                "RDN-D182",
                f"a rule looks at {', '.join(MONITORED)}",
                value=self.quantity,
                nearest=nearest_name(self.quantity, MONITORED),
            )
        if not (math.isfinite(self.limit) and self.limit > 0.0):
            raise DoseError(
                "RDN-D184", "the limit of a rule must be a finite number above zero", value=self.limit
            )
        legal = {
            "hold": self.share == 0.0,
            "stop": self.share == 0.0,
            "reduce": 0.0 < self.share < 1.0,
            "resume": 0.0 < self.share <= 1.0,
        }
        if not legal[self.action]:
            raise DoseError(
                "RDN-D184",
                "a reduced dose lies between 0 and 100 % of the planned one, a resumed one above 0 and at most at it",
                where=str(self),
                value=f"{100.0 * self.share:g} %",
            )

    @property
    def acts(self) -> bool:
        """Whether the rule lowers the dose (resume does not)."""
        return self.action != "resume"

    def __str__(self) -> str:
        how = {"reduce": f" to {100 * self.share:g}%"}.get(self.action, "")
        if self.action == "resume" and self.share < 1.0:
            how = f" at {100 * self.share:g}%"
        unit = "x baseline" if self.relative else MONITORED.get(self.quantity, "")
        return f"{self.action}{how} if {self.quantity} {'<' if self.below else '>'} {self.limit:g} {unit}"

    def covers(self, other: MonitoringRule) -> bool:
        """Return whether this rule is met whenever the other is (same quantity, side and kind of limit)."""
        if (self.quantity, self.below, self.relative) != (other.quantity, other.below, other.relative):
            return False
        return self.limit >= other.limit if self.below else self.limit <= other.limit


def check_rules(rules: Sequence[MonitoringRule], where: str | None = None) -> tuple[MonitoringRule, ...]:
    """Return the rules of one drug, each once, when they make sense together.

    Parameters
    ----------
    rules
        The rules; the same one given twice counts once.
    where
        The drug, for messages.

    Raises
    ------
    DoseError
        ``RDN-D185`` a rule that never acts beside another, that acts always, that contradicts another, or a resume
        without anything to resume from.
    """
    found = tuple(dict.fromkeys(rules))
    for rule in found:
        reason = _fault(rule, [other for other in found if other is not rule])
        if reason:
            raise DoseError("RDN-D185", reason, where=where, value=str(rule))
    return found


def _fault(rule: MonitoringRule, others: Sequence[MonitoringRule]) -> str | None:
    same = [o for o in others if o.quantity == rule.quantity]
    if rule.action == "resume":
        acting = [o for o in same if o.action in ("hold", "reduce")]
        if not acting:
            return f"there is no hold or reduction by {rule.quantity} to resume from"
        if any(o.action == "resume" for o in same):
            return f"two ways to resume by {rule.quantity}"
        for other in acting:
            if other.below == rule.below:
                return f"resumes on the side on which another rule acts ({other})"
            apart = rule.limit >= other.limit if other.below else rule.limit <= other.limit
            if other.relative == rule.relative and not apart:
                return f"resumes where another rule still acts ({other})"
        return None
    if rule.relative and (rule.limit > 1.0) == rule.below and rule.limit != 1.0:
        return "acts at the baseline already"
    for other in (o for o in same if o.acts):
        lasting = other.action == "stop" or rule.action != "stop"
        if lasting and other.covers(rule) and other.share <= rule.share:
            return f"never acts beside another rule ({other})"
        apart = rule.limit <= other.limit if rule.below else rule.limit >= other.limit
        if other.below != rule.below and other.relative == rule.relative and not apart:
            return f"one of two rules always acts ({other})"
    return None
