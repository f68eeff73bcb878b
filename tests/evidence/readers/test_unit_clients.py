"""PubMed and ClinicalTrials.gov over recorded answers written from their published formats."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.readers.made_files import article, article_set
from rodnan.errors import SourceError
from rodnan.evidence.readers.clinicaltrials import ClinicalTrials, study_of_json
from rodnan.evidence.readers.pubmed import PubMed
from rodnan.evidence.readers.transport import FakeTransport, Response

SEARCH = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi"
FETCH = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/efetch.fcgi"
STUDIES = "https://clinicaltrials.gov/api/v2/studies"
STUDY = json.loads((Path(__file__).parent / "data" / "NCT99990001.json").read_text(encoding="utf-8"))


def test_pubmed_search_and_fetch_in_batches():
    fake = FakeTransport(
        {
            SEARCH: json.dumps({"esearchresult": {"idlist": ["3", "2", "1"]}}).encode(),
            FETCH: [
                Response(200, article_set(article(3), article(2))),
                Response(200, article_set(article(1))),
            ],
        }
    )
    pubmed = PubMed(fake, batch=2)
    found = pubmed.search("mycophenolate AND scleroderma", since="2017-01-01")
    assert found == ("3", "2", "1")
    assert "mindate=2017%2F01%2F01" in fake.asked[0]
    assert "mycophenolate+AND+scleroderma" in fake.asked[0]
    records = list(pubmed.fetch(found, on_problem=pytest.fail))
    assert [r.pmid for r in records] == ["3", "2", "1"]
    assert ["id=3%2C2" in fake.asked[1], "id=1" in fake.asked[2]] == [True, True]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"esearchresult": {}}',
        b'{"esearchresult": {"ERROR": "Invalid db name"}}',
        b"<html/>",
    ],
)
def test_pubmed_search_answers_that_cannot_be_read(body):
    with pytest.raises(SourceError, match="RDN-S135"):
        PubMed(FakeTransport({SEARCH: body})).search("x")


def test_registry_protocol():
    study = ClinicalTrials(FakeTransport({STUDIES: json.dumps(STUDY).encode()})).fetch("NCT99990001")
    assert study.problems == ()
    assert (study.nct, study.acronym, study.status, study.phases) == (
        "NCT99990001",
        "MLS",
        "COMPLETED",
        ("PHASE2",),
    )
    assert (study.allocation, study.masking, study.masked) == (
        "RANDOMIZED",
        "DOUBLE",
        ("PARTICIPANT", "INVESTIGATOR"),
    )
    assert (study.enrolment, study.enrolment_actual) == (142, True)
    assert (study.start, study.results_first_posted) == ("2009-09", "2016-11-02")
    assert [a.label for a in study.arms] == ["Mycophenolate", "Cyclophosphamide"]
    assert study.interventions[0].other_names == ("CellCept",)
    assert [(p.role, p.measure) for p in study.planned] == [
        ("primary", "FVC % predicted"),
        ("secondary", "mRSS"),
    ]
    assert study.references == ("99000001",)
    assert study.has_results


def test_registry_results():
    study = study_of_json(STUDY)
    assert [(f.kind, f.group, f.participants) for f in study.flow] == [
        ("STARTED", "FG000", 69),
        ("STARTED", "FG001", 73),
        ("COMPLETED", "FG000", 49),
        ("COMPLETED", "FG001", 37),
        ("withdrawn: Death", "FG000", 5),
        ("withdrawn: Death", "FG001", 11),
    ]
    (age,) = study.baseline
    assert (age.title, age.unit, age.measurements[0].value, age.measurements[0].spread) == (
        "Age, Continuous",
        "years",
        52.6,
        9.7,
    )
    (fvc,) = study.outcomes
    assert (fvc.role, fvc.dispersion, fvc.unit) == ("primary", "Standard Error", "percentage points")
    assert fvc.participants == (("OG000", 53), ("OG001", 1051))
    one, two = fvc.measurements
    assert (one.value, one.spread, one.class_title) == (3.3, 1.1, "24 months")
    assert (two.value, two.text, two.comment) == (None, "NA", "not estimable")
    (analysis,) = fvc.analyses
    assert (analysis.estimate, analysis.ci_low, analysis.ci_high, analysis.p_value) == (
        0.3,
        -2.9,
        3.5,
        "0.24",
    )
    rows = {(e.term, e.group): (e.serious, e.affected, e.at_risk, e.events) for e in study.adverse_events}
    assert rows["Pneumonia", "EG000"] == (True, 5, 69, 6)
    assert rows["Leukopenia", "EG001"] == (False, 30, 73, None)
    assert study.adverse_events_time_frame == "24 months"


def test_registry_pages_are_followed_to_the_end():
    def page(nct, token=None):
        study = {"protocolSection": {"identificationModule": {"nctId": nct, "briefTitle": nct}}}
        return json.dumps({"studies": [study]} | ({"nextPageToken": token} if token else {})).encode()

    fake = FakeTransport(
        {STUDIES: [Response(200, page("NCT00000001", "t1")), Response(200, page("NCT00000002"))]}
    )
    found = list(
        ClinicalTrials(fake).search(condition="Systemic Sclerosis", term="mycophenolate", since="2020-01-01")
    )
    assert [s.nct for s in found] == ["NCT00000001", "NCT00000002"]
    assert "pageToken=t1" in fake.asked[1]
    assert "AREA%5BLastUpdatePostDate%5DRANGE%5B2020-01-01%2CMAX%5D" in fake.asked[0]


def test_a_registry_that_repeats_its_page_does_not_trap_us():
    study = {"protocolSection": {"identificationModule": {"nctId": "NCT00000001", "briefTitle": "x"}}}
    fake = FakeTransport({STUDIES: json.dumps({"studies": [study], "nextPageToken": "same"}).encode()})
    assert len(list(ClinicalTrials(fake).search(condition="x"))) == 2


@pytest.mark.parametrize("nct", ["NCT1", "", "nct00883129", "NCT00883129/../x"])
def test_identifiers_that_are_none(nct):
    with pytest.raises(SourceError, match="RDN-S136"):
        ClinicalTrials(FakeTransport()).fetch(nct)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(404, b""), "RDN-S136"),
        (Response(500, b""), "RDN-S131"),
        (Response(200, b"{"), "RDN-S135"),
        (Response(200, b"[" * 100_000), "RDN-S135"),
        (Response(200, b"[]"), "RDN-S135"),
        (Response(200, b'{"protocolSection": {}}'), "RDN-S135"),
        (Response(200, json.dumps(STUDY).encode()[:500]), "RDN-S135"),
    ],
)
def test_registry_answers_that_are_wrong(answer, code):
    with pytest.raises(SourceError, match=code):
        ClinicalTrials(FakeTransport({STUDIES: answer})).fetch("NCT99990001")


def test_parts_of_unexpected_shape_are_named_and_the_rest_is_read():
    study = json.loads(json.dumps(STUDY))
    study["protocolSection"]["armsInterventionsModule"]["armGroups"] = "none"
    study["protocolSection"]["designModule"]["enrollmentInfo"]["count"] = -3
    study["resultsSection"]["adverseEventsModule"]["seriousEvents"] = [1, 2]
    record = study_of_json(study)
    assert record.arms == ()
    assert record.enrolment is None
    assert len(record.outcomes) == 1
    assert {p.split(":")[0] for p in record.problems} == {"armGroups", "count", "seriousEvents"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["1e999", "x", "NCT12345678"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["nctId", "groups", "count"]), inner)
    ),
    max_leaves=8,
)


def paths(node, path=()):
    yield path
    for key, value in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from paths(value, (*path, key))


@given(st.sampled_from(list(paths(STUDY))[1:]), JSON)
def test_any_part_may_be_replaced_by_anything(path, value):
    study = json.loads(json.dumps(STUDY))
    node = study
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    identity = ("protocolSection", "identificationModule", "nctId")
    if path == identity[: len(path)]:  # without an identifier there is no study
        with contextlib.suppress(SourceError):
            study_of_json(study)
        return
    record = study_of_json(study)
    assert record.nct == "NCT99990001"
