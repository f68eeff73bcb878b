"""Daily mean effects against the oracle: exact kinetics, and the error of the quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle_exposure import daily_means
from reference.small_drug import drug_of_tests
from rodnan.errors import DoseError, ModelError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.exposure import daily_effects, empty_state, prepare
from rodnan.pharmacology.models import load_model, runtime_model
from rodnan.pharmacology.patients import draw_patients
from rodnan.pharmacology.pieces import DoseSlot
from rodnan.pharmacology.profiles import concentrations, steady_state


def _mycophenolate(n, seed=0):
    model = load_model("mycophenolate")
    rng = np.random.default_rng(seed)
    covariates = {"crcl": rng.uniform(3, 9, n), "albumin": rng.uniform(28, 45, n)}
    return model, draw_patients(model, covariates, rng.normal(size=(n, model.n_eta)))


def test_reference_mycophenolate_day_by_day():
    """Four patients from the first dose on, a missed and a held dose among them: within 2e-4 of Simpson."""
    model, patients = _mycophenolate(4)
    amounts = np.full((4, 3, 2), 1500.0)
    amounts[1, 1, 0] = 0.0
    amounts[2, 2] = 0.0
    found, state = daily_effects(model, patients, empty_state(model, 4), amounts, [0.0, 0.5])
    for p in range(4):
        doses = [(d + t, 0, amounts[p, d, i], 0.0) for d in range(3) for i, t in enumerate((0.0, 0.5))]
        half = patients.half[p, 0]
        expected, end = daily_means(
            patients.k[p], patients.rows[p, 0], np.zeros(9), 3, doses, lambda c, h=half: c / (h + c)
        )
        np.testing.assert_allclose(found[p, :, 0], expected, rtol=2e-4)
        np.testing.assert_allclose(found[p, 1:, 0], expected[1:], rtol=2e-5)
        np.testing.assert_allclose(state[p], end, rtol=1e-9, atol=1e-9)


def test_reference_quadrature_error_at_steady_state():
    """Against the same integral on 60 panels: below 1e-6 typically, 1e-4 for the worst of 300."""
    model, patients = _mycophenolate(300, seed=5)
    start = steady_state(model, patients, [1500.0, 1500.0], [0.0, 0.5])
    amounts = np.full((300, 1, 2), 1500.0)
    found, _ = daily_effects(model, patients, start, amounts, [0.0, 0.5])
    # Dense: half a day, 60 equal panels of 10 Gauss nodes, read by propagating the state after the dose.
    after = start.copy()
    after[:, 0] += 1500.0
    x, w = np.polynomial.legendre.leggauss(10)
    width = 0.5 / 60
    times = (np.arange(60)[:, None] * width + (x + 1) / 2 * width).ravel()
    weights = np.tile(w / 2 * width, 60)
    doses = [(0.0, 1500.0, "oral", 0.0)]
    c = concentrations(model, patients, doses, times, state=start)
    dense = 2.0 * (weights * c / (patients.half[:, :1] + c)).sum(axis=1)
    error = np.abs(found[:, 0, 0] / dense - 1.0)
    assert np.median(error) < 1e-6
    assert error.max() < 1e-4


@pytest.mark.parametrize("name", ["oral", "sc", "iv"])
def test_reference_every_form_and_route(drug_data, name):
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    z = np.random.default_rng(2).normal(size=(2, model.n_eta))
    patients = draw_patients(model, {}, z)
    slots = [DoseSlot(0.25, name, 0.125 if name == "iv" else 0.0), DoseSlot(0.75, name)]
    amounts = np.array([[[80.0, 20.0], [0.0, 0.0], [40.0, 60.0]], [[0.0, 10.0], [500.0, 0.0], [0.0, 0.0]]])
    found, state = daily_effects(model, patients, empty_state(model, 2), amounts, slots)
    entry = model.structure.entry(name)
    for p in range(2):
        fraction = patients.parameters["F_oral"][p] if name == "oral" else 1.0
        doses = [
            (day + slot.time, entry, amounts[p, day, j] * fraction, slot.duration)
            for day in range(3)
            for j, slot in enumerate(slots)
        ]
        half = patients.half[p]
        forms = [
            lambda c, h=half: c / (h[0] + c),
            lambda c, h=half: c**2 / (h[1] ** 2 + c**2),
            lambda c, h=half: min(h[2] * c, 0.99),
            lambda c: c,
        ]
        for s, form in enumerate(forms):
            expected, end = daily_means(
                patients.k[p], patients.rows[p, s], empty_state(model, 1)[0], 3, doses, form, steps=1500
            )
            np.testing.assert_allclose(found[p, :, s], expected, rtol=5e-4 if s == 1 else 1e-4, atol=1e-9)
            np.testing.assert_allclose(state[p], end, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(found[p, :, 4], amounts[p].sum(axis=1))


def test_reference_lag_moves_the_dose(drug_data):
    """With a lag every patient's dose enters at another time; at the same time it is another model's dose."""
    drug_data["parameters"].append(
        {"name": "tlag_oral", "value": 1.2, "unit": "h", "iiv_cv_pct": 30, "basis": "read", "source": "here"}
    )
    plain = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    drug_data["routes"]["oral"]["lag"] = "tlag_oral"
    lagged = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    z = np.random.default_rng(3).normal(size=(3, plain.n_eta))
    slots, amounts = [DoseSlot(0.0, "oral"), DoseSlot(0.5, "oral")], np.full((3, 2, 2), 50.0)
    patients = draw_patients(lagged, {}, z)
    found, state = daily_effects(lagged, patients, empty_state(lagged, 3), amounts, slots)
    for p in range(3):
        one = draw_patients(plain, {}, z[p : p + 1])
        lag = float(patients.parameters["tlag_oral"][p])
        moved = [DoseSlot(lag, "oral"), DoseSlot(0.5 + lag, "oral")]
        expected, end = daily_effects(plain, one, empty_state(plain, 1), amounts[:1], moved)
        np.testing.assert_allclose(found[p], expected[0], rtol=1e-6)
        np.testing.assert_allclose(state[p], end[0], rtol=1e-10)
    c = concentrations(lagged, patients, [(0.0, 50.0, "oral", 0.0)], np.linspace(0, 1, 9))
    shifted = concentrations(
        plain,
        draw_patients(plain, {}, z),
        [(0.0, 50.0, "oral", 0.0)],
        [0.25 - patients.parameters["tlag_oral"][1]],
    )
    assert c[1, 2] == pytest.approx(shifted[1, 0], rel=1e-10)
    assert c[1, 0] == 0.0
    drug_data["parameters"][-1]["value"] = 13.0
    late = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    with pytest.raises(ModelError, match="RDN-M118"):
        prepare(late, draw_patients(late, {}, n=1), slots)


def test_reference_saturable_absorption(drug_data):
    drug_data["parameters"] += [
        {"name": "Fdrop_oral", "value": 0.77, "unit": "1", "basis": "read", "source": "here"},
        {"name": "D50_oral", "value": 15.0, "unit": "mg/m2", "basis": "read", "source": "here"},
    ]
    drug_data["routes"]["oral"]["saturation"] = "oral"
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {"bsa": [1.5, 2.0]})
    amounts = np.array([[[15.0]], [[25.0]]])
    effects, _ = daily_effects(model, patients, empty_state(model, 2), amounts, [0.0], route="oral")
    level = model.series[3]
    assert level.name == "level"
    left = [1 - 0.77 * 10 / 25, 1 - 0.77 * 12.5 / 27.5]
    ratio = effects[1, 0, 3] / effects[0, 0, 3]
    assert ratio == pytest.approx(25 * left[1] / (15 * left[0]), rel=1e-12)


def test_unit_the_mean_of_the_effect_is_not_the_effect_of_the_mean():
    model, _ = _mycophenolate(1)
    patients = draw_patients(model, {"crcl": 6.2, "albumin": 36.0})
    start = steady_state(model, patients, [1500.0, 1500.0], [0.0, 0.5])
    effects, after = daily_effects(model, patients, start, np.full((1, 5, 2), 1500.0), [0.0, 0.5])
    assert effects[0, :, 0] == pytest.approx(0.70, abs=0.01)  # as the evidence file computes it
    average = 3000.0 / patients.parameters["CL"][0]
    assert average / (3.23 + average) > effects[0, 0, 0] + 0.03
    np.testing.assert_allclose(after, start, rtol=1e-10)


@given(
    seed=st.integers(0, 10_000),
    days=st.integers(1, 12),
    time=st.sampled_from([0.0, 0.3, 0.9]),
)
@settings(max_examples=20)
def test_property_state_hands_over(seed, days, time):
    """Cutting a course anywhere changes nothing; doses add (linear kinetics); effects stay in [0, 1)."""
    model = load_model("cyclophosphamide")
    rng = np.random.default_rng(seed)
    patients = draw_patients(model, {"bsa": rng.uniform(1.3, 2.2, 3)}, rng.normal(size=(3, model.n_eta)))
    slots = [DoseSlot(time, "oral"), DoseSlot(time, "iv", 0.02)]
    prepared = prepare(model, patients, slots)
    amounts = rng.uniform(0, 200, (3, days, 2)) * (rng.random((3, days, 2)) < 0.6)
    whole, end = daily_effects(model, patients, empty_state(model, 3), amounts, prepared)
    cut = rng.integers(0, days + 1)
    first, middle = daily_effects(model, patients, empty_state(model, 3), amounts[:, :cut], prepared)
    second, last = daily_effects(model, patients, middle, amounts[:, cut:], prepared)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    np.testing.assert_array_equal(last, end)
    assert (whole[:, :, :2] >= 0.0).all()
    assert (whole[:, :, :2] < 1.0).all()
    other = rng.uniform(0, 100, amounts.shape)
    _, more = daily_effects(model, patients, empty_state(model, 3), other, prepared)
    _, both = daily_effects(model, patients, empty_state(model, 3), amounts + other, prepared)
    np.testing.assert_allclose(both, end + more, rtol=1e-10)


def test_property_threads_and_batches_change_nothing():
    model, patients = _mycophenolate(150)
    amounts = np.random.default_rng(1).uniform(0, 1500, (150, 4, 2))
    reference = daily_effects(model, patients, empty_state(model, 150), amounts, [0.0, 0.5], threads=1)
    for threads in (2, 3, 7):
        found = daily_effects(model, patients, empty_state(model, 150), amounts, [0.0, 0.5], threads=threads)
        np.testing.assert_array_equal(found[0], reference[0])
        np.testing.assert_array_equal(found[1], reference[1])
    chosen = np.array([140, 3, 77])
    prepared = prepare(model, patients, [0.0, 0.5])
    for some in (prepared.take(chosen), [0.0, 0.5]):
        found = daily_effects(model, patients.take(chosen), empty_state(model, 3), amounts[chosen], some)
        np.testing.assert_array_equal(found[0], reference[0][chosen])


def test_reference_concentrations_and_steady_state(drug_data):
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, np.random.default_rng(0).normal(size=(2, model.n_eta)))
    doses = [(7.0 * i, 100.0, "sc", 0.0) for i in range(60)] + [
        (7.0 * i + 0.5, 50.0, "iv", 0.25) for i in range(60)
    ]
    slots = [DoseSlot(0.0, "sc"), DoseSlot(0.5, "iv", 0.25)]
    start = steady_state(model, patients, [100.0, 50.0], slots, every=7.0)
    rows = model.structure.output_rows("parent", patients.parameters)
    times = np.array([0.1, 0.5, 0.6, 3.0])
    late = concentrations(model, patients, doses, 413.0 + times)
    again = concentrations(
        model, patients, [(0.0, 100.0, "sc", 0.0), (0.5, 50.0, "iv", 0.25)], times, state=start
    )
    np.testing.assert_allclose(late, again, rtol=1e-9)
    before = concentrations(model, patients, doses[:59] + doses[60:119], [412.999999999])
    np.testing.assert_allclose(before[:, 0], np.einsum("nm,nm->n", rows, start), rtol=1e-6)


def test_unit_refusals(drug_data):
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {}, n=2)
    nothing = empty_state(model, 2)
    with pytest.raises(DoseError, match="RDN-D103"):
        prepare(model, patients, [0.5])
    with pytest.raises(DoseError, match="RDN-D103"):
        prepare(model, patients, [], route="oral")
    for time in (-0.1, 1.0, np.nan):
        with pytest.raises(DoseError, match="RDN-D101"):
            prepare(model, patients, [time], route="oral")
    with pytest.raises(DoseError, match="RDN-D101"):
        prepare(model, patients, [DoseSlot(0.9, "iv", 0.2)])
    with pytest.raises(DoseError, match="RDN-D102"):
        prepare(model, patients, [DoseSlot(0.9, "oral", 0.01)])
    with pytest.raises(ModelError, match=r"RDN-M104.*oral"):
        prepare(model, patients, [0.5], route="orl")
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(DoseError, match="RDN-D104"):
            daily_effects(model, patients, nothing, np.full((2, 1, 1), bad), [0.0], route="oral")
        with pytest.raises(DoseError, match="RDN-D104"):
            concentrations(model, patients, [(0.0, bad, "iv", 0.0)], [1.0])
    with pytest.raises(DoseError, match="RDN-D101"):
        concentrations(model, patients, [(-1.0, 1.0, "iv", 0.0)], [1.0])
    with pytest.raises(ModelError, match="RDN-M119"):
        daily_effects(model, patients, nothing, np.zeros((2, 1, 2)), [0.0], route="oral")
    with pytest.raises(ModelError, match="RDN-M119"):
        daily_effects(model, patients, nothing[:1], np.zeros((2, 1, 1)), [0.0], route="oral")
    with pytest.raises(ModelError, match="RDN-M119"):
        concentrations(model, patients, [], [2.0, 1.0])


@st.composite
def courses(draw):
    """Coincident times, zero amounts, infusions that end where the next begins, a dose at the last reading."""
    last = draw(st.sampled_from([1.0, 2.0, 3.5]))
    moments = st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, last])
    amounts = st.sampled_from([0.0, 10.0, 250.0])
    doses = []
    for _ in range(draw(st.integers(1, 6))):
        route = draw(st.sampled_from(["oral", "sc", "iv"]))
        duration = draw(st.sampled_from([0.0, 0.25, 0.5])) if route == "iv" else 0.0
        doses.append((draw(moments), draw(amounts), route, duration))
    return doses, last


@given(course=courses(), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_reference_concentrations_against_scipy(course, seed):
    """Superposition of SciPy's exponentials of each dose alone: 1e-8 of the highest concentration."""
    doses, last = course
    model = runtime_model(parse_record(DrugModelRecord, drug_of_tests(), "test"))
    patients = draw_patients(model, {}, np.random.default_rng(seed).normal(size=(1, model.n_eta)))
    times = np.array([0.0, 0.1, 0.25, 0.5, 0.9, last])
    times = np.unique(times[times <= last])
    found = concentrations(model, patients, doses, times)[0]
    k, m = patients.k[0], model.n_compartments
    row = model.structure.output_rows("parent", patients.parameters)[0]
    expected = np.zeros(len(times))
    for time, amount, route, duration in doses:
        given = np.zeros(m)
        given[model.structure.entry(route)] = amount * (
            patients.parameters["F_oral"][0] if route == "oral" else 1.0
        )
        for i, at in enumerate(times):
            since = at - time
            if since < 0.0 or (since == 0.0 and duration > 0.0):
                continue
            if duration == 0.0:
                expected[i] += row @ scipy.linalg.expm(k * since) @ given
                continue
            running = min(since, duration)
            rate = given / duration
            built = np.linalg.solve(k, (scipy.linalg.expm(k * running) - np.eye(m)) @ rate)
            expected[i] += row @ scipy.linalg.expm(k * (since - running)) @ built
    scale = max(expected.max(), 1e-6)
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-8)
