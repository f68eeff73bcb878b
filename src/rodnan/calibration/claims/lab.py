"""What the checks of claims share within one run: untreated pool, cohorts, treated courses, virtual trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.claims.record import Measured
from rodnan.disease import readouts
from rodnan.disease.model import advance_patients
from rodnan.disease.parameters import ParameterSet
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.keys import uniforms
from rodnan.errors import RodnanError
from rodnan.evidence import load_study
from rodnan.pharmacology import load_model, parse_regimen
from rodnan.population.candidates import Candidates
from rodnan.population.enrol import Moment, Range, resample, weigh
from rodnan.population.entries import entry_rules
from rodnan.population.pool import flare_inputs
from rodnan.population.treated import therapy
from rodnan.trial.cohort import Cohort, Followed, enrol, follow_untreated
from rodnan.trial.conduct import ArmCourse, conduct_arm
from rodnan.trial.design import ArmDesign, TrialDesign, design_from_study
from rodnan.trial.settings import conduct_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rodnan.pharmacology import Regimen

    Array = NDArray[np.float64]

__all__ = ["Lab", "Treated", "Treatment", "bootstrap", "mean_of", "share_of"]

Treatment = Sequence[Any]
"""``[drug, doses in words]``, or ``[drug, doses, day on which it begins]``."""

NONE: Mapping[str, float] = MappingProxyType({})
UNTREATED_YEARS, FOLLOW_UP_YEARS = 13.0, 6.3
BLOCK = 14
"""Days of treatment simulated at a time; courses are kept at its multiples."""


@dataclass(frozen=True)
class Treated:
    """The course of a cohort that takes everything as planned; nobody leaves, nothing is held.

    Attributes
    ----------
    days
        int64[k], from 0 in steps of two weeks.
    states
        float64[k, n, 33].
    mrss, fvc
        float64[k, n], true readings.
    effective
        Patients that the cohort rests on.
    """

    days: NDArray[np.int64]
    states: Array
    mrss: Array
    fvc: Array
    effective: float

    def at(self, day: float) -> int:
        """Return the index of the kept day nearest to `day`."""
        return int(np.argmin(np.abs(self.days - day)))

    def state(self, name: str) -> Array:
        """Return one state, float64[k, n]."""
        return self.states[..., STATE_INDEX[name]]

    def change(self, readout: str, day: float) -> Array:
        """Return the change of ``mrss`` or ``fvc`` from entry, float64[n]."""
        table = self.mrss if readout == "mrss" else self.fvc
        return table[self.at(day)] - table[0]


def mean_of(values: Array, effective: float) -> Measured:
    """Return a mean with the standard error that `effective` independent patients give."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Measured(float(np.mean(values)), spread / float(np.sqrt(max(effective, 1.0))))


def share_of(happened: NDArray[np.bool_], effective: float) -> Measured:
    """Return a share in percent with its standard error; a share of 0 or 1 keeps that of one patient."""
    share = float(np.mean(happened))
    spread = np.sqrt(max(share * (1.0 - share), 1.0 / max(effective, 1.0) / 4.0) / max(effective, 1.0))
    return Measured(100.0 * share, 100.0 * float(spread))


def bootstrap(
    lab: Lab, effective: float, statistic: Callable[[NDArray[np.int64]], Sequence[float]], draws: int = 100
) -> Array:
    """Return the Monte-Carlo standard errors of statistics of a cohort, float64[m].

    Parameters
    ----------
    lab
        Whose cohorts have `lab.patients` patients.
    effective
        Independent patients that the cohort rests on; errors are widened accordingly.
    statistic
        Takes the numbers of the patients in a resample, int64[n], and returns m numbers.
    draws
        Resamples.
    """
    n = lab.patients
    u = uniforms(lab.seed, "claims", "bootstrap", np.arange(draws), n)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.array([statistic(np.minimum((n * row).astype(np.int64), n - 1)) for row in u], float)
    return np.nanstd(found, axis=0, ddof=1) * float(np.sqrt(n / max(effective, 1.0)))


class Lab:
    """Shared simulations of one run; each is made once and kept.

    Parameters
    ----------
    parameters
        Disease parameters.
    seed, pool, patients
        Random streams, patients followed untreated from onset, patients of a cohort.
    workers
        Threads; all cores where None.
    """

    def __init__(
        self, parameters: ParameterSet, *, seed: int, pool: int, patients: int, workers: int | None = None
    ) -> None:
        self.parameters, self.seed, self.size, self.patients = parameters, seed, pool, patients
        self.workers = workers
        self._followed: Followed | None = None
        self._cohorts: dict[str, Cohort] = {}
        self._treated: dict[tuple[Any, ...], Treated] = {}
        self._trials: dict[tuple[str, int], dict[str, ArmCourse]] = {}

    @property
    def followed(self) -> Followed:
        """The untreated pool."""
        if self._followed is None:
            self._followed = follow_untreated(
                self.parameters,
                seed=self.seed,
                size=self.size,
                years=UNTREATED_YEARS,
                follow_up_years=FOLLOW_UP_YEARS,
                workers=self.workers,
            )
        return self._followed

    def cohort(self, study: str) -> Cohort:
        """Return the cohort of a study on record, or of a row of the table of entry rules."""
        if study not in self._cohorts:
            try:
                design: TrialDesign | None = design_from_study(load_study(study))
            except RodnanError:
                design = None  # a row of the table of entry rules, or a record without a design
            if design is None:
                rules = entry_rules(study)
                self._cohorts[study] = self._enrol(
                    study, self.followed.everyone, rules.filters, rules.moments
                )
            else:
                self._cohorts[study] = enrol(
                    replace(design, weeks=int(52 * FOLLOW_UP_YEARS) - 8),
                    self.parameters,
                    patients=self.patients,
                    pool_size=self.size,
                    seed=self.seed,
                    force=True,
                    followed=self.followed,
                    workers=self.workers,
                )
        return self._cohorts[study]

    def recent_decline(self, percent: float) -> Cohort:
        """Return patients with lung disease whose observed FVC fell by `percent` of its value in the year before.

        Otherwise they resemble berezne-2008: FVC 67 (SD 19), age, sex.
        """
        name = f"recent-decline-{percent:g}"
        if name not in self._cohorts:
            f, p = self.followed, self.parameters
            seen = readouts.observe_fvc(f.pool.fvc(), f.errors.fvc, p["sd_fvc_noise"])
            year = round(365.25 / float(f.pool.days[1] - f.pool.days[0]))
            who, when = f.everyone.patient, f.everyone.time
            before = seen[np.maximum(when - year, 0), who]
            fall = 100.0 * (seen[when, who] / np.maximum(before, 1.0) - 1.0)
            fall[when < year] = 0.0
            everyone = Candidates(who, when, {**f.everyone.values, "fvc_fall_year": fall})
            filters = (
                Range("lung_load", 5.0),
                Range("fvc_fall_year", -100.0, -percent),
                Range("fvc_pct_pred", 30.0, 110.0),
            )
            moments = (
                Moment("fvc_pct_pred", 67.0, 19.0),
                Moment("age", 49.4, 15.0),
                Moment("female", 0.74),
            )
            self._cohorts[name] = self._enrol(name, everyone, filters, moments)
        return self._cohorts[name]

    def _enrol(
        self, name: str, everyone: Candidates, filters: Sequence[Range], moments: Sequence[Moment]
    ) -> Cohort:
        pool, errors = self.followed.pool, self.followed.errors
        entry = weigh(everyone, filters, moments, where=name, force=True)
        comb = float(uniforms(self.seed, name, "enrolment", np.zeros(1, np.int64), 1)[0, 0])
        chosen = resample(entry.weights, self.patients, comb)
        who, when = entry.candidates.patient[chosen], entry.candidates.time[chosen]
        return Cohort(
            patients=np.arange(self.patients),
            individual=pool.individual[who],
            other={key: v[who] for key, v in pool.other.items()},
            covariates={key: v[who] for key, v in pool.draws.covariates.items()},
            state=pool.states[when, who],
            flares=flare_inputs(pool.flares, pool.days[when], who, int(365 * FOLLOW_UP_YEARS) - 28),
            rater=errors.rater[when, who],
            baseline={key: entry.candidates.values[key][chosen] for key in ("mrss", "fvc_pct_pred")},
            entry=entry,
            pool_size=pool.draws.size,
            duration=entry.candidates.values["disease_duration"][chosen],
        )

    def treat(
        self, study: str, treatments: Sequence[Treatment], days: int, covariates: Mapping[str, float] = NONE
    ) -> Treated:
        """Treat a cohort as planned and keep its course.

        Parameters
        ----------
        study
            Name of a cohort that exists or can be enrolled.
        treatments
            Drugs with their doses in words; none for an untreated course.
        days
            Length.
        covariates
            Values that every patient has instead of their own.

        Returns
        -------
        Treated
            Patients differ in kinetics and sensitivity, the same in every course of a cohort.
        """
        key = (study, tuple(tuple(t) for t in treatments), tuple(sorted(covariates.items())))
        blocks = -(-days // BLOCK)
        done = self._treated.get(key)
        if done is None or len(done.days) <= blocks:
            cohort = self.cohort(study)
            same = {name: np.full(self.patients, value) for name, value in covariates.items()}
            cohort = replace(cohort, covariates={**cohort.covariates, **same}) if same else cohort
            self._treated[key] = done = self._course(study, cohort, treatments, blocks)
        return done

    def _course(self, name: str, cohort: Cohort, treatments: Sequence[Treatment], blocks: int) -> Treated:
        p = self.parameters
        drugs = therapy(
            _regimens(treatments),
            cohort.covariates,
            cohort.patients,
            seed=self.seed,
            study=f"claims/{name}",
            workers=self.workers,
        )
        y, bodies = cohort.state.copy(), drugs.empty()
        kept = [y]
        for block in range(blocks):
            day = block * BLOCK
            inputs = {key: path[day : day + BLOCK] for key, path in cohort.flares.items()}
            channels, bodies = drugs.span(bodies, day, BLOCK, workers=self.workers)
            inputs |= {key: values for key, values in channels.items() if values.any()}
            y, _ = advance_patients(p, cohort.individual, y, inputs, BLOCK, workers=self.workers)
            kept.append(y)
        states = np.stack(kept)
        return Treated(
            days=np.arange(blocks + 1) * BLOCK,
            states=states,
            mrss=readouts.mrss(p, states, cohort.own("g_s")),
            fvc=readouts.fvc_pct_pred(
                p, states, cohort.own("g_s"), cohort.own("g_l"), cohort.other["fvc_healthy"]
            ),
            effective=self.effective(cohort),
        )

    def effective(self, cohort: Cohort) -> float:
        """Return how many independent patients a cohort rests on."""
        return float(min(len(cohort.patients), cohort.entry.effective_size))

    def trial(self, study: str, weeks: int = 104) -> dict[str, ArmCourse]:
        """Return the arms of a virtual trial, conducted with visits, held doses and patients who leave."""
        if (study, weeks) not in self._trials:
            design = design_from_study(load_study(study))
            self._trials[study, weeks] = {
                arm.id: self.conduct(arm, study, study, weeks) for arm in design.arms
            }
        return self._trials[study, weeks]

    def arm(self, study: str, treatments: Sequence[Treatment], weeks: int) -> ArmCourse:
        """Return one arm of our own, conducted in the patients of a study."""
        given = _regimens(treatments)
        words = "; ".join(f"{t[0]} {t[1]}" for t in treatments) or "no study drug"
        design = ArmDesign("claim", words, None, given, {drug: load_model(drug) for drug in given}, words)
        return self.conduct(design, study, study, weeks)

    def conduct(self, arm: ArmDesign, study: str, stream: str, weeks: int) -> ArmCourse:
        """Conduct an arm in the patients of a study."""
        return conduct_arm(
            arm,
            self.cohort(study),
            self.parameters,
            conduct_settings(),
            study=stream,
            seed=self.seed,
            weeks=weeks,
            workers=self.workers,
        )


def _regimens(treatments: Sequence[Treatment]) -> Mapping[str, tuple[Regimen, ...]]:
    """Return the regimens of each drug, moved to the day on which it begins."""
    found: dict[str, tuple[Regimen, ...]] = {}
    for drug, doses, *begin in treatments:
        later = float(begin[0]) if begin else 0.0
        moved = tuple(
            replace(r, start=r.start + later, stop=r.stop + later) for r in parse_regimen(doses, drug)
        )
        found[drug] = (*found.get(drug, ()), *moved)
    return found
