"""What the full calibration's command says of each stage, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from rodnan.calibration.bayes import full, stages
from rodnan.calibration.bayes.points import moved_names
from rodnan.calibration.bayes.priors import build_prior
from rodnan.cli.calibrate_full import run
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError

OPTIONS = {
    "points": 4,
    "patients": 8,
    "pool": 8,
    "seed": 3,
    "processes": 1,
    "sets": 5,
    "redraws": 6,
    "version": 1,
}
FOUND = {
    "emulate": {"points": 4, "summaries": 2, "r2_median": 0.9, "r2_least": 0.5, "left_out": ["a"]},
    "check": {
        "verdict": "holds", "sets": 5, "quantities": 9, "false_alarm": 0.01, "coverage_50": 49.0, "coverage_90": 91.0,
        "alarms": [],
    },
    "sample": {"full": {"r_hat_worst": 1.003, "ess_bulk_worst": 812.0, "divergences": 0}},
    "stack": {"variants": [{"variant": "full", "weight": 1.0, "difference": 0.0, "se": 0.0}]},
    "redraw": {"draws": 6, "failed": 1},
    "correct": {
        "correction": "simulation alone", "k_hat": {"simulation": 0.4}, "effective_draws": {"simulation": 5.0},
    },
    "mode": {"cost": [30.0, 20.0], "evaluations": 50},
}  # fmt: skip


@pytest.fixture
def stubbed(monkeypatch):
    """Stages that answer from a table, and a simulator that counts; the chain of calls is the real one."""
    calls = []
    found = {name: dict(row) for name, row in FOUND.items()}

    def stage(of, name, report):
        calls.append(name)
        return found[name]

    def simulate(points, folder, **options):
        calls.append(f"simulate {len(points)}")
        return np.ones((len(points), len(full.summary_keys())))

    draws = np.zeros((9, build_prior(load_parameters(), moved_names(load_parameters())).dimension))
    monkeypatch.setattr(stages.Calibration, "chains", lambda of, variant: SimpleNamespace(flat_z=draws))
    monkeypatch.setattr(full, "run_stage", stage)
    monkeypatch.setattr(full, "run_points", simulate)
    return calls, found


def test_stages_run_in_order_and_say_what_they_found(stubbed, tmp_path, capsys):
    calls, _ = stubbed
    run(tmp_path, upto="mode", **OPTIONS)
    assert calls[:5] == ["simulate 26", "emulate", "check", "sample", "simulate 28"]
    assert calls[-7:] == list(stages.STAGES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(stages.STAGES)
    assert "left out: a" in lines[0]
    assert "holds over 5 data sets" in lines[1]
    assert "least ESS 812" in lines[2]
    assert "simulation: k-hat 0.40" in lines[5]
    with np.load(tmp_path / "design.npz") as design:
        assert design["points"].shape[0] == 28
        assert (design["points"][-24:] == design["points"][-1]).all()
        assert (design["noise"] == 0).all()


def test_data_are_not_looked_at_after_a_failed_check(stubbed, tmp_path):
    calls, found = stubbed
    found["check"] |= {"verdict": "fails", "alarms": ["tauD"]}
    with pytest.raises(CalibrationError, match=r"RDN-C055.*tauD"):
        run(tmp_path, upto="correct", **OPTIONS)
    assert "sample" not in calls


def test_an_unknown_stage_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match=r"RDN-C052.*'sample'"):
        run(tmp_path, upto="samples", **OPTIONS)
