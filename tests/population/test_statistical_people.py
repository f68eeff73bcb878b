"""Covariates and flares against the distributions they are drawn from; each bound is 4.5 standard errors or more."""

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.population.covariates import ANTIBODIES, covariate_table, draw_covariates
from rodnan.population.individuals import FLARE_GRID, draw_effects, flare_paths, patient_parameters

N = 20_000


@pytest.fixture(scope="module")
def drawn():
    return draw_covariates(11, "stat", np.arange(N))


def test_classes_have_their_shares(drawn):
    table = {k: r.value for k, r in covariate_table().items()}
    diffuse = drawn["dcssc"] == 1
    antibody = drawn["antibody"].astype(int)
    for group, name in ((diffuse, "dcssc"), (~diffuse, "lcssc")):
        n = group.sum()
        for i, code in enumerate(ANTIBODIES[:3]):
            share = table[f"{code}_given_{name}"]
            assert abs((antibody[group] == i).mean() - share) < 4.5 * np.sqrt(share * (1 - share) / n)
        assert abs((drawn["sex"][group] == 0).mean() - table[f"female_given_{name}"]) < 4.5 * np.sqrt(
            0.25 / n
        )


def test_sizes_have_their_moments(drawn):
    table = {k: r.value for k, r in covariate_table().items()}
    women = drawn["sex"] == 0
    spread = table["weight_log_sd"] * table["weight_mean_female"]
    assert abs(drawn["weight"][women].mean() - table["weight_mean_female"]) < 4.5 * spread / np.sqrt(
        women.sum()
    )
    assert drawn["age"].min() >= table["age_low"]
    assert drawn["age"].max() <= table["age_high"]
    np.testing.assert_allclose(drawn["bsa"], np.sqrt(drawn["weight"] * drawn["height"] / 3600))


def test_the_first_patients_do_not_change_when_more_are_drawn(drawn):
    few = draw_covariates(11, "stat", np.arange(10))
    for name, values in few.items():
        np.testing.assert_array_equal(values, drawn[name][:10])


def test_flares_have_mean_one_and_their_memory():
    parameters = load_parameters()
    effects = draw_effects(11, "flares", np.arange(4000), 200)
    path = flare_paths(parameters, effects)["flare"]
    s, tau = parameters["s_flare"], parameters["tau_flare"]
    spread = np.sqrt(np.exp(s**2) - 1)
    assert abs(path[150].mean() - 1) < 4.5 * spread / np.sqrt(4000)
    z = np.log(path) + s**2 / 2
    assert z[100].std() == pytest.approx(s, rel=4.5 / np.sqrt(2 * 4000))
    lag = 9
    correlation = np.corrcoef(z[100], z[100 + lag])[0, 1]
    assert abs(correlation - np.exp(-lag * FLARE_GRID / tau)) < 4.5 / np.sqrt(4000)


def test_patient_parameters_spread_around_their_typical_values():
    parameters = load_parameters()
    covariates = draw_covariates(11, "stat", np.arange(N))
    individual, other = patient_parameters(parameters, covariates, draw_effects(11, "stat", np.arange(N), 2))
    log_a = np.log(individual[:, 0])
    assert abs(log_a.mean()) < 4.5 * parameters["omega_a"] / np.sqrt(N)
    assert log_a.std() == pytest.approx(parameters["omega_a"], rel=0.03)
    assert abs(other["fvc_healthy"].mean() - parameters["fvc_healthy"]) < 4.5 * parameters[
        "sd_fvc_healthy"
    ] / np.sqrt(N)
    assert (individual > 0).all()
