"""The series in the stages: with it its own rows leave, its checksum is named, it is resumed; without it nothing changes."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml

from reference.series_mixture import drawn_patients, virtual_people
from reference.small_problem import NAMES, TRUE_Z, observed
from rodnan.calibration.bayes import series_simulate
from rodnan.calibration.bayes.emulator_fit import Form, fit_emulator
from rodnan.calibration.bayes.importance import correct
from rodnan.calibration.bayes.likelihood import build_likelihood
from rodnan.calibration.bayes.posterior import Chains
from rodnan.calibration.bayes.priors import build_prior, sobol_points
from rodnan.calibration.bayes.series import Series
from rodnan.calibration.bayes.series_effects import DRIFTS, LEVELS
from rodnan.calibration.bayes.series_factor import SeriesFactor, SeriesValues, series_logs, without_series
from rodnan.calibration.bayes.series_likelihood import Noise
from rodnan.calibration.bayes.series_simulate import run_series, virtual_arms
from rodnan.calibration.bayes.shipped import load_posterior
from rodnan.calibration.bayes.simulate import Size
from rodnan.calibration.bayes.stages import Calibration, run_stage, write_design
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError
from rodnan.trial.conduct import conduct_arm

NOISE = Noise(2.5, 3.0, 8.0, 4.0, 0.4)


def own(key, unit, arm, days=365.0):
    row = observed("level", unit, key, (arm,), days)
    return row.model_copy(update={"endpoint": "fvc_pct_pred", "se": 3.0})


OBSERVATIONS = (
    own("s0", "sls-1", "cyc"),
    own("s1", "sls-1", "placebo"),
    own("s2", "two", "drug", 182.0),
    own("s3", "two", "placebo"),
    observed("natural-history", "nh/N1", "s4"),
)
KEYS = tuple(o.key for o in OBSERVATIONS)
SLOPES = np.random.default_rng(2).normal(size=(5, 4))


def a_series():
    arm = virtual_people(100)
    both = drawn_patients(arm, 5, NOISE, name="cyc") + drawn_patients(arm, 5, NOISE, name="placebo", seed=2)
    return Series(patients=both, sha256="ab" * 32, recorded=False)


def values_at(height):
    level, drift = np.meshgrid(LEVELS, DRIFTS, indexing="ij")
    log = height - 0.5 * (level**2 + drift**2)
    return SeriesValues(
        {"cyc": log, "placebo": log}, 0.5, -0.1, (3.0, 20.0, 40.0),
        {"cyc/leukopenia/104": 0.24, "cyc/neutropenia/104": 0.09},
    )  # fmt: skip


@pytest.fixture
def calibration(tmp_path):
    pytest.importorskip("jax")
    pytest.importorskip("arviz")
    prior = build_prior(load_parameters(), NAMES)
    rng = np.random.default_rng(5)

    def summaries(z):
        return z @ SLOPES.T + 0.1 * rng.normal(size=(len(z), 5))

    z = sobol_points(4, 128, seed=1, width=1.2)
    write_design(tmp_path, NAMES, prior.values(z), KEYS, summaries(z), np.full(5, 0.1))
    emulator = fit_emulator(
        prior.inputs(prior.values(z)), summaries(z), names=prior.coordinate_names, keys=KEYS,
        noise=np.full(5, 0.1), form=Form(products=4, directions=2, nodes=10),
    )  # fmt: skip
    emulator.save(tmp_path / "emulator.npz")

    @cache
    def noise(name):
        return 0.1 * rng.normal(size=(40, 5))

    def kept(points, name):
        return prior.z_of(prior.table(points)) @ SLOPES.T + noise(name)

    found = tuple(
        o.model_copy(update={"y": float(y)}) for o, y in zip(OBSERVATIONS, SLOPES @ TRUE_Z, strict=True)
    )
    of = Calibration(
        tmp_path, load_parameters(), NAMES, found, {"full": {}}, "full",
        kept, redraws=40,
    )  # fmt: skip
    likelihood = of.problem().likelihood
    draws = TRUE_Z + 0.3 * rng.normal(size=(1, 200, 4))
    chains_of(draws, likelihood, rng).save(tmp_path / "chains-full.npz")
    return of


def chains_of(draws, likelihood, rng):
    n = draws.shape[:2]
    tau = np.abs(rng.normal(size=(*n, len(likelihood.spreads)))) * likelihood.scales + 0.05
    return Chains(
        build_prior(load_parameters(), NAMES).coordinate_names, likelihood.spreads, likelihood.units, draws, tau,
        np.zeros((*n, len(likelihood.units))), np.zeros(n, bool), np.ones(n, np.int64), 1,
    )  # fmt: skip


def factor_of(calls, heights):
    def evaluate(points, name):
        calls.append((name, len(points)))
        return [values_at(float(h)) for h in heights[: len(points)]]

    return SeriesFactor(a_series(), evaluate, (64, 32))


def marks(of):
    return json.loads((of.folder / "manifest.json").read_text())


def test_with_the_series_its_rows_leave_and_its_checksum_is_named(calibration):
    run_stage(calibration, "redraw")
    plain = run_stage(calibration, "correct")
    calls, heights = [], np.linspace(0.0, 1.0, 40)
    of = replace(calibration, series=factor_of(calls, heights))
    redraw = run_stage(of, "redraw")
    assert calls == [("redrawn-series", 40)]
    assert redraw["series"]["sha256"] == "ab" * 32
    assert redraw["series"]["effective_least"] == 3.0
    found = run_stage(of, "correct")
    assert not found["correction"].startswith("none")
    assert found["series"]["log_mean_after"] > found["series"]["log_mean_before"]
    assert found["effective_draws"] != plain["effective_draws"]
    posterior = load_posterior(of.folder)
    assert posterior.provenance["stages"]["redraw"]["series"]["recorded"] is False
    assert posterior.provenance["correction"]["series"]["sha256"] == "ab" * 32
    said = yaml.safe_load((of.folder / "posterior-1.yaml").read_text())
    assert said["correction"]["series"]["patients"] == 10
    lines = []
    assert run_stage(of, "redraw", lines.append) == redraw
    assert run_stage(of, "correct", lines.append) == found
    assert lines == ["redraw: there already", "correct: there already"]
    other = replace(
        of, series=replace(of.series, series=of.series.series.model_copy(update={"sha256": "cd" * 32}))
    )
    run_stage(other, "redraw", lines.append)
    assert lines[2] == "redraw: runs"


def test_without_the_series_everything_is_as_if_there_were_none(calibration):
    run_stage(calibration, "redraw")
    run_stage(calibration, "correct")
    files = {
        name: (calibration.folder / name).read_bytes() for name in ("posterior-1.npz", "posterior-1.yaml")
    }
    before = marks(calibration)
    assert "series" not in json.dumps(before)
    of = replace(calibration, series=factor_of([], np.linspace(0.0, 8.0, 40)))
    run_stage(of, "redraw")
    run_stage(of, "correct")
    assert (calibration.folder / "posterior-1.yaml").read_bytes() != files["posterior-1.yaml"]
    run_stage(calibration, "redraw")
    run_stage(calibration, "correct")
    assert {n: (calibration.folder / n).read_bytes() for n in files} == files
    assert marks(calibration) == before


def test_a_factor_weighs_draws_by_itself_and_only_what_stays_is_compared(calibration):
    problem, rng = calibration.problem(), np.random.default_rng(1)
    n = 30
    mean, variance = rng.normal(size=(n, 5)), np.full((n, 5), 0.1)
    spreads = np.full((n, len(problem.likelihood.spreads)), 0.5)
    emulator = problem.emulator
    reduced = without_series(calibration.observations, emulator.keys, emulator.correlation)
    assert reduced.units == ("two", "nh/N1")
    factor = rng.normal(size=n)
    factor[4] = np.nan
    found = correct(
        problem.likelihood,
        spreads,
        (mean, variance),
        (mean, variance),
        exact_likelihood=reduced,
        factor=factor,
    )
    gone = problem.likelihood.many(mean, variance, spreads)[:, problem.likelihood.units.index("sls-1")]
    keep = np.arange(n) != 4
    assert found.log_ratio[keep] == pytest.approx((factor - gone)[keep], abs=1e-9)
    assert found.weights[4] == 0.0
    assert found.failed == 1


def test_the_log_of_the_factor_needs_spreads_of_fvc(calibration):
    likelihood = calibration.problem().likelihood
    spreads = np.full((2, len(likelihood.spreads)), 0.5)
    low, high = (values_at(h).record() for h in (0.0, 3.0))
    logs = series_logs([low, None], likelihood, spreads)
    assert np.isnan(logs[1])
    assert series_logs([high], likelihood, spreads[:1])[0] == pytest.approx(logs[0] + 6.0)
    skin = build_likelihood([o.model_copy(update={"endpoint": "mrss"}) for o in OBSERVATIONS if o.arms], KEYS)
    with pytest.raises(CalibrationError, match=r"RDN-C069.*level/fvc_pct_pred"):
        series_logs([low], skin, spreads)
    with pytest.raises(CalibrationError, match="RDN-C068"):
        factor_of([], [0.0]).summary([None, None])


SMALL = Size(256, 64)


def test_draws_of_the_series_are_resumed(tmp_path, monkeypatch):
    points, series = [{"potency/cyclophosphamide": p} for p in (0.3, 0.6)], a_series()
    first = run_series(points, series, tmp_path, seed=3, size=SMALL)
    assert first[0].logs["placebo"] == pytest.approx(first[1].logs["placebo"])  # the same people
    assert (first[0].logs["cyc"] != first[1].logs["cyc"]).any()
    assert set(first[0].shares) == {"cyc/leukopenia/104", "cyc/neutropenia/104"}
    assert first[1].shares["cyc/leukopenia/104"] > 0.02
    assert first[0].error > 0
    assert 1.0 <= first[0].effective[0] <= first[0].effective[2] <= 64

    def not_again(*args, **kwargs):
        raise AssertionError("simulated again")

    monkeypatch.setattr(series_simulate, "evaluate_series", not_again)
    again = run_series(points, series, tmp_path, seed=3, size=SMALL)
    assert [a.record() for a in again] == [f.record() for f in first]
    with pytest.raises(CalibrationError, match="RDN-C020"):
        run_series(points, series.model_copy(update={"sha256": "cd" * 32}), tmp_path, seed=3, size=SMALL)


def test_chances_add_up_to_who_leaves(monkeypatch):
    """Leavers of both reasons against the sum of the chances of those still in: within 5 standard errors (false alarm below
    one in a million)."""
    left = {}

    def conducted(arm, *args, stay, **kwargs):
        left[arm.id] = conduct_arm(arm, *args, stay=False, **kwargs)
        return left[arm.id]

    monkeypatch.setattr(series_simulate, "conduct_arm", conducted)
    arms = virtual_arms({}, seed=4, size=Size(1024, 800))
    for name, arm in arms.items():
        there = left[name].left_day[None, :] >= arm.days[:, None]
        for reasons, chance in (((1, 2), arm.failing), ((3, 4), arm.dropping * (1 - arm.failing))):
            expected = np.where(there, chance, 0.0).sum()
            happened = np.isin(left[name].reason, reasons).sum()
            assert abs(happened - expected) < 5 * np.sqrt(expected)
