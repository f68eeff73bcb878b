"""A patient's numbers depend on that patient alone: any batch, any number of threads, also where days are split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import load_parameters
from rodnan.population.individuals import flare_paths, patient_parameters
from rodnan.population.pool import draw_pool

DAYS, N = 42, 37
PARAMETERS = load_parameters()


@pytest.fixture(scope="module")
def people():
    draws = draw_pool(4, N, years=1.0, follow_up_years=0.5)
    individual, _ = patient_parameters(PARAMETERS, draws.covariates, draws.effects)
    rng = np.random.default_rng(7)
    days = np.arange(DAYS)[:, None]
    inputs = {
        "kT": np.where((days < 5) & (rng.uniform(size=N) < 0.4), rng.uniform(0.2, 1.6, N), 0.0),
        "kB": np.where(days % 7 == 0, rng.uniform(0, 1.5, (DAYS, N)), 0.0),
        "pN": np.where((days > 3) & (days < 12) & (rng.uniform(size=N) < 0.3), 0.95, 0.0),
        "pT": rng.uniform(0, 0.8, (DAYS, N)),
    } | {name: path[np.arange(DAYS) // 10] for name, path in flare_paths(PARAMETERS, draws.effects).items()}
    start, _ = advance_patients(PARAMETERS, individual, onset_state(individual), {}, 300)
    start[::5, 30] *= 0.2  # some begin with an empty marrow
    return individual, start, inputs


def run(people, who, workers=1):
    individual, start, inputs = people
    part = {name: np.ascontiguousarray(values[:, who]) for name, values in inputs.items()}
    end, out = advance_patients(
        PARAMETERS, individual[who], start[who], part, DAYS, out_days=[0, 21, DAYS], workers=workers
    )
    return end, out


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, N - 1), min_size=1, max_size=N), st.integers(1, 4))
def test_batch_order_and_threads_change_no_byte(people, who, workers):
    whole_end, whole_out = run(people, np.arange(N))
    end, out = run(people, np.array(who), workers)
    assert end.tobytes() == np.ascontiguousarray(whole_end[who]).tobytes()
    assert out.tobytes() == np.ascontiguousarray(whole_out[:, who]).tobytes()
