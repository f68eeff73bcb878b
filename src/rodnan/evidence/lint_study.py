"""Lint of one study: arms that add up, names that resolve, counts and shares that fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from rodnan.errors import nearest_name
from rodnan.evidence import loading
from rodnan.evidence.records.results import Spread
from rodnan.evidence.records.study import Study

__all__ = ["Finding", "lint_study", "percent_fits"]

PERCENT_SLACK = 1.0
"""A printed percentage may differ this much from its count (rounding)."""
LIKENESS, SHORT_LIKENESS = 0.75, 0.6
"""Names at least this alike are taken for one name misspelt (short: up to four letters)."""


@dataclass(frozen=True)
class Finding:
    """Something the lint found.

    Attributes
    ----------
    where
        File or record, then the field: ``"sls-2: outcomes[3]"``.
    message
        What is wrong.
    level
        ``"problem"`` or ``"remark"``.
    """

    where: str
    message: str
    level: Literal["problem", "remark"] = "problem"


def lint_study(study: Study, drug_names: Collection[str] | None = None) -> list[Finding]:
    """Check one study.

    Parameters
    ----------
    study
        The record.
    drug_names
        Ids of therapies that regimens may name; those on record by default.

    Returns
    -------
    list of Finding
        Arms that add up, names that resolve, counts that fit their arms, percentages that fit their counts,
        medians and means inside their ranges, sources that can be followed.
    """
    known = loading.drugs() if drug_names is None else drug_names
    found = [
        *_arms_add_up(study),
        *_drugs_resolve(study, known),
        *_arms_resolve(study),
        *_numbers_fit(study),
        *_sources(study),
    ]
    return [Finding(f"{study.id}: {f.where}" if f.where else study.id, f.message, f.level) for f in found]


def _arms_add_up(study: Study) -> Iterator[Finding]:
    sizes = [arm.n for arm in study.arms if arm.subgroup_of is None]
    if study.population.n is None or not sizes or any(n is None for n in sizes):
        return
    total = sum(n or 0 for n in sizes)
    if study.design.randomised and study.design.type == "rct" and total != study.population.n:
        yield Finding("arms", f"the arms hold {total} patients, the study {study.population.n}")
    by_id = {arm.id: arm for arm in study.arms}
    for i, arm in enumerate(study.arms):
        whole = by_id[arm.subgroup_of] if arm.subgroup_of else None
        if whole is not None and arm.n is not None and whole.n is not None and arm.n > whole.n:
            yield Finding(f"arms[{i}].n", f"a subgroup of {arm.n} in an arm of {whole.n}")


def _drugs_resolve(study: Study, known: Collection[str]) -> Iterator[Finding]:
    for i, arm in enumerate(study.arms):
        named = [(f"arms[{i}].regimen[{j}].drug", item.drug) for j, item in enumerate(arm.regimen)]
        named += [
            (f"arms[{i}].background[{j}].drug", item.drug)
            for j, item in enumerate(arm.background)
            if not isinstance(item, str)
        ]
        for where, drug in named:
            if drug not in known:
                yield _unresolved(where, drug, known, "no such drug on record")


def _arms_resolve(study: Study) -> Iterator[Finding]:
    ids = [arm.id for arm in study.arms]
    if not ids:
        return
    groups = {row.arm for row in study.population.baseline if row.arm not in ids} | {"all"}
    rows: list[tuple[str, Iterable[str]]] = [
        (f"outcomes[{i}]", o.arms if o.arms is not None else (o.arm or "",))
        for i, o in enumerate(study.outcomes)
    ]
    rows += [(f"population.baseline[{i}].arm", (r.arm,)) for i, r in enumerate(study.population.baseline)]
    rows += [(f"adverse_events[{i}].arm", (r.arm,)) for i, r in enumerate(study.adverse_events)]
    rows += [(f"withdrawals[{i}].arm", (r.arm,)) for i, r in enumerate(study.withdrawals)]
    seen: set[str] = set()
    for where, names in rows:
        for name in names:
            if name in ids or name == "all" or name in seen:
                continue
            seen.add(name)
            known = ids if where.startswith("population") else {*ids, *groups}
            yield _unresolved(where, name, known, "no such arm")


def _unresolved(where: str, name: str, known: Collection[str], what: str) -> Finding:
    near = nearest_name(name, [k for k in known if k != name])
    alike = near is not None and SequenceMatcher(None, name.casefold(), near.casefold()).ratio() >= (
        LIKENESS if len(name) > 4 else SHORT_LIKENESS
    )
    if alike and not _numbered_alike(name, near or ""):
        return Finding(where, f"{what}: {name!r}; did you mean {near!r}?")
    return Finding(where, f"{what}: {name!r}", "remark")


def _numbered_alike(name: str, near: str) -> bool:
    """Tell names of one series (``class1``, ``class2``; ``x`` and ``x-y``) from misspelt ones."""
    if name.strip("0123456789") == near.strip("0123456789") or {name, near} == {"dcssc", "lcssc"}:
        return True
    short, long = sorted((name, near), key=len)
    return "-" in long and set(short.split("-")) & set(long.split("-")) != set()


def _numbers_fit(study: Study) -> Iterator[Finding]:
    sizes = {arm.id: arm.n for arm in study.arms}
    for i, row in enumerate(study.population.baseline):
        yield from _spread_fits(f"population.baseline[{i}]", row)
        yield from _size_fits(f"population.baseline[{i}].n", row.n, sizes.get(row.arm))
    for i, row in enumerate(study.outcomes):
        yield from _spread_fits(f"outcomes[{i}]", row)
        if row.arm is not None:
            size = sizes.get(row.arm)
            yield from _size_fits(f"outcomes[{i}]", row.of if row.of is not None else row.n, size)
        if row.endpoint.endswith("_pct") and row.measure == "value":
            whole = (row.n, row.of) if row.of is not None else (row.events, row.n)
            yield from percent_fits(f"outcomes[{i}]", row.mean, *whole)
    for i, row in enumerate(study.adverse_events):
        yield from _size_fits(f"adverse_events[{i}].of", row.of, sizes.get(row.arm))
        yield from percent_fits(f"adverse_events[{i}]", row.pct, row.n, row.of)
    for i, row in enumerate(study.withdrawals):
        yield from _size_fits(f"withdrawals[{i}].of", row.of, sizes.get(row.arm))
        yield from percent_fits(f"withdrawals[{i}]", row.pct, row.n, row.of)


def _size_fits(where: str, count: int | None, size: int | None) -> Iterator[Finding]:
    if count is not None and size is not None and count > size:
        yield Finding(where, f"{count} patients of an arm of {size}")


def percent_fits(where: str, percent: float | None, n: int | None, of: int | None) -> Iterator[Finding]:
    """Yield a finding when a printed percentage is not that of its count."""
    if percent is not None and n is not None and of and abs(percent - 100 * n / of) > PERCENT_SLACK:
        yield Finding(where, f"{percent:g} % is printed where {n} of {of} is {100 * n / of:.1f} %")


def _spread_fits(where: str, row: Spread) -> Iterator[Finding]:
    if all(x is None for x in (row.mean, row.median, row.value, row.n, row.events, row.pct)):
        others = (row.range, row.iqr, getattr(row, "direction", None), getattr(row, "p", None))
        if all(x is None for x in (*others, getattr(row, "mean_above", None), getattr(row, "pairs", None))):
            yield Finding(where, "the row holds neither a number nor a direction")
    for name in ("iqr", "range"):
        pair = getattr(row, name)
        middle = row.median if row.median is not None else row.mean if name == "range" else None
        if pair is not None and middle is not None and not pair[0] <= middle <= pair[1]:
            yield Finding(where, f"{middle:g} lies outside its {name} {list(pair)}")
    if row.iqr and row.range and not (row.range[0] <= row.iqr[0] and row.iqr[1] <= row.range[1]):
        yield Finding(where, f"the quartiles {list(row.iqr)} lie outside the range {list(row.range)}")
    variable = getattr(row, "variable", "") or getattr(row, "endpoint", "")
    centre = row.mean if row.mean is not None else row.value
    shares = variable.endswith("_pct") and getattr(row, "measure", "value") == "value"
    if shares and centre is not None and not 0 <= centre <= 100:
        yield Finding(where, f"{variable} is {centre:g} %")


def _sources(study: Study) -> Iterator[Finding]:
    c = study.citation
    if not any((c.pmid, c.doi, c.nct, c.pmcid)):
        yield Finding("citation", "no identifier (PMID, DOI, NCT, PMC)", "remark")
    texts = " ".join(study.source).casefold()
    if not any(mark in texts for mark in ("http", "doi", "pmid", "pmc", "nct", "10.")):
        yield Finding("source", "no source that can be followed", "remark")
