"""The patient-level FVC series of SLS I, read from a file of the user's; it is never part of the package (GPL data)."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rodnan.errors import CalibrationError, nearest_name

__all__ = ["COLUMNS", "EVENTS", "Patient", "Series", "SeriesSettings", "read_series", "series_settings"]

COLUMNS = (
    "id",
    "arm",
    "month",
    "fvc_pct_pred",
    "fib0",
    "event_time_month",
    "event_type",
)
"""Columns that the file must have; others are not looked at."""

EVENTS = ("none", "treatment failure or death", "drop-out")
"""What ends a patient's follow-up, by the number in the file."""

_LARGEST = 4 * 2**20
_FIELDS = 64


class Patient(BaseModel):
    """One patient of the series.

    Attributes
    ----------
    id, arm
        As in the file.
    months, fvc
        Months of measurement, increasing from 0, and FVC in % of predicted.
    fibrosis
        Maximum fibrosis score on HRCT at entry, 0 to 4.
    event
        0: followed to `last`; 1: treatment failure or death, FVC may go on; 2: dropped out.
    last
        Month of the event, or of the end of follow-up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    arm: str
    months: tuple[float, ...] = Field(min_length=2)
    fvc: tuple[float, ...]
    fibrosis: int = Field(ge=0, le=4)
    event: Literal[0, 1, 2]
    last: float = Field(gt=0, le=60)


class Series(BaseModel):
    """The series.

    Attributes
    ----------
    patients
        In the order of the file.
    sha256
        Checksum of the file.
    recorded
        Whether that is the checksum on record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: tuple[Patient, ...]
    sha256: str
    recorded: bool

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order of their first patient."""
        return tuple(dict.fromkeys(p.arm for p in self.patients))

    def of_arm(self, arm: str) -> tuple[Patient, ...]:
        """Return the patients of an arm."""
        return tuple(p for p in self.patients if p.arm == arm)


class CountRow(BaseModel):
    """Patients of an arm with an event by a week."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    event: str
    value: int = Field(ge=0)
    of: int = Field(ge=1)
    week: float
    unit: str
    basis: Literal["read", "recalled", "assumed", "estimated"]
    source: str


class SeriesSettings(BaseModel):
    """What is on record about the series and its model (``series.yaml``).

    Attributes
    ----------
    study, sha256
        The study, and the checksum of the file.
    values
        Settings by name.
    counts
        Counts of the study that are not in the series.
    replaces
        Summaries of the natural history that were computed from the same patients.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    sha256: str
    values: Mapping[str, float]
    counts: tuple[CountRow, ...]
    replaces: tuple[str, ...]


@lru_cache(maxsize=1)
def series_settings() -> SeriesSettings:
    """Return the recorded settings."""
    import yaml

    text = files("rodnan.calibration.bayes").joinpath("series.yaml").read_text(encoding="utf-8")
    rows = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return SeriesSettings(
        study=rows["study"],
        sha256=rows["sha256"],
        values={row["name"]: float(row["value"]) for row in rows["rows"]},
        counts=tuple(CountRow.model_validate(row) for row in rows["counts"]),
        replaces=tuple(rows["replaces"]),
    )


def read_series(path: Path, *, any_checksum: bool = False, arms: tuple[str, ...] | None = None) -> Series:
    """Read the series.

    Parameters
    ----------
    path
        CSV file with the columns `COLUMNS`, one line a measurement, month 0 included.
    any_checksum
        Take a file with another checksum than the recorded one.
    arms
        Names that an arm may have; those of the study's record when None.

    Raises
    ------
    CalibrationError
        RDN-C063 for a file that is not there or cannot be read, RDN-C064 for another checksum, RDN-C065 for a missing
        column, RDN-C066 for a bad value (with its row), RDN-C067 for lines of a patient that contradict each other.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise CalibrationError(
            "RDN-C063", "the patient series cannot be read", where=str(path), value=error.strerror
        ) from error
    if len(content) > _LARGEST:
        raise CalibrationError(
            "RDN-C063", f"the patient series is longer than {_LARGEST} bytes", where=str(path)
        )
    found, recorded = hashlib.sha256(content).hexdigest(), series_settings().sha256
    if found != recorded and not any_checksum:
        raise CalibrationError(
            "RDN-C064",
            f"the file is not the one on record (SHA-256 {recorded[:16]}…); --any-checksum takes it all the same",
            where=path.name,
            value=found[:16] + "…",
        )
    known = arms if arms is not None else _arms()
    patients: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(content, path.name, known):
        patients.setdefault(row["id"], []).append(row)
    if not patients:
        raise CalibrationError("RDN-C066", "the patient series has no rows", where=path.name)
    return Series(
        patients=tuple(_patient(rows, path.name) for rows in patients.values()),
        sha256=found,
        recorded=found == recorded,
    )


def _arms() -> tuple[str, ...]:
    from rodnan.evidence import load_study
    from rodnan.trial.design import design_from_study

    return tuple(arm.id for arm in design_from_study(load_study(series_settings().study)).arms)


def _rows(content: bytes, name: str, arms: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        lines = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = lines.fieldnames or ()
        for column in COLUMNS:
            if column not in header:
                raise CalibrationError(
                    "RDN-C065",
                    f"the patient series has no column {column}",
                    where=name,
                    nearest=nearest_name(column, header),
                )
        for row in lines:
            where = f"{name}: row {lines.line_num}"
            yield {
                "where": where,
                "id": _given(row, "id", where),
                "arm": _arm(row, where, arms),
                "month": _number(row, "month", where, 0.0, 60.0),
                "fvc": _number(row, "fvc_pct_pred", where, 5.0, 200.0),
                "fibrosis": _whole(row, "fib0", where, 4),
                "last": _number(row, "event_time_month", where, 1e-6, 60.0),
                "event": _whole(row, "event_type", where, 2),
            }
    except (UnicodeDecodeError, csv.Error) as error:
        raise CalibrationError(
            "RDN-C063", f"the patient series is no CSV text: {error}", where=name
        ) from error


def _given(row: Mapping[str, Any], column: str, where: str) -> str:
    text = row[column]
    if not isinstance(text, str) or not text.strip() or len(text) > _FIELDS:
        raise CalibrationError(
            "RDN-C066", "a value is missing or too long", where=f"{where}, {column}", value=text
        )
    return text.strip()


def _arm(row: Mapping[str, Any], where: str, arms: tuple[str, ...]) -> str:
    arm = _given(row, "arm", where)
    if arm not in arms:
        raise CalibrationError(
            "RDN-C066",
            "no arm of the study has this name",
            where=f"{where}, arm",
            value=arm,
            nearest=nearest_name(arm, arms),
        )
    return arm


def _number(row: Mapping[str, Any], column: str, where: str, low: float, high: float) -> float:
    text = _given(row, column, where)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise CalibrationError(
            "RDN-C066", f"expected a number from {low:g} to {high:g}", where=f"{where}, {column}", value=text
        )
    return value


def _whole(row: Mapping[str, Any], column: str, where: str, high: int) -> int:
    value = _number(row, column, where, 0.0, float(high))
    if value != int(value):
        raise CalibrationError(
            "RDN-C066", "expected a whole number", where=f"{where}, {column}", value=row[column]
        )
    return int(value)


def _patient(rows: list[dict[str, Any]], name: str) -> Patient:
    first = rows[0]
    for row in rows[1:]:
        for column in ("arm", "fibrosis", "last", "event"):
            if row[column] != first[column]:
                raise CalibrationError(
                    "RDN-C067",
                    f"lines of patient {row['id'][:20]} differ in {column}",
                    where=row["where"],
                    value=row[column],
                )
    rows = sorted(rows, key=lambda row: row["month"])
    months = tuple(row["month"] for row in rows)
    if months[0] != 0.0 or len(set(months)) < len(months) or len(months) < 2:
        raise CalibrationError(
            "RDN-C067",
            "a patient needs a measurement at month 0, one after it, and none twice in a month",
            where=f"{name}: patient {first['id']}",
            value=", ".join(f"{month:g}" for month in months),
        )
    return Patient(
        id=first["id"],
        arm=first["arm"],
        months=months,
        fvc=tuple(row["fvc"] for row in rows),
        fibrosis=first["fibrosis"],
        event=first["event"],
        last=first["last"],
    )
