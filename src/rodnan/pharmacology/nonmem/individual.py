"""One individual: its records in order, its amounts, what runs and what is due.

Order of things at a record, as in PREDPP
-----------------------------------------
1. The system moves from the previous record to this one with the parameters *of this record* (next value).
   Doses on the way (additional, lagged) are given when they are due; one that is due at the very time of the
   record is given before it. They take the bioavailability and the duration of this record; their lag is
   that of the record they belong to. A modelled rate (RATE -1) acts continuously and changes with the record.
2. A reset (EVID 3, 4) skips that: amounts go back to their initial values, doses still due and infusions
   still running are cancelled.
3. The record's own dose is given, unless it lags.
4. The value of the record is the one after its event.

Steady state with a lag
-----------------------
The doses are given every II, each arrives one lag later. At the record the last arrival is thus
``-lag mod II`` ago. Where the lag is longer than II, doses given before the record are still under way and
arrive after it; NONMEM instead runs the steady state backwards by ``lag - II``
(``docs/decisions/0030-steady-state-with-long-lag.md``).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import DoseError, EngineError, ModelError, RodnanError
from rodnan.pharmacology.events import MAX_DOSES, Event, arrivals
from rodnan.pharmacology.nonmem.model import Model
from rodnan.pharmacology.nonmem.propagate import System

__all__ = ["MAX_DOSES_IN_ALL", "Individual", "Moment", "Shared", "at_row"]

_MAX_OVERLAP = 1000
MAX_DOSES_IN_ALL = 10 * MAX_DOSES
"""Most doses of one data set that the loop will give."""


@dataclass(eq=False)
class _Infusion:
    compartment: int
    rate: float
    stop: float
    left: float = math.nan  # amount still to come, of an infusion whose rate the model gives
    event: Event | None = None


@dataclass(frozen=True)
class Moment:
    """A record's parameters: what holds over the interval that ends there."""

    frame: list[float]
    system: System


def at_row(error: RodnanError, row: int) -> RodnanError:
    """Return the error with the row of the data set that it happened at."""
    where = f"row {row}" + (f", {error.where}" if error.where else "")
    return type(error)(error.code, error.message, where=where, value=error.value, nearest=error.nearest)


@dataclass
class Shared:
    """What the individuals of one data set share: how many doses are left to it, and what to tell."""

    doses_left: int
    notices: list[str] = field(default_factory=list)
    superposition_told: bool = False


@dataclass
class Individual:
    """The state of one individual on the way through its records.

    Attributes
    ----------
    model, events, shared
        What it is simulated with.
    now, x, inputs
        Time, amounts and sum of the running infusions, the latter of shape (compartments,).
    infusions, pending
        What runs; what is due: (arrival, order, slack, record, later arrivals), a heap.
    counter, row
        Doses put among those due so far; row of the record being worked on.
    """

    model: Model
    events: Sequence[Event]
    shared: Shared
    now: float = 0.0
    x: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    inputs: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    infusions: list[_Infusion] = field(default_factory=list)
    pending: list[tuple[float, int, float, Event, Iterator[tuple[float, float]]]] = field(
        default_factory=list
    )
    counter: int = 0
    row: int = 0

    def run(self, moments: Sequence[Moment]) -> NDArray[np.float64]:
        """Return the amounts after each record's event."""
        out = np.empty((len(self.events), self.model.n))
        self._start(self.events[0].time, moments[0])
        i = 0
        while i < len(self.events):
            j = i + 1
            if self.events[i].evid in (0, 2):
                while j < len(self.events) and self.events[j].evid in (0, 2) and moments[j] is moments[i]:
                    j += 1
            event, moment = self.events[i], moments[i]
            self.row = event.row
            try:
                if event.is_reset:
                    self._start(event.time, moment)
                    out[i] = self.x
                else:
                    out[i:j] = self._advance([e.time for e in self.events[i:j]], moment)
                if event.is_dose:
                    self._dose(event, moment, self._horizon(i))
                    out[i] = self.x
            except ModelError as e:
                raise at_row(e, event.row) from None
            if not np.isfinite(out[i:j]).all():
                raise EngineError("RDN-N150", "an amount is not finite", where=f"row {event.row}")
            i = j
        return out

    def _start(self, time: float, moment: Moment) -> None:
        self.now, self.x = time, self.model.start(moment.frame)
        self._cancel()

    def _cancel(self) -> None:
        self.infusions, self.pending = [], []
        self.inputs = np.zeros(self.model.n)

    # ---- moving ----------------------------------------------------------------------------------------

    def _advance(self, times: Sequence[float], moment: Moment) -> NDArray[np.float64]:
        """Move to each of the times; give what is due on the way."""
        self._refit_rates(moment)
        out = np.empty((len(times), self.model.n))
        i = 0
        while i < len(times):
            due, slack, what = self._next()
            k = i
            while k < len(times) and times[k] < due - slack:
                k += 1
            if k > i:
                out[i:k] = self._flow(moment, times[i:k])
                i = k
                continue
            if due > self.now:
                self._flow(moment, [due])
            if isinstance(what, _Infusion):
                self.infusions.remove(what)
                self._sum_inputs()
            else:
                self._arrive(moment)
        return out

    def _next(self) -> tuple[float, float, _Infusion | None]:
        """The next thing to happen: an infusion's end, or (None) the arrival on top of the heap."""
        due, slack, what = math.inf, 0.0, None
        if self.pending:
            due, _, slack, *_ = self.pending[0]
        for infusion in self.infusions:
            if infusion.stop < due:
                due, slack, what = infusion.stop, 0.0, infusion
        return due, slack, what

    def _flow(self, moment: Moment, times: Sequence[float]) -> NDArray[np.float64]:
        states = moment.system.flow(self.now, self.x, self.inputs, times)
        self.x = states[-1].copy()
        elapsed = times[-1] - self.now
        if elapsed > 0.0:
            for infusion in self.infusions:
                infusion.left -= infusion.rate * elapsed
            self.now = times[-1]
        return states

    def _refit_rates(self, moment: Moment) -> None:
        """Give infusions of modelled rate the rate of this record; what is left of them stays."""
        changed = False
        for infusion in self.infusions:
            if infusion.event is not None:
                rate = self._modelled(infusion.event, infusion.compartment, moment)[0]
                if rate != infusion.rate:
                    infusion.rate, infusion.stop = rate, self.now + max(infusion.left, 0.0) / rate
                    changed = True
        if changed:
            self._sum_inputs()

    def _sum_inputs(self) -> None:
        self.inputs = np.zeros(self.model.n)
        for infusion in self.infusions:
            self.inputs[infusion.compartment] += infusion.rate

    # ---- giving ----------------------------------------------------------------------------------------

    def _arrive(self, moment: Moment) -> None:
        _, _, _, event, later = heapq.heappop(self.pending)
        self.shared.doses_left -= 1
        if self.shared.doses_left < 0:
            raise DoseError("RDN-D174", f"more than {MAX_DOSES_IN_ALL:,} doses in the data set")
        self._give(event, moment)
        self._expect(event, later)

    def _expect(self, event: Event, later: Iterator[tuple[float, float]]) -> None:
        """Put the record's next dose, if there is one, among those that are due."""
        for time, slack in later:
            self.counter += 1
            heapq.heappush(self.pending, (time, self.counter, slack, event, later))
            return

    def _horizon(self, i: int) -> float:
        """Time of the last record that the doses of record i can reach: the last one before a reset."""
        while i + 1 < len(self.events) and not self.events[i + 1].is_reset:
            i += 1
        return self.events[i].time

    def _dose(self, event: Event, moment: Moment, until: float) -> None:
        if event.is_constant_infusion or event.is_endogenous:
            self._constant(event, moment)
            return
        c = self._compartment(event)
        lag = self._value(self.model.lag, c, moment, 0.0, "RDN-D166", "a lag")
        later = arrivals(event, lag, until)
        if event.ss:
            self._steady(event, moment, c, lag)
        elif lag == 0.0:
            self._give(event, moment)
        if lag == 0.0:
            next(later)  # the record's own dose is given, or part of the steady state
        self._expect(event, later)

    def _compartment(self, event: Event) -> int:
        return (event.cmt or self.model.spec.default_dose) - 1

    def _give(self, event: Event, moment: Moment) -> None:
        """Let one dose enter its compartment now."""
        c = self._compartment(event)
        amount = event.amt * self._value(self.model.bioavailability, c, moment, 1.0, "RDN-D167", "an F")
        if amount == 0.0:
            return
        if event.rate == 0.0:
            self.x = self.x.copy()
            self.x[c] += amount
            return
        rate, duration = self._infusion(event, c, amount, moment)
        self._run(c, rate, duration, event)

    def _run(self, c: int, rate: float, duration: float, event: Event) -> None:
        modelled = event if event.rate == -1.0 else None
        self.infusions.append(_Infusion(c, rate, self.now + duration, rate * duration, modelled))
        if len(self.infusions) > _MAX_OVERLAP:
            raise DoseError(
                "RDN-D175", f"more than {_MAX_OVERLAP:,} infusions at once", where=f"row {event.row}"
            )
        self.inputs[c] += rate

    def _infusion(self, event: Event, c: int, amount: float, moment: Moment) -> tuple[float, float]:
        """Rate and duration; F changes the duration, but the rate where the model gives the duration."""
        if event.rate > 0.0:
            return event.rate, amount / event.rate
        rate, duration = self._modelled(event, c, moment)
        return (rate, amount / rate) if event.rate == -1.0 else (amount / duration, duration)

    def _modelled(self, event: Event, c: int, moment: Moment) -> tuple[float, float]:
        """The modelled rate (RATE -1) or duration (RATE -2); the other one is NaN."""
        wanted, codes, word = (
            (self.model.rate, ("RDN-D162", "RDN-D164"), "rate")
            if event.rate == -1.0
            else (self.model.duration, ("RDN-D163", "RDN-D165"), "duration")
        )
        if c + 1 not in wanted:
            letter = word[0].upper()
            raise DoseError(
                codes[0],
                f"RATE {event.rate:g} needs a modelled {word}: a column {letter}{c + 1}, or the model's own",
                where=f"row {event.row}, column RATE",
                value=event.rate,
            )
        value = self._value(wanted, c, moment, 1.0, codes[1], f"a modelled {word}")
        if value == 0.0:
            raise DoseError(
                codes[1], f"a modelled {word} is above zero", where=f"row {self.row}", value=value
            )
        return (value, math.nan) if event.rate == -1.0 else (math.nan, value)

    def _value(
        self,
        group: Mapping[int, Callable[[Sequence[float]], float]],
        c: int,
        moment: Moment,
        default: float,
        code: str,
        what: str,
    ) -> float:
        if c + 1 not in group:
            return default
        try:
            value = group[c + 1](moment.frame)
        except ModelError as e:
            raise DoseError(
                "RDN-D133",
                f"{what} is missing or cannot be worked out here: {e.message}",
                where=f"row {self.row}",
            ) from None
        if value < 0.0:
            raise DoseError(code, f"{what} below zero", where=f"row {self.row}", value=value)
        return value

    # ---- steady states ---------------------------------------------------------------------------------

    def _settle(self, event: Event, state: NDArray[np.float64]) -> None:
        """SS 1 replaces the state and everything under way; SS 2 adds to it."""
        if event.ss == 1:
            self._cancel()
            self.x = state.copy()
        else:
            self.x = self.x + state

    def _tell_superposition(self, event: Event) -> None:
        """Tell, once a data set, that the sum of two states of a nonlinear model is asked for."""
        if event.ss == 2 and not self.model.is_linear and not self.shared.superposition_told:
            self.shared.superposition_told = True
            self.shared.notices.append(
                f"row {event.row}: SS 2 adds the steady state to the present one, as NONMEM does; in this nonlinear "
                "model the sum is no steady state of both, and what is there without doses counts twice"
            )

    def _constant(self, event: Event, moment: Moment) -> None:
        """Steady state of an infusion that never ended until now; F does not apply to it."""
        self._tell_superposition(event)
        c = self._compartment(event)
        inputs = np.zeros(self.model.n)
        if not event.is_endogenous:
            if self._value(self.model.lag, c, moment, 0.0, "RDN-D166", "a lag") != 0.0:
                raise DoseError(
                    "RDN-D169",
                    "a lag with the steady state of a constant infusion: when it stops is not defined",
                    where=f"row {event.row}, column SS",
                )
            inputs[c] = event.rate if event.rate > 0.0 else self._modelled(event, c, moment)[0]
        self._settle(event, self._found(event, lambda: moment.system.steady_constant(inputs)))

    @staticmethod
    def _found(event: Event, find: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        try:
            state = find()
        except ModelError as e:
            raise DoseError("RDN-D176", e.message, where=f"row {event.row}, column SS") from None
        if not np.isfinite(state).all():
            raise DoseError("RDN-D176", "no finite steady state", where=f"row {event.row}, column SS")
        return state

    def _steady(self, event: Event, moment: Moment, c: int, lag: float) -> None:
        self._tell_superposition(event)
        n, ii = self.model.n, event.ii
        amount = event.amt * self._value(self.model.bioavailability, c, moment, 1.0, "RDN-D167", "an F")
        bolus, inputs, rate, duration = np.zeros(n), np.zeros(n), 0.0, 0.0
        if event.rate == 0.0 or amount == 0.0:
            bolus[c] = amount
        else:
            rate, duration = self._infusion(event, c, amount, moment)
            inputs[c] = rate
        if not duration / ii <= _MAX_OVERLAP:
            raise DoseError(
                "RDN-D175",
                f"more than {_MAX_OVERLAP:,} infusions at once",
                where=f"row {event.row}, column II",
                value=ii,
            )
        if lag > ii:
            self.shared.notices.append(
                f"row {event.row}: steady state with a lag ({lag:g}) longer than the interval ({ii:g}), "
                "solved with the doses that are still under way; NONMEM extrapolates backwards"
            )
        phase = _phase(lag, ii)  # time since the last arrival
        whole, rest = divmod(duration, ii)

        def find() -> NDArray[np.float64]:
            x = moment.system.steady(ii, bolus, inputs, duration)
            now = 0.0
            if rest > 0.0 and phase > 0.0:
                now = min(rest, phase)
                x = moment.system.flow(0.0, x, (whole + 1.0) * inputs, [now])[-1]
            if phase > now:
                x = moment.system.flow(now, x, whole * inputs, [phase])[-1]
            return x

        self._settle(event, self._found(event, find))
        remaining = duration - phase  # of the infusion that arrived last, then of those before it
        while remaining > 1e-12 * duration:
            self._run(c, rate, remaining, event)
            remaining -= ii


def _phase(lag: float, interval: float) -> float:
    """Time since the last arrival, at the time a dose is given: ``-lag mod interval``."""
    phase = math.fmod(lag, interval)
    if min(phase, interval - phase) <= 1e-12 * max(lag, interval):
        return 0.0
    return interval - phase
