"""Search over all records: ranked, forgiving of misspelt names, filtered by what a record is about.

Words and labels lie in one table of an in-memory DuckDB database; the rank is BM25 (Robertson and Zaragoza,
Foundations and Trends in Information Retrieval 2009;3:333) with k1 = 1.2 and b = 0.3 (records differ in
length by what is known, not by how widely they ramble).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence import loading
from rodnan.evidence.catalogue import Document, catalogue_documents, imported_documents, split_words

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Catalogue", "default_catalogue"]

_TITLE_WEIGHT = 3.0
_OWN_WEIGHT = 60
"""Weight of a drug's name in the record of that drug."""
_ALIKE = 78.0
"""Least similarity, of 100, at which a misspelt word is taken for a name."""
_LABELS = ("drugs", "organs", "endpoints", "mesh", "substances", "types")
_SCHEMA = {
    "score": pl.Float64, "kind": pl.String, "id": pl.String, "title": pl.String, "summary": pl.String,
    "year": pl.Int64, "design": pl.String, "drugs": pl.List(pl.String), "basis": pl.String,
}  # fmt: skip
_RANK = """
WITH hits AS (
  SELECT p.doc AS doc, w.grp AS grp, sum(p.tf) AS tf
  FROM postings p JOIN (SELECT unnest(?::INTEGER[]) AS term, unnest(?::INTEGER[]) AS grp) w ON p.term = w.term
  GROUP BY p.doc, w.grp),
found AS (SELECT grp, count(*) AS n FROM hits GROUP BY grp)
SELECT h.doc, count(*) AS groups,
  sum(ln(1 + (?::DOUBLE - n + 0.5) / (n + 0.5)) * h.tf * 2.2
      / (h.tf + 1.2 * (0.7 + 0.3 * d.length / ?::DOUBLE))) AS score
FROM hits h JOIN found USING (grp) JOIN documents d ON d.doc = h.doc
WHERE {where}
GROUP BY h.doc ORDER BY groups DESC, score DESC, h.doc LIMIT ?
"""


class Catalogue:
    """Documents made ready for search.

    Parameters
    ----------
    documents
        What can be found; see `rodnan.evidence.catalogue`.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = tuple(documents)
        self._terms: dict[str, int] = {}
        self._labels: dict[str, dict[str, str]] = {label: {} for label in (*_LABELS, "design")}
        term, doc, tf, lengths = [], [], [], []
        for i, document in enumerate(self.documents):
            counts = self._counts(document)
            lengths.append(max(1.0, sum(n for name, n in counts.items() if ":" not in name)))
            for name, count in counts.items():
                term.append(self._terms.setdefault(name, len(self._terms)))
                doc.append(i)
                tf.append(count)
        order = np.argsort(np.array(term, dtype=np.int32), kind="stable")
        rows = {
            "term": np.array(term, dtype=np.int32)[order],
            "doc": np.array(doc, dtype=np.int32)[order],
            "tf": np.array(tf, dtype=np.float64)[order],
        }
        years = [document.year or 0 for document in self.documents]
        about = {
            "doc": np.arange(len(lengths), dtype=np.int32),
            "length": np.array(lengths, dtype=np.float64),
            "year": np.array(years, dtype=np.int32),
        }
        self._mean_length = float(np.mean(lengths)) if lengths else 1.0
        self._db = duckdb.connect(":memory:", config={"threads": 1})
        for table, columns in (("postings", rows), ("documents", about)):
            self._db.register("columns_in", columns)
            self._db.execute(f"CREATE TABLE {table} AS SELECT * FROM columns_in")
            self._db.unregister("columns_in")
        self._names = _names()

    def _counts(self, document: Document) -> Counter[str]:
        counts: Counter[str] = Counter(split_words(document.text))
        for word in split_words(document.title):
            counts[word] += int(_TITLE_WEIGHT)
        for label in _LABELS:
            for value in getattr(document, label):
                self._labels[label].setdefault(value.casefold(), value)
                counts[f"{label}:{value.casefold()}"] += int(_TITLE_WEIGHT)
        counts.update(document.organs)
        if document.kind == "drug":
            counts[f"drugs:{document.id}"] = _OWN_WEIGHT
        if document.design:
            self._labels["design"].setdefault(document.design, document.design)
            counts[f"design:{document.design}"] += 1
        return counts

    def understood(self, query: str) -> tuple[tuple[str, ...], ...]:
        """Return what each part of a query is taken for: words, and labels such as ``drugs:mycophenolate``.

        Names of drugs in several words count as one part; a word that no record has is replaced by the name of
        a drug or study most like it.
        """
        words, parts, i = split_words(query), [], 0
        while i < len(words):
            for size in (4, 3, 2, 1):
                name = " ".join(words[i : i + size])
                if len(words) - i >= size and (size == 1 or name in self._names):
                    parts.append(self._part(name))
                    i += size
                    break
        return tuple(dict.fromkeys(parts))

    def _part(self, name: str) -> tuple[str, ...]:
        if name not in self._names and name not in self._terms and len(name) > 3:
            alike = process.extractOne(name, list(self._names), scorer=fuzz.ratio, score_cutoff=_ALIKE)
            name = name if alike is None else alike[0]
        return self._names.get(name, (name,))

    def search(
        self,
        query: str,
        *,
        drug: str | None = None,
        organ: str | None = None,
        endpoint: str | None = None,
        design: str | None = None,
        year: int | tuple[int, int] | None = None,
        mesh: str | None = None,
        substance: str | None = None,
        publication_type: str | None = None,
        limit: int = 20,
    ) -> pl.DataFrame:
        """Search; documents that have every part of the query come first, then by score.

        Parameters
        ----------
        query
            Words, names, brands.
        drug
            Any name of a therapy.
        organ, endpoint, design, mesh, substance, publication_type
            As in the records, case ignored; a heading with a star stands for major ones.
        year
            One year, or the first and last of a span.
        limit
            How many rows at most.

        Returns
        -------
        polars.DataFrame
            Columns score, kind, id, title, summary, year, design, drugs, basis.

        Raises
        ------
        EvidenceError
            RDN-E006 for an unknown drug; RDN-E014 for a query without a word, or a filter no record has.
        """
        parts = self.understood(query)
        if not parts:
            raise EvidenceError("RDN-E014", "nothing to search for", value=query)
        given = {
            "drugs": None if drug is None else loading.drug_id(drug),
            "organs": organ, "endpoints": endpoint, "design": design,
            "mesh": mesh, "substances": substance, "types": publication_type,
        }  # fmt: skip
        where, values = ["TRUE"], []
        for label, value in given.items():
            if value is not None:
                where.append("h.doc IN (SELECT doc FROM postings WHERE term = ?)")
                values.append(self._label(label, value))
        if year is not None:
            where.append("d.year BETWEEN ? AND ?")
            values += [year, year] if isinstance(year, int) else list(year)
        pairs = [(self._terms[t], g) for g, part in enumerate(parts) for t in part if t in self._terms]
        terms, groups = [t for t, _ in pairs], [g for _, g in pairs]
        fixed: list[Any] = [terms, groups, len(self.documents), self._mean_length, *values, limit]
        found = self._db.execute(_RANK.format(where=" AND ".join(where)), fixed).fetchall()
        rows = [self._row(self.documents[doc], float(score)) for doc, _, score in found]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _label(self, label: str, value: str) -> int:
        known = self._labels[label]
        if value.casefold() not in known:
            near = nearest_name(value, known.values())
            raise EvidenceError("RDN-E014", f"no record with this ({label})", value=value, nearest=near)
        return self._terms[f"{label}:{value.casefold()}"]

    def _row(self, d: Document, score: float) -> tuple[Any, ...]:
        return (score, d.kind, d.id, d.title, d.summary, d.year, d.design, list(d.drugs), d.basis)


@lru_cache(maxsize=1)
def _names() -> dict[str, tuple[str, ...]]:
    """Every name of a drug, and every study named in one word, in plain words -> the terms it stands for."""
    words = {study: split_words(study) for study in loading.studies()}
    found = {parts[0]: (parts[0],) for parts in words.values() if len(parts) == 1}
    for drug in loading.drugs():
        names = [" ".join(split_words(name)) for name in loading.load_drug(drug).all_names]
        terms = (f"drugs:{drug}", *(name for name in names if " " not in name))
        found |= dict.fromkeys(names, tuple(dict.fromkeys(terms)))
    return found


def default_catalogue(imported: str | Path | None = None) -> Catalogue:
    """Return the catalogue of all records, with imported publications when a file is given.

    Raises
    ------
    EvidenceError
        RDN-E013 for a file that cannot be read.
    """
    extra = () if imported is None else tuple(imported_documents(imported))
    return Catalogue((*catalogue_documents(), *extra))
