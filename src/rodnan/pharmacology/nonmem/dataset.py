"""Read a NONMEM data set: strict about names, numbers and order.

A table is read whole or refused: nothing is dropped, filled in or guessed. ``.`` and an empty field are
NONMEM's missing value: zero in the event fields (as in NONMEM), an error in ``ID``, ``TIME``, the amount of a
dose and every covariate that the model reads.

Codes
-----
==========  ===================================================================================
RDN-D120    the file is empty, or has a header and no records
RDN-D121    two columns of one name, or a column without a name
RDN-D122    a column is missing
RDN-D123    a column's name is like one that NONMEM or the model knows, but is not that name
RDN-D124    a row has more or fewer fields than the header
RDN-D125    a field is not a number
RDN-D126    a field is not a finite number (nan, inf)
RDN-D127    a clock time or a date
RDN-D128    a number that should be whole is not
RDN-D129    the records of one ID do not stand together
RDN-D130    TIME goes backwards without a reset
RDN-D131    no EVID column: doses could be lost without a word
RDN-D132    a data item of NONMEM that is not supported
RDN-D133    a value is missing where it is needed
RDN-D134    what is said of the doses is neither ``given`` nor ``none``
RDN-D135    a dose where there should be none
==========  ===================================================================================

A file that cannot be opened or is no text is ``RDN-S150``.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import DoseError, SourceError, nearest_name
from rodnan.pharmacology.events import Event
from rodnan.pharmacology.nonmem.model import DOSE_COLUMN

__all__ = ["EVENT_COLUMNS", "EventTable", "parse_dataset", "read_dataset"]

EVENT_COLUMNS = ("ID", "TIME", "AMT", "CMT", "EVID", "RATE", "II", "ADDL", "SS", "DV", "MDV")
"""The columns that this package reads by NONMEM's own names, besides ALAGn, Fn, Dn and Rn."""

_UNSUPPORTED = {
    "DATE": "dates; give TIME as a number counted from the first record",
    "DAT1": "dates; give TIME as a number counted from the first record",
    "DAT2": "dates; give TIME as a number counted from the first record",
    "DAT3": "dates; give TIME as a number counted from the first record",
    "CONT": "continued records",
    "CALL": "the choice of when PK is called",
    "C": "a comment column; take out the records it marks",
}
_INDEX_FREE = {  # names people give to NONMEM's items; refused unless the model reads such a column
    "ALAG": "ALAG1",
    "LAG": "ALAG1",
    "TLAG": "ALAG1",
    "F": "F1",
    "BIO": "F1",
    "DUR": "D1",
    "TINF": "D1",
    "AMOUNT": "AMT",
    "EVENT": "EVID",
    "COMPARTMENT": "CMT",
    "INTERVAL": "II",
    "SUBJECT": "ID",
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity|na|null)", re.IGNORECASE)
_CLOCK = re.compile(
    r"\d+:\d\d?(?::\d\d)?(?:\.\d+)?(?:\s*[ap]m)?|\d+[-/]\d+([-/]\d+)?(?:[ T]\d.*)?", re.IGNORECASE
)
_MISSING = frozenset(("", "."))
_WHOLE = frozenset(("EVID", "CMT", "ADDL", "SS"))
_MAX_FIELD = 200


@dataclass(frozen=True)
class EventTable:
    """A data set, checked for form; the meaning of the records is checked against a model.

    Attributes
    ----------
    name
        File name, for messages.
    header
        Names of the columns.
    rows
        The fields as text.
    lines
        Line of the file of each row.
    ids
        ID of each row.
    events
        The records' event fields, in file order.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    ids: tuple[float, ...]
    events: tuple[Event, ...]

    def __len__(self) -> int:
        return len(self.events)

    @cached_property
    def individuals(self) -> tuple[slice, ...]:
        """The rows of each individual."""
        starts = [i for i in range(len(self.ids)) if i == 0 or self.ids[i] != self.ids[i - 1]]
        return tuple(slice(a, b) for a, b in zip(starts, [*starts[1:], len(self.ids)], strict=True))

    def column(self, name: str, *, required: bool = True) -> NDArray[np.float64]:
        """Return one column as numbers.

        Parameters
        ----------
        name
            Name of the column.
        required
            Whether a missing value is an error; if not, it is NaN.

        Returns
        -------
        ndarray, shape (rows,)

        Raises
        ------
        DoseError
            ``RDN-D122`` no such column; ``RDN-D125``, ``RDN-D126``, ``RDN-D127`` a field is no number;
            ``RDN-D133`` a value is missing.
        """
        if name not in self.header:
            raise DoseError(
                "RDN-D122",
                f"the model reads {name}, which is neither one of its parameters nor a column of the data set",
                where=self.name,
                nearest=nearest_name(name, self.header),
            )
        at = self.header.index(name)
        out = np.empty(len(self.rows))
        for i, (line, row) in enumerate(zip(self.lines, self.rows, strict=True)):
            value = _number(row[at], line, name)
            if required and math.isnan(value):
                raise DoseError(
                    "RDN-D133",
                    "a value is missing; covariates stand on every record and hold until there",
                    where=f"row {line}, column {name}",
                    value=row[at] or ".",
                )
            out[i] = value
        return out

    def unused(self, used: Collection[str]) -> tuple[str, ...]:
        """Return the columns that neither the event fields nor the model read."""
        known = {*EVENT_COLUMNS, *used}
        return tuple(c for c in self.header if c not in known and not DOSE_COLUMN.fullmatch(c))


def read_dataset(
    path: str | Path,
    *,
    model_columns: Collection[str] = (),
    doses: str = "given",
    accepted_by_nonmem: bool = False,
) -> EventTable:
    """Read a comma-separated NONMEM data set with a header.

    Parameters
    ----------
    path
        The file.
    model_columns
        Names of columns that the model reads.
    doses
        ``"none"`` says that no record gives a dose: then there may be no EVID column.
    accepted_by_nonmem
        The table is known to have been run: names that only resemble known ones are let pass, and an ID that
        comes back later is another individual, as it is to NONMEM.

    Returns
    -------
    EventTable

    Raises
    ------
    SourceError
        ``RDN-S150`` the file cannot be opened, or is no text.
    DoseError
        See the module.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        reason = (
            "is no text in UTF-8" if isinstance(e, UnicodeDecodeError) else (e.strerror or "cannot be read")
        )
        raise SourceError("RDN-S150", f"a data set cannot be read: {reason}", where=str(path)) from None
    return parse_dataset(
        text,
        path.name,
        model_columns=model_columns,
        doses=doses,
        accepted_by_nonmem=accepted_by_nonmem,
    )


def parse_dataset(
    text: str,
    name: str = "data set",
    *,
    model_columns: Collection[str] = (),
    doses: str = "given",
    accepted_by_nonmem: bool = False,
) -> EventTable:
    """Read a data set from text.

    Parameters
    ----------
    text
        Comma-separated records with a header.
    name
        What to call it in messages.
    model_columns, doses, accepted_by_nonmem
        As in `read_dataset`.

    Returns
    -------
    EventTable
        The records, checked for form.

    Raises
    ------
    DoseError
        See the module.
    """
    if doses not in ("given", "none"):
        raise DoseError(
            "RDN-D134",
            "doses are 'given' or there are 'none'",
            value=doses,
            nearest=nearest_name(doses, ("given", "none")),
        )
    lines, rows = _split(text, name)
    header = tuple(field.strip() for field in rows[0])
    _check_header(header, name, model_columns, accepted_by_nonmem)
    body, numbers = rows[1:], lines[1:]
    if not body:
        raise DoseError("RDN-D120", "the data set has no records", where=name)
    for line, row in zip(numbers, body, strict=True):
        if len(row) != len(header):
            raise DoseError(
                "RDN-D124", f"a row of {len(header)} fields was expected", where=f"row {line}", value=len(row)
            )
    if "EVID" not in header and doses != "none":
        raise DoseError(
            "RDN-D131",
            "no EVID column: say which records are doses, or that there are none (--doses none)",
            where=name,
            nearest=nearest_name("EVID", header),
        )
    fields = _event_fields(header, body, numbers)
    events, ids = [], []
    for i, line in enumerate(numbers):
        row = {k: v[i] for k, v in fields.items()}
        for required in ("ID", "TIME"):
            if math.isnan(row[required]):
                raise DoseError(
                    "RDN-D133", f"{required} is missing", where=f"row {line}, column {required}", value="."
                )
        ids.append(row["ID"])
        events.append(_event(line, row))
        if doses == "none" and events[-1].is_dose:
            raise DoseError(
                "RDN-D135",
                "a dose, where there should be none",
                where=f"row {line}, column EVID",
                value=events[-1].evid,
            )
    _check_order(ids, events, accepted_by_nonmem)
    return EventTable(name, header, tuple(map(tuple, body)), tuple(numbers), tuple(ids), tuple(events))


def _split(text: str, name: str) -> tuple[list[int], list[list[str]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row and any(field.strip() for field in row):
                lines.append(reader.line_num)
                rows.append([field.strip() for field in row])
    except csv.Error as e:
        raise DoseError(
            "RDN-D124", f"not a comma-separated table: {e}", where=f"row {reader.line_num}"
        ) from None
    if not rows:
        raise DoseError("RDN-D120", "the data set is empty", where=name)
    return lines, rows


def _check_header(header: Sequence[str], name: str, model_columns: Collection[str], lenient: bool) -> None:
    seen: set[str] = set()
    for column in header:
        if column in seen or not column:
            raise DoseError(
                "RDN-D121",
                "a column name that stands twice, or is empty",
                where=name,
                value=column[:_MAX_FIELD],
            )
        seen.add(column)
    for column in header:
        if column in EVENT_COLUMNS or column in model_columns or DOSE_COLUMN.fullmatch(column):
            continue
        if column.upper() in _UNSUPPORTED and not lenient:
            raise DoseError(
                "RDN-D132", f"not supported: {_UNSUPPORTED[column.upper()]}", where=f"column {column}"
            )
        like = None if lenient else _resembles(column, model_columns)
        if like is not None and like not in header:
            raise DoseError(
                "RDN-D123", "an unknown column", where=name, value=column[:_MAX_FIELD], nearest=like
            )
    for column in ("ID", "TIME"):
        if column not in header:
            raise DoseError(
                "RDN-D122",
                f"the data set has no column {column}",
                where=name,
                nearest=nearest_name(column, header),
            )


def _resembles(column: str, model_columns: Iterable[str]) -> str | None:
    """Return the known name that an unknown column was probably meant to be."""
    folded = column.upper().replace("_", "").replace(" ", "")
    if folded in _INDEX_FREE:
        return _INDEX_FREE[folded]
    if DOSE_COLUMN.fullmatch(folded):
        return folded
    for known in (*EVENT_COLUMNS, *model_columns):
        target = known.upper().replace("_", "")
        if folded == target or (len(target) > 2 and _one_slip(folded, target)):
            return known
    return None


def _one_slip(a: str, b: str) -> bool:
    """Whether `a` is `b` with one letter too many, too few (names of four letters) or two letters swapped."""
    if len(a) == len(b) + 1:
        return any(a[:i] + a[i + 1 :] == b for i in range(len(a)))
    if len(a) == len(b):
        wrong = [i for i in range(len(a)) if a[i] != b[i]]
        return (
            len(wrong) == 2
            and wrong[1] == wrong[0] + 1
            and a[wrong[0]] == b[wrong[1]]
            and (a[wrong[1]] == b[wrong[0]])
        )
    return len(b) > 3 and len(a) == len(b) - 1 and _one_slip(b, a)


def _number(field: str, line: int, column: str) -> float:
    if field in _MISSING:
        return math.nan
    if _NUMBER.fullmatch(field):
        value = float(field)
        if math.isfinite(value):
            return value
    where, shown = f"row {line}, column {column}", field[:_MAX_FIELD]
    if _NOT_FINITE.fullmatch(field) or _NUMBER.fullmatch(field):
        raise DoseError("RDN-D126", "not a finite number; '.' means missing", where=where, value=shown)
    if _CLOCK.fullmatch(field):
        raise DoseError(
            "RDN-D127", "a clock time or date; give the time elapsed as a number", where=where, value=shown
        )
    raise DoseError("RDN-D125", "not a number; '.' means missing", where=where, value=shown)


def _event_fields(
    header: Sequence[str], body: Sequence[Sequence[str]], lines: Sequence[int]
) -> dict[str, list[float]]:
    fields: dict[str, list[float]] = {}
    for column in EVENT_COLUMNS:
        if column not in header:
            continue
        at = header.index(column)
        values = [_number(row[at], line, column) for line, row in zip(lines, body, strict=True)]
        if column in _WHOLE:
            for line, value in zip(lines, values, strict=True):
                if not math.isnan(value) and not (value == math.floor(value) and abs(value) < 2**53):
                    raise DoseError(
                        "RDN-D128",
                        f"{column} is a whole number",
                        where=f"row {line}, column {column}",
                        value=value,
                    )
        fields[column] = values
    return fields


def _event(line: int, row: dict[str, float]) -> Event:
    def or_zero(column: str) -> float:
        value = row.get(column, 0.0)
        return 0.0 if math.isnan(value) else value

    return Event(
        row=line,
        time=row["TIME"],
        evid=int(or_zero("EVID")),
        amt=row.get("AMT", math.nan),
        cmt=int(or_zero("CMT")),
        rate=or_zero("RATE"),
        ii=or_zero("II"),
        addl=int(or_zero("ADDL")),
        ss=int(or_zero("SS")),
        mdv=row.get("MDV", math.nan),
    )


def _check_order(ids: Sequence[float], events: Sequence[Event], lenient: bool) -> None:
    finished: set[float] = set()
    for i in range(1, len(ids)):
        if ids[i] != ids[i - 1]:
            finished.add(ids[i - 1])
            if ids[i] in finished and not lenient:
                raise DoseError(
                    "RDN-D129",
                    "the records of one ID must stand together",
                    where=f"row {events[i].row}, column ID",
                    value=ids[i],
                )
        elif events[i].time < events[i - 1].time and not events[i].is_reset:
            raise DoseError(
                "RDN-D130",
                "TIME goes backwards; only a reset (EVID 3 or 4) may do so",
                where=f"row {events[i].row}, column TIME",
                value=events[i].time,
            )
