"""What the laboratory reads at visits, and which share of each drug's planned dose is due until the next one.

A drug without rules of its own follows the settings of `conduct` (held after a low count, then a smaller dose); a drug
whose regimen has rules follows these alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.keys import normals
from rodnan.pharmacology.monitoring_rules import MonitoringRule
from rodnan.population.treated import Treatment
from rodnan.trial.cohort import Cohort
from rodnan.trial.settings import Conduct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Reading = Mapping[str, Array]

__all__ = ["DoseControl", "Laboratory", "RuleState"]

ML_MIN = 0.06
"""L/h in one mL/min."""


class Laboratory:
    """Blood counts, and creatinine where a rule looks at it, as a laboratory reads them.

    Parameters
    ----------
    cohort
        Whose blood.
    count_errors
        Standard normals of the counts, float64[n, 4 (visits + 1)].
    conduct
        Settings.
    study, seed, visits
        Random streams of what only rules look at.
    rules
        All rules of the arm.
    """

    def __init__(
        self,
        cohort: Cohort,
        count_errors: Array,
        conduct: Conduct,
        *,
        study: str,
        seed: int,
        visits: int,
        rules: Sequence[MonitoringRule],
    ) -> None:
        self._cohort, self._z, self._conduct = cohort, count_errors, conduct
        self._looked_at = {rule.quantity for rule in rules}
        self._more: Array | None = None
        if self._looked_at - {"neutrophils", "white cells"}:
            self._more = normals(seed, study, "rule-error", cohort.patients, 4 * (visits + 1))

    def read(self, state: Array, visit: int, position: int) -> Reading:
        """Return the readings of one blood sample, float64[n] by quantity.

        Parameters
        ----------
        state
            True states, float64[n, 33].
        visit, position
            Visit (0 is entry) and sample of it (0 or 1): which errors of measurement.
        """
        c, sd = self._cohort.covariates, self._conduct["count_log_sd"]
        columns = slice(4 * visit + 2 * position, 4 * visit + 2 * position + 2)
        z = self._z[:, columns]
        white = readouts.white_cells(state, c["anc"], c["lymphocytes"], c["other_leukocytes"])
        found = {
            "neutrophils": readouts.neutrophils(state, c["anc"]) * np.exp(sd * z[:, 0]),
            "white cells": white * np.exp(sd * z[:, 1]),
        }
        if self._more is not None:
            more = self._more[:, columns]
            found["lymphocytes"] = readouts.lymphocytes(state, c["lymphocytes"]) * np.exp(sd * more[:, 0])
            found["creatinine"] = self._creatinine(state) * np.exp(
                self._conduct["creatinine_log_sd"] * more[:, 1]
            )
        return found

    def _creatinine(self, state: Array) -> Array:
        """Return creatinine (mg/dL): that of the patient's clearance by Cockcroft and Gault, over filtration."""
        c = self._cohort.covariates
        own = (140.0 - c["age"]) * c["weight"] / (72.0 * c["crcl"] / ML_MIN)
        return own * np.where(c["sex"] == 1, 1.0, 0.85) / state[:, STATE_INDEX["GFR"]]


class RuleState:
    """Which rules of a drug are in force for whom.

    A rule that lowers the dose comes into force with any reading that meets it. It is lifted by the last reading of a
    visit: where the drug has a resume rule on the same quantity, when that is met; else when the rule itself is not met
    any more. A stop is never lifted. The dose is the smallest share in force; after a resume at less than the full dose
    it never rises above that share.

    Parameters
    ----------
    rules
        Rules of one drug.
    entry
        Readings at entry: the baseline.
    """

    def __init__(self, rules: Sequence[MonitoringRule], entry: Reading) -> None:
        self._acting = [rule for rule in rules if rule.acts]
        self._resume = {rule.quantity: rule for rule in rules if not rule.acts}
        self._entry = entry
        n = len(entry["neutrophils"])
        self._active = np.zeros((len(self._acting), n), bool)
        self._ceiling = np.ones(n)

    def look(self, readings: Sequence[Reading]) -> None:
        """Act on the readings since the last visit, in their order.

        Parameters
        ----------
        readings
            At least one.
        """
        for i, rule in enumerate(self._acting):
            met = np.any([self._met(rule, reading) for reading in readings], axis=0)
            before = self._active[i].copy()
            if rule.action == "stop":
                self._active[i] = before | met
                continue
            resume = self._resume.get(rule.quantity)
            last = readings[-1]
            lifted = ~self._met(rule, last) if resume is None else self._met(resume, last)
            self._active[i] = met | (before & ~lifted)
            if resume is not None:
                back = before & ~self._active[i]
                self._ceiling = np.where(back, np.minimum(self._ceiling, resume.share), self._ceiling)

    def share(self) -> Array:
        """Return the share of the planned dose that is due until the next visit, float64[n]."""
        share = self._ceiling
        for rule, active in zip(self._acting, self._active, strict=True):
            share = np.where(active, np.minimum(share, rule.share), share)
        return share

    def _met(self, rule: MonitoringRule, reading: Reading) -> NDArray[np.bool_]:
        value = reading[rule.quantity]
        limit = rule.limit * self._entry[rule.quantity] if rule.relative else rule.limit
        return value < limit if rule.below else value > limit


class DoseControl:
    """The share of the planned dose of every drug of an arm.

    Parameters
    ----------
    treatments
        The drugs; background treatment follows no rule of the study, only its own.
    entry
        Readings at entry.
    conduct
        Settings, for drugs without rules.
    """

    def __init__(self, treatments: Sequence[Treatment], entry: Reading, conduct: Conduct) -> None:
        n = len(entry["neutrophils"])
        self._conduct, self._takers = conduct, [t.takers for t in treatments]
        self._rules = [RuleState(t.plan.rules, entry) if t.plan.rules else None for t in treatments]
        self._factor, self._reduction = np.ones(n), np.ones(n)

    def multiplier(self, drug: int, in_study: NDArray[np.bool_]) -> Array:
        """Return the factor on the planned dose of the drug at that place, float64[n]."""
        takers, rules = self._takers[drug], self._rules[drug]
        if takers is not None:
            return takers if rules is None else takers * rules.share()
        return np.where(in_study, self._factor if rules is None else rules.share(), 0.0)

    def look(self, readings: Sequence[Reading], low: NDArray[np.bool_]) -> None:
        """Act on the readings since the last visit.

        Parameters
        ----------
        readings
            In their order.
        low
            bool[n], who had a count below a limit of the settings.
        """
        self._reduction = np.where(low, self._reduction * self._conduct["resume_factor"], self._reduction)
        self._factor = np.where(low, self._conduct["hold_factor"], self._reduction)
        for rules in self._rules:
            if rules is not None:
                rules.look(readings)
