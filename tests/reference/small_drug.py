"""The record of a small drug for tests."""

from __future__ import annotations

import copy

_DRUG = {
    "id": "testdrug",
    "title": "A drug for tests",
    "measured": "drug in plasma",
    "population": "nobody",
    "sources": {"here": {"citation": "invented for the tests"}},
    "structure": {"compartments": 2, "absorption": [{"route": "oral", "transit": 2}, {"route": "sc"}]},
    "parameters": [
        {"name": "CL", "value": 5.0, "unit": "L/h", "iiv_cv_pct": 30, "basis": "read", "source": "here"},
        {"name": "V1", "value": 20.0, "unit": "L", "iiv_cv_pct": 30, "basis": "read", "source": "here"},
        {"name": "Q", "value": 4.0, "unit": "L/h", "basis": "read", "source": "here"},
        {"name": "V2", "value": 60.0, "unit": "L", "basis": "read", "source": "here"},
        {"name": "ka_oral", "value": 1.5, "unit": "1/h", "basis": "read", "source": "here"},
        {"name": "MTT_oral", "value": 0.5, "unit": "h", "basis": "read", "source": "here"},
        {"name": "ka_sc", "value": 0.25, "unit": "1/day", "basis": "read", "source": "here"},
        {"name": "F_oral", "value": 0.6, "unit": "1", "iiv_logit_sd": 0.5, "basis": "read", "source": "here"},
        {"name": "ec50_a", "value": 1.0, "unit": "mg/L", "iiv_cv_pct": 20, "basis": "read", "source": "here"},
        {"name": "slope_b", "value": 0.05, "unit": "L/mg", "basis": "read", "source": "here"},
    ],
    "routes": {"oral": {"bioavailability": "F_oral"}, "sc": {}, "iv": {"infusion_h": 1.0}},
    "usual": [{"label": "usual", "doses": "100 mg oral daily"}],
    "series": [
        {"name": "a", "form": "emax", "half": "ec50_a"},
        {"name": "steep", "form": "emax", "half": "ec50_a", "hill": 2.0},
        {"name": "b", "form": "linear", "half": "slope_b"},
        {"name": "level", "form": "mean"},
        {"name": "given", "form": "dose"},
    ],
    "effects": [
        {"channel": "pT", "series": "a", "size": 1.0, "unit": "1", "potency": True, "basis": "read", "source": "here"},
        {"channel": "pN", "series": "b", "size": 0.5, "unit": "1", "potency": False, "basis": "read", "source": "here"},
        {"channel": "kB", "series": "a", "size": 0.7, "unit": "1/day", "potency": False, "basis": "read", "source": "here"},
    ],
    "potency": {
        "value": 0.5, "prior_logit_mean": 0.0, "prior_logit_sd": 1.0, "iiv_logit_sd": 0.5,
        "basis": "read", "source": "here",
    },
}  # fmt: skip


def drug_of_tests():
    """Return a fresh copy of the record."""
    return copy.deepcopy(_DRUG)
