"""Which published numbers are scored, records of others, and the command on made-up records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rodnan.calibration.bayes import shipped
from rodnan.calibration.bayes.shipped import Posterior
from rodnan.calibration.validation.baselines import fit_data
from rodnan.calibration.validation.evaluate import true_means, validate
from rodnan.calibration.validation.prediction import Draw, StudyPrediction, parameter_draws
from rodnan.calibration.validation.published import published
from rodnan.calibration.validation.records import read_records
from rodnan.cli.main import execute
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError
from rodnan.evidence import load_study
from rodnan.trial import predict as simulator
from rodnan.trial.design import ENDPOINTS, design_from_study

RECORD = """
id: made-up
acronym: Made up
citation: {}
design: {type: rct, blinding: double, randomised: true}
condition: early dcSSc
population:
  n: 60
  inclusion: [mRSS 15 to 40]
  baseline:
  - {variable: mrss, arm: all, mean: 24, sd: 7, unit: score_0_51, basis: read}
arms:
- id: mmf
  label: mycophenolate
  n: 30
  regimen:
  - {drug: mycophenolate, route: oral, dose: 1000, unit: mg, interval: 12, interval_unit: hour, start_week: 0}
- {id: placebo, label: placebo, n: 30, regimen: []}
outcomes:
- {endpoint: mrss, measure: change, arm: mmf, week: 52, mean: -5, sd: 7, basis: read}
- {endpoint: mrss, measure: change, arm: placebo, week: 52, mean: -2, basis: read}
- {endpoint: mrss, measure: value, arm: placebo, week: 26, median: 20, basis: read}
- {endpoint: mrss, measure: change, arm: mmf, week: 26, mean: -3, subgroup: anti-topoisomerase, basis: read}
adverse_events:
- {event: death, arm: mmf, n: 1, of: 30, week: 52, basis: read}
source: [made up]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "made-up.yaml").write_text(RECORD, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("id: [", encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- 1\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text(
        RECORD.replace("id: made-up", "id: other\nfurther: field")
        .replace("drug: mycophenolate", "drug: wonderdrug")
        .replace("n: 1, of: 30", "n: 31, of: 30"),
        encoding="utf-8",
    )
    return tmp_path


def test_one_bad_file_does_not_stop_the_others(folder):
    studies, left = read_records(folder)
    assert [s.id for s in studies] == ["made-up", "other"]
    assert studies[1].adverse_events == ()
    named = [where for where, _ in left]
    assert named[:2] == ["broken.yaml", "list.yaml"]
    assert any("further" in where for where in named)
    assert any("adverse_events" in where for where in named)


def test_a_folder_without_records_is_an_error(tmp_path):
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CalibrationError, match="RDN-C061"):
            read_records(place)


def test_numbers_are_taken_or_left_with_a_reason(folder):
    found = published(read_records(folder)[0][0])
    assert [(n.arms, n.mean, n.se is None) for n in found.levels] == [
        (("mmf",), -5.0, False), (("placebo",), -2.0, True),
    ]  # fmt: skip
    assert [(n.arms, n.mean, n.sign) for n in found.contrasts] == [(("mmf", "placebo"), -3.0, -1)]
    assert [(c.n, c.of) for c in found.counts] == [(1, 30)]
    assert [why for _, why in found.left] == [
        "a median only",
        "a subgroup of the patients (anti-topoisomerase)",
    ]


def test_printed_differences_come_before_made_ones():
    found = published(load_study("desires"))
    weeks = [(n.endpoint, n.week) for n in found.contrasts]
    assert weeks.count(("mrss", 24.0)) == 1
    assert next(n for n in found.contrasts if n.endpoint == "mrss" and n.week == 24.0).sure


def test_baselines_never_see_a_validation_study():
    for endpoint in ENDPOINTS:
        studies = {a.study for d in fit_data(endpoint) for a, _ in d.arms}
        assert studies
        assert {design_from_study(load_study(name)).role for name in studies} == {"calibration"}


def test_level_and_drift_cancel_in_contrasts():
    draw = Draw(load_parameters(), {}, {"level/mrss": 3.0, "drift/mrss": 2.0, "arm/mrss": 0.0})
    change = {("a", "mrss", 52.0): np.array([-4.0]), ("b", "mrss", 52.0): np.array([-1.0])}
    prediction = StudyPrediction("s", 1, change, change, {}, {}, {})
    rng = np.random.default_rng(1)
    means = true_means([("a", 52.0), ("b", 52.0)], "mrss", prediction, [draw], rng)
    assert means is not None
    a, b = means
    assert np.ptp(a - b) < 1e-12
    assert (a - b)[0] == pytest.approx(-3.0)
    assert 3.0 < np.std(a) < 8.0
    assert true_means([("c", 52.0)], "mrss", prediction, [draw], rng) is None


def test_the_command_scores_the_rest_and_ends_with_the_summary(folder, capsys):
    small = ["--draws", "2", "--patients", "40", "--pool", "256", "--quiet"]
    told = folder.parent / "told.json"
    out = folder.parent / "page"
    status = execute(
        ["validate", "trials", "--records", str(folder), *small, "--json", str(told), "--out", str(out)]
    )
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    last = printed.out.splitlines()[-1]
    assert last.startswith("contrasts 1 scored in 1 studies: CRPS skill vs B3")
    assert last.endswith("not scored: 0 of 2 studies (computer simulation)")
    result = json.loads(told.read_text(encoding="utf-8"))
    assert result["simulation"] is True
    assert any("wonderdrug" in row["reason"] for row in result["not_scored"])
    assert set(result["contrasts"][0]["baselines"]) == {"B0", "B1", "B2", "B3", "B4"}
    page = (out / "simulation-validation.html").read_text(encoding="utf-8")
    assert "Not a prediction for any person" in page
    assert "<script" not in page


def test_a_fitted_study_is_named_not_scored(capsys):
    assert execute(["validate", "trials", "pope-2001", "--quiet"]) == 0
    assert "the parameters were fitted to it" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_study_is_one_line(capsys):
    assert execute(["validate", "trials", "sls-22"]) == 2
    assert "RDN-E001" in capsys.readouterr().err


def test_draws_come_from_the_posterior_where_one_ships(monkeypatch):
    names, spreads = ("tauD", "potency/mycophenolate"), (
        "level/mrss", "drift/mrss", "arm/mrss", "level/fvc_pct_pred", "drift/fvc_pct_pred", "arm/fvc_pct_pred", "count",
    )  # fmt: skip
    tauD = load_parameters()["tauD"]
    table = np.column_stack([tauD * np.linspace(0.9, 1.1, 10), np.linspace(0.2, 0.4, 10)])
    taus = np.linspace(0.5, 1.5, 70).reshape(10, 7)
    made = Posterior(names, table, spreads, taus, np.full(10, 0.1), {})
    monkeypatch.setattr(shipped, "load_posterior", lambda folder=None: made)
    draws, words = parameter_draws(5, 1)
    assert words == "5 draws of the shipped posterior"
    assert [d.potencies["mycophenolate"] for d in draws] == sorted(
        d.potencies["mycophenolate"] for d in draws
    )
    assert len({d.parameters["tauD"] for d in draws}) == 5
    assert "count" not in draws[0].spreads
    short = Posterior(names, table, spreads[1:], taus[:, 1:], np.full(10, 0.1), {})
    monkeypatch.setattr(shipped, "load_posterior", lambda folder=None: short)
    with pytest.raises(CalibrationError, match=r"RDN-C060.*level/mrss"):
        parameter_draws(5, 1)


def test_a_study_that_breaks_the_simulator_is_named(folder, monkeypatch):
    def broken(designs, *rest, **more):
        if designs[0].study.id == "made-up":
            raise ZeroDivisionError("no patients")
        return real(designs, *rest, **more)

    real = simulator.predict_studies
    monkeypatch.setattr(simulator, "predict_studies", broken)
    result = validate(read_records(folder)[0], draws=2, patients=20, pool=256)
    assert any(r["study"] == "made-up" and "no patients" in r["reason"] for r in result["not_scored"])
    assert {r["study"] for r in result["levels"]} == {"other"}
