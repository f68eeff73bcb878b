"""Against the reference data where it lies beside the checkout: every file loads, no number is lost or changed."""

from __future__ import annotations

import re
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
    studies,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared_data import shared_path

SEEN_SINCE = frozenset({("sls-1", 2)})
"""Outcomes that were recalled in the reference data and have been seen in their source since."""
INDIVIDUALS = {"nash-2007": 6}
"""Outcome rows with times of single patients from a GPL package: read, never carried; estimates stand behind."""
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
        given, ours = plain(path), dumped(load_study(path.stem))
        if path.stem in INDIVIDUALS:
            del given["outcomes"][INDIVIDUALS[path.stem]]["pairs"]
            extra = len(given["outcomes"])
            ours = {k: v for k, v in ours.items() if not _of_row(k, extra)}
        assert ours == dict(numbers(given)), path.name


def _of_row(place: str, first: int) -> bool:
    """Tell places in outcomes that were added after those of the reference data."""
    found = re.match(r"\.outcomes\[(\d+)\]", place)
    return found is not None and int(found[1]) >= first


def kaplan_meier(pairs, day):
    """Survival and its Greenwood error in per cent, one patient at a time."""
    alive, variance, at_risk = 1.0, 0.0, len(pairs)
    for time, died in sorted(pairs):
        if time > day:
            break
        if died:
            alive *= 1 - 1 / at_risk
            variance += 1 / (at_risk * (at_risk - 1))
        at_risk -= 1
    return 100 * alive, 100 * alive * variance**0.5


def test_times_of_single_patients_are_carried_as_estimates_only():
    name, row = next(iter(INDIVIDUALS.items()))
    pairs = plain(shared_path(f"evidence/trials/{name}.yaml"))["outcomes"][row]["pairs"]
    study = load_study(name)
    assert all(outcome.pairs is None for s in map(load_study, studies()) for outcome in s.outcomes)
    estimates = study.outcomes_for(endpoint="survival_pct")
    assert [outcome.week for outcome in estimates] == [26, 52, 104, 261]
    for outcome in estimates:
        expected = kaplan_meier(pairs, outcome.week / 52.18 * 365.25)
        assert (outcome.mean, outcome.se) == pytest.approx(expected, abs=0.06)
        assert outcome.derived


def test_the_catalogue_carries_every_figure_of_the_drugs():
    for path in sorted(shared_path("evidence/drugs").glob("*.yaml")):
        ours, given = dumped(load_drug(path.stem)), dict(numbers(plain(path)))
        assert ours.items() >= given.items(), path.name  # the catalogue may hold more
        assert len(ours) <= len(given) + 3, path.name


@pytest.mark.parametrize(("file", "rows"), [("immune-kinetics", kinetics), ("safety", safety)])
def test_the_catalogue_carries_every_row_of_the_tables(file, rows):
    given = plain(shared_path(f"evidence/{file}.yaml"))["entries"]
    ours = iter(rows())
    for there in given:  # in their order; the catalogue may hold more in between
        assert any(_holds(row, there) for row in ours), there


def _holds(row, there) -> bool:
    """Tell whether a row of the catalogue has every figure of one of the reference data."""
    figures = dict(numbers(row.model_dump(mode="json", exclude_unset=True))).items()
    return row.basis == there.get("basis") and figures >= dict(numbers(there)).items()


def test_basis_and_arms_of_outcomes_are_kept():
    for path in sorted(shared_path("evidence/trials").glob("*.yaml")):
        given, ours = plain(path), load_study(path.stem)
        carried = ours.outcomes[: len(given["outcomes"])]
        assert (len(carried) == len(ours.outcomes)) != (path.stem in INDIVIDUALS)
        for i, (row, outcome) in enumerate(zip(given["outcomes"], carried, strict=True)):
            assert outcome.basis == row["basis"] or (path.stem, i) in SEEN_SINCE, (path.stem, i)
        assert [r["endpoint"] for r in given["outcomes"]] == [o.endpoint for o in carried]
        assert [a["id"] for a in given["arms"]] == [a.id for a in ours.arms]


def test_the_claims_are_the_ledgers():
    given = plain(shared_path("evidence/claims.yaml"))
    fields = ("id", "document", "kind", "shown_by")
    assert [tuple(row[f] for f in fields) for row in given] == [
        tuple(getattr(c, f) for f in fields) for c in claims()
    ]
    wording = {row["claim"] for row in given}
    assert not wording & {c.claim for c in claims()}
