"""The typed table of disease parameters: every value with unit, prior, basis and source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rodnan.errors import ModelError, nearest_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Parameter", "ParameterSet", "load_parameters", "overlay", "parse_parameters"]

PRIOR_ARGUMENTS = {
    "fixed": 0,
    "halfnormal": 1,
    "lognormal": 2,
    "logitnormal": 2,
    "normal": 2,
    "beta": 2,
    "dirichlet": 2,
}


class Parameter(BaseModel):
    """One parameter of the disease model.

    Attributes
    ----------
    name, kind, value, unit
        Identity; ``kind`` says whether all patients share it, or whether it is the centre or the spread of a
        patient parameter.
    prior
        Family and its arguments.
    basis, source
        Where the value comes from. A parameter without them does not load.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    kind: Literal["population", "typical", "spread"]
    value: float = Field(allow_inf_nan=False)
    unit: str = Field(min_length=1)
    prior: tuple[str | float, ...]
    basis: Literal["read", "recalled", "assumed", "estimated"]
    source: str = Field(min_length=4)
    prior_value: float | None = Field(default=None, description="value before the recorded fit, where fitted")

    @model_validator(mode="after")
    def _prior_is_complete(self) -> Parameter:
        family = self.prior[0] if self.prior else ""
        if family not in PRIOR_ARGUMENTS or len(self.prior) != 1 + PRIOR_ARGUMENTS[family]:
            raise ValueError(f"prior must be one of {PRIOR_ARGUMENTS} (family: number of arguments)")
        return self


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class ParameterSet:
    """Values of all parameters, ready to compute with.

    Attributes
    ----------
    records
        The records, by name, in table order.
    values
        Value by name; may differ from the records' after `with_values`.
    label
        ``shipped`` or what the values were changed for.
    """

    records: Mapping[str, Parameter]
    values: Mapping[str, float]
    label: str = "shipped"

    def __getitem__(self, name: str) -> float:
        try:
            return self.values[name]
        except KeyError:
            raise ModelError(
                "RDN-M001", "no such parameter", value=name, nearest=nearest_name(name, self.values)
            ) from None

    @property
    def population_names(self) -> tuple[str, ...]:
        """Names of the parameters that all patients share and the equations use, in table order."""
        return tuple(
            n for n, r in self.records.items() if r.kind == "population" and n not in ("es", "el", "c_w")
        )

    def population_vector(self) -> NDArray[np.float64]:
        """Return the shared parameters as the kernel takes them, float64[n_population]."""
        import numpy as np

        return np.array([self.values[name] for name in self.population_names])

    def with_values(self, changes: Mapping[str, float], label: str = "changed") -> ParameterSet:
        """Return a copy with some values replaced.

        Raises
        ------
        ModelError
            RDN-M001 for a name the table does not have, RDN-M002 for a value that is not finite.
        """
        for name, value in changes.items():
            _ = self[name]
            if not abs(value) < float("inf"):
                raise ModelError("RDN-M002", "a parameter must be a finite number", where=name, value=value)
        return replace(self, values=MappingProxyType({**self.values, **changes}), label=label)

    def sha256(self) -> str:
        """Return the hash of names and values, for manifests."""
        text = ";".join(f"{name}={value!r}" for name, value in sorted(self.values.items()))
        return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=2)
def load_parameters(*, fitted: bool = True) -> ParameterSet:
    """Load the table that ships with the package.

    Parameters
    ----------
    fitted
        With the values of the recorded fit; without, the values from literature and assumption that it started from.

    Returns
    -------
    ParameterSet
        Records and values.

    Raises
    ------
    ModelError
        RDN-M003 when a row lacks value, unit, prior, basis or source.
    """
    import yaml

    def read(name: str) -> Any:
        text = files("rodnan.disease").joinpath(name).read_text(encoding="utf-8")
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    table = parse_parameters(read("parameters.yaml"))
    return table if not fitted else overlay(table, read("fitted.yaml"))


def overlay(table: ParameterSet, fit: Mapping[str, Any]) -> ParameterSet:
    """Return a table with the values of a recorded fit; fitted rows say ``estimated`` and keep their first value.

    Parameters
    ----------
    table
        Parameters before the fit.
    fit
        A recorded fit: ``id`` and ``values`` by name.

    Raises
    ------
    ModelError
        RDN-M001 for a name the table does not have.
    """
    changed = table.with_values({name: float(value) for name, value in fit["values"].items()}, fit["id"])
    records = {
        name: record
        if name not in fit["values"]
        else record.model_copy(
            update={
                "value": changed[name],
                "prior_value": record.value,
                "basis": "estimated",
                "source": f"{fit['id']}; before the fit {record.value:g} ({record.basis}): {record.source}",
            }
        )
        for name, record in table.records.items()
    }
    return replace(changed, records=MappingProxyType(records))


def parse_parameters(table: object) -> ParameterSet:
    """Validate a table (as read from YAML) and turn it into a set of values.

    Raises
    ------
    ModelError
        RDN-M003 for a row that does not validate, RDN-M004 for a name given twice.
    """
    try:
        parsed = _Table.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            "RDN-M003",
            f"parameter table: {first['msg']} ({error.error_count()} problem(s))",
            where=f"parameters.yaml: {place}",
            value=first.get("input"),
        ) from None
    records: dict[str, Parameter] = {}
    for record in parsed.parameters:
        if record.name in records:
            raise ModelError("RDN-M004", "parameter given twice", where="parameters.yaml", value=record.name)
        records[record.name] = record
    values = {name: record.value for name, record in records.items()}
    return ParameterSet(MappingProxyType(records), MappingProxyType(values))
