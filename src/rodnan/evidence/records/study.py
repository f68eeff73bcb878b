"""A study: its design, patients, arms, published results, harms, withdrawals, sources."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.records.arms import Arm, BackgroundDrug, RegimenItem
from rodnan.evidence.records.base import Record
from rodnan.evidence.records.baseline import BaselineRow, Population, pooled_row
from rodnan.evidence.records.citation import Citation, Design
from rodnan.evidence.records.results import AdverseEvent, ModelEstimate, Outcome, Withdrawal

__all__ = [
    "AdverseEvent",
    "Arm",
    "BackgroundDrug",
    "BaselineRow",
    "Citation",
    "Design",
    "ModelEstimate",
    "Outcome",
    "Population",
    "RegimenItem",
    "Study",
    "Withdrawal",
]


class Study(Record):
    """One study, as the literature reports it.

    Attributes
    ----------
    id
        Name in the catalogue.
    arms, outcomes, adverse_events, withdrawals
        What was given and what was found; weeks count from entry.
    source
        Where each part was seen.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
    acronym: str
    citation: Citation
    related_citations: tuple[Citation, ...] = ()
    design: Design
    condition: str
    population: Population
    arms: tuple[Arm, ...]
    outcomes: tuple[Outcome, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    model_estimates: tuple[ModelEstimate, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    source: Annotated[tuple[str, ...], Field(min_length=1)]
    notes: str = ""

    @model_validator(mode="after")
    def _arms_are_distinct(self) -> Any:
        ids = [arm.id for arm in self.arms]
        for arm in self.arms:
            if ids.count(arm.id) > 1:
                raise ValueError(f"arm {arm.id!r} is given twice")
            if arm.subgroup_of is not None and arm.subgroup_of not in ids:
                raise ValueError(
                    f"arm {arm.id!r} is a subgroup of an arm that is not there: {arm.subgroup_of!r}"
                )
        return self

    @property
    def drugs(self) -> tuple[str, ...]:
        """Ids of the drugs the arms were given, in order of appearance, without background treatment."""
        return tuple(dict.fromkeys(item.drug for arm in self.arms for item in arm.regimen))

    def arm(self, name: str) -> Arm:
        """Return an arm by id.

        Raises
        ------
        EvidenceError
            RDN-E004 for an arm the study does not have.
        """
        for arm in self.arms:
            if arm.id == name:
                return arm
        raise EvidenceError(
            "RDN-E004", "the study has no such arm", where=self.id, value=name,
            nearest=nearest_name(name, [a.id for a in self.arms]),
        )  # fmt: skip

    def baseline(self, variable: str, arm: str = "all") -> BaselineRow | None:
        """Return a baseline row of an arm; the pooled row where the arm has none; None without either.

        Parameters
        ----------
        variable
            Such as ``"fvc_pct_pred"``.
        arm
            Arm id. ``all`` without a row of its own pools the arms by their numbers: weighted mean, and the
            standard deviation with the part between arms; such a row says ``derived``. Groups that overlap
            (together more than all patients) are not pooled.

        Returns
        -------
        BaselineRow or None
            Rows of subgroups are left out.
        """
        rows = [r for r in self.population.baseline if r.variable == variable and r.subgroup is None]
        for wanted in (arm, "all"):
            for row in rows:
                if row.arm == wanted:
                    return row
        whole = {a.id: a.n for a in self.arms if a.subgroup_of is None}
        parts = [r for r in rows if r.arm in whole or not whole]
        sized = [r if r.n else r.model_copy(update={"n": whole.get(r.arm)}) for r in parts]
        if self.population.n is not None and sum(r.n or 0 for r in sized) > self.population.n:
            return None  # the groups overlap
        return pooled_row(sized, variable)

    def outcomes_for(
        self,
        *,
        endpoint: str | None = None,
        measure: str | None = None,
        arm: str | None = None,
        week: float | None = None,
    ) -> tuple[Outcome, ...]:
        """Return the outcomes that match everything that is given.

        Parameters
        ----------
        endpoint, measure
            As in the record.
        arm
            Also finds comparisons in which the arm takes part.
        week
            Week of the visit, exactly.
        """
        return tuple(
            o
            for o in self.outcomes
            if (endpoint is None or o.endpoint == endpoint)
            and (measure is None or o.measure == measure)
            and (arm is None or o.arm == arm or (o.arms is not None and arm in o.arms))
            and (week is None or o.week == week)
        )
