"""Clinical units: one small table, compound units, a check of dimension; no dependency.

Sizes are exact fractions of the base units (g, mol, m, day), so ``convert(1.5, "g", "mg")`` is exactly
1500. A year is 365.25 days and a month its twelfth, 30.4375 days (4.348 weeks). Cells and events are
counted: ``10^9/L`` and ``cells/uL`` have one dimension.

Dosing rules (``mg/kg``, ``mg/m2``) are not quantities: the body size in them is that of a patient, so
`dosing_rule` splits them into an amount and what it is multiplied by. Amount of substance is never turned
into mass here: that needs the molar mass of a substance.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from rodnan.errors import UnitError, nearest_name

__all__ = [
    "UNITS",
    "Quantity",
    "Unit",
    "convert",
    "dimension",
    "dosing_rule",
    "parse_quantity",
    "parse_unit",
    "same_dimension",
]

_DAY_IN_YEAR = Fraction(1461, 4)
_KILO, _DECI, _CENTI, _MILLI, _MICRO, _NANO, _PICO = (Fraction(10) ** n for n in (3, -1, -2, -3, -6, -9, -12))
_LITRE = _MILLI  # of a cubic metre

_TABLE: dict[str, dict[str, Fraction]] = {
    "mass": {"g": Fraction(1), "kg": _KILO, "mg": _MILLI, "ug": _MICRO, "ng": _NANO, "pg": _PICO},
    "substance": {"mol": Fraction(1), "mmol": _MILLI, "umol": _MICRO, "nmol": _NANO, "pmol": _PICO},
    "length": {"m": Fraction(1), "cm": _CENTI, "mm": _MILLI, "um": _MICRO},
    "length^2": {"m2": Fraction(1), "cm2": _CENTI**2, "mm2": _MILLI**2},
    "length^3": {
        "L": _LITRE, "dL": _LITRE * _DECI, "mL": _LITRE * _MILLI, "uL": _LITRE * _MICRO,
        "m3": Fraction(1), "cm3": _CENTI**3, "mm3": _MILLI**3,
    },
    "time": {
        "day": Fraction(1), "h": Fraction(1, 24), "min": Fraction(1, 1440), "s": Fraction(1, 86400),
        "week": Fraction(7), "month": _DAY_IN_YEAR / 12, "year": _DAY_IN_YEAR,
    },
    "activity": {"IU": Fraction(1), "U": Fraction(1)},
    "radiation": {"Gy": Fraction(1), "cGy": _CENTI},
    "pressure": {"mmHg": Fraction(1)},
    "session": {"session": Fraction(1)},
    "score": {"score": Fraction(1)},
    "percent_predicted": {"pct_pred": Fraction(1)},
    "": {"cell": Fraction(1), "fraction": Fraction(1), "%": _CENTI},
}  # fmt: skip
"""Dimension -> unit -> size in the base unit of that dimension; pure numbers under the empty name."""

_SYNONYMS = {
    "hour": "h", "hours": "h", "hr": "h", "minute": "min", "minutes": "min", "second": "s", "seconds": "s",
    "d": "day", "days": "day", "wk": "week", "weeks": "week", "mo": "month", "months": "month",
    "y": "year", "yr": "year", "years": "year", "l": "L", "litre": "L", "litres": "L", "ml": "mL",
    "dl": "dL", "mcg": "ug", "cells": "cell", "sqm": "m2", "pct": "%", "percent": "%", "gram": "g",
    "grams": "g", "milligram": "mg", "milligrams": "mg", "sessions": "session",
}  # fmt: skip

_SIMPLE: dict[str, tuple[str, Fraction]] = {
    name: (dimension, size) for dimension, units in _TABLE.items() for name, size in units.items()
}

UNITS: tuple[str, ...] = tuple(_SIMPLE)
"""Names of the simple units."""

_FACTOR = re.compile(
    r"10\^(?P<ten>[+-]?\d{1,2})|(?P<one>1)|(?P<name>%|[A-Za-z][A-Za-z_]*[23]?)(?:\^(?P<power>[+-]?\d))?"
)
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*")
_LARGEST = Fraction(10) ** 100
_BODY_SIZES = {"kg": "weight", "m2": "bsa", "m^2": "bsa"}
_DOSED = frozenset({"mass", "substance", "activity", "radiation", "session"})


@dataclass(frozen=True)
class Unit:
    """A unit: its text, its size in base units, its dimension.

    Attributes
    ----------
    text
        As given.
    size
        Size in base units (g, mol, m, day, IU, Gy, mmHg, session, score, % predicted), an exact fraction.
    dimensions
        Exponent of each dimension, sorted by name, without zeros.
    """

    text: str
    size: Fraction
    dimensions: tuple[tuple[str, int], ...]


class Quantity(NamedTuple):
    """A number with its unit."""

    value: float
    unit: str

    def to(self, target: str) -> float:
        """Return the number in another unit of the same dimension; see `convert`."""
        return convert(self.value, self.unit, target)


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """Read a unit such as ``"mg"``, ``"L/h"``, ``"mg*h/L"``, ``"10^9/L"``, ``"1/day"``, ``"m^2"``.

    Parameters
    ----------
    text
        Simple units joined by ``*`` and ``/`` (from left to right), powers by ``^``, ``10^n``, or 1.

    Returns
    -------
    Unit
        The unit.

    Raises
    ------
    UnitError
        RDN-U001 for a name that the table does not have, for text that is no unit, and for a size that is not
        between 1e-100 and 1e100 base units.
    """
    size, exponents = Fraction(1), dict[str, int]()
    parts = re.split(r"([*/])", text.replace("µ", "u").replace("μ", "u"))
    for index in range(0, len(parts), 2):
        sign = -1 if index and parts[index - 1] == "/" else 1
        part_size, dimension, power = _simple(parts[index].strip(), text)
        size *= part_size**sign
        if dimension:
            exponents[dimension] = exponents.get(dimension, 0) + sign * power
        if not 1 / _LARGEST <= size <= _LARGEST:
            raise UnitError("RDN-U001", "not a unit: too large or too small to compute with", value=text)
    return Unit(text, size, tuple(sorted((k, v) for k, v in exponents.items() if v)))


def _simple(part: str, whole: str) -> tuple[Fraction, str, int]:
    """Return size, dimension and exponent of one factor of a compound unit."""
    match = _FACTOR.fullmatch(part)
    where = f"unit {whole!r}" if whole.strip() != part else None
    if not match:
        nearest = nearest_name(part, UNITS) if part else None
        raise UnitError("RDN-U001", "not a unit", where=where, value=part, nearest=nearest)
    if match["one"]:
        return Fraction(1), "", 0
    if match["ten"]:
        return Fraction(10) ** int(match["ten"]), "", 0
    name = _SYNONYMS.get(match["name"], match["name"])
    if name not in _SIMPLE:
        nearest = nearest_name(match["name"], (*UNITS, *_SYNONYMS))
        raise UnitError("RDN-U001", "unknown unit", where=where, value=match["name"], nearest=nearest)
    dimension, size = _SIMPLE[name]
    base, _, exponent = dimension.partition("^")
    power = int(match["power"] or 1)
    return size**power, base, int(exponent or 1) * power


def dimension(text: str) -> tuple[tuple[str, int], ...]:
    """Return the dimension of a unit.

    Parameters
    ----------
    text
        Unit, such as ``"L/h"``.

    Returns
    -------
    tuple
        Exponents by dimension, such as ``(("length", 3), ("time", -1))``; empty for a pure number.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit.
    """
    return parse_unit(text).dimensions


def same_dimension(unit: str, other: str) -> bool:
    """Tell whether a quantity in one unit can be expressed in another.

    Parameters
    ----------
    unit, other
        Units.

    Returns
    -------
    bool
        True when the dimensions are the same.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit.
    """
    return parse_unit(unit).dimensions == parse_unit(other).dimensions


def convert(value: float, unit: str, target: str) -> float:
    """Convert a value between units of one dimension.

    Parameters
    ----------
    value
        Number (or array of numbers) in `unit`.
    unit, target
        Units, such as ``"L/h"`` and ``"L/day"``.

    Returns
    -------
    float
        The number (or array) in `target`.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit, RDN-U002 when the dimensions differ.
    """
    if unit == target:
        parse_unit(unit)
        return value
    up, down = _ratio(unit, target)
    return value * up if down == 1 else value / down if up == 1 else value * up / down


@lru_cache(maxsize=1024)
def _ratio(unit: str, target: str) -> tuple[float, float]:
    """Return the two whole numbers whose quotient converts `unit` to `target`."""
    source, goal = parse_unit(unit), parse_unit(target)
    if source.dimensions != goal.dimensions:
        raise UnitError(
            "RDN-U002",
            f"{unit!r} ({_in_words(source)}) cannot be converted to {target!r} ({_in_words(goal)})",
        )
    ratio = source.size / goal.size
    return float(ratio.numerator), float(ratio.denominator)


def _in_words(unit: Unit) -> str:
    if not unit.dimensions:
        return "a pure number"
    return " ".join(name.replace("_", " ") + (f"^{n}" if n != 1 else "") for name, n in unit.dimensions)


def parse_quantity(text: str) -> Quantity:
    """Read a number with its unit, such as ``"1.5 g"`` or ``"2mg/kg"``.

    Parameters
    ----------
    text
        A number and a unit; a comma is no decimal sign.

    Returns
    -------
    Quantity
        The number and the text of its unit.

    Raises
    ------
    UnitError
        RDN-U003 for text without a number or without a unit, RDN-U001 for an unknown unit.
    """
    match = _QUANTITY.fullmatch(text)
    value = float(match[1]) if match else math.inf
    if not match or not match[2] or not math.isfinite(value):
        raise UnitError("RDN-U003", "expected a number and a unit, such as '1.5 g'", value=text)
    parse_unit(match[2])
    return Quantity(value, match[2])


def dosing_rule(text: str) -> tuple[str, str | None]:
    """Split a unit of dose into the unit of an amount and the body size that multiplies it.

    Parameters
    ----------
    text
        ``"mg"``, ``"mg/kg"``, ``"g/m2"``, ``"session"``, ...

    Returns
    -------
    tuple
        The unit of the amount, and ``"weight"`` (kg), ``"bsa"`` (body surface, m2) or None for a flat dose.

    Raises
    ------
    UnitError
        RDN-U001 for an unknown unit, RDN-U004 for a unit that no dose can have.
    """
    amount, slash, per = (part.strip() for part in text.partition("/"))
    basis = _BODY_SIZES.get(per)
    dimensions = parse_unit(amount).dimensions
    dosed = len(dimensions) == 1 and dimensions[0][0] in _DOSED and dimensions[0][1] == 1
    if dosed and (basis or not slash):
        return amount, basis
    parse_unit(text)
    nearest = nearest_name(text, ("mg", "mg/kg", "mg/m2", "g", "g/m2", "session"))
    raise UnitError("RDN-U004", "not a unit of dose", value=text, nearest=nearest)
