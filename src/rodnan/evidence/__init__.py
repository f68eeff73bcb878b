"""What is known: studies, drugs, kinetics and claims as records with sources.

A record is frozen; a file that does not validate is refused with file, field, value and reason.
"""

from rodnan.evidence.loading import load_study, read_studies, read_study, studies
from rodnan.evidence.records.study import (
    AdverseEvent,
    Arm,
    BaselineRow,
    Citation,
    Design,
    Outcome,
    Population,
    RegimenItem,
    Study,
    Withdrawal,
)

__all__ = [
    "AdverseEvent",
    "Arm",
    "BaselineRow",
    "Citation",
    "Design",
    "Outcome",
    "Population",
    "RegimenItem",
    "Study",
    "Withdrawal",
    "load_study",
    "read_studies",
    "read_study",
    "studies",
]
