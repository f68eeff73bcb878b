"""A virtual trial from record to result."""

import copy
import dataclasses
import json

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.errors import EngineError, RodnanError, TrialError
from rodnan.evidence import load_study, read_study
from rodnan.trial import ArmDesign, conduct_arm, conduct_settings, design_from_study, enrol, run
from rodnan.trial.analysis import draw_replicates, events_by, summarise_change, summarise_contrast

SMALL = {"patients": 240, "pool": 1024, "replicates": 60, "force": True, "seed": 3}


def text(result):
    return json.dumps(result, allow_nan=False)


def test_same_seed_same_bytes_for_any_number_of_workers(small):
    assert text(run("sls-2", workers=1, **SMALL)) == text(small)


def test_another_seed_is_another_trial(small):
    other = run("sls-2", **(SMALL | {"seed": 4}))
    assert other["outcomes"] != small["outcomes"]


def test_result_has_every_part_the_issue_names(small):
    assert {"study", "seed", "manifest", "outcomes", "adverse_events", "withdrawals"} <= set(small)
    row = small["outcomes"][0]
    assert {"arm", "endpoint", "measure", "week", "simulated", "published", "agrees"} <= set(row)
    assert {"mean", "sd", "interval90"} <= set(row["simulated"])
    weeks = {(r["arm"], r["endpoint"], r["week"]) for r in small["outcomes"] if r["measure"] == "change"}
    assert {
        (a, e, w) for a in ("mmf", "cyc") for e in ("fvc_pct_pred", "mrss") for w in (26, 52, 78, 104)
    } <= weeks
    assert any(r["published"] and r["published"]["mean"] == 3.3 for r in small["outcomes"])
    assert small["role"] == "validation"
    assert "simulation" in small["simulation_notice"].lower()
    assert small["manifest"]["parameters"]["sha256"]


def test_agreement_is_the_published_number_inside_the_interval(small):
    judged = [r for r in small["outcomes"] + small["contrasts"] if r["published"]]
    assert judged
    for row in judged:
        low, high = row["simulated"]["interval90"]
        assert row["agrees"] is (low <= row["published"]["mean"] <= high)
    assert all(r["agrees"] is None for r in small["outcomes"] if not r["published"])


def test_change_starts_at_zero_and_people_only_leave(small):
    for course in small["trajectories"]:
        assert course["mean"][0] == 0
        assert set(course["patient_quantiles"]) == {"5", "25", "50", "75", "95"}
    sizes = [r["simulated"]["n"] for r in small["outcomes"] if r["arm"] == "mmf" and r["endpoint"] == "mrss"]
    assert sizes == sorted(sizes, reverse=True)


@pytest.fixture(scope="module")
def parts():
    parameters = load_parameters()
    design = design_from_study(load_study("sls-1"))
    cohort = enrol(design, parameters, patients=200, pool_size=768, seed=2, force=True)
    return design, cohort, parameters


def treat(parts, arm, weeks=52, **options):
    _, cohort, parameters = parts
    return conduct_arm(arm, cohort, parameters, conduct_settings(), study="t", seed=2, weeks=weeks, **options)


def test_placebo_against_placebo_differs_by_nothing(parts):
    placebo = parts[0].arm("placebo")
    first, second = treat(parts, placebo), treat(parts, dataclasses.replace(placebo, id="again"))
    repetitions = draw_replicates(
        {"placebo": 50, "again": 50}, 200, 40, seed=1, study="t", endpoints=["mrss"]
    )
    summary = summarise_contrast(first, second, "mrss", 13, repetitions)
    assert summary.mean == 0
    assert summary.low < 0 < summary.high


def test_a_drug_without_potency_changes_no_skin_and_no_lung(parts):
    design = parts[0]
    arm = design.arm("cyc")
    model = arm.models["cyclophosphamide"]
    silent = dataclasses.replace(model, effects=())
    off = treat(parts, dataclasses.replace(arm, models={"cyclophosphamide": silent}), stay=True)
    placebo = treat(parts, design.arm("placebo"), stay=True)
    for endpoint in ("mrss", "fvc_pct_pred"):
        np.testing.assert_array_equal(off.observed[endpoint], placebo.observed[endpoint])
    on = treat(parts, arm, stay=True)
    assert on.observed["fvc_pct_pred"][13].mean() > placebo.observed["fvc_pct_pred"][13].mean()


def test_more_active_treatment_lowers_the_skin_score(parts):
    arm = parts[0].arm("cyc")
    model = arm.models["cyclophosphamide"]
    scores = []
    for value in (0.2, 0.5, 0.9):
        mine = dataclasses.replace(model, potency=dataclasses.replace(model.potency, value=value))
        course = treat(parts, dataclasses.replace(arm, models={"cyclophosphamide": mine}), stay=True)
        scores.append(course.observed["mrss"][13].mean())
    assert scores[0] > scores[1] > scores[2]


def test_events_belong_to_those_still_in(parts):
    course = treat(parts, parts[0].arm("cyc"), weeks=104)
    for event in ("leukopenia", "neutropenia"):
        happened = np.isfinite(course.first_event[event])
        assert (course.first_event[event][happened] <= course.left_day[happened]).all()
    shares = [events_by(course, "withdrawal", week).mean() for week in (13, 26, 52, 104)]
    assert shares == sorted(shares)
    assert events_by(course, "leukopenia", 104).any()
    assert not events_by(treat(parts, parts[0].arm("placebo")), "neutropenia", 52).mean() > 0.02


def test_doses_follow_the_titration(parts):
    course = treat(parts, parts[0].arm("cyc"), weeks=52, stay=True)
    weight = parts[1].covariates["weight"]
    per_kg_and_day = course.dose_taken / weight / 364
    assert 1.0 < np.median(per_kg_and_day) < 2.0
    assert per_kg_and_day.max() < 2.2


def test_adding_an_arm_changes_nobody_else(parts):
    design = parts[0]
    alone = treat(parts, design.arm("placebo"))
    treat(parts, design.arm("cyc"))
    again = treat(parts, design.arm("placebo"))
    assert alone.observed["mrss"].tobytes() == again.observed["mrss"].tobytes()


def test_intervals_of_small_trials_are_wider(parts):
    course = treat(parts, parts[0].arm("placebo"))
    widths = []
    for size in (20, 80):
        repetitions = draw_replicates({"placebo": size}, 200, 300, seed=1, study="t", endpoints=["mrss"])
        summary = summarise_change(course, "mrss", 13, repetitions, conduct_settings())
        widths.append(summary.uncertainty["trial_luck"])
    # 20 and 80 of 200, drawn without replacement: sqrt((0.9 / 20) / (0.6 / 80)) = 2.45
    assert widths[0] == pytest.approx(2.45 * widths[1], rel=0.25)


def test_sizes_that_cannot_be_run_are_refused():
    with pytest.raises(TrialError, match=r"RDN-T003.*patients"):
        run("sls-2", patients=3)


def broken(tmp_path, change):
    import yaml

    from rodnan.evidence.loading import data_folder

    record = yaml.safe_load((data_folder("studies") / "sls-2.yaml").read_text())
    change(record)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(record))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["arms"][0]["regimen"][0].update(drug="mycophenolat"), "mycophenolate"),
        (lambda r: r["arms"][0]["regimen"][0].update(dose=-1500), "-1500"),
        (lambda r: r["arms"][0]["regimen"][0].update(unit="mgg"), "mg"),
        (lambda r: r["arms"][0]["regimen"][0].update(dosis=1500), "dose"),
        (lambda r: r["arms"][1]["regimen"][0].update(route="orl"), "oral"),
        (lambda r: r["adverse_events"][0].update(n=99), "99"),
        (lambda r: r["outcomes"][0].pop("basis"), "basis"),
    ],
)
def test_a_bad_record_is_one_coded_line(tmp_path, change, said):
    with pytest.raises(RodnanError) as caught:
        run(read_study(broken(tmp_path, change)), **SMALL)
    line = str(caught.value)
    assert line.startswith("RDN-")
    assert said in line
    assert "\n" not in line


def test_a_missing_covariate_is_named(parts):
    from rodnan.errors import PopulationError
    from rodnan.pharmacology import draw_patients, load_model

    covariates = copy.copy(dict(parts[1].covariates))
    covariates.pop("albumin")
    covariates["albumn"] = np.ones(200)
    with pytest.raises(PopulationError, match=r"RDN-P101.*albumin"):
        draw_patients(load_model("mycophenolate"), covariates, n=200)


def test_arms_can_be_made_by_hand(parts):
    arm = ArmDesign("none", "nothing", 10, {}, {}, "no drug")
    assert treat(parts, arm, weeks=8).days[-1] == 56


def test_a_device_that_is_not_there_is_refused_before_anything_runs():
    with pytest.raises(EngineError, match=r"RDN-N012 .*did you mean 'gpu'"):
        run("sls-2", device="gpx", patients=20, replicates=20, pool=64)
