"""Search: ranking, brands, misspelt names, filters, imported publications, speed."""

from __future__ import annotations

import random
import time

import pytest

from rodnan.cli.main import execute
from rodnan.errors import EvidenceError
from rodnan.evidence.bibliography import publications
from rodnan.evidence.catalogue import Document, catalogue_documents
from rodnan.evidence.readers.records import Publication
from rodnan.evidence.search import Catalogue, default_catalogue


@pytest.fixture(scope="module")
def catalogue():
    return default_catalogue()


def ids(frame):
    return [f"{row['kind']}:{row['id']}" for row in frame.to_dicts()]


def test_the_question_of_a_researcher(catalogue):
    found = ids(catalogue.search("mycophenolate FVC"))
    assert "study:sls-2" in found[:3]
    assert found == ids(catalogue.search("CellCept fvc"))


@pytest.mark.parametrize(
    ("brand", "drug"),
    [("CellCept", "mycophenolate"), ("Imuran", "azathioprine"), ("Cytoxan", "cyclophosphamide"),
     ("Neoral", "cyclosporine"), ("Thymoglobulin", "anti-thymocyte-globulin")],
)  # fmt: skip
def test_brands_find_the_drug(catalogue, brand, drug):
    assert f"drug:{drug}" in ids(catalogue.search(brand))[:3]


@pytest.mark.parametrize(
    ("typed", "meant"), [("mycofenolate", "drug:mycophenolate"), ("azathioprin", "drug:azathioprine"),
                         ("senscsi", "study:senscis"), ("fascinate", "study:fasscinate")],
)  # fmt: skip
def test_misspelt_names_are_understood(catalogue, typed, meant):
    assert meant in ids(catalogue.search(typed))[:3]


def test_every_publication_is_found_by_its_title(catalogue):
    for item in publications():
        assert f"publication:{item.id}" in ids(catalogue.search(item.title, limit=5)), item.id


def test_filters(catalogue):
    rows = catalogue.search("lung", drug="MMF", design="rct", limit=100).to_dicts()
    assert rows
    assert all("mycophenolate" in row["drugs"] and row["design"] == "rct" for row in rows)
    assert ids(catalogue.search("scleroderma", mesh="Immunotherapy*")) == [
        "publication:immunotherapy-review-2010"
    ]
    same = catalogue.search(
        "scleroderma", substance="Piperazines", publication_type="Review", year=(2009, 2011)
    )
    assert ids(same) == ["publication:immunotherapy-review-2010"]
    with pytest.raises(EvidenceError) as caught:
        catalogue.search("skin", organ="lungs")
    assert (caught.value.code, caught.value.nearest) == ("RDN-E014", "lung")
    with pytest.raises(EvidenceError):
        catalogue.search("...")
    assert catalogue.search("zzzzqqqq").is_empty()


def test_rank_follows_bm25_by_hand():
    from math import log

    texts = ["alpha beta", "alpha alpha beta gamma", "gamma delta"]
    made = Catalogue(Document("study", str(i), "", text, text) for i, text in enumerate(texts))
    found = {row["id"]: row["score"] for row in made.search("alpha").to_dicts()}
    weight = log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = 8 / 3
    for name, tf, length in (("0", 1, 2), ("1", 2, 4)):
        expected = weight * tf * 2.2 / (tf + 1.2 * (0.7 + 0.3 * length / mean))
        assert found[name] == pytest.approx(expected)
    assert set(found) == {"0", "1"}


def test_imported_publications_are_searched(tmp_path, capsys):
    file = tmp_path / "own.jsonl"
    item = Publication(source="ris", title="A quixotic trial of CellCept", key="k1", year=2020)
    file.write_text(item.model_dump_json() + "\n", encoding="utf-8")
    assert (
        execute(["evidence", "search", "quixotic mycophenolate", "--imported", str(file), "--limit", "1"])
        == 0
    )
    assert "imported:key:k1, 2020" in capsys.readouterr().out
    file.write_text("{}\n", encoding="utf-8")
    assert execute(["evidence", "search", "skin", "--imported", str(file)]) == 2
    assert "RDN-E013" in capsys.readouterr().err


def test_ten_thousand_records_answer_within_a_tenth_of_a_second():
    rng = random.Random(5)
    words = [f"word{i}" for i in range(4000)] + ["mycophenolate", "fvc", "skin", "lung"] * 20
    made = [
        Document(
            "imported", str(i), " ".join(rng.choices(words, k=10)), " ".join(rng.choices(words, k=80)), ""
        )
        for i in range(10_000)
    ]
    full = Catalogue((*catalogue_documents(), *made))
    full.search("mycophenolate")
    for query in ("mycophenolate FVC", "CellCept lung skin", "mycofenolate fvc", "word1 word2 word3"):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert not full.search(query).is_empty()
            times.append(time.perf_counter() - start)
        assert min(times) < 0.1, query
