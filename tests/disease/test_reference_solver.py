"""The kernel against a stiff solver: 50 random patients, 5 regimens, two years, 1e-3 mRSS and 1e-3 % FVC.

The inputs of the comparison are what the kernel sees, values constant within a day. In the regimens that change every
day flares are held for 60 days, so that the solver is restarted about a hundred times a patient and not 730 times.
"""

import numpy as np
import pytest

from reference.disease_solver import solve_days
from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.model import INPUTS, advance_patients, onset_state
from rodnan.engine.compile import reference_rhs

DAYS, PATIENTS = 728, 50


def regimens():
    """Return five regimens as channel courses, float64[DAYS] by channel."""
    days = np.arange(DAYS)
    on = (days < 365).astype(float)
    blocks = days // 28 * 28
    rituximab = 0.7 * (np.exp(-(blocks % 168) / 22) > 0.02) * np.exp(-(blocks % 168) / 45)
    exchange = np.where(np.isin(days % 182, (0, 2, 4, 6, 8)), 1.0, 0.0)
    level = np.full(DAYS, 0.4)
    return {
        "none": {},
        "mycophenolate": {
            "pT": level,
            "pB": 0.9 * level,
            "pPs": level,
            "pF": 0.15 * level,
            "pL": 0.3 * level,
            "pN": 0.04 * level,
        },
        "cyclophosphamide": {
            "pT": 0.46 * on,
            "pB": 0.41 * on,
            "pPs": 0.46 * on,
            "aM": 0.07 * on,
            "pN": 0.08 * on,
            "kL": 0.006 * on,
        },
        "rituximab": {"kB": rituximab},
        "plasma exchange": {"xIg": exchange},
    }


@pytest.fixture(scope="module")
def rhs(parameters):
    return reference_rhs(symbolic_system(parameters.population_names))


@pytest.mark.parametrize("name", list(regimens()))
def test_two_years_agree_with_a_stiff_solver(parameters, people, rhs, name):
    individual = people[0][:PATIENTS]
    fvc_healthy = people[1]["fvc_healthy"][:PATIENTS]
    rng = np.random.default_rng(4)
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 500)
    flare = np.repeat(rng.lognormal(-0.1, 0.45, (13, PATIENTS)), 60, axis=0)[:DAYS]
    inputs = {c: np.repeat(v[:, None], PATIENTS, axis=1) for c, v in regimens()[name].items()} | {
        "flare": flare
    }
    end, _ = advance_patients(parameters, individual, start, inputs, DAYS)
    table = np.zeros((PATIENTS, DAYS, len(INPUTS)))
    table[:, :, INPUTS.index("lung_flare")] = 1.0
    for channel, values in inputs.items():
        table[:, :, INPUTS.index(channel)] = values.T
    population = parameters.population_vector()
    want = np.stack(
        [
            solve_days(rhs, start[i], individual[i], population, table[i], rtol=1e-8, atol=1e-10)
            for i in range(PATIENTS)
        ]
    )
    g_s, g_l = (individual[:, INDIVIDUAL.index(n)] for n in ("g_s", "g_l"))
    skin = np.abs(readouts.mrss(parameters, end, g_s) - readouts.mrss(parameters, want, g_s)).max()
    lung = np.abs(
        readouts.fvc_pct_pred(parameters, end, g_s, g_l, fvc_healthy)
        - readouts.fvc_pct_pred(parameters, want, g_s, g_l, fvc_healthy)
    ).max()
    assert skin < 1e-3
    assert lung < 1e-3
