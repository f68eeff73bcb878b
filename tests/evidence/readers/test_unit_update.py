"""Proposals: what differs is listed for review, offline is said in one line, and nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from evidence.readers.made_files import article, article_set
from rodnan.evidence.readers.clinicaltrials import ClinicalTrials
from rodnan.evidence.readers.pubmed import PubMed
from rodnan.evidence.readers.transport import FakeTransport, Response
from rodnan.evidence.readers.update import KnownStudy, propose_updates, report_markdown, report_yaml

SEARCH = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi"
FETCH = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/efetch.fcgi"
STUDIES = "https://clinicaltrials.gov/api/v2/studies"
STUDY = (Path(__file__).parent / "data" / "NCT99990001.json").read_bytes()
RETRACTION = (
    '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn">'
    "<RefSource>Ann Made Stud. 2019;78:399"
    '</RefSource><PMID Version="1">300</PMID></CommentsCorrections><CommentsCorrections RefType="ErratumIn">'
    "<RefSource>Ann Made Stud. 2018</RefSource></CommentsCorrections></CommentsCorrectionsList>"
)
KNOWN = [
    KnownStudy(id="made-one", pmid="100", doi="10.9999/other", journal="Ann Made Stud", year=2016),
    KnownStudy(
        id="made-two",
        pmid="101",
        journal="Annals of Made Studies",
        year=2017,
        nct="NCT99990001",
        enrolled=126,
    ),
    KnownStudy(id="made-three", pmid="102"),
]


def look(transport, **more):
    options = {"since": "2024-01-01", "today": "2024-06-01"} | more
    return propose_updates(KNOWN, PubMed(transport), ClinicalTrials(transport), **options)


def online():
    new = json.dumps(
        {"protocolSection": {"identificationModule": {"nctId": "NCT88880001", "briefTitle": "A new one"}}}
    )
    return FakeTransport(
        {
            FETCH: [
                Response(200, article_set(article(100, extra=RETRACTION), article(101))),
                Response(200, article_set(article(200, title="A new trial"))),
            ],
            SEARCH: json.dumps({"esearchresult": {"idlist": ["200", "100"]}}).encode(),
            STUDIES + "?": f'{{"studies": [{new}]}}'.encode(),
            STUDIES + "/NCT99990001": STUDY,
        }
    )


def test_differences_are_listed_with_retractions_first():
    report = look(online(), queries=["mycophenolate"], condition="Systemic Sclerosis")
    rows = [(p.kind, p.record, p.field or p.identifier) for p in report.proposals]
    assert rows == [
        ("retracted", "made-one", "pmid:100"),
        ("corrected", "made-one", "pmid:100"),
        ("changed", "made-one", "doi"),
        ("changed", "made-one", "year"),
        ("changed", "made-three", "pmid:102"),
        ("changed", "made-two", "population.n"),
        ("changed", "made-two", "doi"),
        ("results", "made-two", "NCT99990001"),
        ("new", None, "NCT88880001"),
        ("new", None, "pmid:200"),
    ]
    assert report.notices == ()
    assert (report.checked_pubmed, report.checked_registry, report.offline) == (2, 1, False)
    enrolled = next(p for p in report.proposals if p.field == "population.n")
    assert (enrolled.ours, enrolled.theirs) == (126, 142)


def test_the_same_journal_under_two_names_is_no_difference():
    report = look(online())
    assert not [p for p in report.proposals if p.field == "journal"]


def test_offline_is_one_notice_and_no_proposal():
    report = look(FakeTransport(), queries=["a", "b"], condition="Systemic Sclerosis")
    assert report.proposals == ()
    assert len(report.notices) == 1
    assert "Offline" in report.notices[0]
    assert report.offline
    assert "Nothing could be compared." in report_markdown(report)


def test_one_silent_source_does_not_stop_the_other():
    transport = online()
    del transport.answers[FETCH]
    report = look(transport)
    assert [p.kind for p in report.proposals] == ["changed", "results"]
    assert len(report.notices) == 1
    assert not report.offline


def test_a_bad_answer_is_a_notice_with_its_code():
    transport = online()
    transport.answers[STUDIES + "/NCT99990001"] = b"{"
    report = look(transport)
    assert any("RDN-S135" in n for n in report.notices)
    assert any(p.kind == "retracted" for p in report.proposals)


def test_reports_read_back_and_can_be_ticked():
    report = look(online(), queries=["x"], condition="Systemic Sclerosis")
    data = yaml.safe_load(report_yaml(report))
    assert len(data["proposals"]) == len(report.proposals)
    assert data["proposals"][0]["kind"] == "retracted"
    text = report_markdown(report)
    assert text.count("- [ ] ") == len(report.proposals)
    assert "No record was changed" in text
    assert text.index("## Retracted") < text.index("## Not in the records")


def test_nothing_to_propose_is_said():
    empty = propose_updates(
        [], PubMed(FakeTransport()), ClinicalTrials(FakeTransport()), since="2024-01-01", today="2024-06-01"
    )
    assert "Nothing to propose." in report_markdown(empty)
    assert empty.notices == ()
