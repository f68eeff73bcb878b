"""Inherited phenotypes: shares against the records (bounds of 4.5 standard errors, false alarm below 1e-5 each)."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.engine.keys import uniforms
from rodnan.errors import PopulationError
from rodnan.evidence.records.pkwords import COVARIATES, LEVELS
from rodnan.population.covariates import draw_covariates
from rodnan.population.phenotypes import PHENOTYPES, draw_phenotypes, phenotype_rows

N = 60_000


@pytest.mark.parametrize("ancestry", ["european", "east-asian"])
def test_shares_are_those_on_record(ancestry):
    drawn = draw_phenotypes(4, "stat", np.arange(N), ancestry=ancestry)
    rows = [row for row in phenotype_rows() if row.ancestry == ancestry]
    assert {row.covariate for row in rows} == set(PHENOTYPES)
    for row in rows:
        share = (drawn[row.covariate] == row.level).mean()
        bound = 4.5 * np.sqrt(row.value * (1 - row.value) / N) + 3 / N
        assert abs(share - row.value) < bound, row
    for name in PHENOTYPES:
        assert sum(row.value for row in rows if row.covariate == name) < 1.0
        assert set(np.unique(drawn[name])) <= set(LEVELS[name])
        assert name in COVARIATES


def test_phenotypes_are_independent_of_each_other():
    drawn = draw_phenotypes(4, "stat", np.arange(N), ancestry="east-asian")
    both = np.corrcoef([drawn[name] > 0 for name in PHENOTYPES])
    assert np.abs(both[np.triu_indices(3, 1)]).max() < 4.5 / np.sqrt(N)


def test_each_phenotype_has_a_stream_of_its_own():
    who = np.arange(500)
    drawn = draw_covariates(7, "pool", who)
    for name in PHENOTYPES:
        u = uniforms(7, "pool", f"phenotype/{name}", who, 1)[:, 0]
        share = sum(r.value for r in phenotype_rows() if r.covariate == name and r.ancestry == "european")
        np.testing.assert_array_equal(drawn[name] > 0, u < share)
        np.testing.assert_array_equal(draw_covariates(7, "pool", who[:20])[name], drawn[name][:20])


def test_an_unknown_ancestry_is_named():
    with pytest.raises(PopulationError, match=r"RDN-P005.*did you mean 'european'"):
        draw_phenotypes(1, "stat", np.arange(3), ancestry="europaean")
