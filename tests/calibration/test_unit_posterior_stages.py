"""The stages of the calibration on a stand-in, from a design to the posterior's file; resumed, refused, read back."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from reference.small_problem import NAMES, OBSERVATIONS, TRUE_Z, small_problem
from rodnan.calibration.bayes.posterior import Settings
from rodnan.calibration.bayes.priors import sobol_points
from rodnan.calibration.bayes.shipped import Posterior, load_posterior, write_posterior
from rodnan.calibration.bayes.stages import Calibration, noise_of_repeats, run_stage, write_design
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError

KEYS = tuple(o.key for o in OBSERVATIONS)


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    pytest.importorskip("numpyro")
    folder = tmp_path_factory.mktemp("calibration")
    problem, truth = small_problem()
    prior = problem.prior
    z = np.concatenate([sobol_points(4, 256, seed=1, width=1.2), np.zeros((12, 4))])
    summaries = np.concatenate([truth.simulate(z, 2), np.full((len(z), 1), 5.0)], axis=1)
    write_design(folder, NAMES, prior.values(z), (*KEYS, "constant"), summaries)
    observations = tuple(
        o.model_copy(update={"y": float(y)}) for o, y in zip(OBSERVATIONS, truth.mean(TRUE_Z)[0], strict=True)
    )

    def simulate(points, name):
        z = prior.z_of(prior.table(points))
        return np.concatenate([truth.simulate(z, 9), np.full((len(z), 1), 5.0)], axis=1)

    return Calibration(
        folder,
        load_parameters(),
        NAMES,
        observations,
        {"full": {}, "no-exhaustion": {"ex_s": 0.0, "reset_block": 0.0}},
        "full",
        simulate,
        sampler=Settings(warmup=200, draws=200, chains=2, accept=0.8, depth=5),
        redraws=80,
    )


def test_a_stage_before_its_time_is_refused(calibration, tmp_path):
    with pytest.raises(CalibrationError, match=r"RDN-C053.*design.npz"):
        run_stage(replace(calibration, folder=tmp_path), "emulate")
    with pytest.raises(CalibrationError, match=r"RDN-C052.*'sample'"):
        run_stage(calibration, "sampel")


@pytest.mark.slow
def test_all_stages_from_design_to_posterior(calibration):
    lines = []
    emulate = run_stage(calibration, "emulate", lines.append)
    assert emulate["left_out"] == ["constant"]
    assert emulate["noise"] == "of repeated points"
    sample = run_stage(calibration, "sample", lines.append)
    assert set(sample) == {"full", "no-exhaustion"}
    stack = run_stage(calibration, "stack")
    assert sum(row["weight"] for row in stack["variants"]) == pytest.approx(1.0)
    assert run_stage(calibration, "redraw") == {"draws": 80, "failed": 0}
    correct = run_stage(calibration, "correct")
    assert correct["failed"] == 0
    assert 0.3 < correct["emulator_spread"] < 3.0

    posterior = load_posterior(calibration.folder)
    assert posterior.names == NAMES
    assert posterior.draws.shape == (80, 4)
    z = calibration.prior.z_of(posterior.draws)
    assert (np.abs(z.mean(axis=0) - TRUE_Z) < 3 * z.std(axis=0) + 0.1).all()
    assert posterior.provenance["stages"]["sample"]["full"]["draws"] == 400
    parameters, potencies = posterior.parameter_sets(5)[2]
    assert parameters["tauD"] in posterior.column("tauD")
    assert list(potencies) == ["mycophenolate"]
    assert len(posterior.parameter_sets()) == 80
    assert set(posterior.spreads_of(3)[0]) == set(posterior.spreads)
    row = {r["name"]: r for r in posterior.table()}["tauD"]
    assert row["low"] < row["median"] < row["high"]

    found = run_stage(calibration, "mode")
    assert found["cost"][1] < found["cost"][0]
    fit = yaml.safe_load((calibration.folder / "fitted.yaml").read_text())
    point = {**fit["values"], **{f"potency/{d}": v for d, v in fit["potencies"].items()}}
    best = calibration.prior.z_of(calibration.prior.table([point]))[0]
    assert (np.abs(best - TRUE_Z) < 3 * z.std(axis=0) + 0.1).all()
    assert [row["label"] for row in fit["data"]] == list(KEYS)


def test_a_finished_stage_is_not_run_again(calibration):
    lines = []
    first = run_stage(calibration, "emulate", lines.append)
    again = run_stage(calibration, "emulate", lines.append)
    assert again == first
    assert lines[-1] == "emulate: there already"
    manifest = json.loads((calibration.folder / "manifest.json").read_text())
    del lines[:]
    run_stage(replace(calibration, seed=2), "emulate", lines.append)
    assert lines[0] == "emulate: there already"  # an emulator does not depend on the seed of the chains
    design = calibration.folder / "design.npz"
    kept = design.read_bytes()
    with np.load(design) as stored:
        np.savez(design, **(dict(stored) | {"summaries": stored["summaries"] * 1.01}))
    run_stage(calibration, "emulate", lines.append)
    assert lines[1] == "emulate: runs"
    design.write_bytes(kept)
    run_stage(calibration, "emulate", lines.append)
    (calibration.folder / "manifest.json").write_text(json.dumps(manifest))


def test_noise_of_repeated_points():
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(size=(50, 2)), np.ones((400, 2)), np.zeros((400, 2))])
    summaries = points.sum(axis=1, keepdims=True) + rng.normal(size=(850, 2)) * [0.5, 2.0]
    summaries[60, 0] = np.nan
    assert noise_of_repeats(points, summaries) == pytest.approx([0.5, 2.0], rel=0.1)
    assert noise_of_repeats(points[:52], summaries[:52]) is None


def small_posterior():
    rng = np.random.default_rng(1)
    draws = np.stack([300 * np.exp(0.1 * rng.normal(size=40)), rng.uniform(0.2, 0.4, 40)], axis=1)
    weights = np.arange(1.0, 41.0)
    return Posterior(
        ("tauD", "potency/imatinib"),
        draws,
        ("level/mrss",),
        rng.random((40, 1)),
        weights / weights.sum(),
        {"seed": 1},
    )


def test_posterior_file_round_trip_is_the_same_bytes(tmp_path):
    posterior = small_posterior()
    first, _ = write_posterior(posterior, tmp_path, 3)
    again = load_posterior(tmp_path)
    assert again.draws == pytest.approx(posterior.draws, rel=1e-5)
    assert again.provenance["seed"] == 1
    before = first.read_bytes()
    write_posterior(posterior, tmp_path, 3)
    assert first.read_bytes() == before


def test_weights_decide_how_often_a_draw_is_taken():
    posterior = small_posterior()
    counts = np.bincount(posterior.places(820), minlength=40)
    assert counts == pytest.approx(820 * posterior.weights, abs=1.01)


def test_the_newest_posterior_is_read_and_a_changed_one_refused(tmp_path):
    write_posterior(small_posterior(), tmp_path, 9)
    write_posterior(replace(small_posterior(), provenance={"seed": 2}), tmp_path, 10)
    load_posterior.cache_clear()
    assert load_posterior(tmp_path).provenance["seed"] == 2
    (tmp_path / "posterior-10.npz").write_bytes(b"other")
    load_posterior.cache_clear()
    with pytest.raises(CalibrationError, match=r"RDN-C049.*posterior-10.npz"):
        load_posterior(tmp_path)
    with pytest.raises(CalibrationError, match="RDN-C049"):
        load_posterior(tmp_path / "none")
    with pytest.raises(CalibrationError, match=r"RDN-C032.*'tauD'"):
        small_posterior().column("taud")
