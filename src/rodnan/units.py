"""Clinical units: a small table, compound units, a dimension check; no dependency.

Dosing rules (mg/kg, mg/m2) are not quantities: the body size belongs to a patient, so `dosing_rule` splits them into a
mass and what it is multiplied by. A month is a twelfth of 365.25 days, a year 365.25 days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rodnan.errors import UnitError, nearest_name

__all__ = ["UNITS", "Unit", "convert", "dimension", "dosing_rule", "parse_quantity", "parse_unit"]

_NO_DIMENSION: tuple[tuple[str, int], ...] = ()
_BASES: dict[str, tuple[float, dict[str, int]]] = {
    # mass (base g), amount of substance (mol), length (m), time (day), international units, scores
    "g": (1.0, {"mass": 1}), "kg": (1e3, {"mass": 1}), "mg": (1e-3, {"mass": 1}), "ug": (1e-6, {"mass": 1}),
    "ng": (1e-9, {"mass": 1}), "pg": (1e-12, {"mass": 1}),
    "mol": (1.0, {"substance": 1}), "mmol": (1e-3, {"substance": 1}), "umol": (1e-6, {"substance": 1}),
    "nmol": (1e-9, {"substance": 1}), "pmol": (1e-12, {"substance": 1}),
    "m": (1.0, {"length": 1}), "cm": (1e-2, {"length": 1}), "mm": (1e-3, {"length": 1}),
    "m2": (1.0, {"length": 2}),
    "L": (1e-3, {"length": 3}), "dL": (1e-4, {"length": 3}), "mL": (1e-6, {"length": 3}),
    "uL": (1e-9, {"length": 3}), "mm3": (1e-9, {"length": 3}),
    "day": (1.0, {"time": 1}), "h": (1 / 24, {"time": 1}), "min": (1 / 1440, {"time": 1}),
    "s": (1 / 86400, {"time": 1}), "week": (7.0, {"time": 1}), "month": (365.25 / 12, {"time": 1}),
    "year": (365.25, {"time": 1}),
    "cell": (1.0, {}), "IU": (1.0, {"activity": 1}), "U": (1.0, {"activity": 1}),
    "Gy": (1.0, {"radiation": 1}), "mmHg": (1.0, {"pressure": 1}), "session": (1.0, {"session": 1}),
    "score": (1.0, {"score": 1}), "pct_pred": (1.0, {"percent_predicted": 1}),
    "%": (0.01, {}), "fraction": (1.0, {}),
}  # fmt: skip
_SYNONYMS = {
    "hour": "h", "hours": "h", "hr": "h", "minute": "min", "minutes": "min", "second": "s", "seconds": "s",
    "days": "day", "d": "day", "weeks": "week", "wk": "week", "months": "month", "years": "year", "yr": "year",
    "y": "year", "l": "L", "ml": "mL", "dl": "dL", "µg": "ug", "μg": "ug", "mcg": "ug", "µL": "uL", "μL": "uL",
    "µmol": "umol", "μmol": "umol", "cells": "cell", "m^2": "m2", "sqm": "m2", "pct": "%", "percent": "%",
    "gram": "g", "grams": "g", "milligram": "mg", "IE": "IU", "sessions": "session", "units": "score",
}  # fmt: skip
UNITS: tuple[str, ...] = tuple(_BASES)
"""Names of the simple units."""

_FACTOR = re.compile(r"(?:(?P<power>10\^-?\d+)|(?P<one>1)|(?P<name>[A-Za-zµμ%_]+[23]?)(?:\^(?P<exponent>-?\d+))?)")


@dataclass(frozen=True)
class Unit:
    """A unit: its text, its size in base units, its dimension.

    Attributes
    ----------
    text
        As given.
    factor
        Size in g, mol, m, day, cell, ...
    dimensions
        Exponents by dimension, sorted, without zeros.
    """

    text: str
    factor: float
    dimensions: tuple[tuple[str, int], ...]


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """Read a unit such as ``"mg"``, ``"L/h"``, ``"mg*h/L"``, ``"10^9/L"``, ``"1/day"``.

    Parameters
    ----------
    text
        Simple units joined by ``*`` and ``/`` (left to right), powers by ``^``, a factor ``10^n``.

    Returns
    -------
    Unit

    Raises
    ------
    UnitError
        RDN-U001 for a name the table does not have, or text that is no unit.
    """
    factor, exponents = 1.0, dict[str, int]()
    for position, part in enumerate(re.split(r"([*/])", text.strip())):
        if position % 2:
            sign = -1 if part == "/" else 1
            continue
        if position == 0:
            sign = 1
        size, dims = _simple(part.strip(), text)
        factor *= size**sign
        for name, power in dims.items():
            exponents[name] = exponents.get(name, 0) + sign * power
    return Unit(text, factor, tuple(sorted((k, v) for k, v in exponents.items() if v)))


def _simple(part: str, whole: str) -> tuple[float, dict[str, int]]:
    match = _FACTOR.fullmatch(part)
    if not match:
        raise UnitError(
            "RDN-U001", "not a unit", where=whole if whole != part else None, value=part,
            nearest=nearest_name(part, UNITS) if part else None,
        )  # fmt: skip
    if match["power"]:
        return 10.0 ** int(match["power"][3:]), {}
    if match["one"]:
        return 1.0, {}
    name = match["name"]
    name = name if name in _BASES else _SYNONYMS.get(name, name)
    if name not in _BASES:
        raise UnitError(
            "RDN-U001", "unknown unit", where=whole if whole != part else None, value=match["name"],
            nearest=nearest_name(name, (*UNITS, *_SYNONYMS)),
        )  # fmt: skip
    size, dims = _BASES[name]
    exponent = int(match["exponent"] or 1)
    return size**exponent, {k: v * exponent for k, v in dims.items()}


def dimension(text: str) -> tuple[tuple[str, int], ...]:
    """Return the dimension of a unit, for example ``(("length", 3), ("time", -1))`` of ``"L/h"``."""
    return parse_unit(text).dimensions


def convert(value: float, unit: str, target: str) -> float:
    """Convert a value between units of one dimension.

    Parameters
    ----------
    value
        Number (or array of numbers) in `unit`.
    unit, target
        Units.

    Returns
    -------
    float
        The number in `target`.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit, RDN-U002 when the dimensions differ.
    """
    source, goal = parse_unit(unit), parse_unit(target)
    if source.dimensions != goal.dimensions:
        raise UnitError("RDN-U002", f"cannot convert {unit!r} to {target!r}: different dimensions", value=unit)
    if source.factor == goal.factor:
        return value
    return value * (source.factor / goal.factor)


_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*")


def parse_quantity(text: str) -> tuple[float, str]:
    """Read a number with its unit, such as ``"1.5 g"``.

    Raises
    ------
    UnitError
        RDN-U003 for text without a number or a unit; RDN-U001 for an unknown unit.
    """
    match = _QUANTITY.fullmatch(text)
    if not match or not match[2]:
        raise UnitError("RDN-U003", "expected a number and a unit, such as '1.5 g'", value=text)
    parse_unit(match[2])
    return float(match[1]), match[2]


def dosing_rule(text: str) -> tuple[str, str | None]:
    """Split a dose unit into its mass (or other quantity) and the body size it is multiplied by.

    Parameters
    ----------
    text
        ``"mg"``, ``"mg/kg"``, ``"g/m2"``, ``"session"``, ...

    Returns
    -------
    tuple
        The unit of the amount, and ``"weight"`` (kg), ``"bsa"`` (m2) or None for a flat dose.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit, RDN-U004 for a unit that no dose can have.
    """
    amount, _, per = text.strip().partition("/")
    size = {"": None, "kg": "weight", "m2": "bsa", "m^2": "bsa"}.get(per.strip(), "unknown")
    dims = dict(parse_unit(amount).dimensions)
    if size == "unknown":
        parse_unit(text)
    if size == "unknown" or set(dims) - {"mass", "substance", "activity", "radiation", "session"} or not dims:
        raise UnitError("RDN-U004", "not a unit of dose", value=text, nearest=nearest_name(text, ("mg", "mg/kg", "mg/m2", "g", "session")))
    return amount.strip(), size
