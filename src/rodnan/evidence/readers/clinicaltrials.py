"""ClinicalTrials.gov, API version 2: studies with their protocol and posted results.

A study is JSON with a ``protocolSection`` and, where results were posted, a ``resultsSection``. A part that
is missing or has an unexpected shape does not lose the study: it is named in `RegistryStudy.problems`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from rodnan.errors import SourceError
from rodnan.evidence.readers.registry_records import (
    AdverseEventRow,
    Analysis,
    BaselineRow,
    FlowRow,
    Intervention,
    Measurement,
    OutcomeResult,
    PlannedOutcome,
    RegistryArm,
    RegistryStudy,
    ResultGroup,
)
from rodnan.evidence.readers.transport import Transport

__all__ = ["ClinicalTrials", "study_of_json"]

_BASE = "https://clinicaltrials.gov/api/v2/studies"
_NCT = re.compile(r"NCT\d{8}")


@dataclass(frozen=True, slots=True)
class ClinicalTrials:
    """Client of the registry.

    Parameters
    ----------
    transport
        How addresses are fetched.
    page
        Studies asked for at once.
    """

    transport: Transport
    page: int = 100

    def fetch(self, nct: str) -> RegistryStudy:
        """Return one study.

        Parameters
        ----------
        nct
            Identifier such as ``"NCT00883129"``.

        Returns
        -------
        RegistryStudy
            Protocol and, where posted, results.

        Raises
        ------
        SourceError
            ``RDN-S136`` not an identifier or not in the registry; ``RDN-S130``, ``RDN-S131``, ``RDN-S135``
            otherwise.
        """
        if not _NCT.fullmatch(nct):
            raise SourceError(
                "RDN-S136", "not an identifier of ClinicalTrials.gov (NCT and 8 digits)", value=nct
            )
        answer = self.transport.get(f"{_BASE}/{nct}?format=json")
        if answer.status == 404:
            raise SourceError("RDN-S136", "the registry has no such study", value=nct)
        if answer.status != 200:
            raise SourceError("RDN-S131", "ClinicalTrials.gov answered with an error", value=answer.status)
        return study_of_json(_parsed(answer.body, nct))

    def search(
        self, *, condition: str, term: str = "", since: str | None = None, limit: int = 1000
    ) -> Iterator[RegistryStudy]:
        """Yield studies of a condition, page by page.

        Parameters
        ----------
        condition
            Words of the condition.
        term
            Other words, for example a drug.
        since
            ISO date; only studies updated on or after it.
        limit
            Most studies.

        Yields
        ------
        RegistryStudy
            Newest update first.

        Raises
        ------
        SourceError
            ``RDN-S130``, ``RDN-S131``, ``RDN-S135``.
        """
        query = {
            "query.cond": condition,
            "pageSize": str(self.page),
            "sort": "LastUpdatePostDate:desc",
            "format": "json",
        }
        if term:
            query["query.term"] = term
        if since:
            query["filter.advanced"] = f"AREA[LastUpdatePostDate]RANGE[{since},MAX]"
        given = 0
        token: str | None = None
        while True:
            asked = query | ({"pageToken": token} if token else {})
            answer = self.transport.get(f"{_BASE}?{urlencode(asked)}")
            if answer.status != 200:
                raise SourceError(
                    "RDN-S131", "ClinicalTrials.gov answered with an error", value=answer.status
                )
            page = _parsed(answer.body, "search")
            studies = page.get("studies")
            if not isinstance(studies, list):
                raise SourceError(
                    "RDN-S135", "the answer of the registry's search cannot be read", where="studies"
                )
            for study in studies:
                if given == limit:
                    return
                given += 1
                yield study_of_json(study)
            last, token = token, page.get("nextPageToken")
            if not token or token == last:
                return


def _parsed(body: bytes, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise SourceError(
            "RDN-S135", "the answer of ClinicalTrials.gov is not whole JSON", where=what
        ) from None
    if not isinstance(parsed, dict):
        raise SourceError("RDN-S135", "the answer of ClinicalTrials.gov is not a study", where=what)
    return parsed


@dataclass(slots=True)
class _Reader:
    """Reads JSON of unsure shape; every surprise is written down once."""

    problems: list[str] = field(default_factory=list)

    def part(self, node: Any, *path: str) -> Mapping[str, Any]:
        for key in path:
            node = node.get(key) if isinstance(node, Mapping) else None
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self.surprise(".".join(path), "an object")
            return {}
        return node

    def rows(self, node: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        rows = node.get(key)
        if rows is None:
            return []
        if not isinstance(rows, list):
            self.surprise(key, "a list")
            return []
        good = [row for row in rows if isinstance(row, Mapping)]
        if len(good) < len(rows):
            self.surprise(key, "a list of objects")
        return good

    def text(self, node: Mapping[str, Any], key: str) -> str | None:
        value = node.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, (Mapping, list)):
            self.surprise(key, "text")
            return None
        return str(value)

    def words(self, node: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = node.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.surprise(key, "a list")
            return ()
        return tuple(str(v) for v in value if not isinstance(v, (Mapping, list)))

    def number(self, node: Mapping[str, Any], key: str) -> float | None:
        text = self.text(node, key)
        if text is None:
            return None
        found = re.fullmatch(r"[<>≤≥~]?\s*(-?[\d,]*\.?\d+(?:[eE][-+]?\d+)?)", text.strip())
        value = float(found.group(1).replace(",", "")) if found else math.nan
        return value if math.isfinite(value) else None

    def count(self, node: Mapping[str, Any], key: str) -> int | None:
        number = self.number(node, key)
        if number is None:
            return None
        if number != int(number) or number < 0:
            self.surprise(key, "a count")
            return None
        return int(number)

    def surprise(self, where: str, expected: str) -> None:
        message = f"{where}: expected {expected}; this part was not read"
        if message not in self.problems:
            self.problems.append(message)


def study_of_json(study: Mapping[str, Any]) -> RegistryStudy:
    """Turn the registry's JSON of one study into a record.

    Parameters
    ----------
    study
        An object with ``protocolSection`` and perhaps ``resultsSection``.

    Returns
    -------
    RegistryStudy
        With `problems` naming every part that could not be read.

    Raises
    ------
    SourceError
        ``RDN-S135`` when even the identifier is missing.
    """
    r = _Reader()
    protocol = r.part(study, "protocolSection")
    identity = r.part(protocol, "identificationModule")
    nct = r.text(identity, "nctId")
    if nct is None or not _NCT.fullmatch(nct):
        raise SourceError(
            "RDN-S135", "the registry's answer has no study identifier", where="nctId", value=nct
        )
    status, design = r.part(protocol, "statusModule"), r.part(protocol, "designModule")
    info, plan = r.part(design, "designInfo"), r.part(protocol, "armsInterventionsModule")
    enrolment = r.part(design, "enrollmentInfo")
    results = r.part(study, "resultsSection")
    flow, base = r.part(results, "participantFlowModule"), r.part(results, "baselineCharacteristicsModule")
    harms = r.part(results, "adverseEventsModule")
    title = r.text(identity, "briefTitle") or r.text(identity, "officialTitle")
    if title is None:
        r.problems.append("the study has no title")
    record = RegistryStudy(
        nct=nct,
        title=title or "(no title in the source)",
        official_title=r.text(identity, "officialTitle"),
        acronym=r.text(identity, "acronym"),
        status=r.text(status, "overallStatus"),
        why_stopped=r.text(status, "whyStopped"),
        study_type=r.text(design, "studyType"),
        phases=r.words(design, "phases"),
        allocation=r.text(info, "allocation"),
        model=r.text(info, "interventionModel") or r.text(info, "observationalModel"),
        masking=r.text(r.part(info, "maskingInfo"), "masking"),
        masked=r.words(r.part(info, "maskingInfo"), "whoMasked"),
        enrolment=r.count(enrolment, "count"),
        enrolment_actual=None if r.text(enrolment, "type") is None else enrolment.get("type") == "ACTUAL",
        start=r.text(r.part(status, "startDateStruct"), "date"),
        primary_completion=r.text(r.part(status, "primaryCompletionDateStruct"), "date"),
        completion=r.text(r.part(status, "completionDateStruct"), "date"),
        last_update=r.text(r.part(status, "lastUpdatePostDateStruct"), "date"),
        results_first_posted=r.text(r.part(status, "resultsFirstPostDateStruct"), "date"),
        sponsor=r.text(r.part(protocol, "sponsorCollaboratorsModule", "leadSponsor"), "name"),
        summary=r.text(r.part(protocol, "descriptionModule"), "briefSummary"),
        eligibility=r.text(r.part(protocol, "eligibilityModule"), "eligibilityCriteria"),
        conditions=r.words(r.part(protocol, "conditionsModule"), "conditions"),
        keywords=r.words(r.part(protocol, "conditionsModule"), "keywords"),
        arms=tuple(
            RegistryArm(
                label=r.text(a, "label") or "(no label)",
                kind=r.text(a, "type"),
                description=r.text(a, "description"),
                interventions=r.words(a, "interventionNames"),
            )
            for a in r.rows(plan, "armGroups")
        ),
        interventions=tuple(
            Intervention(
                name=r.text(i, "name") or "(no name)",
                kind=r.text(i, "type"),
                description=r.text(i, "description"),
                other_names=r.words(i, "otherNames"),
            )
            for i in r.rows(plan, "interventions")
        ),
        planned=tuple(_planned(r, r.part(protocol, "outcomesModule"))),
        references=tuple(
            pmid
            for ref in r.rows(r.part(protocol, "referencesModule"), "references")
            if (pmid := r.text(ref, "pmid")) is not None
        ),
        has_results=bool(results),
        flow_groups=_groups(r, flow),
        flow=tuple(_flow(r, flow)),
        baseline_groups=_groups(r, base),
        baseline=tuple(_baseline(r, base)),
        outcomes=tuple(
            _outcome(r, o) for o in r.rows(r.part(results, "outcomeMeasuresModule"), "outcomeMeasures")
        ),
        event_groups=_groups(r, harms, "eventGroups"),
        adverse_events=tuple(_events(r, harms)),
        adverse_events_time_frame=r.text(harms, "timeFrame"),
    )
    return record.model_copy(update={"problems": tuple(r.problems)})


def _planned(r: _Reader, module: Mapping[str, Any]) -> Iterator[PlannedOutcome]:
    for role, key in (
        ("primary", "primaryOutcomes"),
        ("secondary", "secondaryOutcomes"),
        ("other", "otherOutcomes"),
    ):
        for row in r.rows(module, key):
            yield PlannedOutcome(
                role=role,
                measure=r.text(row, "measure") or "(no name)",
                time_frame=r.text(row, "timeFrame"),
                description=r.text(row, "description"),
            )


def _groups(r: _Reader, module: Mapping[str, Any], key: str = "groups") -> tuple[ResultGroup, ...]:
    return tuple(
        ResultGroup(
            id=r.text(g, "id") or "", title=r.text(g, "title") or "", description=r.text(g, "description")
        )
        for g in r.rows(module, key)
    )


def _flow(r: _Reader, module: Mapping[str, Any]) -> Iterator[FlowRow]:
    for period in r.rows(module, "periods"):
        name = r.text(period, "title") or ""
        for milestone in r.rows(period, "milestones"):
            for cell in r.rows(milestone, "achievements"):
                yield FlowRow(
                    period=name,
                    kind=r.text(milestone, "type") or "",
                    group=r.text(cell, "groupId") or "",
                    participants=r.count(cell, "numSubjects"),
                )
        for leaving in r.rows(period, "dropWithdraws"):
            for cell in r.rows(leaving, "reasons"):
                yield FlowRow(
                    period=name,
                    kind=f"withdrawn: {r.text(leaving, 'type') or ''}",
                    group=r.text(cell, "groupId") or "",
                    participants=r.count(cell, "numSubjects"),
                )


def _measurements(r: _Reader, measure: Mapping[str, Any]) -> tuple[Measurement, ...]:
    cells = []
    for row in r.rows(measure, "classes"):
        for category in r.rows(row, "categories"):
            for cell in r.rows(category, "measurements"):
                cells.append(
                    Measurement(
                        group=r.text(cell, "groupId") or "",
                        value=r.number(cell, "value"),
                        text=r.text(cell, "value") or "",
                        spread=r.number(cell, "spread"),
                        low=r.number(cell, "lowerLimit"),
                        high=r.number(cell, "upperLimit"),
                        class_title=r.text(row, "title"),
                        category=r.text(category, "title"),
                        comment=r.text(cell, "comment"),
                    )
                )
    return tuple(cells)


def _baseline(r: _Reader, module: Mapping[str, Any]) -> Iterator[BaselineRow]:
    for measure in r.rows(module, "measures"):
        yield BaselineRow(
            title=r.text(measure, "title") or "",
            parameter=r.text(measure, "paramType"),
            dispersion=r.text(measure, "dispersionType"),
            unit=r.text(measure, "unitOfMeasure"),
            measurements=_measurements(r, measure),
        )


def _outcome(r: _Reader, row: Mapping[str, Any]) -> OutcomeResult:
    counted = [c for d in r.rows(row, "denoms") for c in r.rows(d, "counts")]
    return OutcomeResult(
        role=(r.text(row, "type") or "").casefold(),
        title=r.text(row, "title") or "",
        time_frame=r.text(row, "timeFrame"),
        description=r.text(row, "description"),
        population=r.text(row, "populationDescription"),
        parameter=r.text(row, "paramType"),
        dispersion=r.text(row, "dispersionType"),
        unit=r.text(row, "unitOfMeasure"),
        groups=_groups(r, row),
        participants=tuple((r.text(c, "groupId") or "", r.count(c, "value")) for c in counted),
        measurements=_measurements(r, row),
        analyses=tuple(
            Analysis(
                groups=r.words(a, "groupIds"),
                method=r.text(a, "statisticalMethod"),
                parameter=r.text(a, "paramType"),
                estimate=r.number(a, "paramValue"),
                ci_level=r.number(a, "ciPctValue"),
                ci_low=r.number(a, "ciLowerLimit"),
                ci_high=r.number(a, "ciUpperLimit"),
                p_value=r.text(a, "pValue"),
                dispersion=r.text(a, "dispersionType"),
                dispersion_value=r.number(a, "dispersionValue"),
                comment=r.text(a, "estimateComment") or r.text(a, "statisticalComment"),
            )
            for a in r.rows(row, "analyses")
        ),
    )


def _events(r: _Reader, module: Mapping[str, Any]) -> Iterator[AdverseEventRow]:
    for serious, key in ((True, "seriousEvents"), (False, "otherEvents")):
        for event in r.rows(module, key):
            for cell in r.rows(event, "stats"):
                yield AdverseEventRow(
                    term=r.text(event, "term") or "",
                    serious=serious,
                    organ_system=r.text(event, "organSystem"),
                    group=r.text(cell, "groupId") or "",
                    affected=r.count(cell, "numAffected"),
                    at_risk=r.count(cell, "numAtRisk"),
                    events=r.count(cell, "numEvents"),
                )
