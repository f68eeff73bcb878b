"""Structural variants: each takes its mechanisms away, and each mechanism does what it is for."""

import numpy as np
import pytest

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.model import advance_patients, onset_state, state_column
from rodnan.disease.parameters import load_parameters
from rodnan.disease.variants import as_variant, variants
from rodnan.errors import ModelError

FREE = load_parameters().with_values({"ex_s": 0.5, "reset_block": 0.001, "es": 9.0, "s_lung": 0.6})


def test_a_variant_holds_what_it_names_and_nothing_else():
    for name, variant in variants().items():
        changed = as_variant(FREE, name)
        for parameter in FREE.values:
            assert changed[parameter] == variant.held.get(parameter, FREE[parameter]), (name, parameter)
    assert variants()["full"].held == {}


def test_a_wrong_name_is_one_coded_line_with_the_nearest():
    with pytest.raises(ModelError, match=r"RDN-M008.*skin-exhaustion"):
        as_variant(FREE, "skin-exhaustio")


def test_exhaustion_makes_the_peak_higher_and_the_fall_after_it_larger(people):
    individual, g_s = people[0], people[0][:, INDIVIDUAL.index("g_s")]
    days = np.arange(0, 3001, 30)
    peaks, falls = {}, {}
    for ex in (0.0, 0.6):
        parameters = load_parameters().with_values({"ex_s": ex})
        _, out = advance_patients(parameters, individual, onset_state(individual), {}, 3000, out_days=days)
        score = readouts.mrss(parameters, out, g_s)
        top = score.argmax(axis=0)
        who = np.arange(score.shape[1])
        peaks[ex] = score.max(axis=0).mean()
        falls[ex] = (score.max(axis=0) - score[np.minimum(top + 24, len(score) - 1), who]).mean()
    assert peaks[0.6] > peaks[0.0] + 1.0
    assert falls[0.6] > falls[0.0] + 0.3


def test_a_blocked_clone_is_lost_only_where_the_reset_is_there(people):
    individual = people[0]
    n = len(individual)
    block = {"pT": np.full((360, n), 0.6)}
    left = {}
    for rate in (0.0, 0.001):
        parameters = load_parameters().with_values({"reset_block": rate})
        end, _ = advance_patients(parameters, individual, onset_state(individual), block, 360)
        left[rate] = state_column(end, "W")
    np.testing.assert_allclose(left[0.0], 1.0, atol=1e-12)
    np.testing.assert_allclose(left[0.001], np.exp(-0.001 * 0.6 * 360), rtol=1e-6)
