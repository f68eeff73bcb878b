"""The design of the calibration's simulations: where its points lie, and that a run resumes."""

import numpy as np
import pytest

from rodnan.calibration.bayes import simulate
from rodnan.calibration.bayes.points import ABSENT, draw_points, draw_points_again, moved_names
from rodnan.calibration.bayes.priors import build_prior
from rodnan.disease.parameters import load_parameters
from rodnan.disease.variants import variants
from rodnan.errors import CalibrationError
from rodnan.pharmacology import load_model

PARAMETERS = load_parameters()


def drawn(count, **options):
    return draw_points(count, seed=5, parameters=PARAMETERS, **options)


def test_a_point_stays_when_more_are_drawn():
    assert drawn(12)[:5] == drawn(5)


def test_without_width_a_point_is_the_recorded_fit():
    held = {name for v in variants().values() for name in v.held}
    point = drawn(1, toward_fit=1.0, width=0.0)[0]
    for name in moved_names(PARAMETERS):
        if name.startswith("potency/"):
            wanted = load_model(name.removeprefix("potency/")).potency.value
        elif name in held:
            continue
        else:
            wanted = PARAMETERS[name]
        assert point[name] == pytest.approx(wanted, rel=0.02), name


def test_weights_of_a_group_sum_to_one_and_mechanisms_are_absent_in_a_share():
    points = drawn(400)
    for group in ("wT", "wM", "wQ"):
        members = [n for n, r in PARAMETERS.records.items() if r.prior[:2] == ("dirichlet", group)]
        np.testing.assert_allclose([sum(p[n] for n in members) for p in points], 1.0, atol=1e-12)
    absent = np.mean([p["ex_s"] == 0.0 for p in points])
    assert abs(absent - ABSENT) < 0.1  # four standard errors of a share of 400


def test_a_second_design_lies_where_the_first_posterior_does_and_is_wider():
    prior = build_prior(PARAMETERS, moved_names(PARAMETERS))
    draws = np.random.default_rng(2).normal(0.4, 0.3, (500, prior.dimension))
    points = draw_points_again(draws, 500, seed=5, parameters=PARAMETERS, width=1.5)
    held = {name for v in variants().values() for name in v.held}
    free = [k for k, name in enumerate(prior.coordinate_names) if name not in held]
    z = prior.z_of(prior.table(points))[:, free]
    np.testing.assert_allclose(z.mean(axis=0), draws[:, free].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(z.std(axis=0), 1.5 * draws[:, free].std(axis=0), rtol=1e-6)
    few = draw_points_again(draws, 40, seed=5, parameters=PARAMETERS, width=0.0)
    assert len(few) == 40
    assert len({p["tauD"] for p in few}) == 1


@pytest.fixture
def counted(monkeypatch):
    calls = []

    def evaluate(point, *, seed, size, workers):
        calls.append(seed)
        return dict.fromkeys(simulate.summary_keys(), point["tauD"] + seed)

    monkeypatch.setattr(simulate, "evaluate", evaluate)
    return calls


def test_a_run_resumes_with_the_points_that_are_missing(counted, tmp_path):
    points = drawn(6)
    whole = simulate.run_points(points, tmp_path / "whole", seed=100)
    lines = (tmp_path / "whole" / "points.jsonl").read_text().splitlines()
    (tmp_path / "part").mkdir()
    torn = "\n".join([*lines[:3], lines[3][: len(lines[3]) // 2]])
    (tmp_path / "part" / "points.jsonl").write_text(torn)
    counted.clear()
    again = simulate.run_points(points, tmp_path / "part", seed=100)
    np.testing.assert_array_equal(again, whole)
    assert counted == [103, 104, 105]


def test_a_folder_of_another_design_is_refused(counted, tmp_path):
    simulate.run_points(drawn(3), tmp_path, seed=100)
    with pytest.raises(CalibrationError, match="RDN-C020"):
        simulate.run_points(drawn(3, width=0.1), tmp_path, seed=100)


def test_every_target_is_a_summary_of_a_small_simulation():
    found = simulate.evaluate({}, seed=1, size=simulate.Size(256, 64), workers=2)
    assert tuple(found) == simulate.summary_keys()
    assert all(np.isfinite(v) for v in found.values())
    rise = found["level/desires/placebo/mrss/24"] - found["level/desires/rtx/mrss/24"]
    assert rise > 0  # rituximab lowers the score in the simulation
