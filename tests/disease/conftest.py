"""Patients for the tests of the disease."""

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.population.covariates import draw_covariates
from rodnan.population.individuals import draw_effects, patient_parameters


@pytest.fixture(scope="session")
def parameters():
    return load_parameters()


@pytest.fixture(scope="session")
def people(parameters):
    """Return individual parameters and the rest of 64 random patients."""
    who = np.arange(64)
    covariates = draw_covariates(9, "test", who)
    individual, other = patient_parameters(parameters, covariates, draw_effects(9, "test", who, 400))
    return individual, other, covariates
