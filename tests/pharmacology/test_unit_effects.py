"""Channels: sizes, combination between drugs, competition for a target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rodnan.errors import ModelError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.effects import (
    CHANNELS,
    FOLDS,
    FRACTIONS,
    RATES,
    channel_map,
    combine,
    compete,
    patient_sizes,
)
from rodnan.pharmacology.models import load_model, runtime_model
from rodnan.pharmacology.patients import draw_patients


def test_unit_channels_are_the_26_in_order():
    assert " ".join(CHANNELS) == (
        "kT kB kPs kPl kM kF kR kL pT pB pPs pN pL pF aT aM aK nI6 nTb xIg fcrn fS mmp fV rD nGFR"
    )
    assert len(FRACTIONS) + len(RATES) + len(FOLDS) == 26


def test_unit_one_drug(drug_data):
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    mapping = channel_map([model])
    patients = draw_patients(model, {}, n=2, potency=[0.4, 0.8])
    series = np.zeros((2, 3, 5))
    series[:, :, 0] = [0.1, 0.5, 0.9]
    series[:, :, 2] = 0.2
    u = combine(mapping, patient_sizes(mapping, [patients]), series)
    assert u.shape == (2, 3, 26)
    np.testing.assert_allclose(u[0, :, CHANNELS.index("pT")], 0.4 * np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(u[1, :, CHANNELS.index("pT")], 0.8 * np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(u[:, :, CHANNELS.index("pN")], 0.1)
    np.testing.assert_allclose(u[0, :, CHANNELS.index("kB")], 0.7 * np.array([0.1, 0.5, 0.9]))
    assert np.count_nonzero(u.any(axis=(0, 1))) == 3


def test_unit_two_drugs_bliss_and_sum(drug_data):
    first = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    drug_data["id"] = "other"
    second = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    mapping = channel_map([first, second])
    patients = [draw_patients(m, {}, potency=0.5) for m in (first, second)]
    series = np.concatenate([np.full((1, 1, 5), 0.6), np.full((1, 1, 5), 0.2)], axis=2)
    u = combine(mapping, patient_sizes(mapping, patients), series)[0, 0]
    assert u[CHANNELS.index("pT")] == pytest.approx(1 - 0.7 * 0.9)
    assert u[CHANNELS.index("kB")] == pytest.approx(0.7 * 0.6 + 0.7 * 0.2)
    with pytest.raises(ModelError, match="RDN-M120"):
        channel_map([first, first])


def test_reference_competition_for_one_target(drug_data):
    """Two drugs with one target: occupancy by the sum of C/EC50, so equal doses are one double dose."""
    drug_data["series"][0]["target"] = "receptor"
    first = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    drug_data["id"] = "other"
    second = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    mapping = channel_map([first, second])
    x, y = 0.8, 2.5
    series = np.zeros((1, 1, 10))
    series[0, 0, 0], series[0, 0, 5] = x / (1 + x), y / (1 + y)
    shared = compete(mapping, series)
    assert shared[0, 0, 0] + shared[0, 0, 5] == pytest.approx((x + y) / (1 + x + y))
    sizes = patient_sizes(mapping, [draw_patients(m, {}, potency=0.999) for m in (first, second)])
    u = combine(mapping, sizes, series)[0, 0]
    assert u[CHANNELS.index("pT")] == pytest.approx(0.999 * (x + y) / (1 + x + y))
    assert u[CHANNELS.index("kB")] == pytest.approx(0.7 * (x + y) / (1 + x + y))
    assert compete(channel_map([first]), series[:, :, :5]) is not None
    drug_data["id"] = "third"
    drug_data["series"][2]["target"] = "receptor"
    with pytest.raises(ModelError, match="RDN-M120"):
        channel_map([first, runtime_model(parse_record(DrugModelRecord, drug_data, "test"))])


@given(
    effects=st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5),
    potency=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
)
def test_property_fractions_stay_fractions(effects, potency):
    models = [load_model("mycophenolate"), load_model("cyclophosphamide")]
    mapping = channel_map(models)
    patients = [
        draw_patients(models[0], {"crcl": 6.0, "albumin": 40.0}, potency=potency[0]),
        draw_patients(models[1], {"bsa": 1.7}, potency=potency[1]),
    ]
    series = np.array(effects[: mapping.n_series]).reshape(1, 1, -1)
    sizes = patient_sizes(mapping, patients)
    u = combine(mapping, sizes, series)[0, 0]
    alone = combine(mapping, sizes, series * (mapping.drug == 0))[0, 0]
    for i, name in enumerate(CHANNELS):
        assert 0.0 <= u[i] <= (1.0 if name in FRACTIONS else 10.0)
        assert u[i] >= alone[i] - 1e-12  # a second drug never weakens the first
