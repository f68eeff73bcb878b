"""Regimens read from evidence records and from words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from rodnan.errors import DoseError, UnitError, nearest_name
from rodnan.evidence.loading import drug_id, drugs, load_drug
from rodnan.pharmacology.monitoring_words import read_rules, split_rules
from rodnan.pharmacology.regimen import AS_TOLERATED, DoseRule, Increments, Regimen
from rodnan.pharmacology.regimen_words import (
    DAYS,
    Phase,
    read_phase,
    read_phases,
    read_titration,
    split_phases,
)

__all__ = ["parse_regimen", "parse_treatment", "regimen_from_item"]


def regimen_from_item(item: Any, *, where: str | None = None) -> Regimen:
    """Turn a regimen of an evidence record into a `Regimen`.

    Parameters
    ----------
    item
        A mapping or object with ``drug``, ``route``, ``dose``, ``unit``, ``interval``, ``interval_unit``,
        ``start_week``, ``stop_week``, ``titration``, ``doses``, ``rules`` (missing ones are None).
    where
        File and field, for messages.

    Returns
    -------
    Regimen
        Default titration, rounding and maximum of the drug's model are filled in by :func:`dose_plan`.

    Raises
    ------
    DoseError, UnitError
        The item gives no dose, an unknown unit, or an interval that cannot be scheduled.
    """
    get = item.get if isinstance(item, Mapping) else lambda name, default=None: getattr(item, name, default)
    drug = str(get("drug"))
    where = where or drug
    notes: list[str] = []
    dose, unit = get("dose"), get("unit")
    if dose is None or unit is None:
        raise DoseError("RDN-D114", "the record gives no dose", where=where)
    if isinstance(dose, Sequence) and not isinstance(dose, str):
        notes.append(f"the protocol gives a range of {dose[0]:g} to {dose[-1]:g} {unit}: its middle is used")
        dose = (float(dose[0]) + float(dose[-1])) / 2.0
    try:
        rule = DoseRule(float(dose), _unit_name(str(unit)))
    except (DoseError, UnitError) as error:
        raise type(error)(
            error.code, error.message, where=where, value=error.value, nearest=error.nearest
        ) from None
    interval = _interval(get("interval"), get("interval_unit"), where)
    stop = get("stop_week")
    if isinstance(stop, Sequence) and not isinstance(stop, str):
        notes.append(f"the protocol stops between weeks {stop[0]:g} and {stop[-1]:g}: the later is used")
        stop = stop[-1]
    titration, doses, left = read_titration(get("titration"))
    counted = get("doses")
    doses = counted if isinstance(counted, int) else doses
    if left:
        notes.append(f"not acted on: {left}")
    return Regimen(
        drug=drug,
        route=get("route"),
        dose=rule,
        interval=interval,
        start=7.0 * float(get("start_week") or 0.0),
        stop=math.inf if stop is None else 7.0 * float(stop),
        doses=doses,
        titration=_increments(titration, rule),
        notes=(*notes, AS_TOLERATED) if titration == "as tolerated" else tuple(notes),
        rules=read_rules(str(get("rules")), where) if get("rules") else (),
    )


def parse_regimen(text: str, drug: str) -> tuple[Regimen, ...]:
    """Read a regimen in words; phases follow each other.

    Parameters
    ----------
    text
        For example ``"1.5 g every 12 h for 104 weeks"``, ``"750 mg/m2 monthly x 6"``, ``"start 1 mg/kg, +25
        mg monthly, to 2 mg/kg daily for 12 months"``, ``"500 mg bid for 2 weeks then 1 g bid"``. Rules come last
        and hold for all phases: ``"2 mg/kg daily; hold if neutrophils < 1.0; resume if neutrophils > 1.5"``.
    drug
        Id of the drug.

    Returns
    -------
    tuple of Regimen

    Raises
    ------
    DoseError, UnitError
        The words are not understood, or an amount, unit or interval is illegal. The message names what.
        ``RDN-D180`` to ``RDN-D186``: a rule that is none (see `monitoring_words.read_rules`).
    """
    doses, words = split_rules(text)
    rules = read_rules(words, drug) if words else ()
    if words and not doses:
        raise DoseError("RDN-D186", "a rule stands behind the doses of a drug", where=drug, value=words[:60])
    regimens: list[Regimen] = []
    now = 0.0
    for phase in read_phases(doses):
        regimens.append(replace(_next(phase, drug, now), rules=rules))
        now = _end(regimens[-1])
    return tuple(regimens)


def parse_treatment(text: str) -> dict[str, tuple[Regimen, ...]]:
    """Read a treatment with several drugs in words.

    Parameters
    ----------
    text
        Each regimen begins with the name of its drug (any of its names). ``then`` switches dose or drug,
        ``plus`` or a semicolon starts another drug beside the first, at day 0: ``"cyclophosphamide 2 mg/kg
        oral daily for 26 weeks then MMF 1 g twice daily for 78 weeks; prednisone 10 mg daily"``. Rules stand behind
        the doses of a drug (or of drugs that follow each other) and hold for these.

    Returns
    -------
    dict
        Drug id -> its regimens, in the order of first mention.

    Raises
    ------
    DoseError, UnitError, EvidenceError
        As :func:`parse_regimen`; ``RDN-D120`` a treatment that names no drug; a drug that is not on record.
    """
    treatment: dict[str, list[Regimen]] = {}
    for line, words in _lines(text):
        drug, now, given = None, 0.0, []
        for part in split_phases(line):
            named, phase = _named(part)
            drug = named or drug
            if drug is None:
                raise DoseError("RDN-D120", "a treatment begins with the name of a drug", value=part[:60])
            regimen = _next(read_phase(phase), drug, now)
            given.append(regimen)
            now = _end(regimen)
        rules = read_rules(words, ", ".join(dict.fromkeys(r.drug for r in given))) if words else ()
        for regimen in given:
            treatment.setdefault(regimen.drug, []).append(replace(regimen, rules=rules))
    return {drug: tuple(regimens) for drug, regimens in treatment.items()}


def _lines(text: str) -> list[tuple[str, str]]:
    """Return the doses of each line of a treatment with its rules, which may be behind semicolons, too."""
    lines: list[tuple[str, str]] = []
    for part in re.split(r";\s*|\s+plus\s+(?=[A-Za-z])", text.strip().rstrip(";")):
        doses, words = split_rules(part)
        if doses or not words:
            lines.append((doses, words))
        elif lines:
            before, said = lines[-1]
            lines[-1] = (before, f"{said}; {words}" if said else words)
        else:
            raise DoseError("RDN-D186", "a rule stands behind the doses of a drug", value=words[:60])
    return lines


def _named(part: str) -> tuple[str | None, str]:
    """Split a leading drug name off a phase; what comes before the first number must be one."""
    for name, drug in _names():
        if part.startswith(name) and not part[len(name) : len(name) + 1].isalnum():
            return drug, part[len(name) :].lstrip(" :,")
    before = re.match(r"(?!start|from|over|max)([^\d+-][^\d+]*?)\s(?=start|from|[-+.\d])", part)
    if before is None:
        return None, part
    if before[1].strip(" ,:") in ("oral", "orally", "iv", "sc", "im", "po", "by mouth"):
        return None, part
    return drug_id(before[1].strip(" ,:")), part[before.end() :]


@cache
def _names() -> tuple[tuple[str, str], ...]:
    """Names of the drugs on record in lower case with their ids, longest first."""
    names = {name.casefold(): drug for drug in drugs() for name in load_drug(drug).all_names}
    return tuple(sorted(names.items(), key=lambda item: -len(item[0])))


def _next(phase: Phase, drug: str, now: float) -> Regimen:
    if math.isinf(now):
        raise DoseError("RDN-D118", "a phase follows one that never ends; say for how long", where=drug)
    return _from_phase(phase, drug, now)


def _end(regimen: Regimen) -> float:
    """Day on which the next phase begins; infinity where this one never ends."""
    if math.isfinite(regimen.stop):
        # The span of a weekly or rarer regimen ends a moment early, so that its last day is not dosed twice.
        return float(math.ceil(regimen.stop)) if regimen.interval >= 7.0 else regimen.stop
    if regimen.doses is not None:
        step = regimen.interval if regimen.interval >= 1.0 else 1.0
        return regimen.start + math.ceil(regimen.doses / regimen.per_day) * step
    return regimen.start + 1.0 if math.isinf(regimen.interval) else math.inf


def _from_phase(phase: Phase, drug: str, now: float) -> Regimen:
    start = now if phase.start is None else phase.start
    stop = math.inf if phase.stop is None else phase.stop
    if phase.length is not None:
        stop = min(stop, start + phase.length)
    if math.isfinite(stop) and (phase.interval or 0.0) >= 7.0:
        stop -= 1e-6  # "for 12 weeks" of a weekly dose is 12 doses: that of the closing day is not part of it
    assert phase.amount is not None
    assert phase.interval is not None
    rule = DoseRule(phase.amount, _unit_name(phase.unit or ""))
    titration = None
    if phase.titration_start is not None or phase.step is not None:
        if phase.titration_start is None or phase.step is None or phase.every is None:
            raise DoseError("RDN-D118", "a titration needs a start, a step and a target", where=drug)
        (first, first_unit), (step, step_unit) = phase.titration_start, phase.step
        titration = Increments(
            DoseRule(first, _unit_name(first_unit)), DoseRule(step, _unit_name(step_unit)), phase.every
        )
    return Regimen(
        drug=drug,
        route=phase.route,
        dose=rule,
        interval=phase.interval,
        start=start,
        stop=stop,
        doses=phase.doses,
        titration=titration,
        rounding=phase.rounding or 0.0,
        maximum=math.inf if phase.maximum is None else phase.maximum,
        infusion=phase.infusion,
        notes=(AS_TOLERATED,) if phase.as_tolerated else (),
    )


def _unit_name(unit: str) -> str:
    return unit.strip().replace("²", "2").replace("µ", "u").replace("μ", "u")


def _interval(count: Any, unit: Any, where: str) -> float:
    if unit == "once":
        return math.inf
    if unit not in DAYS:
        raise UnitError(
            "RDN-U211",
            f"an interval is in {', '.join(DAYS)}, or once",
            where=where,
            value=unit,
            nearest=nearest_name(unit, [*DAYS, "once"]),
        )
    if count is None or not (math.isfinite(float(count)) and float(count) > 0.0):
        raise DoseError("RDN-D117", "the record gives no interval between doses", where=where, value=count)
    return float(count) * DAYS[unit]


def _increments(titration: Any, target: DoseRule) -> Increments | None:
    if titration is None or titration == "as tolerated":
        return None
    start, start_unit, step, step_unit, every = titration
    return Increments(
        DoseRule(start, start_unit or target.unit), DoseRule(step, step_unit or target.unit), every
    )
