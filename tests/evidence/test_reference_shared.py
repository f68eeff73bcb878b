"""Against the reference data where it lies beside the checkout: every file loads, no number is lost or changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rodnan.evidence import (
    claims,
    kinetics,
    load_drug,
    load_study,
    read_claims,
    read_drugs,
    read_kinetics,
    read_safety,
    read_studies,
    safety,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared_data import shared_path

SEEN_SINCE = frozenset({("sls-1", 2)})
"""Outcomes that were recalled in the reference data and have been seen in their source since."""
NOT_CARRIED = frozenset({"self_check", "calibration_example"})


def plain(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def numbers(data: Any, place: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in NOT_CARRIED:
                yield from numbers(value, f"{place}.{key}")
    elif isinstance(data, list | tuple):
        for i, value in enumerate(data):
            yield from numbers(value, f"{place}[{i}]")
    elif isinstance(data, int | float):
        yield place, data


def dumped(record: Any) -> dict[str, float]:
    return dict(numbers(record.model_dump(mode="json", exclude_unset=True)))


def test_every_study_file_loads_without_loss():
    folder = shared_path("evidence/trials")
    records = read_studies(folder)
    files = sorted(folder.glob("*.yaml"))
    assert len(records) == len(files)
    for path, record in zip(files, records, strict=True):
        assert dumped(record) == dict(numbers(plain(path))), path.name


def test_every_drug_file_loads_without_loss():
    folder = shared_path("evidence/drugs")
    for path, record in zip(sorted(folder.glob("*.yaml")), read_drugs(folder), strict=True):
        assert dumped(record) == dict(numbers(plain(path))), path.name


def test_tables_and_ledger_load_without_loss():
    turnover = shared_path("evidence/immune-kinetics.yaml")
    hazards = shared_path("evidence/safety.yaml")
    read = dumped(read_kinetics(turnover))
    written = dict(numbers(plain(turnover)))
    assert {place: read[place] for place in written} == written
    assert dumped(read_safety(hazards)) == dict(numbers(plain(hazards)))
    assert len(read_claims(shared_path("evidence/claims.yaml"))) == 49


def test_the_catalogue_carries_every_figure_of_the_studies():
    for path in sorted(shared_path("evidence/trials").glob("*.yaml")):
        assert dumped(load_study(path.stem)) == dict(numbers(plain(path))), path.name


def test_the_catalogue_carries_every_figure_of_the_drugs():
    for path in sorted(shared_path("evidence/drugs").glob("*.yaml")):
        assert dumped(load_drug(path.stem)) == dict(numbers(plain(path))), path.name


@pytest.mark.parametrize(("file", "rows"), [("immune-kinetics", kinetics), ("safety", safety)])
def test_the_catalogue_carries_every_row_of_the_tables(file, rows):
    given = plain(shared_path(f"evidence/{file}.yaml"))["entries"]
    assert len(given) == len(rows())
    for there, row in zip(given, rows(), strict=True):
        assert row.basis == there.get("basis")
        assert (
            dict(numbers(row.model_dump(mode="json", exclude_unset=True))).items()
            >= dict(numbers(there)).items()
        )


def test_basis_and_arms_of_outcomes_are_kept():
    for path in sorted(shared_path("evidence/trials").glob("*.yaml")):
        given, ours = plain(path), load_study(path.stem)
        for i, (row, outcome) in enumerate(zip(given["outcomes"], ours.outcomes, strict=True)):
            assert outcome.basis == row["basis"] or (path.stem, i) in SEEN_SINCE, (path.stem, i)
        assert [r["endpoint"] for r in given["outcomes"]] == [o.endpoint for o in ours.outcomes]
        assert [a["id"] for a in given["arms"]] == [a.id for a in ours.arms]


def test_the_claims_are_the_ledgers():
    given = plain(shared_path("evidence/claims.yaml"))
    fields = ("id", "document", "kind", "shown_by")
    assert [tuple(row[f] for f in fields) for row in given] == [
        tuple(getattr(c, f) for f in fields) for c in claims()
    ]
    wording = {row["claim"] for row in given}
    assert not wording & {c.claim for c in claims()}
