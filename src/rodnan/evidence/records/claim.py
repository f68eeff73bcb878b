"""A claim of the founding documents, how it is to be answered, and what answers it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rodnan.evidence.records.base import Record, Text

__all__ = ["DOCUMENTS", "Claim"]

DOCUMENTS = {
    "A": "explainer of a news site",
    "B": "annotated bibliography of a patient foundation",
    "C": "PubMed record of a 2010 review",
}
"""The documents the claims come from."""


class Claim(Record):
    """One claim.

    Attributes
    ----------
    document
        Key of `DOCUMENTS`.
    shown_by
        What must answer it: records, a simulation, or both.
    check
        What a simulation (or the product) must show.
    records
        What answers it: ``kind:id`` of records, such as ``study:sls-2``, ``drug:rituximab``, ``safety:renal``
        (a group), ``page:lung`` (a page in plain language).
    checked_by
        Executable checks that exist: a command (``rodnan trial run sls-1``), or a test of the source tree
        (``tests/room/file.py::name``).
    answer
        What the records say, in one sentence.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
    document: Literal["A", "B", "C"]
    kind: Literal[
        "mechanism", "catalogue", "efficacy", "evidence-strength", "kinetics", "safety", "pharmacokinetics",
        "biomarker", "regulatory", "presentation",
    ]  # fmt: skip
    shown_by: Literal["evidence", "simulation", "both"]
    claim: Text
    check: str | None = None
    records: tuple[Annotated[str, Field(pattern=r"^[a-z]+:[a-zA-Z0-9][A-Za-z0-9\-_.]*$")], ...] = ()
    checked_by: tuple[str, ...] = ()
    answer: str | None = None

    @property
    def needs_records(self) -> bool:
        """Whether records must answer it."""
        return self.shown_by != "simulation"

    @property
    def needs_check(self) -> bool:
        """Whether an executable check must answer it."""
        return self.shown_by != "evidence"

    @property
    def status(self) -> str:
        """``answered``, ``partly`` (records or check, the other missing) or ``not yet``."""
        parts = [bool(self.records)] * self.needs_records + [bool(self.checked_by)] * self.needs_check
        if all(parts):
            return "answered"
        return "partly" if any(parts) else "not yet"
