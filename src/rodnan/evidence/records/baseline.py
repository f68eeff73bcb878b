"""Who was in a study: how many, which, and their baseline table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rodnan.evidence.records.base import Count, Record, Text
from rodnan.evidence.records.results import Spread

__all__ = ["BaselineRow", "Population", "pooled_row"]


class BaselineRow(Spread):
    """One number of a baseline table."""

    variable: Text
    arm: str
    what: str | None = None


class Population(Record):
    """Who was in a study."""

    n: Count | None = None
    inclusion: tuple[str, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()


def pooled_row(rows: Iterable[BaselineRow], variable: str) -> BaselineRow | None:
    """Pool the rows of several arms into one of all patients.

    Parameters
    ----------
    rows
        Rows with a mean (or a plain value) and a number of patients; others do not count.
    variable
        What the rows measure.

    Returns
    -------
    BaselineRow or None
        The mean weighted by numbers; the standard deviation with the part between arms, when every row has
        one; marked ``derived``. None without a row that counts.
    """
    used = [(row, row.mean if row.mean is not None else row.value, row.n) for row in rows]
    parts = [(row, mean, n) for row, mean, n in used if mean is not None and n]
    if not parts:
        return None
    total = sum(n for _, _, n in parts)
    mean = math.fsum(n * m for _, m, n in parts) / total
    spread = None
    if all(row.sd is not None for row, _, _ in parts):
        spread = math.sqrt(
            math.fsum(n * ((row.sd or 0.0) ** 2 + (m - mean) ** 2) for row, m, n in parts) / total
        )
    first = parts[0][0]
    basis = "recalled" if any(row.basis == "recalled" for row, _, _ in parts) else first.basis
    return BaselineRow(
        variable=variable,
        arm="all",
        mean=mean,
        sd=spread,
        unit=first.unit,
        n=total,
        basis=basis,
        derived=True,
    )
