"""Interactions of drugs as records: parameters, removal by sessions, warnings; uncertainty of typical values."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.errors import EvidenceError, ModelError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.effects import CHANNELS, channel_map, combine, patient_sizes
from rodnan.pharmacology.exposure import daily_effects, empty_state
from rodnan.pharmacology.interactions import combination_notes, kept_share
from rodnan.pharmacology.models import load_model, model_ids, runtime_model
from rodnan.pharmacology.patients import TYPICAL_PATIENT, draw_patients, uncertain
from rodnan.pharmacology.pieces import DoseSlot


def test_unit_ciclosporin_lowers_mycophenolic_acid():
    model = load_model("mycophenolate")
    alone = draw_patients(model, TYPICAL_PATIENT)
    beside = draw_patients(model, TYPICAL_PATIENT, beside=["cyclosporine", "prednisone"])
    assert beside.parameters["CL"][0] == pytest.approx(1.5 * alone.parameters["CL"][0])
    assert beside.parameters["V1"][0] == alone.parameters["V1"][0]


def test_published_exchange_takes_rituximab_away():
    """A session a day after the infusion: half of what is in plasma, two fifths of the area (26 % were seen)."""
    model = load_model("rituximab")
    patients = draw_patients(model, TYPICAL_PATIENT)
    amounts = np.zeros((1, 140, 1))
    amounts[0, 0, 0] = 640.0
    sessions = np.zeros((1, 140))
    sessions[0, 1] = 1.0
    kept = kept_share(model, {"plasma-exchange": sessions})
    assert kept is not None
    assert kept[0, 1] == pytest.approx(0.5)
    slots = [DoseSlot(0.0, "iv", 0.17)]
    drug = runtime_model(
        model.record.model_copy(
            update={
                "series": (model.record.series[0].model_copy(update={"form": "mean", "half": None}),),
                "effects": (),
            }
        )
    )
    level = draw_patients(drug, TYPICAL_PATIENT)
    plain, _ = daily_effects(drug, level, empty_state(drug, 1), amounts, slots)
    less, _ = daily_effects(drug, level, empty_state(drug, 1), amounts, slots, kept=kept)
    assert less[0, 0, 0] == plain[0, 0, 0]
    loss = 1.0 - less[0, :, 0].sum() / plain[0, :, 0].sum()
    assert 0.26 < loss < 0.45
    assert patients.n == 1
    with pytest.raises(ModelError, match="RDN-M119"):
        daily_effects(drug, level, empty_state(drug, 1), amounts, slots, kept=np.full((1, 140), 1.2))


def test_unit_sessions_multiply():
    model = load_model("tocilizumab")
    kept = kept_share(model, {"plasma-exchange": [[0.0, 1.0, 2.0]]})
    np.testing.assert_allclose(kept, [[1.0, 0.5, 0.25]])
    assert kept_share(model, {"mycophenolate": [[1.0]]}) is None
    assert kept_share(load_model("imatinib"), {"plasma-exchange": [[1.0]]}) is None


def test_unit_combinations_are_told():
    notes = combination_notes([load_model("mycophenolate"), load_model("azathioprine")])
    assert len(notes) == 2
    assert all("not to be combined" in note for note in notes)
    assert combination_notes([load_model("mycophenolate"), load_model("rituximab")]) == ()
    for drug in model_ids():
        for entry in load_model(drug).record.interactions:
            assert entry.other in model_ids(), (drug, entry.other)


def test_unit_marrow_toxicity_adds():
    """Two marrow-toxic drugs together lower production more than each alone, and by Bliss."""
    models = [load_model("mycophenolate"), load_model("cyclophosphamide")]
    mapping = channel_map(models)
    sizes = patient_sizes(mapping, [draw_patients(m, TYPICAL_PATIENT) for m in models])
    series = np.zeros((1, 1, mapping.n_series))
    series[0, 0, 0] = 0.7
    series[0, 0, [s.endswith(":marrow") for s in mapping.series]] = 0.08
    u = combine(mapping, sizes, series)[0, 0, CHANNELS.index("pN")]
    assert u == pytest.approx(1 - (1 - 0.0214 * 0.7) * (1 - 0.08))


@pytest.mark.parametrize("drug", model_ids())
def test_property_uncertain_parameters_stay_legal(drug):
    """40 draws far out in the tails: everything positive, fractions below one, effects finite."""
    model = load_model(drug)
    rng = np.random.default_rng(5)
    for _ in range(40):
        z = rng.normal(size=len(uncertain(model))) * 3.0
        patients = draw_patients(model, TYPICAL_PATIENT, z_uncertain=z)
        for name, values in patients.parameters.items():
            assert np.isfinite(values).all()
            assert (values > 0.0).all(), name
        assert 0.0 < patients.potency[0] <= 1.0
    dose = np.full((1, 2, 1), 1.0)
    route = next(iter(model.routes))
    effects, _ = daily_effects(model, patients, empty_state(model, 1), dose, [0.0], route=route)
    assert np.isfinite(effects).all()


def test_unit_uncertainty_is_one_argument():
    model = load_model("mycophenolate")
    none = draw_patients(model, TYPICAL_PATIENT)
    same = draw_patients(model, TYPICAL_PATIENT, z_uncertain=np.zeros(len(uncertain(model))))
    assert same.parameters["CL"][0] == pytest.approx(none.parameters["CL"][0])
    one = np.zeros(len(uncertain(model)))
    one[0] = 1.0
    moved = draw_patients(model, TYPICAL_PATIENT, z_uncertain=one)
    assert moved.parameters["CL"][0] == pytest.approx(none.parameters["CL"][0] * np.exp(0.15))
    with pytest.raises(ModelError, match="RDN-M116"):
        draw_patients(model, TYPICAL_PATIENT, z_uncertain=[1.0])


def test_unit_interaction_records_are_checked(drug_data):
    base = {"other": "imatinib", "text": "x", "basis": "read", "source": "here"}
    for wrong in (
        base | {"kind": "parameter", "value": 2.0},
        base | {"kind": "parameter", "parameter": "CLL", "value": 2.0},
        base | {"kind": "removal", "value": 1.5},
        base | {"kind": "removal"},
    ):
        drug_data["interactions"] = [wrong]
        with pytest.raises(EvidenceError):
            parse_record(DrugModelRecord, drug_data, "test")
