"""What all evidence records share: strictness, bases, numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Basis", "Number", "Positive", "Record"]

Basis = Literal["read", "recalled", "assumed", "estimated"]
"""How a number is known: seen in the named source, remembered and unverified, chosen, or computed from data."""


def _no_truth_values(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not yes or no")
    return value


Number = Annotated[float, BeforeValidator(_no_truth_values), Field(allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_no_truth_values), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_no_truth_values), Field(ge=0)]
Pair = Annotated[tuple[Number, Number], Field()]
Week = Annotated[float, BeforeValidator(_no_truth_values), Field(ge=-1000, le=5000, allow_inf_nan=False)]


class Record(BaseModel):
    """Base of all records: frozen, and no field may be misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid")
