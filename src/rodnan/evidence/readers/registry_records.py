"""Records of a trial registry: a study, and the results that it posted."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = [
    "AdverseEventRow",
    "Analysis",
    "BaselineRow",
    "FlowRow",
    "Intervention",
    "Measurement",
    "OutcomeResult",
    "PlannedOutcome",
    "RegistryArm",
    "RegistryStudy",
    "ResultGroup",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RegistryArm(_Record):
    """An arm of the protocol."""

    label: str
    kind: str | None = None
    description: str | None = None
    interventions: tuple[str, ...] = ()


class Intervention(_Record):
    """An intervention of the protocol."""

    name: str
    kind: str | None = None
    description: str | None = None
    other_names: tuple[str, ...] = ()


class PlannedOutcome(_Record):
    """An outcome of the protocol; `role` is primary, secondary or other."""

    role: str
    measure: str
    time_frame: str | None = None
    description: str | None = None


class ResultGroup(_Record):
    """A group of a results table; identifiers hold within their own table only."""

    id: str
    title: str
    description: str | None = None


class Measurement(_Record):
    """One number of a results table, as posted.

    Parameters
    ----------
    group
        Identifier of the group.
    value
        The number; None where the registry prints none ("NA").
    text
        What the registry printed.
    spread
        Standard deviation, standard error or whatever the table's dispersion says.
    low, high
        Limits, where the dispersion is an interval or a range.
    class_title, category
        Row of the table, for example a time point and a category.
    """

    group: str
    value: float | None
    text: str
    spread: float | None = None
    low: float | None = None
    high: float | None = None
    class_title: str | None = None
    category: str | None = None
    comment: str | None = None


class BaselineRow(_Record):
    """A baseline characteristic."""

    title: str
    parameter: str | None = None
    dispersion: str | None = None
    unit: str | None = None
    measurements: tuple[Measurement, ...] = ()


class Analysis(_Record):
    """A statistical analysis posted with an outcome."""

    groups: tuple[str, ...]
    method: str | None = None
    parameter: str | None = None
    estimate: float | None = None
    ci_level: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: str | None = None
    dispersion: str | None = None
    dispersion_value: float | None = None
    comment: str | None = None


class OutcomeResult(_Record):
    """An outcome with its numbers; `participants` are the analysed counts per group."""

    role: str
    title: str
    time_frame: str | None = None
    description: str | None = None
    population: str | None = None
    parameter: str | None = None
    dispersion: str | None = None
    unit: str | None = None
    groups: tuple[ResultGroup, ...] = ()
    participants: tuple[tuple[str, int | None], ...] = ()
    measurements: tuple[Measurement, ...] = ()
    analyses: tuple[Analysis, ...] = ()


class AdverseEventRow(_Record):
    """An adverse event in one group."""

    term: str
    serious: bool
    group: str
    organ_system: str | None = None
    affected: int | None = None
    at_risk: int | None = None
    events: int | None = None


class FlowRow(_Record):
    """A line of the participant flow: a milestone, or a reason for leaving."""

    period: str
    kind: str
    group: str
    participants: int | None = None


class RegistryStudy(_Record):
    """A study as the registry describes it."""

    nct: str
    title: str
    official_title: str | None = None
    acronym: str | None = None
    status: str | None = None
    why_stopped: str | None = None
    study_type: str | None = None
    phases: tuple[str, ...] = ()
    allocation: str | None = None
    model: str | None = None
    masking: str | None = None
    masked: tuple[str, ...] = ()
    enrolment: int | None = None
    enrolment_actual: bool | None = None
    start: str | None = None
    primary_completion: str | None = None
    completion: str | None = None
    last_update: str | None = None
    results_first_posted: str | None = None
    sponsor: str | None = None
    summary: str | None = None
    eligibility: str | None = None
    conditions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    arms: tuple[RegistryArm, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    planned: tuple[PlannedOutcome, ...] = ()
    references: tuple[str, ...] = ()
    has_results: bool = False
    flow_groups: tuple[ResultGroup, ...] = ()
    flow: tuple[FlowRow, ...] = ()
    baseline_groups: tuple[ResultGroup, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()
    outcomes: tuple[OutcomeResult, ...] = ()
    event_groups: tuple[ResultGroup, ...] = ()
    adverse_events: tuple[AdverseEventRow, ...] = ()
    adverse_events_time_frame: str | None = None
    problems: tuple[str, ...] = ()
