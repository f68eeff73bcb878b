"""MEDLINE, RIS and BibTeX: whole records, damaged ones, and what they share with PubMed XML."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rodnan.evidence.readers.bibtex import iter_bibtex
from rodnan.evidence.readers.files import read_publications
from rodnan.evidence.readers.tagged import iter_medline, iter_ris

DATA = Path(__file__).parent / "data"


def read(reader, text):
    problems = []
    data = text.encode() if isinstance(text, str) else text
    return list(reader(io.BytesIO(data), name="made", on_problem=problems.append)), problems


@pytest.mark.parametrize(
    ("name", "kind"), [("made.nbib", "MEDLINE text"), ("made.ris", "RIS"), ("made.bib", "BibTeX")]
)
def test_files_are_recognised_by_what_they_hold(tmp_path, name, kind):
    path = tmp_path / "no-extension"
    path.write_bytes((DATA / name).read_bytes())
    found = read_publications(path)
    assert found.format == kind
    assert len(found.publications) == 2
    assert found.complete


@pytest.mark.parametrize("name", ["made.nbib", "made.ris", "made.bib"])
def test_line_ends_and_byte_order_marks_do_not_matter(name):
    reader = {"nbib": iter_medline, "ris": iter_ris, "bib": iter_bibtex}[name.split(".")[1]]
    plain = (DATA / name).read_text(encoding="utf-8")
    expected, _ = read(reader, plain)
    windows, problems = read(reader, b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode())
    assert windows == expected
    assert problems == []
    wide, problems = read(reader, plain.encode("utf-16"))
    assert wide == expected
    assert problems == []


def test_medline_fields():
    (record, second), problems = read(iter_medline, (DATA / "made.nbib").read_text(encoding="utf-8"))
    assert problems == []
    assert record.pmid == "99000001"
    assert record.title.endswith("so long that it runs over two lines.")
    assert record.doi == "10.9999/made.99000001"
    assert record.pmcid == "PMC9900001"
    assert (record.date, record.year, record.revised) == ("2017-07", 2017, "2018-12-02")
    assert record.authors[0].short == "Müller AB"
    assert record.authors[0].fore_name == "Anna B"
    assert record.authors[-1].short == "Made Study Group"
    assert record.registry_ids == ("NCT99990001",)
    assert [(s.name, s.registry_number) for s in record.substances] == [
        ("Immunosuppressive Agents", "0"),
        ("Mycophenolic Acid", "HU9DX48N0T"),
    ]
    majors = {h.name: h.is_major for h in record.mesh}
    assert majors == {"Adult": False, "Mycophenolic Acid": True, "Scleroderma, Systemic": True}
    assert record.mesh[2].major
    assert not record.mesh[2].qualifiers[0].major
    assert record.retracted
    assert record.links[0].pmid == "99000009"
    assert record.keywords == ("mycophenolate", "lung")
    assert (second.pmid, second.date) == ("99000002", "2015-11")


def test_ris_fields():
    (record, chapter), problems = read(iter_ris, (DATA / "made.ris").read_text(encoding="utf-8"))
    assert problems == []
    assert (record.pmid, record.doi) == ("99000001", "10.9999/made.99000001")
    assert (record.date, record.year, record.pages) == ("2017-07-04", 2017, "1207-1218")
    assert record.abstract == "Made for a test, on two lines."
    assert record.authors[0].initials == "AB"
    assert record.keywords == ("scleroderma", "lung")
    assert record.publication_types == ("Journal Article",)
    assert (chapter.journal, chapter.key) == ("A made book", "chapter-1")
    assert chapter.publication_types == ("Book Chapter",)
    assert chapter.identity == "key:chapter-1"


def test_bibtex_fields():
    (record, book), problems = read(iter_bibtex, (DATA / "made.bib").read_text(encoding="utf-8"))
    assert problems == []
    assert record.title == "A made trial of Mycophenolate in Sjögren and sclérodermie: 50% more"
    assert [a.last_name for a in record.authors] == ["Müller", "Smith", "Østergaard"]
    assert record.authors[1].fore_name == "John"
    assert record.journal == "Annals of Made Studies, international"
    assert (record.date, record.year, record.pages) == ("2017-07", 2017, "1207-1218")
    assert (record.doi, record.pmid, record.key) == ("10.9999/made.99000001", "99000001", "mueller2017")
    assert record.keywords == ("scleroderma", "lung", "skin")
    assert (book.title, book.year) == ("A made book", 2012)


def test_the_same_publication_from_three_formats_has_one_identity():
    identities = {
        read_publications(DATA / name).publications[0].identity
        for name in ("made.nbib", "made.ris", "made.bib")
    }
    assert identities == {"pmid:99000001"}


def test_medline_lines_that_belong_nowhere_are_named():
    records, problems = read(iter_medline, "stray words\nPMID- 1\nTI  - One\n\n\nPMID- 2\nTI  - Two\n")
    assert [r.pmid for r in records] == ["1", "2"]
    assert [(p.code, p.where) for p in problems] == [("RDN-S121", "made: line 1")]


def test_medline_records_without_anything_are_named():
    records, problems = read(iter_medline, "PMID- x\nDP  - 2010\n")
    assert records == []
    assert [p.code for p in problems] == ["RDN-S119"]


def test_ris_without_end_marks():
    records, problems = read(iter_ris, "TY  - JOUR\nTI  - One\nTY  - JOUR\nTI  - Two\n")
    assert [r.title for r in records] == ["One", "Two"]
    assert [(p.code, p.severity) for p in problems] == [("RDN-S122", "note"), ("RDN-S115", "file")]


def test_ris_fields_outside_records():
    _, problems = read(iter_ris, "TI  - Lost\nTY  - JOUR\nTI  - One\nER  - \nwords\n")
    assert [(p.code, p.severity) for p in problems] == [("RDN-S121", "record"), ("RDN-S121", "record")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("@article{a, title = {Never closed\n@article{b, title = {Good}}\n", "RDN-S123"),
        ("@article{title = {No key}}\n@article{b, title = {Good}}\n", "RDN-S123"),
        ("@article{a, title = }\n@article{b, title = {Good}}\n", "RDN-S123"),
        ('@article{a, title = "no end}\n@article{b, title = {Good}}\n', "RDN-S123"),
        ("@article{b, title = {Good}}\n@article{a, title = {Cut", "RDN-S115"),
    ],
)
def test_broken_bibtex_entries_cost_only_themselves(text, code):
    records, problems = read(iter_bibtex, text)
    assert [r.key for r in records] == ["b"]
    assert [p.code for p in problems] == [code]


def test_bibtex_without_title_is_kept_and_named():
    (record,), problems = read(iter_bibtex, "@misc{x, year = 2001}\n")
    assert record.year == 2001
    assert [p.code for p in problems] == ["RDN-S120"]
