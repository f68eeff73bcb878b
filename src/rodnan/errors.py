"""Errors of the package: one tree, each error with a stable code.

RodnanError                     base; never raised itself
├── UnitError       RDN-U...    unknown unit, wrong dimension
├── EvidenceError   RDN-E...    a record that does not validate, an unknown study, drug or claim
├── DoseError       RDN-D...    an illegal dose, event or regimen
├── ModelError      RDN-M...    a parameter or structure of a model that cannot be computed
├── PopulationError RDN-P...    a missing covariate, an enrolment that cannot be met
├── TrialError      RDN-T...    a design or run that cannot be carried out
├── CalibrationError RDN-C...   a target or fit that cannot be computed
├── SourceError     RDN-S...    an outside source (file, registry, network) that cannot be read
└── EngineError     RDN-N...    a numerical failure, a cache or device that cannot be used

A message is one line: what was wrong, where (file, field, row, column), the offending value and, where
there is one, the nearest valid name. The command line prints it and exits with status 2; complaints about
the command line itself have the codes RDN-X...
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CalibrationError",
    "DoseError",
    "EngineError",
    "EvidenceError",
    "ModelError",
    "PopulationError",
    "RodnanError",
    "SourceError",
    "TrialError",
    "UnitError",
    "nearest_name",
]

_LONGEST = 200
"""Letters of an offending value that a message shows."""


def nearest_name(name: object, valid: Iterable[str]) -> str | None:
    """Return the valid name most like `name`, or None when nothing is alike.

    A name cut short counts as alike when it begins one valid name only.

    Parameters
    ----------
    name
        What was given.
    valid
        The names that would have been accepted.

    Returns
    -------
    str or None
        The nearest valid name (case ignored), or None.
    """
    by_folded = {v.casefold(): v for v in valid}
    given = str(name).casefold()
    found = get_close_matches(given, list(by_folded), n=1, cutoff=0.5)
    if not found and len(given) > 2:
        begun = [v for v in by_folded if v.startswith(given)]
        found = begun if len(begun) == 1 else []
    return by_folded[found[0]] if found else None


class RodnanError(Exception):
    """Base of every error that a user can cause.

    Parameters
    ----------
    code
        Stable code such as ``"RDN-E001"``; it never changes its meaning.
    message
        One sentence: what was wrong and what was expected.
    where
        File, field, row or column, for example ``"sls-2.yaml: arms[0].n"``.
    value
        The offending value.
    nearest
        The nearest valid name, if one is alike.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: str | None = None,
        value: object = None,
        nearest: str | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.where = where
        self.value = value
        self.nearest = nearest
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.code} {self.message}"
        if self.where:
            text += f" [{self.where}]"
        if self.value is not None:
            text += f" (given: {_shortened(repr(self.value))})"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        return " ".join(text.split())

    def __reduce__(self):
        return (_rebuild, (type(self), self.code, self.message, self.where, self.value, self.nearest))


def _shortened(text: str) -> str:
    """Return text of a line's length; what a file holds in a field may be a page."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rebuild(cls, code, message, where, value, nearest):
    return cls(code, message, where=where, value=value, nearest=nearest)


class UnitError(RodnanError):
    """An unknown unit or a quantity of the wrong dimension."""


class EvidenceError(RodnanError):
    """A record that does not validate, or a name that no record has."""


class DoseError(RodnanError):
    """An illegal dose, dosing event or regimen."""


class ModelError(RodnanError):
    """A model, parameter or structure that cannot be computed."""


class PopulationError(RodnanError):
    """A missing covariate, or an enrolment that cannot be met."""


class TrialError(RodnanError):
    """A trial design or run that cannot be carried out."""


class CalibrationError(RodnanError):
    """A calibration target or fit that cannot be computed."""


class SourceError(RodnanError):
    """An outside source (file, registry, network) that cannot be read."""


class EngineError(RodnanError):
    """A numerical failure, or a cache or device that cannot be used."""
