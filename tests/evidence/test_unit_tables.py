"""Frames and SQL over the records."""

from __future__ import annotations

import json

import polars as pl
import pytest

from rodnan.cli.main import execute
from rodnan.errors import EvidenceError
from rodnan.evidence import load_study, studies
from rodnan.evidence.rows import KINDS, kind_rows
from rodnan.evidence.tables import as_frame, frame, query, table_names


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_frame_that_loses_nothing(kind):
    rows = kind_rows(kind)
    made = frame(kind)
    assert made.height == len(rows)
    for name in made.columns:
        given = [row.get(name) for row in rows]
        assert made[name].null_count() == sum(value is None for value in given)
        if made[name].dtype in (pl.Float64, pl.Int64, pl.Boolean):
            assert made[name].to_list() == given


def test_columns_have_the_type_their_values_share():
    made = as_frame(
        [{"a": 1, "b": 1.5, "c": [1, 2], "d": "x", "e": True}, {"a": None, "b": 2, "c": 3, "d": ["y"]}]
    )
    assert made.schema == {"a": pl.Int64, "b": pl.Float64, "c": pl.String, "d": pl.String, "e": pl.Boolean}
    assert made["c"].to_list() == ["1; 2", "3"]
    assert frame("outcomes").schema["ci95"] == pl.List(pl.Float64)
    assert frame("studies").schema["drugs"] == pl.List(pl.String)


def test_sql_counts_what_the_records_hold():
    found = query("SELECT count(*) AS n FROM studies WHERE randomised")
    assert found["n"].to_list() == [sum(load_study(name).design.randomised for name in studies())]
    found = query(
        "SELECT study, mean FROM outcomes WHERE endpoint = 'mrss' AND measure = 'change' AND week = 52 ORDER BY ALL"
    )
    assert ("pope-2001", -4.3) in found.rows()
    assert query("SELECT 1.25 AS x, avg(n) AS m, NULL AS z FROM regimens").dtypes[:2] == [
        pl.Float64,
        pl.Float64,
    ]
    own = query("SELECT * FROM studies", studies=[load_study("sls-2")])
    assert own["id"].to_list() == ["sls-2"]


@pytest.mark.parametrize(
    ("sql", "nearest"),
    [
        ("SELECT * FROM outcome", "outcomes"),
        ("SELEKT 1", None),
        ("", None),
        ("SELECT * FROM read_csv('/etc/hostname')", None),
        ("COPY studies TO 'stolen.csv'", None),
        ("SET enable_external_access = true", None),
        ("SELECT * FROM rows", None),
    ],
)
def test_a_query_that_cannot_be_run_is_one_line(sql, nearest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvidenceError) as caught:
        query(sql)
    assert caught.value.code == "RDN-E016"
    assert "\n" not in str(caught.value)
    if nearest:
        assert caught.value.nearest == nearest
    assert not list(tmp_path.iterdir())


def test_command(capsys, tmp_path):
    sql = "SELECT id FROM drugs WHERE id LIKE 'myco%'"
    assert execute(["evidence", "query", sql, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": "mycophenolate"}]
    assert execute(["evidence", "query"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name}: " in out for name in table_names())
    file = tmp_path / "x.csv"
    assert execute(["evidence", "query", sql, "--format", "csv", "--out", str(file)]) == 0
    assert file.read_text(encoding="utf-8").splitlines() == ["id", "mycophenolate"]
    capsys.readouterr()
    assert execute(["evidence", "query", "SELECT * FROM studys"]) == 2
    assert "did you mean 'studies'" in capsys.readouterr().err
