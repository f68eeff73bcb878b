"""Names, units and numbers as the report writes them: one place for every word that a reader sees twice.

Endpoints and baseline variables that are not in the tables below are shown by their identifier; nothing is
dropped for want of a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "MINUS",
    "NOTICE",
    "NOT_ADVICE",
    "Endpoint",
    "arm_name",
    "arm_names",
    "basis_words",
    "event_name",
    "integer",
    "interval",
    "name_endpoint",
    "name_variable",
    "number",
    "percent",
    "regimen_words",
    "typeset",
]

MINUS = "\N{MINUS SIGN}"

NOTICE = "Computer simulation of virtual patients. Not a prediction for any person."
NOT_ADVICE = (
    "Research and teaching tool. Not a medical device and not medical advice. Do not start, stop or change a "
    "treatment because of it; talk with your care team."
)


@dataclass(frozen=True)
class Endpoint:
    """How an endpoint is named and written.

    Attributes
    ----------
    id
        Identifier used in records and results.
    name
        Short name used in tables and figures.
    unit
        Unit in words, for an axis.
    meaning
        What it measures, in one plain phrase.
    digits
        Decimal places shown.
    """

    id: str
    name: str
    unit: str
    meaning: str
    digits: int = 1


_ENDPOINTS = {
    e.id: e
    for e in (
        Endpoint(
            "fvc_pct_pred",
            "FVC",
            "% predicted",
            "forced vital capacity: the most air a person can breathe out after a full breath, as a "
            "percentage of "
            "what is expected in a healthy person of the same sex, age and height",
        ),
        Endpoint(
            "mrss",
            "mRSS",
            "points, 0-51",
            "modified Rodnan skin score: skin thickness felt by hand at 17 places; higher is thicker",
        ),
        Endpoint(
            "dlco_pct_pred",
            "DLCO",
            "% predicted",
            "diffusing capacity: how well gas passes from the lungs into the blood, as a percentage of "
            "what is "
            "expected in a healthy person",
        ),
        Endpoint(
            "haq_di",
            "HAQ-DI",
            "points, 0-3",
            "health assessment questionnaire, disability index: difficulty with daily tasks; higher is "
            "harder",
            2,
        ),
    )
}

_UNITS = {
    "pct_pred": "% predicted",
    "pct": "%",
    "year": "years",
    "score_0_51": "points, 0-51",
    "score_0_100": "points, 0-100",
    "score_0_12": "points, 0-12",
    "score": "points",
}

_VARIABLES = {
    "age": ("Age", 1),
    "female_pct": ("Women", 1),
    "dcssc_pct": ("Diffuse cutaneous disease", 1),
    "disease_duration": ("Disease duration", 2),
    "tlc_pct_pred": ("TLC", 1),
    "bdi": ("Baseline dyspnoea index", 1),
    "dyspnoea_vas": ("Dyspnoea, visual scale", 1),
    "cxcl4": ("CXCL4", 0),
}


def name_endpoint(endpoint: str, unit: str | None = None) -> Endpoint:
    """Return the names of an endpoint; an unknown one keeps its identifier and the given unit."""
    known = _ENDPOINTS.get(endpoint)
    return known or Endpoint(endpoint, endpoint, _unit_words(unit), "")


def name_variable(variable: str, unit: str | None) -> tuple[str, str, int]:
    """Return name, unit in words and decimal places of a baseline variable."""
    if variable in _ENDPOINTS:
        endpoint = _ENDPOINTS[variable]
        return endpoint.name, endpoint.unit, endpoint.digits
    name, digits = _VARIABLES.get(variable, (variable, 1))
    return name, _unit_words(unit), digits


def _unit_words(unit: str | None) -> str:
    return _UNITS.get(unit or "", unit or "")


def event_name(event: str) -> str:
    """Return an event or reason as a phrase: ``"any-serious-adverse-event"`` becomes a capitalised phrase."""
    words = re.sub(r"[-_]+", " ", event) if " " not in event else event
    return words[:1].upper() + words[1:]


def number(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Return a number in plain ASCII with a fixed number of decimals; zero carries no sign.

    Parameters
    ----------
    value
        The number; None gives an empty string.
    digits
        Decimal places.
    sign
        Whether a positive number carries a plus sign (changes and differences).
    """
    if value is None:
        return ""
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text


def interval(bounds: Sequence[float] | None, digits: int = 1, *, sign: bool = False) -> str:
    """Return an interval as ``"low to high"``; an absent one gives an empty string."""
    if bounds is None:
        return ""
    return f"{number(bounds[0], digits, sign=sign)} to {number(bounds[1], digits, sign=sign)}"


def typeset(text: str) -> str:
    """Return text as print wants it: true minus before numbers, en dash between them, no break before a %."""
    out = []
    for index, char in enumerate(text):
        before, after = text[index - 1 : index], text[index + 1 : index + 2]
        if char == "-" and after.isdigit():
            opens = not before or before in " (:;,"
            char = MINUS if opens else "\N{EN DASH}" if before.isdigit() else char
        elif char == " " and before.isdigit() and after == "%":
            char = "\N{NO-BREAK SPACE}"
        out.append(char)
    return "".join(out)


def percent(value: float | None) -> str:
    """Return a percentage with one decimal and its sign, e.g. ``"24.2 %"``."""
    return "" if value is None else f"{number(value)} %"


def integer(value: float | None) -> str:
    """Return a count with thousands separated by commas."""
    return "" if value is None else f"{value:,.0f}"


def basis_words(published: Mapping[str, Any]) -> str:
    """Say in words how a published number came to us; recalled numbers are called unverified.

    Parameters
    ----------
    published
        The published part of a row: ``basis`` and, where given, ``adjusted`` and ``derived``.
    """
    words = ["adjusted"] if published.get("adjusted") else []
    if published.get("derived"):
        words.append("computed")
    basis = published.get("basis")
    words.append({"recalled": "unverified", None: "basis not given"}.get(basis, str(basis)))
    return ", ".join(words)


def arm_names(arms: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a short name per arm: its label up to the first number or comma, or its id if ambiguous.

    Parameters
    ----------
    arms
        Rows with ``id`` and ``label``.

    Returns
    -------
    dict of str to str
        Short names in the order of the arms, all different.
    """
    short = {}
    for arm in arms:
        label = str(arm.get("label") or arm["id"])
        short[arm["id"]] = re.split(r",|\s+\d", label)[0].strip() or str(arm["id"])
    clashes = {name for name in short.values() if list(short.values()).count(name) > 1}
    return {arm: (arm if name in clashes else name) for arm, name in short.items()}


def arm_name(names: Mapping[str, str], arm: str) -> str:
    """Return the short name of an arm; one without, such as ``"all"``, is named in words or by its id."""
    return names.get(arm) or {"all": "all arms"}.get(arm) or arm


def regimen_words(regimen: Any) -> str:
    """Return a regimen as one phrase; it may be given as text, as dosing rules or as a list of either."""
    if not regimen:
        return "no study drug"
    if isinstance(regimen, str):
        return regimen
    if isinstance(regimen, Mapping):
        return _dose_words(regimen)
    return "; ".join(regimen_words(part) for part in regimen)


def _dose_words(rule: Mapping[str, Any]) -> str:
    words = [str(rule.get("drug", "study drug"))]
    if rule.get("dose") is not None:
        words.append(f"{rule['dose']:,} {rule.get('unit', '')}".strip())
    if rule.get("interval") is not None:
        words.append(f"every {rule['interval']} {rule.get('interval_unit', '')}".strip())
    if rule.get("route"):
        words.append(f"({rule['route']})")
    text = " ".join(words)
    if rule.get("start_week") is not None and rule.get("stop_week") is not None:
        text += f", weeks {rule['start_week']} to {rule['stop_week']}"
    if rule.get("titration"):
        text += f", {rule['titration']}"
    return text
