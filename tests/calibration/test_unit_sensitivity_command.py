"""``rodnan sensitivity`` on a folder of a calibration; which readouts it explains; the targets of the full calibration."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rodnan.calibration.bayes.emulator import Emulator
from rodnan.calibration.bayes.full import (
    COUNTED_AS_ARMS,
    evidence_classes,
    full_calibration,
    full_observations,
)
from rodnan.calibration.bayes.posterior import Chains
from rodnan.calibration.sensitivity import main_readouts
from rodnan.cli.main import app


def fill(folder):
    """Leave a linear emulator and chains of the right names in a folder."""
    of = full_calibration(folder)
    prior, keys = of.prior, tuple(o.key for o in of.observations)
    m, d = len(keys), prior.dimension
    rng = np.random.default_rng(1)
    Emulator(
        inputs=prior.coordinate_names,
        keys=keys,
        centre=np.zeros(d),
        scale=np.ones(d),
        constant=np.array([o.y for o in of.observations]),
        gradient=rng.normal(size=(m, d)) * (rng.random((m, d)) < 0.2),
        curvature=np.zeros((m, d, d)),
        directions=np.zeros((m, d, 1)),
        nodes=np.zeros((m, 1, 1)),
        amplitude=np.zeros((m, 1)),
        length=np.ones(m),
        relevance=np.zeros((m, d)),
        log_variance=np.tile([-4.0, 0.0, 1.0], (m, 1)),
        lack_of_fit=np.zeros(m),
        noise=np.full(m, 0.5),
        correlation=np.eye(m),
        r2=np.ones(m),
        rmse=np.full(m, 0.5),
        spread=np.ones(m),
        coverage=np.full(m, 0.9),
        rows=np.full(m, 100.0),
    ).save(folder / "emulator.npz")
    problem = of.problem()
    t, u = len(problem.likelihood.spreads), len(problem.likelihood.units)
    Chains(
        prior.coordinate_names,
        problem.likelihood.spreads,
        problem.likelihood.units,
        0.7 * rng.normal(size=(2, 100, d)),
        rng.uniform(0.5, 1.5, size=(2, 100, t)),
        rng.normal(size=(2, 100, u)),
        np.zeros((2, 100), bool),
        np.ones((2, 100), np.int64),
        1,
    ).save(folder / "chains-full.npz")
    return of


def test_command_shows_and_writes_everything(tmp_path):
    pytest.importorskip("SALib")
    pytest.importorskip("numpyro")
    of = fill(tmp_path)
    out = tmp_path / "s.json"
    done = CliRunner().invoke(
        app, ["sensitivity", str(tmp_path), "--count", "64", "--profiles", "1", "--json", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "directions are known better from the data" in done.output
    found = json.loads(out.read_text())
    assert {row["coordinate"] for row in found["overlap"]} == set(of.prior.coordinate_names)
    assert found["readouts"] == list(main_readouts(of.observations))
    assert {row["summary"] for row in found["sobol"]["posterior"]} == set(found["readouts"])
    assert len(found["profiles"]) == 1
    assert {row["class"] for row in found["classes"]} <= {*evidence_classes().values(), "natural history"}


def test_a_folder_without_a_calibration_is_one_line(tmp_path, capsys):
    from rodnan.cli.main import execute

    assert execute(["sensitivity", str(tmp_path)]) == 2
    assert "RDN-C037" in capsys.readouterr().err


def test_readouts_are_reference_arms_and_differences_near_one_year():
    names = main_readouts(full_observations())
    assert "level/sls-1/placebo/fvc_pct_pred/52" in names
    assert "level/sls-1/cyc/fvc_pct_pred/52 minus level/sls-1/placebo/fvc_pct_pred/52" in names
    assert "contrast/senscis/nintedanib-placebo/fvc_pct_pred/52" in names
    assert len(set(names)) == len(names)


def test_every_number_comes_in_once_and_no_validation_study_at_all():
    observations = full_observations()
    keys = [o.key for o in observations]
    assert len(set(keys)) == len(keys)
    assert not set(COUNTED_AS_ARMS) & set(keys)
    held_out = {"sls-2", "esos", "scot", "sls-skin-posthoc", "nadashkevich-2006", "su-2009"}
    assert not held_out & {o.unit for o in observations}
    assert set(evidence_classes()) == {o.unit for o in observations if o.arms}
