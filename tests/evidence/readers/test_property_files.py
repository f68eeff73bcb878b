"""Whatever happens to a file, nothing is lost in silence and nothing but a coded error is raised."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from evidence.readers.made_files import article, article_set
from rodnan.errors import SourceError
from rodnan.evidence.readers.bibtex import iter_bibtex
from rodnan.evidence.readers.pubmed_xml import iter_pubmed_xml
from rodnan.evidence.readers.tagged import iter_medline, iter_ris

WHOLE = article_set(*(article(i, words=1) for i in range(1, 6)))
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from(["cut", "drop", "flip", "insert"]), st.binary(min_size=1, max_size=6)
    ),
    min_size=1,
    max_size=3,
)


def damaged(data: bytes, edits) -> bytes:
    for where, how, extra in edits:
        at = int(where * len(data))
        if how == "cut":
            data = data[: max(at, 1)]
        elif how == "drop":
            data = data[:at] + data[at + 9 :]
        elif how == "flip":
            data = data[:at] + extra[:1] + data[at + 1 :]
        else:
            data = data[:at] + extra + data[at:]
    return data


def outcome(reader, data):
    """Records, problems, and the code of the error that ended the reading."""
    problems = []
    try:
        return list(reader(io.BytesIO(data), name="x", on_problem=problems.append)), problems, None
    except SourceError as error:
        return [], problems, error.code


@given(EDITS)
def test_damaged_xml_gives_every_record_or_says_what_is_wrong(edits):
    records, problems, code = outcome(iter_pubmed_xml, damaged(WHOLE, edits))
    assert code in (None, "RDN-S111", "RDN-S113")
    assert len(records) <= 5
    if len(records) < 5:
        assert problems or code, "records were lost and nothing was said"


@given(st.binary(max_size=2000))
def test_any_bytes_give_records_or_problems(data):
    for reader in (iter_pubmed_xml, iter_medline, iter_ris, iter_bibtex):
        _, problems, code = outcome(reader, data)
        assert code in (None, "RDN-S111", "RDN-S113")
        assert all(p.code.startswith("RDN-S1") for p in problems)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=60))
def test_any_title_survives_xml(title):
    from xml.sax.saxutils import escape

    expected = " ".join(title.split())
    problems = []
    records = list(
        iter_pubmed_xml(
            io.BytesIO(article_set(article(1, title=escape(title), words=1))),
            name="x.xml",
            on_problem=problems.append,
        )
    )
    assert [r.title for r in records] == [expected or "(no title in the source)"]
