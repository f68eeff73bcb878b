"""Sensitivities on a linear emulator, where every answer is known in closed form."""

import numpy as np
import pytest

from reference.small_problem import OBSERVATIONS, linear_problem
from rodnan.calibration.sensitivity import (
    class_map,
    contraction,
    fisher_by_unit,
    informed_directions,
    local_sensitivities,
    profile_likelihood,
    sobol_indices,
)
from rodnan.calibration.sensitivity.local import jacobian

pytest.importorskip("jax")

SLOPES = np.array(
    [
        [3.0, 0.0, 0.0, 2.0],
        [3.0, 0.0, 0.0, 0.0],
        [1.0, 0.5, 0.0, 1.0],
        [2.0, 1.0, 0.0, 2.0],
        [0.0, 0.0, 0.0, 2.0],
        [1.0, 2.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
    ]
)
NAMES = ("tauD", "om6", "fvc_healthy", "potency/mycophenolate")
TAU = np.array([1.0, 0.8, 0.5])
Z = np.array([0.2, -0.3, 0.1, 0.4])


@pytest.fixture(scope="module")
def problem():
    return linear_problem(SLOPES)


def test_sobol_indices_of_a_linear_model_are_shares_of_its_variance(problem):
    pytest.importorskip("SALib")
    rows = sobol_indices(problem, ["s2"], count=1024)
    total = {row["coordinate"]: row["total"] for row in rows}
    expected = SLOPES[2] ** 2 / (SLOPES[2] ** 2).sum()
    assert [total[n] for n in NAMES] == pytest.approx(expected, abs=0.02)
    assert [row["total"] for row in rows] == sorted(total.values(), reverse=True)
    first = {row["coordinate"]: row["first"] for row in rows}
    assert [first[n] for n in NAMES] == pytest.approx(expected, abs=0.03)
    narrow = sobol_indices(problem, ["s2"], count=1024, spread=[0.1, 1, 1, 1])
    assert {row["coordinate"]: row["total"] for row in narrow}["tauD"] < 0.02


def test_what_a_variant_holds_explains_nothing():
    pytest.importorskip("SALib")
    problem = linear_problem(SLOPES, held={"tauD": 350.0})
    rows = sobol_indices(problem, ["s0"], count=256)
    assert {row["coordinate"] for row in rows} == set(NAMES) - {"tauD"}
    assert rows[0]["coordinate"] == "potency/mycophenolate"
    assert rows[0]["total"] == pytest.approx(1.0, abs=0.02)


def test_local_sensitivities_are_the_slopes(problem):
    assert jacobian(problem, Z) == pytest.approx(SLOPES)
    rows = local_sensitivities(problem, Z, ["s3", "s6"])
    assert rows[0]["slope"] == pytest.approx(2.0)
    assert next(r["coordinate"] for r in rows if r["summary"] == "s6") == "om6"


def test_fisher_information_of_a_contrast_knows_no_trial_level(problem):
    """Unit three is one difference: its variance has the arms' effects twice and no level or drift."""
    found = fisher_by_unit(problem, Z, TAU)
    spread = 0.4**2 + 2 * TAU[2] ** 2 + 1e-4
    assert found["three"] == pytest.approx(np.outer(SLOPES[4], SLOPES[4]) / spread)
    spread = 0.4**2 + 1e-4
    assert found["nh/N2"] == pytest.approx(np.outer(SLOPES[6], SLOPES[6]) / spread)
    years = 365.0 / 365.25
    shared = TAU[0] ** 2 + (TAU[1] * years) ** 2
    covariance = shared + np.diag(np.full(2, 0.4**2 + 1e-4 + TAU[2] ** 2))
    assert found["one"] == pytest.approx(SLOPES[:2].T @ np.linalg.inv(covariance) @ SLOPES[:2])


def test_directions_know_what_no_observation_moves(problem):
    found = informed_directions(problem, Z, TAU)
    assert found.information[-1] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(found.directions[:, -1]) == pytest.approx([0, 0, 1, 0], abs=1e-6)
    assert found.count == 3
    rows = found.rows(2)
    assert len(rows) == 3
    assert rows[0]["posterior_sd"] == pytest.approx(1 / np.sqrt(1 + found.information[0]))
    assert len(rows[0]["loadings"]) == 2


def test_a_class_informs_what_its_studies_move(problem):
    classes = {"one": "blocks-proliferation", "two": "blocks-proliferation", "three": "blocks-proliferation"}
    rows = class_map(problem, Z, TAU, classes)
    share = {(r["coordinate"], r["class"]): r["share"] for r in rows}
    assert share["potency/mycophenolate", "blocks-proliferation"] > 0.85
    assert share["om6", "natural history"] > 0.5
    assert share["fvc_healthy", "natural history"] == 0.0
    assert {r["class"] for r in rows} == {"blocks-proliferation", "natural history"}


def test_profile_is_that_of_the_schur_complement():
    """Gaussian but for the trial effects: only natural history is informative here, so the profile is a parabola."""
    slopes = np.zeros((7, 4))
    slopes[5], slopes[6] = [1.0, 2.0, 0, 0], [0.0, 1.0, 0, 0]
    problem = linear_problem(slopes)
    profile = profile_likelihood(problem, "tauD", grid=np.linspace(-2, 2, 9))
    precision = slopes[5:].T @ slopes[5:] / (0.4**2 + 1e-4) + np.diag([0.0, 1.0, 1.0, 1.0])
    curvature = 1.0 / np.linalg.inv(precision)[0, 0]
    assert profile.log == pytest.approx(-0.5 * curvature * profile.grid**2, abs=2e-3)
    half = np.sqrt(2 * 1.92 / curvature)
    assert (profile.low, profile.high) == pytest.approx((-half, half), abs=0.15)
    assert profile.bounded == "both"
    flat = profile_likelihood(problem, "fvc_healthy", grid=np.linspace(-2, 2, 5))
    assert flat.log == pytest.approx(0.0, abs=1e-4)
    assert flat.bounded == "neither"


def test_contraction_and_overlap():
    rng = np.random.default_rng(4)
    z = rng.normal(size=(4000, 3)) * [1.0, 0.3, 1.0] + [0.0, 1.0, 0.0]
    rows = {r["coordinate"]: r for r in contraction(z, ["same", "narrow", "shifted"])}
    assert rows["same"]["contraction"] == pytest.approx(0.0, abs=0.05)
    assert rows["same"]["overlap"] > 0.95
    assert not rows["same"]["informed"]
    assert rows["narrow"]["contraction"] == pytest.approx(0.7, abs=0.02)
    assert rows["narrow"]["overlap"] < 0.5
    weights = np.exp(1.0 * z[:, 2])
    rows = {r["coordinate"]: r for r in contraction(z, ["same", "narrow", "shifted"], weights)}
    assert rows["shifted"]["mean"] == pytest.approx(1.0, abs=0.15)
    assert rows["shifted"]["overlap"] == pytest.approx(
        0.617, abs=0.06
    )  # two unit normals one apart share 2 Phi(-1/2)


def test_every_observation_belongs_to_a_unit(problem):
    assert set(fisher_by_unit(problem, Z, TAU)) == {o.unit for o in OBSERVATIONS}
