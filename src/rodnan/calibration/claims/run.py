"""Run the executable checks of the claims and give each its verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rodnan.calibration.claims.kinds import KINDS
from rodnan.calibration.claims.lab import Lab
from rodnan.calibration.claims.record import ClaimCheck, Found, criteria, judge, settings
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.errors import CalibrationError, nearest_name
from rodnan.evidence import load_claim

__all__ = ["check_claims", "chosen_checks", "claim_row", "summary_line"]


def chosen_checks(only: Sequence[str] = ()) -> tuple[ClaimCheck, ...]:
    """Return the checks of some claims, or of all.

    Parameters
    ----------
    only
        Ids of claims; all where empty.

    Returns
    -------
    tuple of ClaimCheck
        In the order of the record.

    Raises
    ------
    EvidenceError
        RDN-E007 for an id that no claim has.
    CalibrationError
        RDN-C072 for a claim that records answer and no simulation.
    """
    table = criteria()
    for name in only:
        if name not in table:
            load_claim(name)
            raise CalibrationError(
                "RDN-C072",
                "records answer this claim, no simulation",
                value=name,
                nearest=nearest_name(name, table),
            )
    return tuple(check for check in table.values() if not only or check.id in only)


def check_claims(
    only: Sequence[str] = (),
    *,
    parameters: ParameterSet | None = None,
    seed: int | None = None,
    patients: int | None = None,
    pool: int | None = None,
    workers: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Check claims against simulations of populations.

    Parameters
    ----------
    only
        Ids of claims; all that a simulation backs where empty.
    parameters
        Disease parameters; those that ship with the package where None.
    seed, patients, pool
        Random streams, patients of a cohort, patients followed untreated; those on record where None.
    workers
        Threads; all cores where None. They change no result.
    progress
        Takes a line of progress.

    Returns
    -------
    list of dict
        One row a claim, see `claim_row`; ready for JSON.

    Raises
    ------
    RodnanError
        As in `chosen_checks`; whatever an experiment refuses.
    """
    checks, usual = chosen_checks(only), settings()
    lab = Lab(
        parameters or load_parameters(),
        seed=usual.seed if seed is None else seed,
        pool=usual.pool if pool is None else pool,
        patients=usual.patients if patients is None else patients,
        workers=workers,
    )
    rows = []
    for number, check in enumerate(checks, start=1):
        progress(f"claim {number} of {len(checks)}: {check.id}")
        rows.append(claim_row(check, KINDS[check.kind](lab, check.arguments)))
    progress("")
    return rows


def claim_row(check: ClaimCheck, found: Found) -> dict[str, Any]:
    """Return the result of one check.

    Parameters
    ----------
    check
        Its criteria.
    found
        What the experiment gave.

    Returns
    -------
    dict
        ``id, verdict, value, criterion, note``: value of the part that decided, criteria of all parts;
        then ``simulation``, ``unit`` of the value, ``deciding`` (its criterion) and ``parts`` (``key, label, unit, value,
        error, low, high, met, basis, reason``). A number that is not finite is None.
    """
    judged = judge(check, found)
    deciding = judged.deciding
    remarks = [found.remark] if found.remark else []
    if judged.verdict == "refuted":
        failed = [
            f"{p.label} is {_words(found.values[p.key].value)} {p.unit}"
            for p in check.parts
            if not p.met(found.values[p.key].value)
        ]
        remarks = ["; ".join(failed), *([f"limit: {check.limit}"] if check.limit else []), *remarks]
    if check.missing:
        remarks.append(f"missing: {check.missing}")
    return {
        "id": check.id,
        "verdict": judged.verdict,
        "value": _number(found.values[deciding.key].value),
        "criterion": check.text,
        "note": ". ".join((*remarks, *judged.notes)),
        "simulation": True,
        "unit": deciding.unit,
        "deciding": deciding.text,
        "parts": [
            {
                "key": p.key,
                "label": p.label,
                "unit": p.unit,
                "value": _number(found.values[p.key].value),
                "error": _number(found.values[p.key].error),
                "low": p.low,
                "high": p.high,
                "met": p.met(found.values[p.key].value),
                "basis": p.basis,
                "reason": p.reason,
            }
            for p in check.parts
        ],
    }


def summary_line(rows: Sequence[dict[str, Any]]) -> str:
    """Return how many claims hold, are refuted, or cannot be said yet."""
    count = Counter(row["verdict"] for row in rows)
    return f"{count['holds']} hold, {count['refuted']} refuted, {count['not yet']} not yet, of {len(rows)}"


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _words(value: float) -> str:
    if math.isnan(value):
        return "not defined"
    return f"{value:.3g}" if math.isfinite(value) else "never"
