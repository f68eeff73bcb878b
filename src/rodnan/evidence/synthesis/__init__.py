"""Synthesis of study results: pooling, networks, certainty, and answers from study records.

Codes of errors: ``RDN-E501`` to ``RDN-E505`` numbers that cannot be pooled, ``RDN-E506`` to ``RDN-E510``
networks that cannot be fitted and unknown scales or treatments, ``RDN-E511`` unknown drug, ``RDN-E512``
unknown outcome, ``RDN-E513`` unknown comparator. Names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rodnan.evidence.synthesis.answer import known_drugs, known_endpoints, synthesise
    from rodnan.evidence.synthesis.as_data import answer_data
    from rodnan.evidence.synthesis.as_text import answer_text
    from rodnan.evidence.synthesis.bayes import TauPrior, pool_bayes
    from rodnan.evidence.synthesis.between_studies import heterogeneity
    from rodnan.evidence.synthesis.certainty import Certainty, judge
    from rodnan.evidence.synthesis.consistency import decompose, node_splits
    from rodnan.evidence.synthesis.effects import (
        log_odds_ratio,
        log_risk_ratio,
        mean_difference,
        risk_difference,
        standardised_mean_difference,
    )
    from rodnan.evidence.synthesis.extraction import extract
    from rodnan.evidence.synthesis.network_fit import Contrast, Network, arm_contrasts, network
    from rodnan.evidence.synthesis.pairwise import Pooled, leave_one_out, pool, prediction_interval
    from rodnan.evidence.synthesis.parts import Answer
    from rodnan.evidence.synthesis.plotdata import (
        forest_data,
        funnel_data,
        network_forest_data,
        network_graph,
    )
    from rodnan.evidence.synthesis.ranking import rank_treatments
    from rodnan.evidence.synthesis.rows import Extraction
    from rodnan.evidence.synthesis.small_study import egger_test

_HOMES = {
    "Answer": "parts",
    "Certainty": "certainty",
    "Contrast": "network_fit",
    "Extraction": "rows",
    "Network": "network_fit",
    "Pooled": "pairwise",
    "TauPrior": "bayes",
    "answer_data": "as_data",
    "answer_text": "as_text",
    "arm_contrasts": "network_fit",
    "decompose": "consistency",
    "egger_test": "small_study",
    "extract": "extraction",
    "forest_data": "plotdata",
    "funnel_data": "plotdata",
    "heterogeneity": "between_studies",
    "judge": "certainty",
    "known_drugs": "answer",
    "known_endpoints": "answer",
    "leave_one_out": "pairwise",
    "log_odds_ratio": "effects",
    "log_risk_ratio": "effects",
    "mean_difference": "effects",
    "network": "network_fit",
    "network_forest_data": "plotdata",
    "network_graph": "plotdata",
    "node_splits": "consistency",
    "pool": "pairwise",
    "pool_bayes": "bayes",
    "prediction_interval": "pairwise",
    "rank_treatments": "ranking",
    "risk_difference": "effects",
    "standardised_mean_difference": "effects",
    "synthesise": "answer",
}

__all__ = [
    "Answer",
    "Certainty",
    "Contrast",
    "Extraction",
    "Network",
    "Pooled",
    "TauPrior",
    "answer_data",
    "answer_text",
    "arm_contrasts",
    "decompose",
    "egger_test",
    "extract",
    "forest_data",
    "funnel_data",
    "heterogeneity",
    "judge",
    "known_drugs",
    "known_endpoints",
    "leave_one_out",
    "log_odds_ratio",
    "log_risk_ratio",
    "mean_difference",
    "network",
    "network_forest_data",
    "network_graph",
    "node_splits",
    "pool",
    "pool_bayes",
    "prediction_interval",
    "rank_treatments",
    "risk_difference",
    "standardised_mean_difference",
    "synthesise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rodnan.evidence.synthesis' has no attribute {name!r}")
    value = getattr(import_module(f"rodnan.evidence.synthesis.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
