"""Plain pages: easy to read, with the notice, and every count traced to its record."""

from __future__ import annotations

import re

import pytest

from rodnan.cli.main import execute
from rodnan.evidence import drugs, load_drug, load_study
from rodnan.evidence.plain import NOTICE, plain_page, reading_grade


@pytest.mark.parametrize("name", drugs())
def test_page_is_easy_complete_and_carries_the_notice(name):
    page = plain_page(name)
    assert reading_grade(page) <= 7.0
    assert all(sentence in page.text for sentence in NOTICE)
    assert all(lines for _, lines in page.sections)


@pytest.mark.parametrize("name", drugs())
def test_counts_are_those_of_the_records(name):
    page, drug = plain_page(name), load_drug(name)
    rows = {(row.n, row.of, f"{row.setting}; {row.source}") for row in drug.safety}
    assert {(count.n, count.of, count.source) for count in page.harms} <= rows
    more = len(drug.safety) - len(page.harms)
    assert (f"The full record has {more} more note" in page.text) == (more > 0)
    for count in page.benefits:
        study = load_study(count.source.removeprefix("study:"))
        assert any((row.n, row.of) == (count.n, count.of) for row in study.outcomes)
    for count in (*page.harms, *page.benefits):
        assert f"{count.text} [{count.source}]" in page.text
        shown = re.match(r"About (\d+) in 100", count.text)
        if shown:
            assert abs(int(shown[1]) - 100 * count.n / count.of) <= 0.5
        else:
            assert 100 * count.n / count.of < 0.5


def test_a_share_of_cases_is_not_shown_as_a_risk():
    assert "renal crisis" not in plain_page("autologous-hsct").text


def test_the_arm_that_began_on_placebo_is_no_benefit_of_the_drug():
    counts = {(count.n, count.of) for count in plain_page("tocilizumab").benefits}
    assert counts
    assert all(of != 44 for _, of in counts)  # 44 began on placebo in faSScinate
    assert "With a dummy drug first: about 30 in 100 had a skin score" in plain_page("tocilizumab").text


def test_command(capsys):
    assert execute(["evidence", "plain", "CellCept"]) == 0
    out = capsys.readouterr().out
    assert "About 6 in 100 had too few white blood cells." in out
    assert "No one of 69 had too few of the cells that stop a bleed." in out
    assert execute(["evidence", "plain", "mycofenolate"]) == 2
