"""What the outside world says that the records do not: proposals for a person to review, never a change.

`propose_updates` asks PubMed and ClinicalTrials.gov about every study that the records know and about newer
ones, and returns differences. Nothing here writes to a record. A source that does not answer becomes one
notice, and the rest of the work goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from rodnan.errors import SourceError
from rodnan.evidence.readers.clinicaltrials import ClinicalTrials
from rodnan.evidence.readers.pubmed import PubMed
from rodnan.evidence.readers.records import Publication, ReadProblem
from rodnan.evidence.readers.registry_records import RegistryStudy
from rodnan.evidence.readers.transport import is_offline

__all__ = [
    "KnownStudy",
    "Proposal",
    "UpdateReport",
    "known_of_record",
    "propose_updates",
    "report_markdown",
    "report_yaml",
]

_NOTICES = {
    "RetractionIn": "retracted",
    "ExpressionOfConcernIn": "concern",
    "ErratumIn": "corrected",
    "CorrectedandRepublishedIn": "corrected",
    "UpdateIn": "corrected",
}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KnownStudy(_Record):
    """The parts of a study record that an outside source can confirm or contradict."""

    id: str
    pmid: str | None = None
    doi: str | None = None
    nct: str | None = None
    journal: str | None = None
    year: int | None = None
    enrolled: int | None = None
    other_pmids: tuple[str, ...] = ()


class Proposal(_Record):
    """One difference, for review.

    Parameters
    ----------
    kind
        ``retracted``, ``concern`` (an editor's expression of concern), ``corrected`` (an erratum or a newer
        version), ``changed`` (a fact differs), ``results`` (the registry has posted results), ``new`` (not
        in the records).
    record
        Our study; None for a new one.
    source, identifier
        Where it was seen.
    field, ours, theirs
        The fact that differs.
    """

    kind: Literal["retracted", "concern", "corrected", "changed", "results", "new"]
    source: Literal["PubMed", "ClinicalTrials.gov"]
    identifier: str
    record: str | None = None
    title: str | None = None
    field: str | None = None
    ours: str | int | None = None
    theirs: str | int | None = None
    note: str | None = None


class UpdateReport(_Record):
    """The proposals of one look, and what could not be looked at."""

    looked_at: str
    since: str
    proposals: tuple[Proposal, ...] = ()
    notices: tuple[str, ...] = ()
    checked_pubmed: int = 0
    checked_registry: int = 0
    offline: bool = False


def known_of_record(study: Any) -> KnownStudy:
    """Take from a study record what outside sources can confirm.

    Parameters
    ----------
    study
        A study record of the evidence base.

    Returns
    -------
    KnownStudy
        Identifiers, journal, year and number of participants.
    """
    citation = study.citation
    related = getattr(study, "related_citations", None) or ()
    population = getattr(study, "population", None)
    return KnownStudy(
        id=study.id,
        pmid=_digits(getattr(citation, "pmid", None)),
        doi=getattr(citation, "doi", None),
        nct=getattr(citation, "nct", None),
        journal=getattr(citation, "journal", None),
        year=getattr(citation, "year", None),
        enrolled=getattr(population, "n", None),
        other_pmids=tuple(p for c in related if (p := _digits(getattr(c, "pmid", None)))),
    )


def propose_updates(
    known: Sequence[KnownStudy],
    pubmed: PubMed,
    registry: ClinicalTrials,
    *,
    since: str,
    today: str,
    queries: Sequence[str] = (),
    condition: str | None = None,
    drugs: Sequence[str] = (),
) -> UpdateReport:
    """Ask both sources and list the differences.

    Parameters
    ----------
    known
        Studies of the records.
    pubmed, registry
        The clients.
    since, today
        ISO dates: new publications and studies are looked for from the first; the second is written into
        the report.
    queries
        PubMed searches for new publications.
    condition
        Condition to search the registry for; None searches for nothing new there.
    drugs
        Words added to the registry's search, one search each; none searches the condition alone.

    Returns
    -------
    UpdateReport
        Proposals in order of weight (retractions first), and notices of what could not be asked.
    """
    proposals: list[Proposal] = []
    notices: list[str] = []
    offline: set[str] = set()
    checked = {"PubMed": 0, "ClinicalTrials.gov": 0}

    def attempt(source: str, steps: Iterator[Proposal | int]) -> None:
        if source in offline:
            return
        try:
            for step in steps:
                if isinstance(step, int):
                    checked[source] += step
                else:
                    proposals.append(step)
        except SourceError as error:
            if is_offline(error):
                offline.add(source)
                notices.append(
                    f"{source} does not answer: going on with what is there; nothing was compared with it."
                )
            else:
                notices.append(f"{source}: {error}")

    def note(problem: ReadProblem) -> None:
        notices.append(f"PubMed: {problem}")

    attempt("PubMed", _check_publications(known, pubmed, note))
    for study in known:
        if study.nct:
            attempt("ClinicalTrials.gov", _check_registry(study, registry))
    have = {p for s in known for p in (s.pmid, *s.other_pmids) if p}
    for query in queries:
        attempt("PubMed", _new_publications(query, since, have, pubmed, note))
    if condition is not None:
        seen = {s.nct for s in known if s.nct}
        for drug in drugs or ("",):
            attempt("ClinicalTrials.gov", _new_studies(condition, drug, since, seen, registry))
    away = len(offline) == 2
    if away:
        notices = [n for n in notices if "does not answer" not in n]
        notices.insert(
            0, "Offline: neither PubMed nor ClinicalTrials.gov answers; going on with what is there."
        )
    order = {k: i for i, k in enumerate(("retracted", "concern", "corrected", "changed", "results", "new"))}
    proposals.sort(key=lambda p: (order[p.kind], p.record or "", p.source, p.identifier, p.field or ""))
    return UpdateReport(
        looked_at=today,
        since=since,
        proposals=tuple(dict.fromkeys(proposals)),
        notices=tuple(dict.fromkeys(notices)),
        checked_pubmed=checked["PubMed"],
        checked_registry=checked["ClinicalTrials.gov"],
        offline=away,
    )


def _digits(value: Any) -> str | None:
    text = str(value) if value is not None else ""
    return text if text.isdigit() else None


def _check_publications(known: Sequence[KnownStudy], pubmed: PubMed, note) -> Iterator[Proposal | int]:
    ours = {s.pmid: s for s in known if s.pmid} | {p: s for s in known for p in s.other_pmids if p != s.pmid}
    if not ours:
        return
    found: set[str] = set()
    for record in pubmed.fetch(sorted(ours), on_problem=note):
        if record.pmid not in ours or record.pmid in found:
            continue
        found.add(record.pmid)
        yield 1
        yield from _compare(ours[record.pmid], record)
    for pmid in sorted(set(ours) - found):
        yield Proposal(
            kind="changed",
            source="PubMed",
            identifier=f"pmid:{pmid}",
            record=ours[pmid].id,
            note="PubMed gave no record for this identifier; it may be wrong or withdrawn",
        )


def _compare(study: KnownStudy, record: Publication) -> Iterator[Proposal]:
    identifier = f"pmid:{record.pmid}"

    def proposal(kind: str, **fields: Any) -> Proposal:
        common = {"source": "PubMed", "identifier": identifier, "record": study.id, "title": record.title}
        return Proposal.model_validate(common | {"kind": kind} | fields)

    for link in record.links:
        if link.kind in _NOTICES:
            where = f"pmid:{link.pmid}" if link.pmid else None
            yield proposal(_NOTICES[link.kind], note=link.note, theirs=where)
    if record.retracted and not any(link.kind == "RetractionIn" for link in record.links):
        yield proposal("retracted", note="PubMed marks the publication as retracted")
    if record.pmid != study.pmid:
        return
    if record.doi and study.doi and record.doi.casefold() != study.doi.casefold():
        yield proposal("changed", field="doi", ours=study.doi, theirs=record.doi)
    if record.doi and not study.doi:
        yield proposal("changed", field="doi", ours=None, theirs=record.doi)
    if record.year and study.year and record.year != study.year:
        yield proposal("changed", field="year", ours=study.year, theirs=record.year)
    theirs = record.journal_abbreviation or record.journal
    if study.journal and theirs and not _same_journal(study.journal, record):
        yield proposal("changed", field="journal", ours=study.journal, theirs=theirs)


def _same_journal(ours: str, record: Publication) -> bool:
    def bare(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", text.casefold()))

    return bare(ours) in {bare(t) for t in (record.journal, record.journal_abbreviation) if t}


def _check_registry(study: KnownStudy, registry: ClinicalTrials) -> Iterator[Proposal | int]:
    assert study.nct is not None
    posted: RegistryStudy = registry.fetch(study.nct)
    yield 1
    common = {
        "source": "ClinicalTrials.gov",
        "identifier": study.nct,
        "record": study.id,
        "title": posted.title,
    }
    differs = (
        posted.enrolment is not None and study.enrolled is not None and posted.enrolment != study.enrolled
    )
    if posted.enrolment_actual and differs:
        note = "analysed and enrolled numbers may both be right; look before changing"
        row = {
            "kind": "changed",
            "field": "population.n",
            "ours": study.enrolled,
            "theirs": posted.enrolment,
            "note": note,
        }
        yield Proposal.model_validate(common | row)
    if posted.has_results:
        rows = len(posted.outcomes), len(posted.adverse_events)
        when = posted.results_first_posted or "no date"
        note = f"{rows[0]} outcomes and {rows[1]} adverse-event rows are posted ({when})"
        yield Proposal.model_validate(common | {"kind": "results", "note": note})


def _new_publications(
    query: str, since: str, have: set[str], pubmed: PubMed, note
) -> Iterator[Proposal | int]:
    fresh = [p for p in pubmed.search(query, since=since) if p not in have]
    for record in pubmed.fetch(fresh, on_problem=note):
        if record.pmid is None or record.pmid in have:
            continue
        have.add(record.pmid)
        about = "; ".join(
            t
            for t in (
                record.journal_abbreviation or record.journal,
                record.date,
                ", ".join(record.publication_types),
            )
            if t
        )
        yield Proposal(
            kind="new", source="PubMed", identifier=f"pmid:{record.pmid}", title=record.title, note=about
        )


def _new_studies(
    condition: str, drug: str, since: str, seen: set[str], registry: ClinicalTrials
) -> Iterator[Proposal | int]:
    for study in registry.search(condition=condition, term=drug, since=since):
        if study.nct in seen:
            continue
        seen.add(study.nct)
        about = "; ".join(t for t in (study.status, f"enrolment {study.enrolment}", study.last_update) if t)
        yield Proposal(
            kind="new", source="ClinicalTrials.gov", identifier=study.nct, title=study.title, note=about
        )


def report_yaml(report: UpdateReport) -> str:
    """Return the report as YAML, one proposal per list entry."""
    import yaml

    data = report.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def report_markdown(report: UpdateReport) -> str:
    """Return the report as Markdown, with a box to tick for each proposal."""
    names = {
        "retracted": "Retracted",
        "concern": "Expression of concern",
        "corrected": "Corrected or updated",
        "changed": "Differs from our record",
        "results": "Results posted in the registry",
        "new": "Not in the records",
    }
    lines = [
        "# Proposed changes to the evidence records",
        "",
        f"Looked at on {report.looked_at}; new since {report.since}. "
        f"Asked about {report.checked_pubmed} publications and {report.checked_registry} registered studies.",
        "No record was changed: each line is for a person to accept or reject.",
        "",
    ]
    lines += [f"> {notice}" for notice in report.notices] + ([""] if report.notices else [])
    for kind, name in names.items():
        rows: Iterable[Proposal] = [p for p in report.proposals if p.kind == kind]
        if rows:
            lines += [f"## {name}", ""]
            lines += [f"- [ ] {_line(p)}" for p in rows]
            lines.append("")
    if not report.proposals:
        lines += ["Nothing could be compared." if report.offline else "Nothing to propose.", ""]
    return "\n".join(lines)


def _line(p: Proposal) -> str:
    text = f"**{p.record}** " if p.record else ""
    text += f"{p.identifier} ({p.source})"
    if p.title:
        text += f": {p.title}"
    if p.field:
        text += f" — `{p.field}`: ours {p.ours!r}, theirs {p.theirs!r}"
    elif p.theirs:
        text += f" — see {p.theirs}"
    return text + (f" — {p.note}" if p.note else "")
