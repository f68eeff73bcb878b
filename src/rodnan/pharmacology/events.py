"""Dosing events in NONMEM's terms: one validator, one expansion, one order.

An :class:`Event` is one record of a data set. :func:`check_event` is the only place that decides which
combinations of its fields are legal; every illegal one has a code of its own. :func:`arrivals` expands a
dose record into the times at which its doses reach their compartment: the lag of the record applies to the
dose and to all its additional doses, and under steady state also to the implied doses before it.

Meaning of the fields
---------------------
``EVID``  0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose.
``RATE``  0 bolus, > 0 infusion at this rate, -1 rate given by the model, -2 duration given by the model.
``ADDL``  additional doses, one every ``II``.
``SS``    1 the state becomes the steady state of this dose every ``II``; 2 that state is added to the present
one. ``AMT`` 0 and ``RATE`` not 0: the steady state of a constant infusion that stops at the record.

Codes
-----
==========  =========================================================================================
RDN-D140    EVID is not 0, 1, 2, 3 or 4
RDN-D141    a dose record without an amount
RDN-D142    an amount below zero
RDN-D143    a RATE below zero other than -1 and -2
RDN-D144    an interval II below zero
RDN-D145    ADDL is not a whole number from zero
RDN-D146    SS is not 0, 1 or 2
RDN-D147    CMT is not a compartment of the model
RDN-D148    CMT below zero: switching compartments off is not supported
RDN-D149    AMT on a record that gives no dose
RDN-D150    RATE on a record that gives no dose
RDN-D151    II on a record that gives no dose
RDN-D152    ADDL on a record that gives no dose
RDN-D153    SS on a record that gives no dose
RDN-D154    SS without II
RDN-D155    ADDL without II
RDN-D156    II without ADDL and without SS
RDN-D157    an infusion of amount zero without SS
RDN-D158    II with the steady state of a constant infusion
RDN-D159    ADDL with the steady state of a constant infusion
RDN-D160    SS with neither an amount nor a rate
RDN-D161    RATE -2 with amount zero: a duration without an amount
RDN-D170    MDV is not 0 or 1, or 0 on a record that is no observation
RDN-D174    more doses than can be meant
==========  =========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rodnan.errors import DoseError

__all__ = ["MAX_DOSES", "MODELLED_DURATION", "MODELLED_RATE", "Event", "arrivals", "check_event"]

MODELLED_RATE = -1.0
MODELLED_DURATION = -2.0
MAX_DOSES = 100_000
"""Most doses that one record may expand to before the last record of its individual."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of a data set, in the units of that data set.

    Attributes
    ----------
    row
        Line of the file (the header is line 1), for error messages.
    time, evid, amt, cmt, rate, ii, addl, ss
        NONMEM's fields. ``amt`` is NaN where none was given; ``cmt`` 0 is the default compartment.
    mdv
        NaN where not given.
    """

    row: int
    time: float
    evid: int = 0
    amt: float = math.nan
    cmt: int = 0
    rate: float = 0.0
    ii: float = 0.0
    addl: int = 0
    ss: int = 0
    mdv: float = math.nan

    @property
    def is_dose(self) -> bool:
        """Whether the record gives a dose (EVID 1 or 4)."""
        return self.evid in (1, 4)

    @property
    def is_reset(self) -> bool:
        """Whether the record resets the system (EVID 3 or 4)."""
        return self.evid in (3, 4)

    @property
    def is_constant_infusion(self) -> bool:
        """Whether the record is the steady state of an infusion that stops here."""
        return self.is_dose and self.ss > 0 and self.amt == 0.0 and self.rate != 0.0

    @property
    def is_endogenous(self) -> bool:
        """Whether the record asks for the steady state of the system without any dose."""
        return self.is_dose and self.ss > 0 and self.amt == 0.0 and self.rate == 0.0


def check_event(
    event: Event, compartments: int, *, endogenous: bool = False, accepted_by_nonmem: bool = False
) -> Event:
    """Return the event, or raise the error of the first rule it breaks.

    Parameters
    ----------
    event
        The record. Its numbers are finite (the reader has seen to that) except ``amt`` and ``mdv``, which
        may be missing (NaN).
    compartments
        Number of compartments of the model.
    endogenous
        Whether the model makes something of its own, so that a steady state without any dose (SS 1, AMT 0,
        RATE 0, II 0) means something.
    accepted_by_nonmem
        The record is known to have been run: rules that only guard against slips (II without ADDL,
        MDV 0 on a dose, the compartment of an observation) are waived.

    Returns
    -------
    Event
        The same event.

    Raises
    ------
    DoseError
        One code a rule; see the module.
    """
    e = event

    def refuse(code: str, message: str, column: str, value: object):
        raise DoseError(code, message, where=f"row {e.row}, column {column}", value=value)

    if e.evid not in (0, 1, 2, 3, 4):
        refuse("RDN-D140", "EVID is 0 (observation), 1 (dose), 2 (other), 3 (reset) or 4", "EVID", e.evid)
    if e.cmt < 0:
        refuse("RDN-D148", "a compartment below zero; switching one off is not supported", "CMT", e.cmt)
    if e.cmt > compartments + (e.evid == 0) and not (accepted_by_nonmem and e.evid == 0):
        refuse("RDN-D147", f"the model has compartments 1 to {compartments}", "CMT", e.cmt)
    if not math.isnan(e.mdv):
        if e.mdv not in (0.0, 1.0):
            refuse("RDN-D170", "MDV is 0 or 1", "MDV", e.mdv)
        if e.evid != 0 and e.mdv == 0.0 and not accepted_by_nonmem:
            refuse("RDN-D170", f"a record with EVID {e.evid} holds no observation: MDV is 1", "MDV", e.mdv)
    if e.amt < 0.0:
        refuse("RDN-D142", "an amount below zero", "AMT", e.amt)
    if e.rate < 0.0 and e.rate not in (MODELLED_RATE, MODELLED_DURATION):
        refuse("RDN-D143", "RATE is zero or above, -1 (modelled) or -2 (modelled duration)", "RATE", e.rate)
    if e.ii < 0.0:
        refuse("RDN-D144", "an interval between doses below zero", "II", e.ii)
    if e.addl < 0:
        refuse("RDN-D145", "a number of additional doses below zero", "ADDL", e.addl)
    if e.ss not in (0, 1, 2):
        refuse("RDN-D146", "SS is 0, 1 (replaces the state) or 2 (adds to it)", "SS", e.ss)
    if not e.is_dose:
        amount = 0.0 if math.isnan(e.amt) else e.amt
        items = (
            ("RDN-D149", "AMT", amount),
            ("RDN-D150", "RATE", e.rate),
            ("RDN-D151", "II", e.ii),
            ("RDN-D152", "ADDL", e.addl),
            ("RDN-D153", "SS", e.ss),
        )
        for code, column, value in items:
            if value != 0:
                refuse(code, f"a record with EVID {e.evid} gives no dose", column, value)
        return e
    return _check_dose(e, refuse, endogenous, accepted_by_nonmem)


def _check_dose(e: Event, refuse, endogenous: bool, accepted_by_nonmem: bool) -> Event:
    if math.isnan(e.amt):
        refuse("RDN-D141", "a dose without an amount; write 0 for a dose that was skipped", "AMT", ".")
    if e.amt == 0.0 and e.rate == MODELLED_DURATION:
        refuse("RDN-D161", "a duration needs an amount", "AMT", 0)
    if e.is_constant_infusion:
        if e.ii != 0.0:
            refuse("RDN-D158", "a constant infusion at steady state has no interval: II is 0", "II", e.ii)
        if e.addl:
            refuse("RDN-D159", "a constant infusion at steady state has no further doses", "ADDL", e.addl)
        return e
    if e.is_endogenous:
        if not endogenous or e.ii != 0.0 or e.addl:
            refuse("RDN-D160", "a steady state needs an amount, or a rate", "AMT", 0)
        return e
    if e.amt == 0.0 and e.rate != 0.0:
        refuse("RDN-D157", "an infusion of amount zero never ends", "AMT", 0)
    if e.ss and e.ii == 0.0:
        refuse("RDN-D154", "a steady state needs the interval between doses", "II", 0)
    if e.addl and e.ii == 0.0:
        refuse("RDN-D155", "additional doses need the interval between doses", "II", 0)
    if e.ii != 0.0 and not e.addl and not e.ss and not accepted_by_nonmem:
        refuse("RDN-D156", "an interval without ADDL or SS: only one dose would be given", "II", e.ii)
    return e


def arrivals(event: Event, lag: float, until: float) -> Iterator[tuple[float, float]]:
    """Return when the doses of a record reach their compartment, in order.

    Under steady state the implied doses before the record also arrive with the lag: those that reach the
    compartment after the record's time are included here; those before it are part of the steady state.

    Parameters
    ----------
    event
        A dose record.
    lag
        Lag of its compartment, at least zero.
    until
        Time of the individual's last record; later doses cannot matter.

    Returns
    -------
    iterator of (time, slack)
        Arrival times not below the record's time. Two times that differ by less than ``slack`` (rounding of
        ``time + lag + k II``) are the same time. A dose at the record's own time comes first.

    Raises
    ------
    DoseError
        ``RDN-D174`` more than :data:`MAX_DOSES` doses before `until`.
    """
    first, last = 0, event.addl
    if event.ii > 0.0:
        under_way = (
            lag / event.ii if event.ss else 0.0
        )  # implied doses given before the record, not yet there
        due = min(float(event.addl), max(0.0, (until - event.time - lag) / event.ii + 1.0))
        if not under_way + due <= MAX_DOSES:
            raise DoseError(
                "RDN-D174",
                f"more than {MAX_DOSES:,} doses before the last record",
                where=f"row {event.row}, column ADDL",
                value=event.addl,
            )
        first, last = -max(0, math.ceil(under_way * (1.0 - 1e-12)) - 1), math.floor(due)
    return _arrivals(event, lag, first, last)


def _arrivals(event: Event, lag: float, first: int, last: int) -> Iterator[tuple[float, float]]:
    for k in range(first, last + 1):
        shift = k * event.ii
        yield event.time + lag + shift, 1e-12 * max(abs(event.time), lag, abs(shift))
