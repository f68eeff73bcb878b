"""Rodnan: an in-silico laboratory for the immunosuppressive treatment of systemic sclerosis.

It simulates populations of virtual patients for research and teaching; it never advises about a person. Rooms, in the
order in which data flows: `evidence`, `pharmacology`, `disease`, `population`, `trial`, `report`; `calibration` beside
the last, `engine` below all. They are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rodnan._version import __version__

if TYPE_CHECKING:
    from rodnan import (
        calibration,
        disease,
        engine,
        errors,
        evidence,
        pharmacology,
        population,
        report,
        trial,
        units,
    )

__all__ = [
    "__version__",
    "calibration",
    "disease",
    "engine",
    "errors",
    "evidence",
    "pharmacology",
    "population",
    "report",
    "trial",
    "units",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"rodnan.{name}")
    raise AttributeError(f"module 'rodnan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
