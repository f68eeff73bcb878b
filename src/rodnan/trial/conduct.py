"""Conduct of one arm: from visit to visit, doses are taken, held and reduced, patients are measured, some leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.disease.model import advance_patients
from rodnan.disease.parameters import ParameterSet
from rodnan.engine.keys import normals, uniforms
from rodnan.pharmacology import taken
from rodnan.population.candidates import raters
from rodnan.population.treated import Therapy, Treatment
from rodnan.trial.cohort import Cohort
from rodnan.trial.design import ArmDesign
from rodnan.trial.harms import STEROID, TRANSPLANT, Harms
from rodnan.trial.holding import DoseControl, Laboratory
from rodnan.trial.leaving import confirmed_fall, leaving_chances, tell
from rodnan.trial.settings import Conduct
from rodnan.trial.treating import treatments_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["REASONS", "ArmCourse", "conduct_arm"]

REASONS = ("death", "treatment failure", "adverse event", "other")
"""Why a patient leaves, in the order of the codes of `ArmCourse.reason` (0 is still in)."""


@dataclass(frozen=True)
class ArmCourse:
    """What happened to a cohort in one arm.

    Attributes
    ----------
    arm
        The arm.
    days
        int64[n_visits], day of each visit; 0 is entry.
    observed
        float64[n_visits, n] by endpoint, readings (of everybody; who had left by then was not seen).
    left_day
        float64[n], day on which a patient left; infinity if never.
    reason
        int64[n], 0 or 1 + index into `REASONS`.
    first_event
        float64[n] by event, while in: day of the first count below the limit (``leukopenia``, ``neutropenia``), or of the
        visit at which a harm is first known (`rodnan.trial.harms.HARMS`).
    dose_taken
        float64[n], mg over the whole study, all drugs.
    """

    arm: ArmDesign
    days: NDArray[np.int64]
    observed: dict[str, Array]
    left_day: Array
    reason: NDArray[np.int64]
    first_event: dict[str, Array]
    dose_taken: Array


def conduct_arm(
    arm: ArmDesign,
    cohort: Cohort,
    parameters: ParameterSet,
    conduct: Conduct,
    *,
    study: str,
    seed: int,
    weeks: int,
    stay: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> ArmCourse:
    """Treat a cohort in one arm.

    Parameters
    ----------
    arm, cohort
        Who gets what. Arms share patients, their flares and their errors of measurement.
    parameters, conduct
        Disease parameters and conduct settings.
    study, seed
        Random streams.
    weeks
        Follow-up.
    stay
        Nobody leaves: for fits and for the question what the drug does to those who take it.
    workers
        Threads.
    device
        ``cpu`` or ``gpu``, where the disease is computed.
    progress
        Takes a line of progress.

    Returns
    -------
    ArmCourse
    """
    n, visit_days = len(cohort.patients), int(conduct["visit_days"])
    visits = -(-weeks * 7 // visit_days)
    treatments = treatments_of(arm, cohort, study, seed, workers)
    therapy = Therapy.of(treatments, n)
    noise = _Noise(seed, study, cohort, visits, conduct, parameters)
    grafted = _grafted(treatments, visits * visit_days)
    harms = Harms(cohort, study=study, seed=seed, visits=visits, grafted=grafted)
    y, bodies = cohort.state.copy(), therapy.empty()
    in_study = np.ones(n, bool)
    left_day, reason = np.full(n, np.inf), np.zeros(n, np.int64)
    first = {"leukopenia": np.full(n, np.inf), "neutropenia": np.full(n, np.inf)}
    total = np.zeros(n)
    laboratory = Laboratory(
        cohort, noise.counts, conduct, study=study, seed=seed, visits=visits,
        rules=[rule for t in treatments for rule in t.plan.rules],
    )  # fmt: skip
    control = DoseControl(treatments, laboratory.read(cohort.state, 0, 0), conduct)
    observed = {name: np.empty((visits + 1, n)) for name in ("mrss", "fvc_pct_pred")}
    for name, values in cohort.baseline.items():
        observed[name][0] = values
    skin_at_entry = readouts.mrss(parameters, y, cohort.own("g_s"))
    for visit in range(1, visits + 1):
        day = (visit - 1) * visit_days
        doses, on, steroid = [], [], np.zeros(n)
        for index, t in enumerate(treatments):
            multiplier = control.multiplier(index, in_study)
            planned = t.plan.amounts(day, visit_days, multiplier=multiplier)
            dose = taken(planned, noise.adherence, noise.doses(t.model.id, visit, planned.shape[1:]))
            total += dose.sum(axis=(1, 2))
            if t.model.id == STEROID:
                steroid += dose.sum(axis=(1, 2)) / visit_days
            doses.append(dose)
            on.append(multiplier > 0.0)
        channels, bodies = therapy.span(bodies, day, visit_days, doses=doses, on=on, workers=workers)
        flares = {name: path[day : day + visit_days] for name, path in cohort.flares.items()}
        middle = visit_days // 2
        y, kept = advance_patients(
            parameters,
            cohort.individual,
            y,
            flares | channels,
            visit_days,
            out_days=[middle, visit_days],
            workers=workers,
            device=device,
        )
        now = visit * visit_days
        skin = readouts.mrss(parameters, y, cohort.own("g_s"))
        lung = readouts.fvc_pct_pred(
            parameters, y, cohort.own("g_s"), cohort.own("g_l"), cohort.other["fvc_healthy"]
        )
        observed["mrss"][visit] = readouts.observe_mrss(
            skin, noise.rater[visit], noise.mrss[:, visit], parameters["sd_mrss_within"]
        )
        observed["fvc_pct_pred"][visit] = readouts.observe_fvc(
            lung, noise.fvc[:, visit], parameters["sd_fvc_noise"]
        )
        readings, low = _counts(first, kept, laboratory, visit, now, visit_days, in_study, conduct)
        control.look(readings, low)
        on_drug = sum(
            (t.plan.last_day > now) * conduct.dropout_of(t.model.id) for t in treatments if t.takers is None
        )
        leaving = _leaving(
            cohort,
            parameters,
            y,
            skin,
            skin_at_entry,
            lung,
            observed,
            visit,
            now,
            visit_days,
            low,
            on_drug,
            noise,
            conduct,
        )
        killed = harms.at_visit(visit, now, visit_days, kept, steroid, in_study)
        leaving = np.where(killed, 1 + REASONS.index("death"), leaving)
        goes = in_study & (leaving > 0) & (not stay)
        left_day[goes], reason[goes] = now, leaving[goes]
        in_study &= ~goes
        if visit % 6 == 0:
            progress(f"{arm.id}: week {now // 7} of {visits * visit_days // 7}")
    return ArmCourse(
        arm, np.arange(visits + 1) * visit_days, observed, left_day, reason, first | harms.first, total
    )


class _Noise:
    """Random numbers of a cohort in a study; the same in every arm."""

    def __init__(
        self, seed: int, study: str, cohort: Cohort, visits: int, conduct: Conduct, parameters: ParameterSet
    ) -> None:
        self._key, self._who = (seed, study), cohort.patients
        z = normals(seed, study, "adherence", self._who, 1)[:, 0]
        mean = conduct["adherence_mean"]
        self.adherence = 1.0 / (1.0 + (1.0 - mean) / mean * np.exp(-conduct["adherence_logit_sd"] * z))
        offsets = parameters["sd_mrss_rater"] * normals(seed, study, "rater", self._who, visits + 1).T
        offsets[0] = cohort.rater
        chance = parameters["p_rater_switch"] * conduct["visit_days"] / 365.25
        self.rater = raters(offsets, chance > uniforms(seed, study, "rater-change", self._who, visits + 1).T)
        self.mrss = normals(seed, study, "mrss-error", self._who, visits + 1)
        self.fvc = uniforms(seed, study, "fvc-error", self._who, visits + 1)
        self.counts = normals(seed, study, "count-error", self._who, 4 * (visits + 1))
        self.leave = uniforms(seed, study, "leaving", self._who, 4 * (visits + 1))

    def doses(self, drug: str, visit: int, shape: tuple[int, ...]) -> Array:
        seed, study = self._key
        count = int(np.prod(shape))
        drawn = uniforms(seed, study, f"doses/{drug}", self._who, count, replicate=visit)
        return drawn.reshape(len(self._who), *shape)


def _grafted(treatments: Sequence[Treatment], days: int) -> Array | None:
    """Return the day of each patient's first planned session of transplantation, infinity for none; None without it."""
    for t in treatments:
        if t.model.id == TRANSPLANT:
            planned = t.plan.amounts(0, days).sum(axis=2) * (1.0 if t.takers is None else t.takers[:, None])
            return np.where(planned.any(axis=1), (planned > 0).argmax(axis=1), np.inf)
    return None


def _counts(
    first: dict[str, Array],
    kept: Array,
    laboratory: Laboratory,
    visit: int,
    now: int,
    visit_days: int,
    in_study: NDArray[np.bool_],
    conduct: Conduct,
) -> tuple[list[Mapping[str, Array]], NDArray[np.bool_]]:
    """Read blood (every two weeks for two months, then every visit); record first events; return readings, who is low."""
    low = np.zeros(len(in_study), bool)
    readings = []
    for position, share in ((0, 0.5), (1, 1.0)):
        if position == 0 and visit > 2:
            continue
        day = now - visit_days + share * visit_days
        reading = laboratory.read(kept[position], visit, position)
        readings.append(reading)
        for event, below in (
            ("leukopenia", reading["white cells"] < conduct["leukopenia_limit"]),
            ("neutropenia", reading["neutrophils"] < conduct["neutropenia_limit"]),
        ):
            happened = below & in_study
            first[event] = np.where(happened, np.minimum(first[event], day), first[event])
            low |= happened
    return readings, low


def _leaving(
    cohort: Cohort,
    parameters: ParameterSet,
    y: Array,
    skin: Array,
    skin_at_entry: Array,
    lung: Array,
    observed: dict[str, Array],
    visit: int,
    now: int,
    visit_days: int,
    low: NDArray[np.bool_],
    on_drug: float,
    noise: _Noise,
    conduct: Conduct,
) -> NDArray[np.int64]:
    """Return why each patient would leave at this visit: 0 stays, else 1 + index into `REASONS`."""
    u = noise.leave[:, 4 * visit : 4 * visit + 4]
    chances = leaving_chances(
        conduct,
        age=cohort.covariates["age"] + now / 365.25,
        male=cohort.covariates["sex"],
        lung=lung,
        dlco=readouts.dlco_pct_pred(parameters, y, cohort.own("g_l"), cohort.covariates["dlco_healthy"]),
        skin=skin,
        skin_at_entry=skin_at_entry,
        failed=confirmed_fall(observed["fvc_pct_pred"], visit, conduct),
        low=low,
        on_drug=on_drug,
        days=visit_days,
    )
    tell(now, lung, chances)
    dies, fails = u[:, 0] < chances.death, u[:, 1] < chances.failure
    intolerant = (u[:, 2] < chances.intolerance) | (u[:, 2] > 1.0 - chances.cytopenia)
    other = u[:, 3] < chances.other
    return np.select([dies, fails, intolerant, other], [1, 2, 3, 4], 0).astype(np.int64)
