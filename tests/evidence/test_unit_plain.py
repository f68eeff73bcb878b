"""Plain pages: easy to read, with the notice, every number traced to its record, shares in one denominator."""

from __future__ import annotations

import re

import pytest

from rodnan.cli.main import execute
from rodnan.errors import EvidenceError
from rodnan.evidence import drugs, load_drug, load_study
from rodnan.evidence.plain import NOTICE, TOPICS, Fact, page_names, plain_page, reading_grade
from rodnan.evidence.plain.facts import who_in, wilson
from rodnan.evidence.plain.reading import syllables
from rodnan.evidence.plain.words import event_words, time_words
from rodnan.report.wording import NOT_ADVICE

PAGES = page_names()


def test_there_is_a_page_for_every_therapy_and_topic():
    assert set(PAGES) == {*drugs(), *TOPICS}
    assert plain_page("CellCept").name == "mycophenolate"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_easy_complete_and_carries_the_notice(name):
    page = plain_page(name)
    assert page.grade <= 7.0
    assert page.sections[-1].lines == NOTICE
    assert all(section.lines or section.tables for section in page.sections)
    headings = [section.heading for section in page.sections]
    assert "Good and bad, side by side" in headings
    assert "What is not known" in headings


def test_the_notice_says_what_reports_say():
    said = " ".join(NOTICE).casefold()
    for words in ("research and teaching tool", "medical device", "medical advice", "start, stop or change a treatment",
                  "care team"):  # fmt: skip
        assert words in said
        assert words in NOT_ADVICE.casefold()


def in_the_record(fact: Fact) -> bool:
    """Look the number of a fact up, the slow way."""
    if fact.arm:
        study = load_study(fact.source.removeprefix("study:"))
        rows = [row for row in (*study.outcomes, *study.adverse_events) if row.arm == fact.arm]
        found = [(row.mean, row.ci95) for row in rows if hasattr(row, "mean")]
        if fact.kind == "change":
            return fact.value in [mean for mean, _ in found]
        if fact.counted:
            return fact.counted in {f"{row.n} of {row.of}" for row in rows}
        return fact.value in {getattr(row, "mean", None) for row in rows} | {row.pct for row in rows}
    drug = load_drug(fact.source.removeprefix("drug:").partition(";")[0])
    rows = [row for row in drug.safety if f"drug:{drug.id}; {row.setting}; {row.source}" == fact.source]
    if fact.counted:
        return fact.counted in {f"{row.n} of {row.of}" for row in rows}
    return fact.value in {row.incidence_pct for row in rows} | {row.rate_per_100py for row in rows}


@pytest.mark.parametrize("name", PAGES)
def test_every_number_is_one_of_a_record_and_is_shown_as_it_is(name):
    page = plain_page(name)
    for fact in page.facts:
        assert in_the_record(fact), fact
        assert fact.text in page.text
        assert ("not checked" in fact.text) == (fact.basis == "recalled")
        shown = re.match(r"(up|down) (\d+)|(\d+) in 100|(\d+) times? in 100 people over a year", fact.text)
        if shown:
            points = int(shown[2] or shown[3] or shown[4]) * (-1 if shown[1] == "down" else 1)
            assert abs(points - fact.value) <= 0.5
        else:
            assert abs(fact.value) <= 0.5
        if fact.low is not None and fact.high is not None:
            assert fact.low <= fact.value <= fact.high


def test_a_table_compares_at_the_visit_at_which_groups_can_be_compared():
    """A later count without a comparison, after all had changed to the drug, does not stand for the trial."""
    page = plain_page("tocilizumab")
    label = "had a bad infection after 11 months"
    assert {(f.drug, f.counted) for f in page.facts if f.label == label} == {
        ("tocilizumab", "9 of 43"),
        ("placebo", "3 of 44"),
    }
    assert not any("placebo arm" in fact.source for fact in page.facts)


def test_a_number_that_was_seen_goes_before_one_that_is_recalled():
    page = plain_page("mycophenolate")
    lung = [f for f in page.facts if f.what == "Lung score" and f.source == "study:sls-2"]
    assert [(f.value, f.basis) for f in lung] == [(3.3, "read"), (3.0, "read")]


def test_groups_from_elsewhere_are_no_comparison():
    assert {f.arm for f in plain_page("ivig").facts if f.source == "study:poelman-2015"} == {"ivig"}
    assert not any(f.source == "study:poelman-2015" for f in plain_page("d-penicillamine").facts)


def test_an_arm_tells_of_its_first_treatment_until_another_starts():
    desires = load_study("desires")
    assert who_in(desires.arm("placebo"), 24.0) == "placebo"
    assert who_in(desires.arm("placebo"), 48.0) is None
    assert who_in(load_study("sls-2").arm("cyc"), 104.0) == "cyclophosphamide"
    assert who_in(load_study("astis").arm("hsct"), 104.0) == "autologous-hsct"
    assert who_in(load_study("esos").arm("none"), 52.0) == "none"


def test_a_share_of_cases_is_not_shown_as_a_risk():
    assert "crisis" not in plain_page("autologous-hsct").text


@pytest.mark.parametrize("name", PAGES)
def test_shares_have_one_denominator(name):
    """Outside sources in brackets no count is out of anything but 100 people."""
    text = re.sub(r"\[.*?\]|(?<=\| )drug:.*", "", plain_page(name).text)
    assert not re.search(r"\d+ (of|out of|in) (?!100\b)\d", text)
    assert "%" not in text.replace("“", "").partition("## Good")[2]


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [(0, 10, 0.0, 27.75), (1, 29, 0.61, 17.18), (81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05)],
)
def test_interval_of_a_share_as_published(n, of, low, high):
    """Examples 1 to 3 of Newcombe, Stat Med 1998;17:857, method 3 (score); the first from its formula by hand."""
    assert wilson(n, of) == pytest.approx((low, high), abs=0.006)


def test_reading_grade_by_hand():
    """11 words (sources and quotations left out), 2 sentences, 12 syllables."""
    lines = ["The cat sat on the table. [source: not counted]", "It had a red hat “quoted in full”."]
    assert [syllables(w) for w in ("table", "needed", "disease", "stopped", "people", "7")] == [
        2,
        2,
        2,
        1,
        2,
        1,
    ]
    assert reading_grade(lines) == pytest.approx(0.39 * 11 / 2 + 11.8 * 12 / 11 - 15.59)
    assert reading_grade(["It is mycophenolate."], ["mycophenolate"]) == pytest.approx(
        0.39 * 2 + 11.8 - 15.59
    )
    hard = "Immunosuppressive pharmacotherapy necessitates individualised haematological surveillance."
    assert reading_grade([hard]) > 20


@pytest.mark.parametrize(
    ("week", "words"),
    [(52, "1 year"), (104, "2 years"), (26, "6 months"), (24, "24 weeks"), (235, "54 months"), (None, ""), (2, "2 weeks")],
)  # fmt: skip
def test_times(week, words):
    assert time_words(week) == words


def test_events_are_known_however_they_are_written():
    assert event_words("any-serious-adverse-event") == event_words("any serious adverse event")
    assert event_words("leukopenia (WBC <2500/uL)") is event_words("leukopenia")
    assert event_words("global_rank_composite_pct_pairs_favouring") is None


def test_command(capsys, tmp_path):
    assert execute(["evidence", "plain", "CellCept"]) == 0
    out = capsys.readouterr().out
    row = "| Had too few white blood cells after 2 years | 6 in 100 (2 to 14) | 41 in 100 (31 to 53) |"
    assert row in out
    assert execute(["evidence", "plain"]) == 0
    assert all(name in capsys.readouterr().out for name in ("lung",))
    assert execute(["evidence", "plain", "--all", str(tmp_path)]) == 0
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(PAGES)
    capsys.readouterr()
    assert execute(["evidence", "plain", "mycofenolate"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("RDN-E015")
    assert "mycophenolate" in err
    with pytest.raises(EvidenceError, match="RDN-E015"):
        plain_page("lungs and more")
