"""Chances of leaving a trial at a visit, given the course: what conduct draws from, and what a likelihood averages over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.hazards import death_hazard
from rodnan.trial.settings import Conduct

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["LeavingChances", "Watch", "confirmed_fall", "leaving_chances", "tell", "watched"]


@dataclass(frozen=True)
class LeavingChances:
    """Probabilities of leaving at one visit, each as if there were no other reason, float64[n].

    Attributes
    ----------
    death, other
        Of dying since the last visit, and of leaving for no reason that the model knows.
    failure
        Of leaving for a treatment failure: none for who has no confirmed fall.
    intolerance, cytopenia
        Of leaving for an adverse event: by time on the drug, and after a blood count below its limit. They exclude each
        other, so that the chance of either is their sum.
    """

    death: Array
    failure: Array
    intolerance: Array
    cytopenia: Array
    other: Array

    def failing(self, failure: Array | None = None) -> Array:
        """Return the chance of death or treatment failure, float64[n]; `failure` in place of its own where given."""
        return 1.0 - (1.0 - self.death) * (1.0 - (self.failure if failure is None else failure))

    def dropping_out(self) -> Array:
        """Return the chance of leaving for an adverse event or for another reason, float64[n]."""
        return 1.0 - (1.0 - self.intolerance - self.cytopenia) * (1.0 - self.other)


Watch = Callable[[int, "Array", LeavingChances], None]
"""Takes the day of a visit, true FVC (% of predicted, float64[n]) and chances of leaving."""

_WATCH: ContextVar[Watch | None] = ContextVar("_WATCH", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Have `watch` told of every visit of the arms that are conducted inside the block.

    Parameters
    ----------
    watch
        Called once a visit.
    """
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


def tell(day: int, lung: Array, chances: LeavingChances) -> None:
    """Tell who watches, if anybody does, of a visit."""
    watch = _WATCH.get()
    if watch is not None:
        watch(day, lung, chances)


def confirmed_fall(fvc: Array, visit: int, conduct: Conduct) -> NDArray[np.bool_]:
    """Return for whom a fall of the measured FVC was confirmed at this visit, and not already at the last one.

    Parameters
    ----------
    fvc
        float64[n_visits, n], measured (% of predicted); row 0 is entry.
    visit
        The visit.
    conduct
        Settings: relative fall and earliest week.
    """
    entry, limit = fvc[0], conduct["failure_fvc_fall"]
    fell = [fvc[max(k, 0)] <= (1.0 - limit / 100.0) * entry for k in (visit - 2, visit - 1, visit)]
    now = visit * conduct["visit_days"]
    return fell[2] & fell[1] & ~fell[0] & (now >= 7 * conduct["failure_from_week"])


def leaving_chances(
    conduct: Conduct,
    *,
    age: Array,
    male: Array,
    lung: Array,
    dlco: Array,
    skin: Array,
    skin_at_entry: Array,
    failed: NDArray[np.bool_],
    low: NDArray[np.bool_],
    on_drug: ArrayLike,
    days: int,
) -> LeavingChances:
    """Return the chances of leaving at a visit.

    Parameters
    ----------
    conduct
        Settings.
    age, male, lung, dlco
        Of the hazard of death (`rodnan.disease.hazards.death_hazard`), float64[n].
    skin, skin_at_entry
        True skin score now and at entry, float64[n].
    failed, low
        Confirmed falls of FVC and counts below a limit at this visit, bool[n].
    on_drug
        Extra hazard of leaving while on the arm's drugs, 1/year.
    days
        Days since the last visit.
    """
    years, rise = days / 365.25, skin - skin_at_entry
    progressor = ((rise > 5.0) & (rise >= 0.25 * skin_at_entry)).astype(float)
    hazard = death_hazard(age, male, lung, dlco, progressor)
    n = len(lung)
    return LeavingChances(
        death=-np.expm1(-hazard * days),
        failure=np.where(failed, conduct["failure_leaves"], 0.0),
        intolerance=np.broadcast_to(-np.expm1(-np.asarray(on_drug, dtype=np.float64) * years), (n,)),
        cytopenia=np.where(low, conduct["dropout_after_cytopenia"], 0.0),
        other=np.full(n, -np.expm1(-conduct["dropout_background"] * years)),
    )
