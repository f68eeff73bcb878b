"""Tables: what stands in them, as text, HTML and CSV."""

import csv
import io
import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rodnan.errors import TrialError
from rodnan.report import comparisons, tables, text_tables, verdict
from rodnan.report.table import Column, Group, Table
from rodnan.report.trial_tables import comparison_table, trajectory_table, uncertainty_table


def _line(text: str, *parts: str) -> str:
    """The one line that holds all parts."""
    found = [line for line in text.splitlines() if all(part in line for part in parts)]
    assert len(found) == 1, found
    return found[0]


def test_terminal_text_fits_100_columns_and_any_terminal(result, placebo_result):
    for one in (result, placebo_result):
        text = text_tables(one)
        assert max(len(line) for line in text.splitlines()) <= 100
        assert text.isascii()
        assert "\x1b" not in text


def test_terminal_text_says_simulation_first_and_shows_the_notices(result):
    text = text_tables(result)
    assert text.startswith("SIMULATION of Scleroderma Lung Study II (sls-2), seed 1")
    flat = " ".join(text.split())
    assert result["simulation_notice"] in flat
    assert "not medical advice" in flat
    assert "effective sample size 512" in flat
    assert "Published, but not simulated: diarrhoea, haematuria, pneumonia, death." in flat


def test_verdict_counts_and_disagreements_come_before_the_tables(result):
    text = text_tables(result)
    rows = comparisons(result)
    assert verdict(rows) == "11 of 12 published numbers lie inside the simulated 90 % interval; 1 does not."
    before = text[: text.index("Arms of the simulated trial")]
    assert "DISAGREES  Leukopenia, oral cyclophosphamide, by week 104: simulated 24.2 %" in before
    assert "published 41.1 % (30 of 73), which lies above that interval" in " ".join(before.split())


def test_each_agreement_is_said_in_words(result):
    text = text_tables(result)
    assert _line(text, "+3.3", "+1.5 to +5.1").split()[-2:] == ["read", "agrees"]
    assert _line(text, "+2.2", "+0.8 to +3.6").split()[-3:] == ["adjusted,", "unverified", "agrees"]
    assert "30 of 73" in _line(text, "24.2 (16.0 to 32.4)", "DISAGREES")
    assert "13 of 73" in _line(text, "17.8 (11.6 to 26.3)", "not simulated")
    assert "nothing published" in _line(text, " 26 ", "+1.2")


def test_a_result_with_every_number_outside_says_so(result):
    for part in ("outcomes", "adverse_events", "withdrawals"):
        for row in result[part]:
            row["agrees"] = False if row["agrees"] is not None else None
    assert verdict(comparisons(result)).startswith("0 of 12 published numbers lie inside")
    assert text_tables(result).count("DISAGREES  ") >= 12


def test_nothing_published_is_no_verdict(result):
    for part in ("outcomes", "contrasts", "adverse_events", "withdrawals"):
        for row in result[part]:
            row["published"], row["agrees"] = None, None
    assert verdict(comparisons(result)) == "Nothing published could be compared with this simulation."
    assert "DISAGREES  " not in text_tables(result)


def test_missing_parts_are_one_error_that_names_them(result):
    del result["trajectories"], result["arms"]
    with pytest.raises(TrialError, match=r"RDN-T901.*arms, trajectories"):
        text_tables(result)


def test_csv_holds_the_raw_numbers(result):
    table = next(t for t in tables(result) if t.id == "outcomes")
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert len(rows) == len(result["outcomes"])
    for row, source in zip(rows, result["outcomes"], strict=True):
        assert float(row["simulated"]) == source["simulated"]["mean"]
        assert float(row["simulated_high90"]) == source["simulated"]["interval90"][1]
        published = source["published"]
        assert row["published"] == ("" if published is None else str(published["mean"]))
    assert all(name.startswith(("simulated", "published")) for name in list(rows[0])[5:-1])
    shares = next(t for t in tables(result) if t.id == "adverse-events")
    leukopenia = list(csv.DictReader(io.StringIO(shares.to_csv())))[1]
    assert (leukopenia["published_count"], leukopenia["published_of"]) == ("30", "73")


def test_course_and_uncertainty_tables_show_every_week_and_all_kinds(result):
    course = trajectory_table(result, "mrss")
    assert [len(group.rows) for group in course.groups] == [27, 27]
    assert course.groups[0].rows[-1][:2] == ("104", "-4.3")
    uncertainty = uncertainty_table(result)
    headers = [column.header for column in uncertainty.columns[-4:]]
    assert headers == ["Between patients", "Luck of the trial", "Trial setting", "Parameters"]
    assert uncertainty.groups[0].rows[0][:4] == ("FVC (% predicted)", "mycophenolate mofetil", "104", "8.80")


def test_comparison_table_holds_only_what_has_both_numbers(result):
    table = comparison_table(result, ("outcome", "adverse_event"), "both", "Both")
    assert len(table.groups[0].rows) == 4 + 4


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_html_tables_have_caption_and_scopes_and_escape_text():
    table = Table(
        "t",
        "A <b>caption</b>",
        (Column("Week", "right"), Column("Word")),
        (Group("G & H", (("-4", "<2500"),)),),
    )
    parser = _Tags()
    parser.feed(table.to_html())
    assert [tag for tag, _ in parser.tags].count("b") == 0
    assert "A <b>caption</b>" in parser.text
    assert "−4" in parser.text
    assert "<2500" in parser.text
    scopes = [attrs["scope"] for tag, attrs in parser.tags if tag == "th"]
    assert scopes == ["col", "col", "rowgroup", "row"]
    region = parser.tags[0][1]
    assert region["role"] == "region"
    assert region["tabindex"] == "0"
    assert region["aria-labelledby"] == next(attrs["id"] for tag, attrs in parser.tags if tag == "caption")


_WORDS = st.text("abcdefgh ", min_size=0, max_size=60)


@given(st.lists(st.tuples(_WORDS, _WORDS, st.integers(-(10**6), 10**6)), min_size=1, max_size=8))
def test_text_loses_no_word_and_keeps_to_its_width(rows):
    cells = tuple((a, b, str(c)) for a, b, c in rows)
    columns = (Column("First", wrap=True), Column("Second", wrap=True), Column("Number", "right"))
    text = Table("t", "Caption", columns, (Group("", cells),)).to_text(100)
    words = " ".join(text.split())
    assert all(word in words for row in cells for cell in row for word in cell.split())
    longest = max((len(w) for row in cells for cell in row for w in cell.split()), default=0)
    assert max(len(line) for line in text.splitlines()) <= max(100, 2 * longest + 20)


def test_text_tables_load_no_drawing_or_page_library(result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result))
    code = (
        "import json, sys; from pathlib import Path; from rodnan import report; "
        "report.text_tables(json.loads(Path(sys.argv[1]).read_text())); "
        "bad = {'altair', 'vl_convert', 'jinja2', 'numpy', 'polars'} & set(sys.modules); "
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
