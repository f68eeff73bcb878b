"""Regimens in words: ``1.5 g every 12 h for 104 weeks``, ``750 mg/m2 monthly x 6``, titration and sequences.

A phase is a dose and a frequency, in any order, with what may be added: route, span, number of doses,
infusion time, titration (``start 1 mg/kg, +25 mg monthly, to 2 mg/kg daily``), rounding, maximum. Phases
follow each other with ``then``. Every word must be understood: what is not, is an error that quotes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rodnan.errors import DoseError

__all__ = ["DAYS", "Phase", "read_phase", "read_phases", "read_titration", "split_phases"]

DAYS: Mapping[str, float] = {"hour": 1.0 / 24.0, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
"""Days in each unit of time."""

_NUMBER = r"(-?\d+(?:\.\d+)?|-?\.\d+)"
_SPAN = r"(hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|mo|years?|y)\b"
_UNIT = r"([a-zµμ][a-z0-9²µμ]*(?:/(?!day\b|d\b|week\b|month\b|dose\b)[a-z][a-z0-9²]*)*)"
_PER = r"(?:/(day|d|week|month|dose))?"
_ADVERB = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_TIMES = {"once": 1, "twice": 2, "two": 2, "thrice": 3, "three": 3, "four": 4}
_LATIN = {"qd": 1.0, "od": 1.0, "bd": 0.5, "bid": 0.5, "tid": 1 / 3, "qid": 0.25, "qod": 2.0}
_ROUTES = {
    "oral": "oral", "orally": "oral", "by mouth": "oral", "po": "oral", "iv": "iv", "intravenous": "iv",
    "intravenously": "iv", "into a vein": "iv", "sc": "sc", "subcutaneous": "sc", "subcutaneously": "sc",
    "under the skin": "sc", "im": "im", "intramuscular": "im", "intramuscularly": "im",
}  # fmt: skip


@dataclass
class Phase:
    """What one phase says; None where it says nothing. Times in days, infusions too."""

    amount: float | None = None
    unit: str | None = None
    interval: float | None = None
    start: float | None = None
    stop: float | None = None
    length: float | None = None
    doses: int | None = None
    route: str | None = None
    infusion: float | None = None
    rounding: float | None = None
    maximum: float | None = None
    titration_start: tuple[float, str] | None = None
    step: tuple[float, str] | None = None
    every: float | None = None
    as_tolerated: bool = False
    said: set[str] = field(default_factory=set)

    def set(self, name: str, value: Any) -> None:
        """Set a field once; saying the same twice is no harm.

        Raises
        ------
        DoseError
            ``RDN-D119`` it was already said.
        """
        if name in self.said and getattr(self, name) != value:
            raise DoseError(
                "RDN-D119", f"the {name.replace('_', ' ')} is said twice; separate phases by 'then'"
            )
        self.said.add(name)
        setattr(self, name, value)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise DoseError("RDN-D110", "a number that is not finite", value=text[:20])
    return value


def _days(count: str, unit: str) -> float:
    names = {"h": "hour", "hr": "hour", "d": "day", "w": "week", "wk": "week", "mo": "month", "y": "year"}
    word = unit if unit in names else unit.rstrip("s")
    return _number(count) * DAYS[names.get(word, word)]


def _dose(phase: Phase, m: re.Match[str]) -> None:
    phase.set("amount", _number(m[1]))
    phase.unit = m[2]
    if m[3] and m[3] != "dose":
        phase.set("interval", _days("1", m[3]))


def _start(phase: Phase, m: re.Match[str]) -> None:
    phase.set("titration_start", (_number(m[1]), m[2]))
    if m[3] and m[3] != "dose":
        phase.set("interval", _days("1", m[3]))


def _step(phase: Phase, m: re.Match[str]) -> None:
    phase.set("step", (_number(m[1]), m[2]))
    spoken = m[3].split()
    if m[3] in _ADVERB:
        phase.every = DAYS[_ADVERB[m[3]]]
    elif len(spoken) == 2:
        phase.every = _days("1", spoken[1])
    else:
        phase.every = _days(spoken[1], spoken[2])


def _per_time(phase: Phase, m: re.Match[str]) -> None:
    word = m["times"].split()[0]
    count = _TIMES[word] if word in _TIMES else _number(word)
    if count <= 0.0:
        raise DoseError("RDN-D110", "a number of doses must be above zero", value=word)
    phase.set("interval", DAYS[_ADVERB.get(m["per"], m["per"])] / count)


def _count(phase: Phase, m: re.Match[str]) -> None:
    value = _number(m[1])
    if value != int(value) or not 1 <= value <= 100_000:
        raise DoseError("RDN-D111", "a number of doses is a whole number from 1", value=m[1])
    phase.set("doses", int(value))


def _span_setter(name: str) -> Callable[[Phase, re.Match[str]], None]:
    """An action for patterns whose groups are a number and a unit of time."""
    return lambda phase, m: phase.set(name, _days(m[1], m[2]))


def _amount_setter(name: str) -> Callable[[Phase, re.Match[str]], None]:
    """An action for patterns whose group is a number of mg."""
    return lambda phase, m: phase.set(name, _number(m[1]))


def _interval_setter(days: float) -> Callable[[Phase, re.Match[str]], None]:
    return lambda phase, m: phase.set("interval", days)


def _minutes(phase: Phase, m: re.Match[str]) -> None:
    phase.set("infusion", _number(m[1]) / 1440.0)


def _when(name: str) -> Callable[[Phase, re.Match[str]], None]:
    """An action for patterns whose groups are a unit of time and a number ("week 4")."""
    return lambda phase, m: phase.set(name, _days(m[2], m[1]))


def _route(phase: Phase, m: re.Match[str]) -> None:
    phase.set("route", _ROUTES[m[1]])


def _tolerate(phase: Phase, m: re.Match[str]) -> None:
    phase.set("as_tolerated", True)


_EACH_STEP = rf"(monthly|weekly|daily|(?:each|an?|per|every) (?:{_NUMBER} ?)?{_SPAN})"
_TIMES_PER = (
    rf"(?P<times>once|twice|thrice|(?:two|three|four|{_NUMBER}) times)"
    r" (?:an? |per |each |every )?(?P<per>daily|day|weekly|week|monthly|month)\b"
)
_ROUTE_WORDS = "|".join(sorted(_ROUTES, key=len, reverse=True))
_WORDS: list[tuple[re.Pattern[str], Callable[[Phase, re.Match[str]], None]]] = [
    (re.compile(pattern), action)
    for pattern, action in [
        (rf"start(?:ing)?(?: with| at)? {_NUMBER} ?{_UNIT}{_PER}", _start),
        (rf"(?:plus |\+ ?){_NUMBER} ?{_UNIT} {_EACH_STEP}", _step),
        (rf"over {_NUMBER} ?min(?:ute)?s?\b", _minutes),
        (rf"over {_NUMBER} ?{_SPAN}", _span_setter("infusion")),
        (rf"(?:rounded )?to the nearest {_NUMBER} ?mg\b", _amount_setter("rounding")),
        (rf"rounded to {_NUMBER} ?mg\b", _amount_setter("rounding")),
        (rf"(?:at most|max(?:imum)?|not above) {_NUMBER} ?mg\b", _amount_setter("maximum")),
        (rf"(?:from|starting(?: in| at)?) (week|day|month) {_NUMBER}", _when("start")),
        (rf"(?:until|up to|to) (week|day|month) {_NUMBER}", _when("stop")),
        (rf"(?:x|×|for) ?{_NUMBER} (?:doses?|pulses?|infusions?|sessions?|courses?|times)\b", _count),
        (rf"(?:x|×) ?{_NUMBER}\b", _count),
        (rf"for {_NUMBER} ?{_SPAN}", _span_setter("length")),
        (rf"{_NUMBER} (?:doses|pulses|infusions|courses)\b", _count),
        (r"every other day\b", _interval_setter(2.0)),
        (rf"every {_NUMBER} ?{_SPAN}", _span_setter("interval")),
        (rf"(?:every|each|an?|per) {_SPAN}", lambda p, m: p.set("interval", _days("1", m[1]))),
        (rf"q ?{_NUMBER} ?(h|d|w)\b", _span_setter("interval")),
        (_TIMES_PER, _per_time),
        (r"(hourly|daily|weekly|monthly|yearly)\b", lambda p, m: p.set("interval", DAYS[_ADVERB[m[1]]])),
        (r"fortnightly\b", _interval_setter(14.0)),
        (rf"({'|'.join(_LATIN)})\b", lambda p, m: p.set("interval", _LATIN[m[1]])),
        (r"once\b", _interval_setter(math.inf)),
        (r"as tolerated\b", _tolerate),
        (rf"({_ROUTE_WORDS})\b", _route),
        (rf"(?:up )?to {_NUMBER} ?{_UNIT}{_PER}", _dose),
        (rf"{_NUMBER} ?{_UNIT}{_PER}", _dose),
    ]
]
_FILLERS = re.compile(r"(?:[\s,.;]+|and\b|given\b|titrated\b|of\b|in\b)+")


def read_phases(text: str) -> list[Phase]:
    """Read a regimen in words.

    Parameters
    ----------
    text
        For example ``"500 mg twice daily for 2 weeks then 1 g twice daily for 102 weeks"``.

    Returns
    -------
    list of Phase
        One for each part between ``then``.

    Raises
    ------
    DoseError
        ``RDN-D118`` a part is not understood, or a phase lacks a dose or a frequency; ``RDN-D119``
        something is said twice; ``RDN-D110``, ``RDN-D111`` an illegal number.
    """
    return [read_phase(part) for part in split_phases(text)]


def split_phases(text: str) -> list[str]:
    """Return the parts between ``then``, in lower case and with plain letters."""
    if len(text) > 2000:
        raise DoseError("RDN-D118", "a regimen in words of more than 2,000 characters")
    folded = " ".join(text.casefold().replace("²", "2").replace("µ", "u").replace("μ", "u").split())
    return [part.strip() for part in re.split(r"(?:,\s*|;\s*|\s)(?:and )?then\s", folded)]


def read_phase(part: str) -> Phase:
    """Return what one part says; it must hold a dose and a frequency (errors as in :func:`read_phases`)."""
    phase = _read_phase(part)
    if phase.amount is None or phase.interval is None:
        lacking = "dose" if phase.amount is None else "frequency (such as 'daily', 'every 12 h' or 'once')"
        raise DoseError("RDN-D118", f"a regimen in words lacks a {lacking}", value=part[:60])
    return phase


def _read_phase(part: str) -> Phase:
    phase = Phase()
    position = 0
    while position < len(part):
        filler = _FILLERS.match(part, position)
        if filler and filler.end() > position:
            position = filler.end()
            continue
        for pattern, action in _WORDS:
            found = pattern.match(part, position)
            if found:
                action(phase, found)
                position = found.end()
                break
        else:
            raise DoseError(
                "RDN-D118", "this part of a regimen is not understood", value=part[position : position + 60]
            )
    return phase


def read_titration(text: object) -> tuple[Any, int | None, str]:
    """Read the titration remark of an evidence record.

    Parameters
    ----------
    text
        For example ``"start 1 mg/kg/day to the nearest 25 mg, +25 mg monthly to 2 mg/kg/day"``, ``"as
        tolerated"`` or ``"6 pulses"``.

    Returns
    -------
    titration
        ``(start, its unit, step, its unit, days per step)``, ``"as tolerated"`` or None.
    doses
        Number of doses, if the remark says one.
    left
        The remark, where it could not be acted on.
    """
    if not text:
        return None, None, ""
    remark = " ".join(str(text).casefold().split())
    remark = re.sub(r"one (\d+)-mg capsule more", r"+\1 mg", remark)
    try:
        if re.search(r",? then ", remark):
            phases = read_phases(remark)
            first, second = phases[0], phases[-1]
            if (len(phases) == 2 and first.length and first.unit == second.unit) or (
                first.length and second.unit
            ):
                start, unit = first.amount, first.unit
                return (start, unit, second.amount, second.unit, first.length), None, ""
            return None, None, str(text)
        phase = _read_phase(re.sub(r"^[a-z0-9 -]+: ", "", remark))
    except DoseError:
        return ("as tolerated", None, "") if _tolerated(remark) else (None, None, str(text))
    if phase.step is not None:
        first = phase.titration_start or (phase.amount, phase.unit)
        if first[0] is not None and phase.every:
            return (*first, *phase.step, phase.every), phase.doses, ""
    if phase.as_tolerated or _tolerated(remark):
        return "as tolerated", phase.doses, ""
    return None, phase.doses, "" if phase.doses is not None else str(text)


def _tolerated(remark: str) -> bool:
    return "tolerated" in remark and "than" not in remark
