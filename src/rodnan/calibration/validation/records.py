"""Read a folder of study records that others wrote: what cannot be read is named, the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rodnan.errors import CalibrationError, EvidenceError, RodnanError
from rodnan.evidence import Study
from rodnan.evidence.loading import read_yaml
from rodnan.evidence.problems import record_problems

__all__ = ["read_records"]

ROUNDS = 400
LISTS = ("outcomes", "adverse_events", "withdrawals", "model_estimates", "related_citations")


def read_records(folder: Path) -> tuple[list[Study], list[tuple[str, str]]]:
    """Read every ``*.yaml`` of a folder as a study, leaving out what is not understood.

    Parameters
    ----------
    folder
        Records in the schema of our own studies, or near it.

    Returns
    -------
    list of Study
        In the order of file names.
    list of (str, str)
        File or field, and why it was left out.

    Raises
    ------
    CalibrationError
        RDN-C061 when the folder is not there or holds no records.
    """
    if not folder.is_dir():
        raise CalibrationError("RDN-C061", "no such folder of study records", where=str(folder))
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".yaml", ".yml") and p.is_file())
    if not paths:
        raise CalibrationError("RDN-C061", "no study records (*.yaml) in the folder", where=str(folder))
    studies: dict[str, Study] = {}
    left: list[tuple[str, str]] = []
    for path in paths:
        try:
            study, dropped = _tolerant(read_yaml(path), path)
        except RodnanError as error:
            left.append((path.name, f"the file cannot be read: {error.message}"))
            continue
        left += dropped
        if study.id in studies:
            left.append((path.name, f"another file holds the study {study.id!r} already"))
            continue
        studies[study.id] = study
    return list(studies.values()), left


def _tolerant(data: Any, path: Path) -> tuple[Study, list[tuple[str, str]]]:
    """Drop what does not validate, the smallest part first, until the record does."""
    if not isinstance(data, Mapping):
        raise CalibrationError("RDN-C062", "a study record must be a mapping of fields", where=path.name)
    plain = _copied(data)
    left: list[tuple[str, str]] = []
    for name, value in _fillers(path).items():
        if not plain.get(name):
            plain[name] = value
            left.append((path.name, f"{name} is missing; read as {value!r}"))
    for name in LISTS:
        if plain.get(name) is None:
            plain.pop(name, None)
    for _ in range(ROUNDS):
        problems = record_problems(Study, plain, path.name)
        if not problems:
            return Study.model_validate(plain), left
        dropped = _drop(plain, problems[0], path)
        if dropped is None:
            raise problems[0]
        left.append(dropped)
    raise CalibrationError("RDN-C062", "too many fields are not understood", where=path.name)


def _copied(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(v) for v in data] if isinstance(data, list) else data


def _fillers(path: Path) -> dict[str, Any]:
    name = "".join(c if c.isalnum() and c.isascii() else "-" for c in path.stem.lower()).strip("-") or "study"
    return {
        "id": name,
        "acronym": path.stem,
        "citation": {"first_author": "not given"},
        "design": {"type": "cohort", "blinding": "none", "randomised": False},
        "condition": "SSc",
        "population": {},
        "arms": [],
        "source": ["not given"],
    }


def _drop(plain: dict[str, Any], problem: EvidenceError, path: Path) -> tuple[str, str] | None:
    """Remove the row of a list, or else the field, that a problem lies in."""
    place: list[str | int] = _place(problem.where or "", path)
    if not place:
        return None
    where = ".".join(str(p) for p in place)
    filled = _fill(plain, problem, place)
    if filled is not None:
        return f"{path.name}: {where}", f"missing; read as {filled!r}"
    if place[0] in (*LISTS, "source") and len(place) > 1 and isinstance(place[1], int):
        if problem.message.startswith("there is no such field") and len(place) == 3:
            plain[place[0]][place[1]].pop(place[2], None)
            return f"{path.name}: {where}", "a field that is not known"
        plain[place[0]].pop(place[1])
        return f"{path.name}: {where}", f"row left out: {problem.message}"
    node: Any = plain
    for part in place[:-1]:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    try:
        if place[:2] == ["population", "baseline"] and len(place) > 3:
            plain["population"]["baseline"].pop(place[2])
        else:
            del node[place[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    return f"{path.name}: {where}", f"left out: {problem.message}"


MISSING = {
    "basis": "recalled", "type": "cohort", "blinding": "none", "randomised": False, "label": None,
    "arm": "all", "reason": "not given",
}  # fmt: skip
"""What stands for a field that a record lacks; an arm without a label is called by its id."""


def _fill(plain: Any, problem: EvidenceError, place: list[str | int]) -> Any:
    if not problem.message.startswith("this field is missing") or place[-1] not in MISSING:
        return None
    node: Any = plain
    for part in place[:-1]:
        node = node[part]
    value = MISSING[str(place[-1])]
    node[place[-1]] = str(node.get("id")) if place[-1] == "label" else value
    return node[place[-1]]


def _place(where: str, path: Path) -> list[str | int]:
    text = where.removeprefix(path.name).removeprefix(": ")
    parts: list[str | int] = []
    for token in text.replace("[", ".[").split("."):
        if token.startswith("[") and token[1:-1].isdigit():
            parts.append(int(token[1:-1]))
        elif token:
            parts.append(token)
    return parts
