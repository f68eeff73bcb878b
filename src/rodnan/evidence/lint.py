"""Lint of evidence: what a schema cannot see, for the catalogue and for records of one's own.

A *problem* contradicts itself or points nowhere; a *remark* is worth a look. A file that does not validate is
a problem too, each fault of it one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rodnan.errors import EvidenceError
from rodnan.evidence import loading
from rodnan.evidence.bibliography import publications
from rodnan.evidence.lint_study import Finding, lint_study, percent_fits
from rodnan.evidence.problems import record_problems
from rodnan.evidence.records.claim import Claim
from rodnan.evidence.records.drug import Drug
from rodnan.evidence.records.kinetics import KineticsTable
from rodnan.evidence.records.safety import SafetyTable
from rodnan.evidence.records.study import Study
from rodnan.evidence.yaml_text import read_yaml

__all__ = ["Finding", "lint_catalogue", "lint_claims", "lint_drug", "lint_paths", "lint_study", "lint_tables"]


def lint_drug(drug: Drug) -> list[Finding]:
    """Check one therapy: percentages against counts, observed exposures inside their ranges, sources."""
    found: list[Finding] = []
    for i, row in enumerate(drug.safety):
        if isinstance(row.incidence_pct, float):
            found += percent_fits(f"safety[{i}]", row.incidence_pct, row.n, row.of)
    if drug.pk is not None:
        for i, check in enumerate(drug.pk.checks):
            for name in ("range", "iqr", "ci95"):
                if isinstance(check.value, float):
                    found += _inside(f"pk.checks[{i}]", check.value, getattr(check, name), name)
        if len({p.name for p in drug.pk.parameters}) != len(drug.pk.parameters):
            found.append(Finding("pk.parameters", "a parameter is given twice"))
    if drug.kind != "inert" and not drug.regimens:
        found.append(Finding("regimens", "no regimen on record", "remark"))
    return [Finding(f"{drug.id}: {f.where}", f.message, f.level) for f in found]


def lint_tables(hazards: SafetyTable | None, turnover: KineticsTable | None) -> list[Finding]:
    """Check the tables of hazards and kinetics: intervals that hold their number, ranges in order."""
    found: list[Finding] = []
    for i, row in enumerate(hazards.entries if hazards else ()):
        for value, pair in _intervals(row.value, row.ci95):
            found += _inside(f"safety: entries[{i}]", value, pair, "interval")
    for i, entry in enumerate(turnover.entries if turnover else ()):
        for value, pair in ((entry.value, entry.range), (entry.female_value, entry.female_range)):
            if isinstance(value, float):
                found += _inside(f"kinetics: entries[{i}]", value, pair, "range")
    return found


def _inside(where: str, value: float, pair: tuple[float, float] | None, name: str) -> list[Finding]:
    if pair is None or pair[0] <= value <= pair[1]:
        return []
    return [Finding(where, f"{value:g} lies outside its {name} {list(pair)}")]


def _intervals(value: Any, interval: Any) -> Iterator[tuple[float, tuple[float, float]]]:
    if interval is None or value is None:
        return
    if isinstance(interval, dict) and isinstance(value, dict):
        yield from ((value[k], interval[k]) for k in value if k in interval)
    elif isinstance(value, float) and isinstance(interval, tuple) and isinstance(interval[0], float):
        yield value, interval
    elif isinstance(value, tuple) and isinstance(interval, tuple) and isinstance(interval[0], tuple):
        yield from zip(value, interval, strict=False)


def lint_claims(claims: Sequence[Claim], resolve: Callable[[str, str], bool] | None = None) -> list[Finding]:
    """Check the claim ledger: records that exist, no answer from nowhere.

    Parameters
    ----------
    claims
        The ledger.
    resolve
        Says whether a kind of record (``study``, ``drug``, ``safety``, ``publication``) has an id; the catalogue
        does by default.
    """
    there = _on_record if resolve is None else resolve
    found: list[Finding] = []
    for claim in claims:
        for name in claim.records:
            kind, _, record = name.partition(":")
            if not there(kind, record):
                found.append(Finding(f"claim {claim.id}", f"no such record: {name}"))
        if claim.answer and not claim.records:
            found.append(Finding(f"claim {claim.id}", "an orphan: it has an answer but no record"))
        if claim.needs_records and not claim.records:
            found.append(Finding(f"claim {claim.id}", "no record answers it yet", "remark"))
    return found


def _on_record(kind: str, name: str) -> bool:
    if kind == "study":
        return name in loading.studies()
    if kind == "drug":
        return name in loading.drugs()
    if kind == "safety":
        return any(row.group == name for row in loading.safety())
    if kind == "kinetics":
        return any(row.group == name for row in loading.kinetics())
    if kind == "publication":
        return any(item.id == name for item in publications())
    if kind == "page":
        from rodnan.evidence.plain import page_names

        return name in page_names()
    return False


def lint_catalogue() -> list[Finding]:
    """Check every record that ships with the package."""
    found: list[Finding] = []
    for name in loading.studies():
        study = loading.load_study(name)
        found += _named_alike(study.id, name) + lint_study(study)
    for name in loading.drugs():
        drug = loading.load_drug(name)
        found += _named_alike(drug.id, name) + lint_drug(drug)
    found += lint_tables(loading.safety_table(), loading.kinetics_table())
    return found + lint_claims(loading.claims())


def _named_alike(record: str, file: str) -> list[Finding]:
    return [] if record == file else [Finding(f"{file}.yaml: id", f"the file holds the record {record!r}")]


def lint_paths(paths: Iterable[str | Path]) -> list[Finding]:
    """Check files of one's own: studies, drugs, hazards, kinetics or claims; folders hold ``*.yaml``.

    Parameters
    ----------
    paths
        Files or folders.

    Raises
    ------
    EvidenceError
        RDN-E005 for a path that is not there or a folder without records.
    """
    found: list[Finding] = []
    for path in map(Path, paths):
        if not path.exists():
            raise EvidenceError("RDN-E005", "no such file or folder", where=str(path))
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not files:
            raise EvidenceError("RDN-E005", "no records (*.yaml) in the folder", where=str(path))
        own_drugs = {file.stem for file in files if _kind(_try_yaml(file)) is Drug}
        for file in files:
            found += _lint_file(file, own_drugs)
    return found


def _try_yaml(file: Path) -> Any:
    try:
        return read_yaml(file)
    except EvidenceError:
        return None


def _kind(data: Any) -> Any:
    """Tell which kind of record plain data is meant to be."""
    if isinstance(data, list):
        return Claim
    if not isinstance(data, dict):
        return Study
    if "entries" in data:
        rows = data["entries"] if isinstance(data["entries"], list) else []
        return KineticsTable if any("what" in row for row in rows if isinstance(row, dict)) else SafetyTable
    if {"names", "pk", "selectivity"} & set(data):
        return Drug
    return Study


def _lint_file(file: Path, own_drugs: Collection[str]) -> list[Finding]:
    try:
        data = read_yaml(file)
    except EvidenceError as error:
        return [Finding(error.where or file.name, error.message)]
    kind = _kind(data)
    rows = list(enumerate(data)) if kind is Claim else [(None, data)]
    faults = [
        fault
        for i, row in rows
        for fault in record_problems(kind, row, file.name if i is None else f"{file.name}: [{i}]")
    ]
    if faults:
        return [Finding(fault.where or file.name, _sentence(fault)) for fault in faults]
    if kind is Claim:
        return lint_claims([Claim.model_validate(row) for row in data])
    if kind is SafetyTable:
        return lint_tables(SafetyTable.model_validate(data), None)
    if kind is KineticsTable:
        return lint_tables(None, KineticsTable.model_validate(data))
    if kind is Drug:
        drug = Drug.model_validate(data)
        return _named_alike(drug.id, file.stem) + lint_drug(drug)
    study = Study.model_validate(data)
    return _named_alike(study.id, file.stem) + lint_study(study, {*loading.drugs(), *own_drugs})


def _sentence(fault: EvidenceError) -> str:
    given = f" (given: {fault.value!r})" if fault.value is not None else ""
    near = f"; did you mean {fault.nearest!r}?" if fault.nearest else ""
    return f"{fault.message}{given}{near}"
