"""Records as rows of plain values: for tables in CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence import loading
from rodnan.evidence.harms import registry_link
from rodnan.evidence.records.safety import SafetyRow
from rodnan.evidence.records.study import Study

__all__ = ["KINDS", "as_csv", "as_markdown", "cell", "kind_rows", "verified"]

Row = dict[str, Any]


def verified(row: Mapping[str, Any]) -> str:
    """Say how a number is known: ``read``, ``recalled (unverified)``; ``, derived`` for arithmetic."""
    basis = str(row.get("basis") or "")
    text = "recalled (unverified)" if basis == "recalled" else basis
    return f"{text}, derived" if row.get("derived") else text


def _plain(record: BaseModel) -> Row:
    return record.model_dump(mode="json", exclude_none=True)


def _study_row(study: Study) -> Row:
    c = study.citation
    return {
        "id": study.id,
        "name": study.acronym,
        "year": c.year,
        "design": study.design.type,
        "randomised": study.design.randomised,
        "condition": study.condition,
        "patients": study.population.n,
        "drugs": list(study.drugs),
        "pmid": c.pmid,
        "doi": c.doi,
        "nct": c.nct,
    }


def _studies(chosen: Sequence[Study]) -> list[Row]:
    return [_study_row(study) for study in chosen]


def _drugs(chosen: Sequence[Study]) -> list[Row]:
    used = [(drug, study.id) for study in chosen for drug in study.drugs]
    rows = []
    for name in loading.drugs():
        drug = loading.load_drug(name)
        rows.append(
            {
                "id": name,
                "name": drug.names.inn,
                "brands": list(drug.names.brands),
                "kind": drug.kind,
                "action": drug.action,
                "target": drug.target,
                "approval": drug.approval,
                "studies": [study for other, study in used if other == name],
            }
        )
    return rows


def _parts(part: Callable[[Study], Iterable[BaseModel]]) -> Callable[[Sequence[Study]], list[Row]]:
    def rows(chosen: Sequence[Study]) -> list[Row]:
        return [{"study": study.id, **_plain(row)} for study in chosen for row in part(study)]

    return rows


def _regimens(chosen: Sequence[Study]) -> list[Row]:
    return [
        {"study": study.id, "arm": arm.id, "n": arm.n, **_plain(item)}
        for study in chosen
        for arm in study.arms
        for item in arm.regimen
    ]


def _hazard_row(row: SafetyRow) -> Row:
    link = registry_link(row.event, row.group)
    return _plain(row) if link is None else {**_plain(row), "registry": link}


KINDS: Mapping[str, Callable[[Sequence[Study]], list[Row]]] = {
    "studies": _studies,
    "drugs": _drugs,
    "regimens": _regimens,
    "baseline": _parts(lambda study: study.population.baseline),
    "outcomes": _parts(lambda study: study.outcomes),
    "adverse-events": _parts(lambda study: study.adverse_events),
    "withdrawals": _parts(lambda study: study.withdrawals),
    "safety": lambda chosen: [_hazard_row(row) for row in loading.safety()],
    "kinetics": lambda chosen: [_plain(row) for row in loading.kinetics()],
    "claims": lambda chosen: [{**_plain(claim), "status": claim.status} for claim in loading.claims()],
}
"""Kinds of rows."""


def kind_rows(
    kind: str,
    *,
    studies: Sequence[Study] | None = None,
    drug: str | None = None,
    design: str | None = None,
    endpoint: str | None = None,
) -> list[Row]:
    """Return the rows of a kind.

    Parameters
    ----------
    kind
        One of `KINDS`.
    studies
        Studies to take; those on record by default.
    drug
        Only studies with this drug in a regimen (for ``drugs``: only this one); an id, brand or abbreviation.
    design
        Only studies of this design, such as ``"rct"``.
    endpoint
        Only outcomes (or baseline rows) of this name.

    Raises
    ------
    EvidenceError
        RDN-E009 for an unknown kind, design or endpoint; RDN-E006 for an unknown drug.
    """
    if kind not in KINDS:
        raise EvidenceError("RDN-E009", "no such kind of rows", value=kind, nearest=nearest_name(kind, KINDS))
    chosen = [loading.load_study(name) for name in loading.studies()] if studies is None else list(studies)
    if drug is not None:
        drug = loading.drug_id(drug)
        chosen = [study for study in chosen if drug in study.drugs]
    if design is not None:
        known = {loading.load_study(name).design.type for name in loading.studies()} | {
            s.design.type for s in chosen
        }
        if design not in known:
            raise EvidenceError(
                "RDN-E009", "no study of such a design", value=design, nearest=nearest_name(design, known)
            )
        chosen = [study for study in chosen if study.design.type == design]
    rows = KINDS[kind](chosen)
    if kind == "drugs" and drug is not None:
        rows = [row for row in rows if row["id"] == drug]
    if endpoint is not None:
        rows = _of_endpoint(rows, endpoint, kind)
    return rows


def _of_endpoint(rows: list[Row], endpoint: str, kind: str) -> list[Row]:
    field = {"baseline": "variable", "adverse-events": "event", "safety": "event"}.get(kind, "endpoint")
    found = [row for row in rows if row.get(field) == endpoint]
    if not found:
        names = {str(row[field]) for row in rows if field in row}
        raise EvidenceError(
            "RDN-E009", f"no row with this {field}", value=endpoint, nearest=nearest_name(endpoint, names)
        )
    return found


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: Any) -> str:
    """Return a value as one line of text; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list | tuple):
        return "; ".join(cell(part) for part in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {cell(part)}" for name, part in value.items())
    return " ".join(str(value).split())


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header; lists are joined by semicolons."""
    columns = _columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    columns = _columns(rows)
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(n)).replace("|", "\\|") for n in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"
