"""What all evidence records share: strictness, bases, numbers."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "Basis",
    "Count",
    "Fraction",
    "Number",
    "Pair",
    "Percent",
    "Positive",
    "Record",
    "Size",
    "Text",
    "Value",
    "Week",
    "Year",
]

Basis = Literal["read", "recalled", "assumed", "estimated"]
"""How a number is known: seen in the named source, remembered (unverified), chosen, computed from data."""

_POWER_OF_TEN = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def _plain_number(value: object) -> object:
    """Refuse truth values and text; ``1.8e12``, text to YAML 1.1, counts as a number."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not yes or no")
    if isinstance(value, str):
        if _POWER_OF_TEN.fullmatch(value):
            return float(value)
        raise ValueError("a number is needed, not text")
    return value


_PLAIN = BeforeValidator(_plain_number)
Number = Annotated[float, _PLAIN, Field(allow_inf_nan=False)]
Positive = Annotated[float, _PLAIN, Field(gt=0, allow_inf_nan=False)]
Size = Annotated[float, _PLAIN, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, _PLAIN, Field(ge=0, le=1, allow_inf_nan=False)]
Percent = Annotated[float, _PLAIN, Field(ge=0, le=100, allow_inf_nan=False)]
Count = Annotated[int, _PLAIN, Field(ge=0)]
Week = Annotated[float, _PLAIN, Field(ge=-1000, le=5000, allow_inf_nan=False)]
Year = Annotated[int, _PLAIN, Field(ge=1900, le=2100)]
Pair = tuple[Number, Number]
Value = Number | tuple[Number, ...]
"""One number, or several that belong together (a range, a number per dose level)."""
Text = Annotated[str, Field(min_length=1)]


class Record(BaseModel):
    """Base of all records: frozen, and no field may be misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid")
