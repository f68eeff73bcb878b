"""What becomes of a study's arms: what is simulated, what is assumed aloud, what is left out and why."""

import math

import pytest

from rodnan.calibration.bayes.simulate import arm_targets
from rodnan.errors import EvidenceError, TrialError
from rodnan.evidence import load_study, studies
from rodnan.evidence.records.study import Study
from rodnan.trial.design import _CALIBRATION, design_from_study
from rodnan.trial.feasibility import arm_treatment, background_of


def made(*arms, outcomes=None, inclusion=("early diffuse disease",)):
    """A study of the reader's own with these arms."""
    return Study.model_validate(
        {
            "id": "made",
            "acronym": "MADE",
            "citation": {"title": "A made-up trial", "year": 2020},
            "design": {"type": "rct", "blinding": "double", "randomised": True},
            "condition": "dcSSc",
            "population": {"n": 40, "inclusion": list(inclusion), "baseline": []},
            "arms": [{"label": arm["id"]} | arm for arm in arms],
            "outcomes": outcomes
            or [
                {
                    "endpoint": "mrss",
                    "measure": "change",
                    "arm": arms[0]["id"],
                    "week": 52,
                    "mean": -3.0,
                    "basis": "read",
                }
            ],
            "source": ["made for this test"],
        }
    )


def oral(drug, **fields):
    return {"drug": drug, "route": "oral", "unit": "mg", "interval": 1, "interval_unit": "day"} | fields


def treatment(study, k=0):
    return arm_treatment(study, study.arms[k])


def test_a_dose_that_is_not_published_is_the_usual_one_and_said_so():
    found = treatment(
        made({"id": "aza", "regimen": [oral("azathioprine", dose=None, start_week=0, stop_week=26)]})
    )
    (regimen,) = found.drugs["azathioprine"]
    assert (regimen.dose.amount, regimen.dose.unit, regimen.stop) == (2.0, "mg/kg", 26 * 7)
    assert "no dose of azathioprine in the record" in found.assumptions[0]


def test_a_daily_amount_is_split_as_the_drug_is_taken():
    item = oral("mycophenolate", dose=[2000, 3000], unit="mg_per_day", stop_week=52)
    (regimen,) = treatment(made({"id": "mmf", "regimen": [item]})).drugs["mycophenolate"]
    assert regimen.dose.amount == 1250.0
    assert regimen.interval == 0.5


def test_a_course_of_so_many_doses_is_not_cut_by_the_weeks_of_the_record():
    item = {"drug": "rituximab", "route": "iv", "start_week": 4, "stop_week": 5}
    (regimen,) = treatment(made({"id": "rtx", "regimen": [item]})).drugs["rituximab"]
    assert regimen.doses == 4
    assert regimen.start == 28.0


def test_two_routes_of_one_drug_at_the_same_time_are_alternatives_and_never_added():
    found = treatment(load_study("esos"), [a.id for a in load_study("esos").arms].index("cyc"))
    assert len(found.drugs["cyclophosphamide"]) == 1
    assert any("iv is simulated" in note for note in found.assumptions)


def test_a_transplantation_holds_its_conditioning():
    scot = load_study("scot")
    found = treatment(scot)
    assert list(found.drugs) == ["autologous-hsct"]
    assert any("total body irradiation" in note and "cyclophosphamide" in note for note in found.assumptions)


def test_a_maintenance_arm_begins_with_the_induction_of_the_study():
    iudici = load_study("iudici-2015")
    found = treatment(iudici, [a.id for a in iudici.arms].index("aza-maintenance"))
    assert set(found.drugs) == {"cyclophosphamide", "azathioprine"}


@pytest.mark.parametrize(
    ("arm", "reason"),
    [
        ({"id": "mmf", "label": "mycophenolate"}, "says nothing of its treatment"),
        ({"id": "hist", "label": "historical controls"}, "patients of another study"),
        ({"id": "x", "regimen": [oral("relaxin", dose=1)]}, "has no model"),
        ({"id": "x", "regimen": [oral("methotrexate or cyclophosphamide", dose=1)]}, "names several drugs"),
        (
            {"id": "x", "regimen": [oral("mycophenolate", dose=1000) | {"interval_unit": "total-course"}]},
            "cannot be given",
        ),
    ],
)
def test_an_arm_that_cannot_be_simulated_is_named_with_the_reason(arm, reason):
    assert reason in treatment(made(arm)).reason
    with pytest.raises(TrialError, match="RDN-T001"):
        design_from_study(made(arm))


def test_a_misspelt_drug_is_an_error_and_no_arm_left_out():
    with pytest.raises(EvidenceError, match="mycophenolate"):
        treatment(made({"id": "x", "regimen": [oral("mycofenolate", dose=1000)]}))


def test_an_arm_without_drug_needs_a_label_that_says_so():
    found = treatment(made({"id": "p", "label": "placebo"}))
    assert not found.drugs


def test_background_with_a_share_is_given_and_without_one_is_named():
    arm = made({"id": "p", "label": "placebo", "background": ["methotrexate 50%, MMF 6.7%"]}).arms[0]
    given, left = background_of(arm)
    assert [(b.drug, b.share) for b in given] == [
        ("methotrexate", 0.5),
        ("mycophenolate", pytest.approx(0.067)),
    ]
    assert left == ()
    arm = made({"id": "p", "label": "placebo", "background": ["prednisone up to 10 mg/day allowed"]}).arms[0]
    given, left = background_of(arm)
    assert given == ()
    assert "prednisone" in left[0].reason


def test_background_reaches_the_share_of_the_arm_and_no_dose_rule_touches_it():
    from rodnan.trial import run

    result = run("senscis", patients=200, pool=512, replicates=20, force=True)
    assert any("mycophenolate in 49%" in text for text in result["assumptions"])


def test_entry_rules_are_read_from_the_words_of_the_record():
    design = design_from_study(
        made(
            {"id": "p", "label": "placebo"},
            inclusion=["diffuse disease for at most 5 years", "FVC below 85 %"],
        )
    )
    filters = {f.variable: (f.low, f.high) for f in design.entry.filters}
    assert filters["dcssc"] == (1.0, 1.0)
    assert filters["disease_duration"] == (0.0, 5.0)
    assert filters["fvc_pct_pred"][1] == 85.0
    assert any("words of the record" in text for text in design.assumptions)


def test_the_baseline_of_a_subgroup_is_not_that_of_the_study():
    """SENSCIS has rows of its patients with mRSS of 18 or more; the trial's own mean is 11."""
    moments = {m.variable: m.mean for m in design_from_study(load_study("senscis")).entry.moments}
    assert moments["mrss"] == pytest.approx(11.0)


def test_every_study_on_record_has_a_design_or_a_coded_reason():
    refused, simulated = [], 0
    for name in studies():
        try:
            design = design_from_study(load_study(name))
        except TrialError as error:
            refused.append(error.code)
            continue
        simulated += 1
        assert all(math.isfinite(r.dose.amount) for a in design.arms for d in a.drugs.values() for r in d)
    assert set(refused) <= {"RDN-T001", "RDN-T002"}
    assert simulated > 20


def test_the_role_of_a_study_is_that_of_the_calibration_targets():
    rows = (*arm_targets()["arms"], *arm_targets()["contrasts"])
    assert set(_CALIBRATION) == {row["study"] for row in rows}
