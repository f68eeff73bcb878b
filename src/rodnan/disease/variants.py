"""Structural variants of the disease model, behind one switch: parameters held where a mechanism is absent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rodnan.disease.parameters import ParameterSet
from rodnan.errors import ModelError, nearest_name

__all__ = ["Variant", "as_variant", "variants"]


class Variant(BaseModel):
    """One structural variant.

    Attributes
    ----------
    name, meaning
        Identity, and what it adds to the base.
    held
        Parameters held at the value at which a mechanism is absent (units of the parameter table).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z-]*$")
    meaning: str = Field(min_length=4)
    held: dict[str, float]


@lru_cache(maxsize=1)
def variants() -> Mapping[str, Variant]:
    """Return the variants by name, in order of the record."""
    import yaml

    text = files("rodnan.disease").joinpath("variants.yaml").read_text(encoding="utf-8")
    rows: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["variants"]
    return MappingProxyType({row["name"]: Variant.model_validate(row) for row in rows})


def as_variant(parameters: ParameterSet, name: str) -> ParameterSet:
    """Return the parameters with what the variant holds put to its place.

    Parameters
    ----------
    parameters
        Any parameter values.
    name
        Name of a variant.

    Raises
    ------
    ModelError
        RDN-M008 for a name that is no variant.
    """
    known = variants()
    if name not in known:
        raise ModelError(
            "RDN-M008", "no such structural variant", value=name, nearest=nearest_name(name, known)
        )
    return parameters.with_values(known[name].held, f"{parameters.label}, variant {name}")
