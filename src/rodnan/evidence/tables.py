"""Records as polars frames, and SQL over all of them (DuckDB, in memory, without access to files)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.rows import KINDS, cell, kind_rows

if TYPE_CHECKING:
    from rodnan.evidence.records.study import Study

__all__ = ["as_frame", "frame", "query", "table_names"]


def frame(
    kind: str,
    *,
    studies: Sequence[Study] | None = None,
    drug: str | None = None,
    design: str | None = None,
    endpoint: str | None = None,
) -> pl.DataFrame:
    """Return rows of the records as a frame.

    Parameters
    ----------
    kind, studies, drug, design, endpoint
        As for `rodnan.evidence.rows.kind_rows`: ``frame("outcomes", drug="CellCept", endpoint="fvc_pct_pred")``.

    Returns
    -------
    polars.DataFrame
        One row a record; see `as_frame` for the types of columns.

    Raises
    ------
    EvidenceError
        RDN-E009 for an unknown kind, design or endpoint; RDN-E006 for an unknown drug.
    """
    return as_frame(kind_rows(kind, studies=studies, drug=drug, design=design, endpoint=endpoint))


def as_frame(rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> pl.DataFrame:
    """Turn rows into a frame.

    Parameters
    ----------
    rows
        Rows of plain values; missing ones are null.
    names
        Columns; those of the rows, in the order in which they appear, when None.

    Returns
    -------
    polars.DataFrame
        Columns of numbers, of truth values, or of lists of numbers or of text where all their values are such;
        of text otherwise (a dose that is one number here and a span there is text).
    """
    if names is None:
        names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, bool) for value in there):
        return pl.Series(name, values, dtype=pl.Boolean)
    if there and all(_number(value) for value in there):
        whole = all(isinstance(value, int) for value in there)
        return pl.Series(name, values, dtype=pl.Int64 if whole else pl.Float64)
    if there and all(isinstance(value, list) for value in there):
        parts = [part for value in there for part in value]
        if all(_number(part) for part in parts):
            return pl.Series(name, values, dtype=pl.List(pl.Float64))
        if all(isinstance(part, str) for part in parts):
            return pl.Series(name, values, dtype=pl.List(pl.String))
    texts = [None if value is None else value if isinstance(value, str) else cell(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def table_names() -> tuple[str, ...]:
    """Return the names of the tables that `query` knows."""
    return tuple(kind.replace("-", "_") for kind in KINDS)


def query(sql: str, *, studies: Sequence[Study] | None = None) -> pl.DataFrame:
    """Run SQL over the records.

    Parameters
    ----------
    sql
        A query over the tables of `table_names`, such as ``SELECT study, mean FROM outcomes WHERE endpoint = 'mrss'``.
    studies
        Studies of one's own in place of those on record.

    Returns
    -------
    polars.DataFrame
        What the query returns.

    Raises
    ------
    EvidenceError
        RDN-E016: the query cannot be run, or reads something other than the records.
    """
    with duckdb.connect(":memory:", config={"threads": 1}) as database:
        for name, kind in zip(table_names(), KINDS, strict=True):
            if re.search(rf"\b{name}\b", sql, re.IGNORECASE):
                _fill(database, name, as_frame(kind_rows(kind, studies=studies)))
        database.execute("SET enable_external_access = false")
        database.execute("SET python_enable_replacements = false")
        database.execute("SET lock_configuration = true")
        try:
            found = database.execute(sql)
            if found is None or found.description is None:
                raise EvidenceError("RDN-E016", "no query", value=sql)
            names = [column[0] for column in found.description]
            return as_frame([_plain(names, row) for row in found.fetchall()], names)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0] if str(error) else "no query"
            raise EvidenceError("RDN-E016", reason, value=sql, nearest=_nearest(sql, reason)) from None


def _fill(database: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    """Make a table of a frame, a thousand values at a time."""
    if not rows.width:
        return
    columns = ", ".join(f'"{column}" {_sql_type(kind)}' for column, kind in rows.schema.items())
    database.execute(f"CREATE TABLE {name} ({columns})")
    one = f"({', '.join('?' * rows.width)})"
    size = max(1, 1000 // rows.width)
    values = rows.rows()
    for start in range(0, len(values), size):
        some = values[start : start + size]
        flat = [value for row in some for value in row]
        database.execute(f"INSERT INTO {name} VALUES {', '.join([one] * len(some))}", flat)


def _plain(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    plain = (float(value) if isinstance(value, Decimal) else value for value in row)
    return dict(zip(names, plain, strict=True))


def _sql_type(kind: pl.DataType) -> str:
    names = {
        pl.Boolean(): "BOOLEAN",
        pl.Int64(): "BIGINT",
        pl.Float64(): "DOUBLE",
        pl.List(pl.Float64): "DOUBLE[]",
    }
    return "VARCHAR[]" if kind == pl.List(pl.String) else names.get(kind, "VARCHAR")


def _nearest(sql: str, reason: str) -> str | None:
    """Return the table most like the one that a query asks for in vain."""
    if "Table with name" not in reason:
        return None
    asked = reason.partition("Table with name ")[2].partition(" ")[0]
    return nearest_name(asked, table_names())
