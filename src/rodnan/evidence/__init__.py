"""What is known: studies, therapies, kinetics, hazards and claims as records with sources.

A record is frozen; a file that does not validate is refused with file, field, value and reason. Single
records load in milliseconds: ``load_study("sls-2")``.
"""

from rodnan.evidence.loading import (
    claims,
    drug_id,
    drugs,
    kinetics,
    kinetics_table,
    load_claim,
    load_drug,
    load_study,
    read_claims,
    read_drug,
    read_drugs,
    read_kinetics,
    read_safety,
    read_studies,
    read_study,
    safety,
    safety_table,
    studies,
)
from rodnan.evidence.records.claim import Claim
from rodnan.evidence.records.drug import Drug
from rodnan.evidence.records.kinetics import KineticsRow
from rodnan.evidence.records.safety import SafetyRow
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
    "Claim",
    "Design",
    "Drug",
    "KineticsRow",
    "Outcome",
    "Population",
    "RegimenItem",
    "SafetyRow",
    "Study",
    "Withdrawal",
    "claims",
    "drug_id",
    "drugs",
    "kinetics",
    "kinetics_table",
    "load_claim",
    "load_drug",
    "load_study",
    "read_claims",
    "read_drug",
    "read_drugs",
    "read_kinetics",
    "read_safety",
    "read_studies",
    "read_study",
    "safety",
    "safety_table",
    "studies",
]
