"""Qualitative properties of the disease model that any parameter values must keep."""

import itertools

import numpy as np
import pytest

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import load_parameters, parse_parameters
from rodnan.disease.states import STATE_INDEX, STATE_NAMES, STATES
from rodnan.errors import ModelError

A, G_L, PSI_L = (INDIVIDUAL.index(name) for name in ("a", "g_l", "psi_l"))


def column(y, name):
    return y[..., STATE_INDEX[name]]


def test_every_state_has_an_equation_and_a_meaning():
    system = symbolic_system(load_parameters(fitted=False).population_names)
    assert tuple(system.rhs) == STATE_NAMES
    # 31 of the specification, the surviving share of the residual drive and the exhaustion of skin myofibroblasts
    assert len(STATES) == 33
    assert all(state.meaning and state.unit for state in STATES)


def test_without_drive_everything_stays_healthy(parameters, people):
    individual = people[0].copy()
    individual[:, A] = 0.0
    y = onset_state(individual)
    end, _ = advance_patients(parameters, individual, y, {}, 3650)
    healthy = np.array([s.healthy for s in STATES])
    sick = [s.name not in ("W", "R") for s in STATES]
    np.testing.assert_allclose(end[:, sick], np.broadcast_to(healthy, end.shape)[:, sick], atol=1e-9)


def test_the_reference_patient_is_a_fixed_point():
    """With the drive held at one and stiffness and fibroblasts at their reference, every turnover state rests at one."""
    from sympy import Symbol

    parameters = load_parameters()
    system = symbolic_system(parameters.population_names)
    at = {Symbol(n, nonnegative=True): parameters[n] for n in parameters.population_names}
    at |= {Symbol(n, nonnegative=True): 0 for n in system.inputs}
    at |= {Symbol(n, nonnegative=True): 1 for n in ("flare", "lung_flare", *STATE_NAMES)}
    at |= {
        Symbol(n, nonnegative=True): v
        for n, v in zip(INDIVIDUAL, (1, 400, 0.2, 1, 1, 0.2, 0.3, 0.004, 0.003, 0.5), strict=True)
    }
    at[Symbol("D", nonnegative=True)] = 1
    for organ in ("s", "l"):  # stiffness one: matrix at its reference
        at[Symbol(f"C_{organ}", nonnegative=True)] = parameters[f"Zref_{organ}"]
        at[Symbol(f"X_{organ}", nonnegative=True)] = 0
    for name in (
        "T",
        "R",
        "B",
        "Ps",
        "M",
        "K",
        "I",
        "V",
        "Q_s",
        "Q_l",
        "A1",
        "A2",
        "G1",
        "G2",
        "N0",
        "N4",
        "L",
        "GFR",
        "F_s",
        "Ex_s",
    ):
        assert abs(float(system.rhs[name].subs(at))) < 1e-12, name


def test_states_stay_at_or_above_zero_under_strong_drugs(parameters, people):
    individual = people[0]
    n, days = len(individual), 400
    rng = np.random.default_rng(2)
    inputs = {
        name: np.repeat(rng.uniform(0, 1, (40, n)), 10, axis=0)
        for name in ("pT", "pB", "aM", "pF", "fS", "pN")
    }
    inputs["pN"] *= 0.6
    inputs["kB"] = np.repeat(rng.uniform(0, 3, (40, n)), 10, axis=0)
    inputs["xIg"] = np.repeat(rng.uniform(0, 2, (40, n)), 10, axis=0)
    _, out = advance_patients(
        parameters, individual, onset_state(individual), inputs, days, out_days=range(0, days + 1, 5)
    )
    assert out.min() > -1e-9


def test_more_drive_more_skin_less_lung(parameters, people):
    individual, other, _ = people
    results = []
    for factor in (0.5, 1.0, 1.5):
        mine = individual.copy()
        mine[:, A] *= factor
        end, _ = advance_patients(parameters, mine, onset_state(mine), {}, 700)
        g_s, g_l = mine[:, INDIVIDUAL.index("g_s")], mine[:, G_L]
        results.append(
            (
                readouts.mrss(parameters, end, g_s),
                readouts.fvc_pct_pred(parameters, end, g_s, g_l, other["fvc_healthy"]),
            )
        )
    for (skin, lung), (skin2, lung2) in itertools.pairwise(results):
        assert (skin2 > skin).all()
        assert (lung2 < lung).all()


def test_immune_activity_peaks_before_the_skin_score(parameters, people):
    individual, _, covariates = people
    days = np.arange(0, 2201, 10)
    _, out = advance_patients(parameters, individual, onset_state(individual), {}, 2200, out_days=days)
    skin = readouts.mrss(parameters, out, individual[:, INDIVIDUAL.index("g_s")])
    diffuse = covariates["dcssc"] == 1
    assert (days[column(out, "T").argmax(axis=0)][diffuse] < days[skin.argmax(axis=0)][diffuse]).all()


@pytest.mark.parametrize(("psi", "g", "falls"), [(0.05, 1.0, True), (0.95, 12.0, False)])
def test_hot_and_cold_lung_fibrosis(parameters, people, psi, g, falls):
    """A lung driven by immunity loses its myofibroblasts when T cells are silenced; one that drives itself does not."""
    individual = people[0][:8].copy()
    individual[:, PSI_L], individual[:, G_L] = psi, g
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 700)
    for name, value in (("Q_l", 1.5), ("F_l", 2.0), ("C_l", 10.0), ("X_l", 15.0)):  # a lung already scarred
        start[:, STATE_INDEX[name]] = value
    silenced, _ = advance_patients(parameters, individual, start, {"pT": np.full((1500, 8), 0.95)}, 1500)
    untreated, _ = advance_patients(parameters, individual, start, {}, 1500)
    ratio = column(silenced, "F_l") / column(untreated, "F_l")
    assert (ratio < 0.5).all() if falls else (ratio > 0.8).all()


@pytest.mark.parametrize("e", [0.05, 0.10, 0.2])
def test_neutrophils_settle_at_the_closed_form(parameters, people, e):
    individual = people[0][:2]
    end, _ = advance_patients(
        parameters, individual, onset_state(individual), {"pN": np.full((600, 2), e)}, 600
    )
    np.testing.assert_allclose(column(end, "N4"), (1 - e) ** (1 / parameters["gam"]), rtol=1e-6)


def test_killing_works_faster_than_stopping_production(parameters, people):
    individual = people[0][:2]
    y = onset_state(individual)
    killed, _ = advance_patients(parameters, individual, y, {"kB": np.full((7, 2), 0.7)}, 7)
    stopped, _ = advance_patients(parameters, individual, y, {"pB": np.ones((7, 2))}, 7)
    assert (column(killed, "B") < 0.05).all()
    np.testing.assert_allclose(column(stopped, "B"), np.exp(-7 * parameters["kB"]), rtol=1e-6)


def test_plasma_exchange_removes_antibody_and_it_comes_back(parameters, people):
    individual = people[0][:4]
    _, out = advance_patients(parameters, individual, onset_state(individual), {}, 500, out_days=[500])
    pulse = np.zeros((180, 4))
    pulse[[0, 2, 4, 6, 8]] = 1.0
    _, course = advance_patients(parameters, individual, out[0], {"xIg": pulse}, 180, out_days=[10, 180])
    before = column(out[0], "A1")
    assert (column(course[0], "A1") < 0.45 * before).all()
    assert (column(course[1], "A1") > 0.6 * before).all()


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"pX": np.zeros((2, 64))}, "RDN-M005"),
        ({"pT": np.zeros((3, 64))}, "RDN-M006"),
        ({"pT": np.full((2, 64), 1.2)}, "RDN-M007"),
        ({"kB": np.full((2, 64), -0.1)}, "RDN-M007"),
        ({"kB": np.full((2, 64), np.nan)}, "RDN-M007"),
    ],
)
def test_channels_out_of_order_are_refused(parameters, people, inputs, code):
    with pytest.raises(ModelError, match=code):
        advance_patients(parameters, people[0], onset_state(people[0]), inputs, 2)


def test_parameter_table_is_complete():
    table = load_parameters(fitted=False)
    groups = {}
    for record in table.records.values():
        assert record.unit
        assert record.source
        assert record.basis
        if record.prior[0] == "dirichlet":
            groups.setdefault(record.prior[1], []).append(record.value)
    assert groups
    for name, weights in groups.items():
        assert abs(sum(weights) - 1) < 0.015, name


ROW = {
    "name": "x",
    "kind": "population",
    "value": 1.0,
    "unit": "1/day",
    "prior": ["fixed"],
    "basis": "read",
    "source": "a paper",
}


@pytest.mark.parametrize("missing", ["value", "unit", "prior", "basis", "source"])
def test_a_parameter_without_provenance_does_not_load(missing):
    row = {k: v for k, v in ROW.items() if k != missing}
    with pytest.raises(ModelError, match=rf"RDN-M003.*{missing}"):
        parse_parameters({"id": "t", "version": 1, "parameters": [row]})


def test_a_parameter_given_twice_does_not_load():
    with pytest.raises(ModelError, match="RDN-M004"):
        parse_parameters({"id": "t", "version": 1, "parameters": [ROW, ROW]})


def test_an_unknown_parameter_names_the_nearest(parameters):
    with pytest.raises(ModelError, match=r"RDN-M001.*kC_s"):
        parameters.with_values({"kC_z": 1.0})
    with pytest.raises(ModelError, match="RDN-M002"):
        parameters.with_values({"kC_s": float("nan")})
