"""The table of claims: what the simulation gave, what it had to give, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rodnan.report.table import Column, Group, Table

__all__ = ["claims_table"]

VERDICTS = ("holds", "refuted", "not yet")


def claims_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the executable claims with value, criterion and verdict.

    Parameters
    ----------
    rows
        As `rodnan.calibration.claims.check_claims` returns them.

    Returns
    -------
    Table
        One row a claim with the part that decided it, in groups by verdict; what should be read beside it stands in
        the notes.
    """
    groups = tuple(
        Group(verdict, cells)
        for verdict in VERDICTS
        if (cells := tuple(_cells(row) for row in rows if row["verdict"] == verdict))
    )
    return Table(
        id="claims",
        caption="Simulation: claims of the ledger against populations of virtual patients. Of several numbers of "
        "a claim the one that decided is shown.",
        columns=(
            Column("Claim", wrap=True),
            Column("Value", align="right", wrap=True),
            Column("Criterion", wrap=True),
            Column("Verdict"),
        ),
        groups=groups,
        notes=tuple(f"{row['id']}: {row['note']}" for row in rows if row["note"]),
        records=tuple(
            {k: row[k] for k in ("id", "verdict", "value", "unit", "criterion", "note")} for row in rows
        ),
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    value = "not finite" if row["value"] is None else f"{row['value']:.3g}"
    more = len(row["parts"]) - 1
    others = f" (and {more} more)" if more else ""
    return (row["id"], f"{value} {row['unit']}", f"{row['deciding']}{others}", row["verdict"])
