"""Rules in words: ``hold if neutrophils < 1.0; reduce to 75% if creatinine > 1.5 x baseline; resume if ...``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rodnan.errors import DoseError, nearest_name
from rodnan.pharmacology.monitoring_rules import ACTIONS, MONITORED, NOT_MODELLED, MonitoringRule, check_rules

__all__ = ["read_rules", "split_rules"]

LONGEST = 2000
"""Characters of a regimen in words."""

_VERBS: Mapping[str, str] = {
    "hold": "hold", "withhold": "hold", "suspend": "hold", "interrupt": "hold", "reduce": "reduce",
    "lower": "reduce", "halve": "reduce", "resume": "resume", "restart": "resume", "stop": "stop",
    "discontinue": "stop",
}  # fmt: skip
_NAMES: Mapping[str, str] = {
    "neutrophils": "neutrophils", "neutrophil count": "neutrophils", "neutrophil counts": "neutrophils",
    "absolute neutrophil count": "neutrophils", "anc": "neutrophils", "white cells": "white cells",
    "white cell count": "white cells", "white blood cells": "white cells", "white blood cell count": "white cells",
    "wbc": "white cells", "leukocytes": "white cells", "leucocytes": "white cells",
    "lymphocytes": "lymphocytes", "lymphocyte count": "lymphocytes", "alc": "lymphocytes",
    "creatinine": "creatinine", "serum creatinine": "creatinine", "scr": "creatinine",
    "platelet count": "platelets", "plt": "platelets", "hemoglobin": "haemoglobin", "hb": "haemoglobin",
    "alt": "transaminases", "ast": "transaminases", **{name: name for name in NOT_MODELLED},
}  # fmt: skip
_UNITS: Mapping[str, Mapping[str, float]] = {
    "10^9/L": {
        "10^9/l": 1.0,
        "10e9/l": 1.0,
        "10*9/l": 1.0,
        "/nl": 1.0,
        "/ul": 1e-3,
        "cells/ul": 1e-3,
        "/mm3": 1e-3,
    },
    "mg/dL": {"mg/dl": 1.0, "umol/l": 1.0 / 88.42},
}
"""Unit of a limit in words -> factor to the unit of the quantity; 88.42 umol/L of creatinine are 1 mg/dL."""

_BEGIN = rf"\b(?:{'|'.join(_VERBS)})\b"
_JOIN = r"(?:\s*[;,.]\s*|\s+|^)(?:(?:and|but|then|also)\s+)?"
_FIRST = re.compile(_JOIN + rf"(?=(?P<verb>{_BEGIN}))")
_CONDITION = re.compile(_JOIN + r"(?=[a-z]+(?: the dose)?(?: (?:by|to|at) [^;,]{1,40}?)? (?:if|when)\b)")
_CLAUSE = re.compile(r"(?P<verb>[a-z]+)(?P<how>[^<>]*?) (?:if|when) (?P<condition>.+)")
_COMPARE = re.compile(
    r"(?P<name>[a-z0-9 -]+?) ?(?:is |are |falls? |fell |rises? |drops? |goes )?"
    r"(?P<side><|>|below\b|under\b|less than\b|above\b|over\b|more than\b|greater than\b)"
    r" ?(?P<number>[-+]?(?:\d+(?:\.\d+)?|\.\d+))(?P<unit>.*)"
)
_SHARE = re.compile(r"(?P<word>by|to|at) (?P<share>-?\d+(?:\.\d+)?) ?(?:%|percent|per cent)")


def split_rules(text: str) -> tuple[str, str]:
    """Split a regimen in words into its doses and its rules.

    Parameters
    ----------
    text
        A regimen of one drug, or one line of a treatment.

    Returns
    -------
    doses, rules : str
        In lower case; `rules` is empty where there are none.

    Raises
    ------
    DoseError
        ``RDN-D118`` more than 2,000 characters.
    """
    if len(text) > LONGEST:
        raise DoseError("RDN-D118", "a regimen in words of more than 2,000 characters")
    folded = " ".join(text.casefold().replace("µ", "u").replace("μ", "u").split())
    starts = [found for found in (_FIRST.search(folded), _CONDITION.search(folded)) if found]
    if not starts:
        return text, ""
    first = min(starts, key=lambda found: found.end())
    return folded[: first.start()].strip(), folded[first.end() :].strip(" ;,.")


def read_rules(text: str, where: str | None = None) -> tuple[MonitoringRule, ...]:
    """Read rules in words.

    Parameters
    ----------
    text
        For example ``"hold if neutrophils < 1.0; reduce by 50% if neutrophils < 1.5 or white cells < 3; reduce to 75%
        if creatinine > 1.5 x baseline; resume if neutrophils > 1.5 and white cells > 3"``. Counts are in 10^9/L where
        no unit is said (or ``/uL``); creatinine in mg/dL, umol/L or times the baseline.
    where
        The drug, for messages.

    Returns
    -------
    tuple of MonitoringRule

    Raises
    ------
    DoseError
        ``RDN-D180`` words that are no rule; ``RDN-D181`` an unknown verb; ``RDN-D182`` an unknown quantity or one that
        is not modelled; ``RDN-D183`` an unknown or missing unit; ``RDN-D184`` an illegal limit or share; ``RDN-D185``
        rules that do not fit together; ``RDN-D186`` doses after a rule.
    """
    if len(text) > LONGEST:
        raise DoseError("RDN-D180", "rules in words of more than 2,000 characters", where=where)
    folded = " ".join(text.casefold().replace("µ", "u").replace("μ", "u").split())
    folded = re.sub(r"(?<=\d),(?=\d{3}\b)", "", folded)
    rules: list[MonitoringRule] = []
    for clause in _clauses(folded):
        rules += _clause(clause, where)
    return check_rules(rules, where)


def _clauses(text: str) -> list[str]:
    """Return the clauses; a full stop inside a number ends none."""
    parts = re.split(rf"\s*[;,]\s*|\.\s+|\.$|\s+then\s+|\s(?={_BEGIN})", text)
    stripped = [re.sub(r"^(?:and|but|then|also)\s+|\s+(?:and|but|then|also)$", "", p.strip()) for p in parts]
    return [part for part in stripped if part not in ("", "and", "but", "then", "also")]


def _clause(clause: str, where: str | None) -> list[MonitoringRule]:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        known = clause.split()[0] in _VERBS
        reason = (
            "a rule reads like 'hold if neutrophils < 1.0'"
            if known
            else "doses come before the rules; a rule reads like 'hold if neutrophils < 1.0'"
        )
        raise DoseError("RDN-D180" if known else "RDN-D186", reason, where=where, value=clause[:60])
    verb = found["verb"]
    if verb not in _VERBS:
        raise DoseError(
            "RDN-D181",
            f"a rule begins with one of {', '.join(ACTIONS)}",
            where=where,
            value=verb,
            nearest=nearest_name(verb, _VERBS),
        )
    share = _share(verb, found["how"].strip(), clause, where)
    return [
        _rule(_VERBS[verb], share, condition, where)
        for condition in _conditions(_VERBS[verb], found["condition"], where)
    ]


def _share(verb: str, how: str, clause: str, where: str | None) -> float:
    """Return the share of the planned dose that the middle of a clause says."""
    action = _VERBS[verb]
    how = re.sub(r"^(?:the dose|doses|it|treatment|the drug)\b ?", "", how)
    how = re.sub(r" ?(?:of the )?(?:(?:full|planned) )?dose$", "", how)
    how = re.sub(r"\b(?:half|a half)\b", "50%", how)
    if verb == "halve" and not how:
        return 0.5
    if action in ("hold", "stop") and not how:
        return 0.0
    if action == "resume" and how in ("", "at full", "at the full", "at", "in full"):
        return 1.0
    said = _SHARE.fullmatch(how)
    words = {"reduce": ("by", "to"), "resume": ("at", "to")}.get(action, ())
    if said is None or said["word"] not in words or verb == "halve":
        shapes = {
            "reduce": "'reduce by 50% if ...' or 'reduce to 50% if ...'",
            "resume": "'resume at 75% if ...'",
        }
        shape = shapes.get(action, f"'{action} if ...'")
        raise DoseError("RDN-D180", f"this rule reads like {shape}", where=where, value=clause[:60])
    percent = float(said["share"])
    if not 0.0 < percent <= 100.0:
        raise DoseError(
            "RDN-D184", "a share of the dose lies between 0 and 100 %", where=where, value=how[:20]
        )
    return (100.0 - percent) / 100.0 if said["word"] == "by" else percent / 100.0


def _conditions(action: str, text: str, where: str | None) -> list[str]:
    """Return the comparisons of a rule: joined by 'or' where it lowers the dose, by 'and' where it resumes it."""
    joined, wrong = (" and ", " or ") if action == "resume" else (" or ", " and ")
    if wrong in text:
        reason = (
            "each quantity is resumed by itself: join them by 'and'"
            if action == "resume"
            else "a rule acts by one quantity or another: join them by 'or'"
        )
        raise DoseError("RDN-D180", reason, where=where, value=text[:60])
    return text.split(joined)


def _rule(action: str, share: float, condition: str, where: str | None) -> MonitoringRule:
    found = _COMPARE.fullmatch(condition.strip())
    if found is None:
        raise DoseError(
            "RDN-D180",
            "a rule compares by < or > with a number, like 'neutrophils < 1.0'",
            where=where,
            value=condition[:60],
        )
    name = re.sub(r"^(?:the|an?|absolute) (?!neutrophil count)", "", found["name"].strip())
    if name not in _NAMES:
        raise DoseError(
            "RDN-D182",
            f"a rule looks at {', '.join(MONITORED)}",
            where=where,
            value=name[:40],
            nearest=nearest_name(name, _NAMES),
        )
    quantity, number = _NAMES[name], float(found["number"])
    below = found["side"] in ("<", "below", "under", "less than")
    factor, relative = _unit(quantity, found["unit"].strip(), where)
    try:
        return MonitoringRule(action, quantity, below, number * factor, relative, share)
    except DoseError as error:
        raise DoseError(error.code, error.message, where=where, value=error.value) from None


def _unit(quantity: str, said: str, where: str | None) -> tuple[float, bool]:
    """Return the factor to the unit of a quantity, and whether the limit is a multiple of the baseline."""
    said = said.removesuffix(" cells").strip()
    if re.fullmatch(r"(?:x|×|times|\*) ?(?:the )?(?:baseline|base|entry)", said):
        return 1.0, True
    if quantity in NOT_MODELLED:
        return 1.0, False  # the rule itself says that it is not modelled
    canonical = MONITORED[quantity]
    known = _UNITS[canonical]
    plain = re.sub(r"^(?:x|×|\*) ?|^per (?=ul|mm3|nl)", "", said)
    plain = "/" + plain if plain in ("ul", "mm3", "nl") and said.startswith("per") else plain
    if plain in known:
        return known[plain], False
    if not said and canonical == "10^9/L":
        return 1.0, False
    raise DoseError(
        "RDN-D183",
        f"a limit of {quantity} is in {', '.join(known)}, or x baseline"
        + ("" if said else "; it has no unit"),
        where=where,
        value=said[:40] or None,
        nearest=nearest_name(said, [*known, "x baseline"]) if said else None,
    )
