"""PubMed XML: every field of a whole record, books, withdrawals, dates."""

from __future__ import annotations

import io

import pytest

from evidence.readers.made_files import article, article_set
from rodnan.evidence.readers.pubmed_xml import iter_pubmed_xml, parse_printed_date


def read(data: bytes):
    problems = []
    records = list(iter_pubmed_xml(io.BytesIO(data), name="made.xml", on_problem=problems.append))
    return records, problems


def test_every_field_of_a_record():
    extra = (
        '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"><RefSource>Ann Made Stud. 2019'
        '</RefSource><PMID Version="1">30000001</PMID></CommentsCorrections></CommentsCorrectionsList>'
    )
    (record,), problems = read(article_set(article(27469583, extra=extra)))
    assert problems == []
    assert record.pmid == "27469583"
    assert record.identity == "pmid:27469583"
    assert record.title == "A made trial of mycophenolate in systemic sclerosis."
    assert record.doi == "10.9999/made.27469583"
    assert record.pmcid == "PMC27469583"
    assert (record.journal, record.journal_abbreviation) == ("Annals of made studies", "Ann Made Stud")
    assert (record.volume, record.issue, record.pages, record.issn) == ("76", "7", "1207-1218", "0003-4967")
    assert (record.date, record.year, record.revised) == ("2017-07-04", 2017, "2018-12-02")
    assert record.abstract is not None
    assert record.abstract.startswith("OBJECTIVES: words about forced vital capacity")
    assert record.abstract.count("\n") == 3
    assert record.authors[0].short == "Müller0 AB"
    assert record.authors[0].orcid == "0000-0002-1825-0090"
    assert record.authors[-1].short == "Made Study Group"
    assert record.publication_types == ("Journal Article", "Randomized Controlled Trial")
    assert record.substances[0].name == "Mycophenolic Acid"
    assert record.substances[0].registry_number == "HU9DX48N0T"
    assert record.registry_ids == ("NCT99990001",)
    assert record.languages == ("eng",)
    assert record.retracted
    assert record.links[0].pmid == "30000001"


def test_major_topics_of_headings_and_qualifiers():
    (record,), _ = read(article_set(article(1)))
    major = {h.name for h in record.mesh if h.is_major}
    assert major == {"Heading 3", "Heading 5"}
    third, fifth = record.mesh[3], record.mesh[5]
    assert third.major
    assert not third.qualifiers[0].major
    assert not fifth.major
    assert fifth.qualifiers[0].major
    assert third.ui == "D000003"


def test_a_record_that_the_source_marks_as_retracted():
    retracted = article(5).replace("Randomized Controlled Trial", "Retracted Publication")
    (record,), _ = read(article_set(retracted))
    assert record.retracted
    (sound,), _ = read(article_set(article(6)))
    assert not sound.retracted


def test_records_without_identifier_or_title_are_named():
    nameless = article(7).replace('<PMID Version="1">7</PMID>', "")
    untitled = article(8, title="")
    records, problems = read(article_set(nameless, untitled))
    assert [r.pmid for r in records] == ["8"]
    assert records[0].title == "(no title in the source)"
    assert [(p.code, p.severity) for p in problems] == [("RDN-S119", "record"), ("RDN-S120", "note")]
    assert problems[1].record == "pmid:8"


def test_withdrawn_records_of_an_update_file_are_named():
    deleted = "<DeleteCitation><PMID>11</PMID><PMID>12</PMID></DeleteCitation>"
    records, problems = read(article_set(article(9), deleted))
    assert len(records) == 1
    assert [p.record for p in problems] == ["pmid:11", "pmid:12"]
    assert {p.code for p in problems} == {"RDN-S118"}


def test_a_book_chapter():
    book = (
        '<PubmedBookArticle><BookDocument><PMID Version="1">20301</PMID>'
        "<Book><BookTitle>A made book</BookTitle>"
        "<PubDate><Year>2012</Year></PubDate></Book><ArticleTitle>A chapter</ArticleTitle>"
        "<PublicationType>Review</PublicationType></BookDocument></PubmedBookArticle>"
    )
    (record,), problems = read(article_set(book))
    assert problems == []
    assert (record.title, record.journal, record.year) == ("A chapter", "A made book", 2012)
    assert record.publication_types == ("Review",)


def test_the_older_citation_set():
    body = article(44)
    citation = body[body.index("<MedlineCitation ") : body.index("<PubmedData>")]
    records, problems = read(f"<MedlineCitationSet>{citation}</MedlineCitationSet>".encode())
    assert problems == []
    assert [r.pmid for r in records] == ["44"]


def test_titles_in_other_languages_are_kept():
    only = article(3, title="[Not Available].").replace(
        "</ArticleTitle>", "</ArticleTitle><VernacularTitle>Traitement de la sclérodermie.</VernacularTitle>"
    )
    (record,), _ = read(article_set(only))
    assert record.title == "Traitement de la sclérodermie."
    assert record.vernacular_title == "Traitement de la sclérodermie."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017 Aug 14", ("2017-08-14", 2017)),
        ("2015 Nov-Dec", ("2015-11", 2015)),
        ("2016 08", ("2016-08", 2016)),
        ("1999 Spring", ("1999", 1999)),
        ("2016-2017", ("2016", 2016)),
        ("2010 Dec 32", ("2010-12", 2010)),
        ("no date", (None, None)),
        ("12017", (None, None)),
        ("", (None, None)),
    ],
)
def test_printed_dates(text, expected):
    assert parse_printed_date(text) == expected


def test_a_range_of_months_in_medline_form():
    (record,), _ = read(article_set(article(2, date="<MedlineDate>2015 Nov-Dec</MedlineDate>")))
    assert (record.date, record.year) == ("2015-11", 2015)
