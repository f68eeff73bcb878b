"""Natural-history targets, scales, the recorded fit."""

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rodnan.calibration import Courses, natural_history, targets
from rodnan.calibration.natural_history import TargetPart
from rodnan.calibration.quick_fit import settings
from rodnan.calibration.scales import from_unbounded, prior_scale, to_unbounded
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError
from rodnan.pharmacology import load_model
from rodnan.population.pool import draw_pool, simulate_pool

VALIDATION = {"sls-2", "esos", "scot", "sls-skin-posthoc", "nadashkevich-2006", "su-2009", "iudici-2015"}


@pytest.fixture(scope="module")
def courses():
    return Courses(simulate_pool(load_parameters(), draw_pool(6, 768, years=11)))


def test_all_eighteen_targets_are_evaluated(courses):
    rows = natural_history(courses)
    assert [r["id"] for r in rows] == [f"N{k}" for k in range(1, 19)]
    for row in rows:
        for part in row["parts"]:
            assert np.isfinite(part["model"]), (row["id"], part["key"])
            assert part["within"] is (part["low"] <= part["model"] <= part["high"])
        assert (row["verdict"] == "within") is all(part["within"] for part in row["parts"])


def test_weighted_median_of_scores_interpolates(courses):
    entered = courses.enter("registry-lc", 0.0)
    values = entered.at(courses.observed_mrss)
    assert abs(entered.median_score(values) - entered.quantile(values, 0.5)) <= 0.5


def test_an_observed_value_outside_its_own_tolerance_is_refused():
    with pytest.raises(ValueError, match="tolerance"):
        TargetPart(key="k", label="l", observed=5, low=6, high=7, unit="%", basis="read", source="paper")


def test_every_target_names_its_source():
    assert all(part.source and part.unit for target in targets() for part in target.parts)


def test_validation_studies_have_no_place_in_the_fit():
    s = settings()
    used = {arm["entry"] for arm in (*s["untreated"]["arms"], *s["treated"]["arms"])}
    used |= {part.source.split(" ")[0].strip(";,") for target in targets() for part in target.parts}
    assert not used & VALIDATION


def fitted_names():
    return settings()["untreated"]["parameters"]


@given(st.sampled_from(fitted_names()), st.floats(-3, 3))
def test_scales_go_there_and_back(name, z):
    scale = prior_scale(load_parameters().records[name])
    x = scale.centre + z * scale.sd
    assert to_unbounded(scale, from_unbounded(scale, x)) == pytest.approx(x, abs=1e-6)


def test_a_fixed_parameter_cannot_be_fitted():
    with pytest.raises(CalibrationError, match=r"RDN-C001.*Zmax_s"):
        prior_scale(load_parameters().records["Zmax_s"])


def fit_file():
    from importlib.resources import files

    return yaml.safe_load(files("rodnan.disease").joinpath("fitted.yaml").read_text())


def test_shipped_values_are_those_of_the_recorded_fit():
    fit, shipped, before = fit_file(), load_parameters(), load_parameters(fitted=False)
    assert shipped.label == fit["id"]
    for name, value in fit["values"].items():
        assert shipped[name] == value
        assert shipped.records[name].basis == "estimated"
        assert shipped.records[name].prior_value == before[name]
    untouched = set(shipped.values) - set(fit["values"])
    assert all(shipped[name] == before[name] for name in untouched)
    assert fit["cost"]["end"] < fit["cost"]["start"]


def test_shipped_potencies_are_those_of_the_recorded_fit():
    for drug, value in fit_file()["potencies"].items():
        assert load_model(drug).potency.value == pytest.approx(value, abs=0.006)


def test_fitted_weights_of_a_group_sum_to_one():
    fit, table = fit_file(), load_parameters(fitted=False)
    groups = {}
    for name, record in table.records.items():
        if record.prior[0] == "dirichlet" and name in fit["values"]:
            groups.setdefault(record.prior[1], []).append(fit["values"][name])
    assert groups
    assert all(min(g) > 0 and sum(g) == pytest.approx(1.0, abs=1e-12) for g in groups.values())


def test_fitted_values_stay_near_their_priors():
    fit, table = fit_file(), load_parameters(fitted=False)
    for name, value in fit["values"].items():
        if table.records[name].prior[0] == "dirichlet":
            continue
        scale = prior_scale(table.records[name])
        assert abs(to_unbounded(scale, value) - scale.centre) < 4 * scale.sd, name
