"""The words of a drug's model: its covariates, their levels, and the kinds of its parameters by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["COVARIATES", "LEVELS", "PARAMETER_KINDS", "level_words", "parameter_kind"]

COVARIATES: Mapping[str, str] = {
    "sex": "1",  # 0 female, 1 male
    "age": "year",
    "weight": "kg",
    "height": "cm",
    "bsa": "m2",
    "crcl": "L/h",
    "albumin": "g/L",
    "tpmt": "1",  # thiopurine methyltransferase
    "nudt15": "1",  # nudix hydrolase 15, which takes thioguanine triphosphate away from DNA
    "cyp3a5": "1",  # cytochrome P450 3A5
    "folate": "1",  # folic acid, 5 mg a week or more
}
"""Covariates a model may use, with the unit in which they are handed over."""

LEVELS: Mapping[str, Mapping[float, str]] = {
    "sex": {0.0: "female", 1.0: "male"},
    "tpmt": {0.0: "normal", 1.0: "intermediate", 2.0: "absent"},
    "nudt15": {0.0: "normal", 1.0: "intermediate", 2.0: "poor"},
    "cyp3a5": {0.0: "not expressed", 1.0: "expressed"},
    "folate": {0.0: "none", 1.0: "takes folic acid"},
}
"""Covariates that have levels, with what each level means."""

PARAMETER_KINDS: Mapping[str, tuple[str, str, str]] = {
    "clearance": (r"CL|CLm|Q|Q3", "L/day", "clearance"),
    "volume": (r"V1|V2|V3|Vm", "L", "volume of distribution"),
    "rate": (r"(ka|ke0)_[a-z0-9_]+", "1/day", "first-order rate constant"),
    "time": (r"(MTT|tlag)_[a-z0-9_]+", "day", "mean transit or lag time"),
    "fraction": (
        r"F_[a-z0-9_]+|fm|ratio_metabolite|Fdrop_[a-z0-9_]+|bound_(linear|saturable)",
        "1",
        "fraction or ratio",
    ),
    "concentration": (r"ec50_[a-z0-9_]+|Km|Kd_binding", "mg/L", "concentration of half effect or binding"),
    "saturable elimination": (r"Vmax", "mg/day", "largest rate of saturable elimination"),
    "slope": (r"slope_[a-z0-9_]+", "L/mg", "effect per concentration"),
    "dose": (r"D50_[a-z0-9_]+", "mg/m2", "dose of half the loss of bioavailability"),
}
"""Kind -> (pattern of its names, unit at run time, meaning)."""


def parameter_kind(name: str) -> str | None:
    """Return the kind of a parameter by its name, or None when the name means nothing."""
    for kind, (pattern, _, _) in PARAMETER_KINDS.items():
        if re.fullmatch(pattern, name):
            return kind
    return None


def level_words(levels: Mapping[float, str]) -> str:
    """Return the levels of a covariate with what each means, such as ``0 (female), 1 (male)``."""
    return ", ".join(f"{level:g} ({meaning})" for level, meaning in levels.items())
