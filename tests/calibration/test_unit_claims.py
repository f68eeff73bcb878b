"""Executable claims: complete, well-formed, three verdicts, one row a claim, errors in one line."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

from rodnan.calibration.claims import check_claims, chosen_checks, claim_row, criteria, hazards, summary_line
from rodnan.calibration.claims import record as records
from rodnan.calibration.claims import run as runner
from rodnan.calibration.claims.kinds import KINDS
from rodnan.calibration.claims.lab import Lab, bootstrap, mean_of
from rodnan.calibration.claims.methotrexate import chance_of_low_count
from rodnan.calibration.claims.record import ClaimCheck, Criterion, Found, Measured, judge
from rodnan.cli.main import execute
from rodnan.disease.parameters import load_parameters
from rodnan.errors import CalibrationError, EvidenceError
from rodnan.evidence import claims

CHEAP = ("two-modes-of-suppression", "rituximab-depletes-b-cells", "mtx-low-dose-toxicity")


@pytest.fixture(scope="module")
def lab():
    return Lab(load_parameters(), seed=5, pool=256, patients=64, workers=1)


def part(**changes):
    given = {"key": "gain", "label": "gain of something", "unit": "mRSS", "low": 1.0, "basis": "assumed"}
    return given | {"reason": "for the test only"} | changes


def check(*parts, **changes):
    return ClaimCheck.model_validate(
        {"id": "some-claim", "kind": "some-kind", "parts": parts or (part(),)} | changes
    )


def test_every_simulation_backed_claim_has_a_check():
    assert set(criteria()) == {claim.id for claim in claims() if claim.needs_check}


def test_every_kind_exists_and_is_used():
    assert {c.kind for c in criteria().values()} == set(KINDS)


def test_every_criterion_gives_its_reason_and_no_key_twice():
    for row in criteria().values():
        keys = [p.key for p in row.parts]
        assert len(keys) == len(set(keys)), row.id
        assert all(p.reason.strip() and p.unit for p in row.parts), row.id
        assert all(math.isfinite(v) for p in row.parts for v in (p.low, p.high) if v is not None), row.id


@pytest.mark.parametrize(
    "changes",
    [{"low": None}, {"low": 2.0, "high": 1.0}, {"basis": "guessed"}, {"reason": ""}, {"treshold": 1.0}],
)
def test_a_criterion_without_limits_basis_or_reason_is_refused(changes):
    with pytest.raises(ValidationError):
        Criterion.model_validate(part(**changes))


def test_a_claim_with_two_checks_is_refused(monkeypatch):
    row = {"id": "twice", "kind": "b-cells", "parts": [part()]}
    monkeypatch.setattr(records, "_load", lambda name: {"claims": [row, row]})
    with pytest.raises(CalibrationError, match="RDN-C070"):
        criteria.__wrapped__()


@pytest.mark.parametrize(
    ("value", "missing", "verdict"),
    [
        (1.0, None, "holds"),
        (0.99, None, "refuted"),
        (math.nan, None, "refuted"),
        (math.inf, None, "holds"),
        (5.0, "something it lacks", "not yet"),
        (0.0, "something it lacks", "refuted"),
    ],
)
def test_verdicts(value, missing, verdict):
    assert judge(check(missing=missing), Found({"gain": Measured(value)})).verdict == verdict


def test_one_failing_part_refutes_and_decides():
    both = check(part(), part(key="cost", low=None, high=2.0))
    found = {"gain": Measured(3.0), "cost": Measured(2.5)}
    judged = judge(both, Found(found))
    assert (judged.verdict, judged.deciding.key) == ("refuted", "cost")
    judged = judge(both, Found(found | {"cost": Measured(2.0)}))
    assert (judged.verdict, judged.deciding.key) == ("holds", "gain")


@pytest.mark.parametrize(("value", "error", "said"), [(1.3, 0.2, True), (1.5, 0.2, False), (1.0, 0.0, False)])
def test_a_verdict_that_another_seed_could_turn_is_said(value, error, said):
    row = claim_row(check(), Found({"gain": Measured(value, error)}))
    assert ("another seed" in row["note"]) is said


def test_a_number_that_the_experiment_does_not_give_is_an_error():
    with pytest.raises(CalibrationError, match="RDN-C071") as caught:
        judge(check(), Found({"gains": Measured(1.0)}))
    assert caught.value.nearest == "gains"


def test_a_row_is_ready_for_json():
    two = check(part(), part(key="cost", low=None, high=2.0), limit="a mechanism that is not there")
    row = claim_row(two, Found({"gain": Measured(2.0, 0.1), "cost": Measured(math.inf)}, "a remark"))
    assert list(row)[:5] == ["id", "verdict", "value", "criterion", "note"]
    assert row["verdict"] == "refuted"
    assert row["value"] is None
    for said in ("never", "a mechanism that is not there", "a remark"):
        assert said in row["note"]
    assert [p["met"] for p in row["parts"]] == [True, False]
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    held = claim_row(two, Found({"gain": Measured(2.0, 0.1), "cost": Measured(1.0)}))
    assert "mechanism" not in held["note"]
    assert summary_line([row, held]) == "1 hold, 1 refuted, 0 not yet, of 2"


def test_unknown_claims_are_refused_with_the_nearest_name():
    with pytest.raises(EvidenceError, match="RDN-E007") as caught:
        chosen_checks(["tpe-remove-antibodies"])
    assert caught.value.nearest == "tpe-removes-antibodies"
    with pytest.raises(CalibrationError, match="RDN-C072"):
        chosen_checks(["few-rcts"])


def test_an_unknown_claim_is_one_line_and_status_2(capsys):
    assert execute(["claims", "check", "--only", "sls1-waning-x", "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "RDN-E007 no such claim in the ledger (given: 'sls1-waning-x'); did you mean 'sls1-waning'?"
    ]


def test_the_command_prints_verdicts_and_writes_a_list(tmp_path, capsys):
    words = [word for name in CHEAP for word in ("--only", name)]
    file = tmp_path / "claims.json"
    size = ["--patients", "64", "--pool", "256"]
    assert execute(["claims", "check", *words, *size, "--json", str(file), "--quiet"]) == 0
    out = capsys.readouterr().out.splitlines()
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == list(CHEAP)
    assert {row["verdict"] for row in rows} <= {"holds", "refuted", "not yet"}
    assert rows[2]["verdict"] == "holds"
    assert "folic acid" in rows[2]["note"]
    assert all(name in "\n".join(out) for name in CHEAP)
    assert "simulations of populations" in out[-2]
    assert out[-1] == summary_line(rows)


def test_a_refuted_claim_is_a_result_and_no_error(monkeypatch, capsys):
    def wrong(lab, arguments):
        return Found({p.key: Measured(math.nan) for p in criteria()["tpe-removes-antibodies"].parts})

    monkeypatch.setattr(runner, "KINDS", {"plasma-exchange": wrong})
    assert execute(["claims", "check", "--only", "tpe-removes-antibodies", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 hold, 1 refuted, 0 not yet, of 1"


@pytest.mark.parametrize(
    "name",
    [
        "two-modes-of-suppression",
        "rituximab-depletes-b-cells",
        "dmard-class-and-low-dose",
        "tpe-removes-antibodies",
        "mtx-oral-to-subcutaneous",
    ],
)
def test_claims_about_the_action_of_drugs_hold(name):
    (row,) = check_claims([name], patients=64, pool=256, workers=1)
    assert row["verdict"] == "holds", row["note"]


def test_the_same_run_gives_the_same_rows():
    first, second = (check_claims(["delayed-onset"], patients=64, pool=256, workers=w) for w in (1, 2))
    assert first == second


def test_a_drug_does_nothing_before_it_begins(lab):
    none = lab.treat("trial-early", [], 182)
    late = lab.treat("trial-early", [["mycophenolate", "1500 mg twice daily", 98]], 182)
    begin = late.at(98)
    np.testing.assert_array_equal(late.states[: begin + 1], none.states[: begin + 1])
    assert (late.state("T")[-1] < none.state("T")[-1]).all()
    assert (late.mrss[-1] < none.mrss[-1]).all()


def test_courses_are_made_once_and_read_at_any_earlier_day(lab):
    longer = lab.treat("trial-early", [], 182)
    assert lab.treat("trial-early", [], 90) is longer
    assert longer.days[longer.at(90)] in (84, 98)
    np.testing.assert_array_equal(longer.change("mrss", 90), longer.mrss[longer.at(90)] - longer.mrss[0])


def test_patients_with_a_recent_decline_have_lost_lung_function(lab):
    cohort = lab.recent_decline(10.0)
    seen = cohort.entry.candidates.values
    assert (seen["fvc_fall_year"] <= -10.0).all()
    assert (seen["lung_load"] >= 5.0).all()


def test_bootstrap_error_of_a_mean_is_that_of_the_formula(lab):
    """100 resamples: relative sd of an estimated error 7 %, so a third off is beyond 4 standard deviations."""
    values = np.random.default_rng(3).normal(size=lab.patients)
    (error,) = bootstrap(lab, 32.0, lambda who: [values[who].mean()])
    assert error == pytest.approx(mean_of(values, 32.0).error, rel=0.33)


def test_hazard_of_infection_is_the_product_of_its_terms(lab):
    from rodnan.calibration.claims.safety import infection_hazard

    cohort, course = lab.cohort("trial-early"), lab.treat("trial-early", [], 28)
    h, k, i = hazards(), 1, 3
    dose = np.full((len(course.days), 1), 0.5)
    anc = cohort.covariates["anc"][i] * course.state("N4")[k, i]
    alc = cohort.covariates["lymphocytes"][i] * course.state("L")[k, i]
    igg = 11.0 * course.state("G1")[k, i]
    old = cohort.covariates["age"][i] + course.days[k] / 365.25 >= 65
    expected = (
        h["infection_base"]
        * (h["infection_age_65"] if old else 1.0)
        * math.exp(0.5 * math.log(h["infection_prednisolone"]))
        * math.exp(math.log(h["infection_neutrophils"]) * max(0.0, 1.5 - anc))
        * math.exp(math.log(h["infection_lymphocytes"]) * max(0.0, 0.6 - alc))
        * math.exp(math.log(h["infection_igg"]) * max(0.0, 7.0 - igg) / 7.0)
    )
    assert infection_hazard(cohort, course, dose)[k, i] == pytest.approx(expected, rel=1e-12)


def test_share_of_non_carriers_gives_the_overall_share():
    from rodnan.calibration.claims.safety import _usual_share

    usual = _usual_share(0.27, 5.55, 0.10)
    odds = 5.55 * usual / (1 - usual)
    assert 0.9 * usual + 0.1 * odds / (1 + odds) == pytest.approx(0.27, rel=1e-9)


def test_half_time_of_an_effect():
    from rodnan.calibration.claims.contrasts import _half_time

    days = np.arange(0, 101, 10)
    assert _half_time(days / 100.0, days) == pytest.approx(50.0)
    assert _half_time(-days / 100.0, days) == math.inf


def test_chance_of_a_low_count_is_that_of_many_draws():
    """40,000 measured courses of three patients; four standard errors of a share (a false alarm in 5,000 runs)."""
    counts = np.array([[4.0, 1.8, 1.5], [3.0, 1.7, 2.5], [4.0, 2.0, 9.0]])
    rng = np.random.default_rng(7)
    measured = counts * np.exp(0.15 * rng.standard_normal((40_000, 3, 3)))
    share = (measured < 1.5).any(axis=1).mean(axis=0)
    chance = chance_of_low_count(counts, 1.5, 0.15)
    assert chance[0] < 1e-4
    assert 0.4 < chance[2] < 0.6
    np.testing.assert_allclose(share, chance, atol=4.0 * np.sqrt(0.25 / 40_000))


def test_values_that_all_patients_share_replace_their_own(lab):
    """A lower clearance of creatinine raises exposure, so marrow cells are fewer; a course is kept for each value."""
    drug = [["methotrexate", "15 mg oral weekly"]]
    low, usual = (lab.treat("trial-early", drug, 168, {"crcl": c}) for c in (1.5, 6.0))
    assert lab.treat("trial-early", drug, 168, {"crcl": 1.5}) is low
    assert (low.state("N4")[-1] < usual.state("N4")[-1]).all()
