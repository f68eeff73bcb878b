"""The natural-history table."""

import csv
import io

import pytest

from rodnan.errors import TrialError
from rodnan.report import natural_history_table

ROWS = [
    {
        "id": "N1",
        "target": "early diffuse disease, first 18 months: share worsening in the next 6 months",
        "model": 0.74,
        "observed": ">70 %",
        "tolerance": "0.6 to 0.9",
        "verdict": "within",
        "note": "both entry rules are needed",
    },
    {
        "id": "N4",
        "target": "12-month regress and progress",
        "model": {"regress": 24.2, "progress": 4.0},
        "observed": "24 / 10 %",
        "tolerance": "5 points",
        "verdict": "outside",
    },
    {
        "id": "N10",
        "target": "placebo FVC at 12 months",
        "model": {"mean": -3.1, "interval90": [-4.6, -1.6]},
        "observed": -3.2,
        "tolerance": "1.3",
        "verdict": "within",
    },
    {
        "id": "N17",
        "target": "survival",
        "model": None,
        "observed": "91 / 86 / 64 %",
        "tolerance": "-",
        "verdict": "not computed",
    },
]


def test_text_shows_model_observed_and_verdict_within_100_columns():
    text = str(natural_history_table(ROWS))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "Simulation: natural history without treatment. 2 of 3 computed targets" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("N10"))
    assert "-3.10 (-4.6 to -1.6)" in " ".join(line.split())
    assert line.split()[-1] == "within"
    assert "regress 24.2;" in text
    assert "progress 4.00" in text
    assert "not computed" in text
    assert "N1: both entry rules are needed" in text


def test_html_marks_what_lies_outside_by_word_and_class():
    html = natural_history_table(ROWS).to_html()
    assert html.count(" miss") == 1
    assert ">outside</td>" in html


def test_csv_keeps_plain_numbers():
    rows = list(csv.DictReader(io.StringIO(natural_history_table(ROWS).to_csv())))
    assert [row["simulated"] for row in rows] == [
        "0.74",
        "regress 24.2; progress 4.00",
        "-3.10 (-4.6 to -1.6)",
        "",
    ]


def test_an_unknown_verdict_is_refused():
    with pytest.raises(TrialError, match=r"RDN-T904.*rows\[0\] N1.*'maybe'"):
        natural_history_table([ROWS[0] | {"verdict": "maybe"}])


def test_an_empty_table_is_a_table():
    assert "0 of 0" in natural_history_table([]).to_text()
