"""Courses of any number of virtual patients: who they are, untreated from onset, then followed week by week.

A patient's course follows from the plan and the patient's number alone; it does not matter with whom it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.engine.keys import uniforms
from rodnan.errors import PopulationError
from rodnan.pharmacology import load_model, parse_treatment
from rodnan.population.covariates import draw_covariates
from rodnan.population.individuals import FLARE_GRID, draw_effects, flare_paths, patient_parameters
from rodnan.population.pool import flare_inputs
from rodnan.population.treated import therapy, treatment_notes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rodnan.pharmacology import Regimen

    Array = NDArray[np.float64]

__all__ = ["READOUTS", "Courses", "CoursesPlan", "follow"]

READOUTS: tuple[str, ...] = (
    "mrss",
    "fvc_pct_pred",
    "dlco_pct_pred",
    "haq_di",
    "neutrophils",
    "white_cells",
)
"""What is followed: true values, without errors of measurement."""

_TOGETHER = 512
"""Patients who are followed together from onset: those with like starts, so that nobody is followed far beyond his own."""

_SPAN = 28
"""Days for which drug effects are computed at a time; a multiple of a week."""

_LONGEST_WEEKS, _LONGEST_YEARS = 1040, 30.0


class CoursesPlan(BaseModel):
    """Whose courses are wanted.

    Attributes
    ----------
    seed
        Seed; patient k of a seed is the same person in every plan, and in the pool of trials.
    patients
        Number of patients.
    weeks
        Length of follow-up.
    every
        Weeks between readouts; the first is at the start.
    duration_low, duration_high
        Years since the first symptom other than Raynaud's at the start, uniform between them.
    treatment
        Treatment in words, from the start on; untreated where None.
    device
        ``cpu`` or ``gpu``.
    precision
        ``float64`` or ``float32``, of the kernel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    patients: int
    weeks: int = 104
    every: int = 1
    duration_low: float = 0.0
    duration_high: float = 5.0
    treatment: str | None = None
    device: Literal["cpu", "gpu"] = "cpu"
    precision: Literal["float64", "float32"] = "float64"

    def check(self) -> None:
        """Refuse a plan that cannot be carried out.

        Raises
        ------
        PopulationError
            RDN-P006 for a number outside its range; RDN-P007 for a treatment with rules on its doses.
        DoseError, EvidenceError, UnitError
            For a treatment that is not understood.
        """
        for name, value, low, high in (
            ("seed", self.seed, 0, 2**63 - 1),
            ("patients", self.patients, 1, 10**9),
            ("weeks", self.weeks, 1, _LONGEST_WEEKS),
            ("every", self.every, 1, self.weeks),
            ("duration-low", self.duration_low, 0, self.duration_high),
            ("duration-high", self.duration_high, self.duration_low, _LONGEST_YEARS),
        ):
            if not low <= value <= high:
                raise PopulationError("RDN-P006", f"must lie in {low:g} to {high:g}", where=name, value=value)
        for drug, regimens in self.regimens().items():
            for rule in (rule for regimen in regimens for rule in regimen.rules):
                raise PopulationError(
                    "RDN-P007",
                    "rules on a dose are acted on at the visits of a trial; here everything is taken as planned",
                    where=drug,
                    value=str(rule),
                )
        if self.treatment is not None:  # for its errors, before anything runs
            follow(self.model_copy(update={"weeks": 1, "every": 1, "duration_high": self.duration_low}), 0, 1)

    def regimens(self) -> dict[str, tuple[Regimen, ...]]:
        """Return the regimens of the treatment by drug id; none where untreated."""
        return {} if self.treatment is None else parse_treatment(self.treatment)

    def notes(self) -> tuple[str, ...]:
        """Return what is to be told of the treatment: remarks on its regimens, drugs together, phenotypes drawn."""
        given = self.regimens()
        said = [f"{drug}: {note}" for drug, regimens in given.items() for r in regimens for note in r.notes]
        return tuple(dict.fromkeys([*said, *treatment_notes([load_model(drug) for drug in given], given)]))

    def output_weeks(self) -> NDArray[np.int64]:
        """Return the weeks of the readouts, int64[n_times]."""
        return np.arange(0, self.weeks + 1, self.every)


@dataclass(frozen=True)
class Courses:
    """Courses of some patients.

    Attributes
    ----------
    patients
        int64[n], their numbers.
    weeks
        int64[n_times], weeks since the start.
    readouts
        float64[n_times, n] by name, see `READOUTS`.
    covariates
        float64[n] by name, with ``disease_duration`` (year) and ``fvc_healthy`` (%).
    """

    patients: NDArray[np.int64]
    weeks: NDArray[np.int64]
    readouts: dict[str, Array]
    covariates: dict[str, Array]


def follow(plan: CoursesPlan, first: int, count: int, *, threads: int | None = None) -> Courses:
    """Follow some patients of a plan.

    Parameters
    ----------
    plan
        The plan.
    first, count
        Patients ``first`` to ``first + count - 1``.
    threads
        Threads; all cores where None.

    Returns
    -------
    Courses

    Raises
    ------
    ModelError, EngineError
        When a course cannot be computed, or there is no such device.
    """
    people = _people(plan, first, count)
    state = _at_start(plan, people, threads)
    found = _readouts(plan, people, state, threads)
    return Courses(people.numbers, plan.output_weeks(), found, people.covariates)


@dataclass(frozen=True)
class _People:
    """Some patients: who they are, and when since onset they start (int64[n] day)."""

    numbers: NDArray[np.int64]
    parameters: ParameterSet
    individual: Array
    covariates: dict[str, Array]
    flares: dict[str, Array]
    start: NDArray[np.int64]

    def read(self, states: Array) -> dict[str, Array]:
        """Return the readouts of states float64[n_times, n, 33]."""
        p, c = self.parameters, self.covariates
        g_s, g_l = (self.individual[:, INDIVIDUAL.index(name)] for name in ("g_s", "g_l"))
        skin = readouts.mrss(p, states, g_s)
        lung = readouts.fvc_pct_pred(p, states, g_s, g_l, c["fvc_healthy"])
        return {
            "mrss": skin,
            "fvc_pct_pred": lung,
            "dlco_pct_pred": readouts.dlco_pct_pred(p, states, g_l, c["dlco_healthy"]),
            "haq_di": readouts.haq_di(states, skin, lung, c["haq_level"]),
            "neutrophils": readouts.neutrophils(states, c["anc"]),
            "white_cells": readouts.white_cells(states, c["anc"], c["lymphocytes"], c["other_leukocytes"]),
        }


def _people(plan: CoursesPlan, first: int, count: int) -> _People:
    numbers = np.arange(first, first + count)
    parameters = load_parameters()
    covariates = draw_covariates(plan.seed, "pool", numbers)
    share = uniforms(plan.seed, "pool", "disease-duration", numbers, 1)[:, 0]
    duration = plan.duration_low + share * (plan.duration_high - plan.duration_low)
    effects = draw_effects(plan.seed, "pool", numbers, 0)
    individual, other = patient_parameters(parameters, covariates, effects)
    start = np.rint((other["t_lead"] + duration * 365.25) / FLARE_GRID).astype(np.int64) * FLARE_GRID
    points = -(-(int(start.max()) + plan.weeks * 7) // FLARE_GRID) + 1
    flares = flare_paths(parameters, draw_effects(plan.seed, "pool", numbers, points))
    covariates |= {"disease_duration": duration, "fvc_healthy": other["fvc_healthy"]}
    return _People(numbers, parameters, individual, covariates, flares, start)


def _at_start(plan: CoursesPlan, people: _People, threads: int | None) -> Array:
    """Return each patient's state at the start, untreated since onset; float64[n, 33]."""
    state = onset_state(people.individual)
    order = np.argsort(people.start, kind="stable")
    for begin in range(0, len(order), _TOGETHER):
        some = order[begin : begin + _TOGETHER]
        kept = np.unique(people.start[some])
        days = int(kept[-1])
        if days == 0:
            continue
        inputs = {name: path[: days // FLARE_GRID, some] for name, path in people.flares.items()}
        _, out = advance_patients(
            people.parameters,
            people.individual[some],
            state[some],
            inputs,
            days,
            out_days=kept,
            hold=FLARE_GRID,
            workers=threads,
            device=plan.device,
            precision=plan.precision,
        )
        state[some] = out[np.searchsorted(kept, people.start[some]), np.arange(len(some))]
    return state


def _readouts(plan: CoursesPlan, people: _People, state: Array, threads: int | None) -> dict[str, Array]:
    """Follow from the start on; float64[n_times, n] by name."""
    n, total = len(people.numbers), plan.weeks * 7
    wanted = plan.output_weeks() * 7
    found = {name: np.empty((len(wanted), n)) for name in READOUTS}
    for name, values in people.read(state[None]).items():
        found[name][:1] = values
    drugs = therapy(
        plan.regimens(), people.covariates, people.numbers, seed=plan.seed, study="pool", workers=threads
    )
    bodies = drugs.empty()
    for day in range(0, total, _SPAN):
        days = min(_SPAN, total - day)
        channels, bodies = drugs.span(bodies, day, days, workers=threads)
        rows = np.flatnonzero((wanted > day) & (wanted <= day + days))
        state, out = advance_patients(
            people.parameters,
            people.individual,
            state,
            flare_inputs(people.flares, people.start + day, np.arange(n), days) | channels,
            days,
            out_days=wanted[rows] - day,
            workers=threads,
            device=plan.device,
            precision=plan.precision,
        )
        for name, values in people.read(out).items():
            found[name][rows] = values
    return found
