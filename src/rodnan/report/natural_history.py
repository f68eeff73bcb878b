"""The natural-history table: what the untreated model gives beside what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rodnan.errors import TrialError
from rodnan.report.table import Column, Group, Table
from rodnan.report.wording import interval, number

__all__ = ["natural_history_table"]

_NBSP = "\N{NO-BREAK SPACE}"
_VERDICTS = ("within", "outside", "not computed")


def natural_history_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the natural-history targets with the model's value, the observed one and a verdict.

    Parameters
    ----------
    rows
        One mapping per target: ``id``, ``target``, ``model`` (a number, a mapping of names to numbers, or
        None), ``observed`` (text or number), ``tolerance`` (text), ``verdict`` (``"within"``, ``"outside"``
        or ``"not computed"``) and, optionally, ``note``.

    Returns
    -------
    Table
        ``str(table)`` or ``table.to_text()`` for the terminal, ``table.to_html()`` for a page,
        ``table.to_csv()`` for a file.

    Raises
    ------
    TrialError
        RDN-T904 for a verdict that is none of the three.
    """
    for index, row in enumerate(rows):
        if row["verdict"] not in _VERDICTS:
            raise TrialError(
                "RDN-T904",
                f"a verdict is one of {', '.join(_VERDICTS)}",
                where=f"rows[{index}] {row['id']}",
                value=row["verdict"],
            )
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in _VERDICTS}
    notes = [f"{row['id']}: {row['note']}" for row in rows if row.get("note")]
    return Table(
        id="natural-history",
        caption=(
            f"Simulation: natural history without treatment. {counts['within']} of "
            f"{counts['within'] + counts['outside']} computed targets lie within their tolerance"
            + (f"; {counts['not computed']} not computed." if counts["not computed"] else ".")
        ),
        columns=(
            Column("Id"),
            Column("Target", wrap=True),
            Column("Simulated", wrap=True),
            Column("Observed", wrap=True),
            Column("Tolerance", wrap=True),
            Column("Verdict"),
        ),
        groups=(Group("", tuple(_cells(row) for row in rows)),) if rows else (),
        notes=tuple(notes),
        records=tuple(_record(row) for row in rows),
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["id"]),
        str(row["target"]),
        _value(row.get("model")),
        _value(row.get("observed")),
        _value(row.get("tolerance")),
        row["verdict"],
    )


def _value(value: Any) -> str:
    """A number with at most three significant digits, a mapping as ``name number`` pairs, text unchanged."""
    if value is None:
        return "-"
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, Mapping):
        if "mean" in value and "interval90" in value:
            return f"{_value(value['mean'])} ({interval(value['interval90'])})"
        named = ((str(name).replace("_", " "), _value(part)) for name, part in value.items())
        return "; ".join(f"{name}{_NBSP}{part}" for name, part in named)
    if isinstance(value, Sequence):
        return " to ".join(_value(part) for part in value)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return number(float(value), digits)


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    model = row.get("model")
    return {
        "id": row["id"],
        "target": row["target"],
        "simulated": _value(model).replace("\N{NO-BREAK SPACE}", " ")
        if isinstance(model, Mapping)
        else model,
        "observed": row.get("observed"),
        "tolerance": row.get("tolerance"),
        "verdict": row["verdict"],
        "note": row.get("note"),
    }
