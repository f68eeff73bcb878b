"""PubMed over E-utilities: search for identifiers, fetch records."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rodnan.errors import SourceError
from rodnan.evidence.readers.pubmed_xml import iter_pubmed_xml
from rodnan.evidence.readers.records import OnProblem, Publication
from rodnan.evidence.readers.transport import Response, Transport

__all__ = ["PubMed"]

_BASE = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"


@dataclass(frozen=True, slots=True)
class PubMed:
    """Client of the E-utilities.

    Parameters
    ----------
    transport
        How addresses are fetched; the limit of requests is its concern.
    batch
        Records asked for at once.
    """

    transport: Transport
    batch: int = 200

    def search(self, query: str, *, since: str | None = None, limit: int = 200) -> tuple[str, ...]:
        """Return PubMed identifiers, newest first.

        Parameters
        ----------
        query
            In PubMed's own language.
        since
            ISO date; only records that entered PubMed on or after it.
        limit
            Most identifiers.

        Returns
        -------
        tuple of str
            Identifiers.

        Raises
        ------
        SourceError
            ``RDN-S130`` no answer, ``RDN-S131`` an error status, ``RDN-S135`` an answer that cannot be read.
        """
        terms = {"db": "pubmed", "term": query, "retmode": "json", "retmax": str(limit), "tool": "rodnan"}
        if since is not None:
            terms |= {"datetype": "edat", "mindate": since.replace("-", "/"), "maxdate": "3000"}
        answer = _good(self.transport.get(f"{_BASE}/esearch.fcgi?{urlencode(terms)}"), "PubMed search")
        try:
            result = json.loads(answer.body)["esearchresult"]
            if "ERROR" in result:
                raise SourceError("RDN-S135", f"PubMed refuses the search: {result['ERROR']}", value=query)
            return tuple(str(i) for i in result["idlist"])
        except (ValueError, KeyError, TypeError):
            raise SourceError(
                "RDN-S135", "the answer of PubMed's search cannot be read", value=query
            ) from None

    def fetch(self, pmids: Sequence[str], *, on_problem: OnProblem) -> Iterator[Publication]:
        """Yield the records of the identifiers, asked for in batches.

        Parameters
        ----------
        pmids
            Identifiers; one that PubMed does not give back is the caller's to notice.
        on_problem
            As in `iter_pubmed_xml`.

        Yields
        ------
        Publication
            In the order of the answers.

        Raises
        ------
        SourceError
            ``RDN-S130``, ``RDN-S131``, and those of `iter_pubmed_xml`.
        """
        for start in range(0, len(pmids), self.batch):
            part = ",".join(pmids[start : start + self.batch])
            terms = {"db": "pubmed", "id": part, "retmode": "xml", "tool": "rodnan"}
            answer = _good(self.transport.get(f"{_BASE}/efetch.fcgi?{urlencode(terms)}"), "PubMed fetch")
            yield from iter_pubmed_xml(io.BytesIO(answer.body), name="PubMed answer", on_problem=on_problem)


def _good(answer: Response, who: str) -> Response:
    if answer.status != 200:
        raise SourceError("RDN-S131", f"{who} answered with an error", value=answer.status)
    return answer
