"""Words that records may use: units, intervals of dosing, measures."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from rodnan.errors import UnitError, nearest_name
from rodnan.units import UNITS, dosing_rule, parse_unit

__all__ = [
    "DOSE_UNITS",
    "INTERVALS",
    "RATIO_MEASURES",
    "RECORD_UNITS",
    "Measure",
    "known_dose_unit",
    "known_interval",
    "known_unit",
]

RECORD_UNITS = frozenset(
    {
        "pct", "pct_pred", "pct_point", "pct_of_baseline", "score", "mRSS", "ratio", "count", "studies",
        "none", "-", "correlation", "log", "logit", "litre", "points", "events", "patients", "packs",
    }
)  # fmt: skip
"""Units of scores and counts, beside the clinical units of `rodnan.units`."""

DOSE_UNITS = frozenset(
    {"mg_per_day", "g_per_day", "cells/kg", "cells", "cGy", "plasma_volume", "plasma_volumes"}
)
INTERVALS = frozenset({"hour", "day", "week", "month", "year", "once", "total-course"})
RATIO_MEASURES = frozenset({"hazard_ratio", "rate_ratio", "odds_ratio", "incidence_rate_ratio", "risk_ratio"})
"""Measures whose interval is symmetric on the logarithmic scale."""

Measure = Literal[
    "value", "change", "difference", "rate", "pct_change", "hazard_ratio", "odds_ratio",
    "incidence_rate_ratio", "rate_ratio", "risk_ratio",
    "risk_difference", "correlation", "slope",
    "count", "time_to_event", "ratio",
]  # fmt: skip

_SCORE = re.compile(r"score_\d+_\d+")
_PER = re.compile(r"_per_| per |/")


@lru_cache(maxsize=512)
def known_unit(unit: str) -> str:
    """Check a unit of a result or of a baseline row.

    Parameters
    ----------
    unit
        A clinical unit (``mL``, ``mg/L``), a score (``score_0_51``), or a quotient of these
        (``pct_pred_per_month``, ``mRSS/year``), perhaps ``_squared``.

    Raises
    ------
    ValueError
        A part is neither.
    """
    for part in _PER.split(unit.removesuffix("_squared")):
        if part in RECORD_UNITS or part == "1" or _SCORE.fullmatch(part) or part == "score_unit":
            continue
        try:
            parse_unit(part)
        except UnitError as error:
            near = nearest_name(unit, RECORD_UNITS | set(UNITS)) or error.nearest
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"unknown unit {unit!r}{hint}") from None
    return unit


@lru_cache(maxsize=256)
def known_dose_unit(unit: str) -> str:
    """Check a unit of dose.

    Raises
    ------
    ValueError
        The unit is none that a dose can have.
    """
    if unit in DOSE_UNITS:
        return unit
    try:
        dosing_rule(unit.removesuffix("/day"))
    except UnitError as error:
        near = error.nearest or nearest_name(unit, DOSE_UNITS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"unknown unit of dose {unit!r}{hint}") from None
    return unit


def known_interval(unit: str) -> str:
    """Check the unit of a dosing interval.

    Raises
    ------
    ValueError
        It is none of `INTERVALS`.
    """
    if unit not in INTERVALS:
        near = nearest_name(unit, INTERVALS)
        raise ValueError(f"unknown unit of interval {unit!r}" + (f"; did you mean {near!r}?" if near else ""))
    return unit
