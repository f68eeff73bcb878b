"""Harms of a virtual trial that no state of the model carries: infections, renal crisis, deaths of transplantation.

Each is drawn from a published hazard that simulated counts, doses, age and time since onset drive, from random numbers of
its own. Infections and renal crises are counted and change nothing else; who dies of the treatment leaves the trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease import readouts
from rodnan.engine.keys import uniforms
from rodnan.population.covariates import ANTIBODIES
from rodnan.trial.settings import SettingRow

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rodnan.trial.cohort import Cohort

    Array = NDArray[np.float64]

__all__ = [
    "COUNTED",
    "HARMS",
    "STEROID",
    "TRANSPLANT",
    "Harms",
    "event_name",
    "harm_hazards",
    "lung_infection_hazard",
    "renal_crisis_hazard",
]

YEAR = 365.25
STEROID, TRANSPLANT = "prednisone", "autologous-hsct"
"""Drugs whose doses drive a hazard."""

COUNTED: Mapping[str, str] = MappingProxyType(
    {
        "leukopenia": "WBC < 2500/uL",
        "neutropenia": "neutrophils < 1000/uL",
        "infection": "serious, or treated without a hospital",
        "serious infection": "needs a hospital",
        "pneumonia": "serious infection of the lung",
        "scleroderma renal crisis": "first crisis",
        "treatment-related death": "within 100 days of transplantation",
        "death": "any cause",
    }
)
"""Events that a virtual trial counts, with what they mean."""

HARMS = ("infection", "serious infection", "pneumonia", "scleroderma renal crisis", "treatment-related death")
"""Events drawn here."""

_SAME = {
    "death (any cause)": "death",
    "pulmonary-infection": "pneumonia",
    "scleroderma-renal-crisis": "scleroderma renal crisis",
}


def event_name(event: str) -> str:
    """Return the name under which a virtual trial counts an event of a study record; others keep theirs."""
    return _SAME.get(event, event)


@lru_cache(maxsize=1)
def harm_hazards() -> Mapping[str, float]:
    """Return the hazards of harms by name, in the units of their record (``hazards.yaml``)."""
    import yaml

    text = files("rodnan.trial").joinpath("hazards.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    rows = [SettingRow.model_validate(row) for row in loaded["rows"]]
    return MappingProxyType({row.name: row.value for row in rows})


def lung_infection_hazard(
    age: ArrayLike, prednisolone: ArrayLike, neutrophils: ArrayLike, lymphocytes: ArrayLike, igg: ArrayLike
) -> Array:
    """Return the hazard of infection of the lung, 1/year.

    ``base x 3.87 [age >= 65] x 4.06^PSL x b_N^(1.5-ANC)+ x b_L^(0.6-ALC)+ x b_G^((7-IgG)+/7)``, coefficients in
    ``hazards.yaml``. All arguments broadcast against each other.

    Parameters
    ----------
    age
        Year.
    prednisolone
        mg/kg/day.
    neutrophils, lymphocytes
        1e9/L.
    igg
        g/L.
    """
    h = harm_hazards()
    return (
        h["infection_base"]
        * np.where(np.asarray(age) >= 65.0, h["infection_age_65"], 1.0)
        * h["infection_prednisolone"] ** np.asarray(prednisolone)
        * h["infection_neutrophils"] ** np.maximum(0.0, 1.5 - np.asarray(neutrophils))
        * h["infection_lymphocytes"] ** np.maximum(0.0, 0.6 - np.asarray(lymphocytes))
        * h["infection_igg"] ** (np.maximum(0.0, 7.0 - np.asarray(igg)) / 7.0)
    )


def renal_crisis_hazard(
    duration: ArrayLike, antibody: ArrayLike, dcssc: ArrayLike, steroid: ArrayLike
) -> Array:
    """Return the hazard of scleroderma renal crisis, 1/year.

    ``H exp(-t/tau) / tau`` with the mean time to crisis tau and the cumulative hazard ``H = -ln(1 - p)`` of the antibody and
    subset (p in 20 years), times an odds ratio from a daily dose of glucocorticoid on.

    Parameters
    ----------
    duration
        Years since the first symptom.
    antibody
        Index into `ANTIBODIES`.
    dcssc
        1 for diffuse disease.
    steroid
        Prednisone, mg/day.
    """
    h, code = harm_hazards(), np.asarray(antibody).astype(np.int64)
    limited = np.where(
        code == ANTIBODIES.index("aca"), h["renal_crisis_aca_limited"], h["renal_crisis_other_limited"]
    )
    total = -np.log1p(-limited) * np.where(np.asarray(dcssc) == 1, h["renal_crisis_diffuse"], 1.0)
    total = np.where(code == ANTIBODIES.index("rnap3"), -np.log1p(-h["renal_crisis_rnap3"]), total)
    tau = h["renal_crisis_years"]
    taken = np.where(np.asarray(steroid) >= h["renal_crisis_steroid_mg"], h["renal_crisis_steroid"], 1.0)
    return total / tau * np.exp(-np.asarray(duration) / tau) * taken


class Harms:
    """Harms of a cohort in one arm, from visit to visit.

    Parameters
    ----------
    cohort
        Who.
    study, seed
        Random streams; the same in every arm, one for each kind of harm.
    visits
        Number of visits after entry.
    grafted
        float64[n], day on which a patient's transplantation begins; infinity for none. None where the arm has none.

    Attributes
    ----------
    first
        float64[n] by event, day of the visit at which it is first known; infinity for none.
    """

    def __init__(self, cohort: Cohort, *, study: str, seed: int, visits: int, grafted: Array | None) -> None:
        self._cohort, self._grafted, who = cohort, grafted, cohort.patients

        def drawn(purpose: str, count: int) -> Array:
            return uniforms(seed, study, f"harms/{purpose}", who, count * (visits + 1))

        self._serious = drawn("serious-infection", 2)
        self._minor = drawn("minor-infection", 1)
        self._renal = drawn("renal-crisis", 1)
        self._death = drawn("treatment-death", 1)
        self.first = {event: np.full(len(who), np.inf) for event in HARMS}

    def at_visit(
        self, visit: int, now: int, days: int, states: Array, steroid: Array, there: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Draw the harms since the last visit.

        Parameters
        ----------
        visit, now, days
            Number of the visit, its day, days since the last one.
        states
            float64[k, n, 33], states in between.
        steroid
            float64[n], prednisone taken, mg/day.
        there
            Who is still in.

        Returns
        -------
        bool[n]
            Who died of the treatment.
        """
        h, c, years = harm_hazards(), self._cohort.covariates, days / YEAR
        lung = lung_infection_hazard(
            c["age"] + now / YEAR,
            steroid / c["weight"],
            readouts.neutrophils(states, c["anc"]),
            readouts.lymphocytes(states, c["lymphocytes"]),
            readouts.igg(states),
        ).mean(axis=0)
        u = self._serious[:, 2 * visit : 2 * visit + 2]
        serious = u[:, 0] < -np.expm1(-lung / h["pneumonia_share"] * years)
        self._record("serious infection", serious, now, there)
        self._record("pneumonia", serious & (u[:, 1] < h["pneumonia_share"]), now, there)
        dose = np.minimum(steroid / h["minor_infection_steroid_mg"], 1.0)
        rate = h["minor_infection_base"] * h["minor_infection_steroid"] ** dose
        self._record("infection", serious | (self._minor[:, visit] < -np.expm1(-rate * years)), now, there)
        middle = self._cohort.duration + (now - 0.5 * days) / YEAR
        crisis = renal_crisis_hazard(middle, c["antibody"], c["dcssc"], steroid)
        self._record(
            "scleroderma renal crisis", self._renal[:, visit] < -np.expm1(-crisis * years), now, there
        )
        if self._grafted is None:
            return np.zeros(len(there), bool)
        last = h["transplant_death_days"]
        exposed = np.clip(now - self._grafted, 0.0, last) - np.clip(now - days - self._grafted, 0.0, last)
        chance = -np.expm1(np.log1p(-h["transplant_death_astis"]) * exposed / last)
        return self._record("treatment-related death", self._death[:, visit] < chance, now, there)

    def _record(
        self, event: str, happened: NDArray[np.bool_], now: int, there: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        new = happened & there
        self.first[event] = np.where(new, np.minimum(self.first[event], now), self.first[event])
        return new
