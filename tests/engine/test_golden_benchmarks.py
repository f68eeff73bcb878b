"""The table of the guide is the measurement on file, and the measurement is sound."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guide" / "benchmarks.md").read_text(encoding="utf-8")
RESULT = json.loads((ROOT / "benchmarks" / "results" / "compare.json").read_text(encoding="utf-8"))
TIMED = [row for row in RESULT["engines"] if "rate" in row]


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("benchmark_table", ROOT / "scripts" / "benchmark_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_guide_shows_the_measurement_on_file(writer):
    shown = GUIDE.partition(writer.BEGIN)[2].partition(writer.END)[0].strip("\n")
    assert shown == writer.section(RESULT), "run `python scripts/benchmark_table.py`"


def test_the_guide_shows_the_disease_kernel_on_file(writer):
    shown = GUIDE.partition(writer.BEGIN_DISEASE)[2].partition(writer.END_DISEASE)[0].strip("\n")
    result = json.loads(writer.DISEASE.read_text(encoding="utf-8"))
    assert shown == writer.disease_section(result), "run `python scripts/benchmark_table.py`"


def test_every_engine_is_measured_or_absent_with_a_reason():
    names = {row["engine"] for row in RESULT["engines"]}
    assert names >= {path.stem for path in (ROOT / "benchmarks" / "peers").glob("[a-z]*_*.py")} - {
        "build_numbalsoda"
    }
    assert "mrgsolve" in names
    assert [row["engine"] for row in RESULT["engines"] if ("rate" in row) == bool(row.get("reason"))] == []


def test_ours_is_measured_in_both_precisions_or_in_none():
    both = [row for row in RESULT["engines"] if row["engine"] == "ours"]
    assert [row["title"] for row in both] == ["Rodnan, float64", "Rodnan, float32"]
    assert len({"rate" in row for row in both}) == 1


@pytest.mark.parametrize("row", TIMED, ids=lambda row: row["title"])
def test_a_measured_engine_passed_the_gate_at_the_loosest_setting_scanned(row):
    assert row["error"] < RESULT["gate"]
    assert row.get("quantile", 0.0) < RESULT["gate"]
    assert row["lowest"] <= row["rate"] <= row["highest"]
    assert row["patients"] >= 40
    if "scan" in row:
        same = [got for got in row["scan"] if got["variant"] == row["variant"]]
        assert same[-1]["setting"] == row["setting"]
        looser = [max(got["error"], got.get("quantile", 0.0)) for got in same[:-1]]
        assert all(error >= RESULT["gate"] for error in looser)


def test_ratios_are_those_of_the_rates():
    ours = [row for row in TIMED if row["title"] == "Rodnan, float64"]
    for row in TIMED:
        assert ("ours_over_this" in row) == bool(ours)
        for key, ratio in (("rate", "ours_over_this"), ("per_core", "ours_over_this_per_core")):
            if ours and key in row:
                assert row[ratio] == pytest.approx(ours[0][key] / row[key])


def test_the_conditions_are_on_file():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", RESULT["date"])
    assert len(RESULT["load_before"]) == len(RESULT["load_after"]) == 3
    assert RESULT["gate"] == 1e-3
    assert RESULT["gate_patients"] == 20


def test_numbers_keep_their_digits(writer):
    assert [writer.number(x) for x in (24123.4, 99.96, 47.26, 2.071)] == ["24,100", "100", "47.3", "2.07"]


def test_only_the_marked_section_is_replaced(writer):
    text = f"before\n{writer.BEGIN}\nold\n{writer.END}\nafter\n"
    assert writer.with_section(text, "new") == f"before\n{writer.BEGIN}\nnew\n{writer.END}\nafter\n"
