"""Regimens: words, records, days, milligrams."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rodnan.errors import DoseError, EvidenceError, ModelError, PopulationError, RodnanError, UnitError
from rodnan.pharmacology.models import load_model
from rodnan.pharmacology.regimen import DOSE_UNITS, DoseRule, Regimen, dose_plan, taken
from rodnan.pharmacology.regimen_reading import parse_regimen, parse_treatment, regimen_from_item

MMF, CYC = load_model("mycophenolate"), load_model("cyclophosphamide")


def _total(text, model=CYC, covariates=None, days=800, n=1):
    plan = dose_plan(model, parse_regimen(text, model.id), covariates or {}, n)
    return plan.amounts(0, days)


def test_unit_twice_daily_for_a_span():
    plan = dose_plan(MMF, parse_regimen("1.5 g every 12 h for 104 weeks", "mycophenolate"), {}, 2)
    amounts = plan.amounts(0, 800)
    assert amounts.shape == (2, 800, 2)
    assert (amounts[:, :728] == 1500.0).all()
    assert (amounts[:, 728:] == 0.0).all()
    assert [s.time for s in plan.slots] == [0.0, 0.5]
    assert plan.last_day == 727


def test_unit_monthly_pulses():
    amounts = _total("750 mg/m2 iv monthly x 6", covariates={"bsa": [1.6, 2.0]}, n=2)[:, :, 0]
    days = np.flatnonzero(amounts[0])
    np.testing.assert_array_equal(days, np.floor(np.arange(6) * 30.4375 + 0.5))
    np.testing.assert_allclose(amounts[:, 0], [1200.0, 1500.0])


def test_unit_sls_titration_of_cyclophosphamide():
    """Start 1 mg/kg to the nearest 25 mg, a capsule more each month, up to 2 mg/kg; stops after a year."""
    item = {
        "drug": "cyclophosphamide", "route": "oral", "dose": 2, "unit": "mg/kg", "interval": 1,
        "interval_unit": "day", "start_week": 0, "stop_week": 52,
        "titration": "start 1 mg/kg/day to the nearest 25 mg, one 25-mg capsule more each month"
        " up to 2 mg/kg/day",
    }  # fmt: skip
    plan = dose_plan(CYC, regimen_from_item(item), {"weight": [50.0, 72.0, 96.0]}, 3)
    amounts = plan.amounts(0, 400)[:, :, 0]
    np.testing.assert_array_equal(amounts[:, 0], [50.0, 75.0, 100.0])
    np.testing.assert_array_equal(amounts[:, 31], [75.0, 100.0, 125.0])
    np.testing.assert_array_equal(amounts[:, 363], [100.0, 150.0, 200.0])
    assert (amounts[:, 364:] == 0.0).all()
    assert (np.diff(amounts[:, :364], axis=1) >= 0.0).all()
    # "As tolerated" takes the titration of the drug's record, and says so.
    item["titration"] = "titrated to 2 mg/kg/day as tolerated"
    same = dose_plan(CYC, regimen_from_item(item), {"weight": [50.0, 72.0, 96.0]}, 3)
    np.testing.assert_array_equal(same.amounts(0, 400)[:, [0, 31, 363], 0], amounts[:, [0, 31, 363]])
    assert "25 mg more every 4.345 weeks (read)" in same.notes[0]


def test_unit_sls2_titration_of_mycophenolate():
    item = {
        "drug": "mycophenolate", "route": "oral", "dose": 1500, "unit": "mg", "interval": 12,
        "interval_unit": "hour", "start_week": 0, "stop_week": 104,
        "titration": "titrated to 1500 mg twice daily as tolerated",
    }  # fmt: skip
    plan = dose_plan(MMF, regimen_from_item(item), {}, 1)
    amounts = plan.amounts(0, 728)[0]
    np.testing.assert_array_equal(amounts[[0, 13, 14, 27, 28, 727], 0], [500, 500, 1000, 1000, 1500, 1500])
    np.testing.assert_array_equal(amounts[:, 0], amounts[:, 1])
    assert "assumed" in plan.notes[0]


def test_unit_records_of_other_shapes():
    base = {"drug": "cyclophosphamide", "route": "iv", "dose": 375, "unit": "mg/m2", "interval": 1,
            "interval_unit": "week", "start_week": 0, "stop_week": 3}  # fmt: skip
    plan = dose_plan(CYC, regimen_from_item(base), {"bsa": 2.0}, 1)
    np.testing.assert_array_equal(np.flatnonzero(plan.amounts(0, 60)[0, :, 0]), [0, 7, 14, 21])
    esos = regimen_from_item(
        {"drug": "mycophenolate", "route": "oral", "dose": 1000, "unit": "mg", "interval": 12,
         "interval_unit": "hour", "start_week": 0, "stop_week": None,
         "titration": "500 mg twice daily for 2 weeks, then 1 g twice daily"}
    )  # fmt: skip
    amounts = dose_plan(MMF, esos, {}, 1).amounts(0, 20)[0, :, 0]
    np.testing.assert_array_equal(amounts[[0, 13, 14, 19]], [500, 500, 1000, 1000])
    middle = regimen_from_item(base | {"dose": [10, 15], "unit": "mg", "titration": "tapered to zero"})
    assert middle.dose.amount == 12.5
    assert any("middle" in note for note in middle.notes)
    assert any("not acted on: tapered to zero" in note for note in middle.notes)
    pulses = regimen_from_item(base | {"stop_week": 26, "interval_unit": "month", "titration": "6 pulses"})
    assert pulses.doses == 6
    once = regimen_from_item(base | {"interval": None, "interval_unit": "once"})
    assert dose_plan(CYC, once, {"bsa": 1.5}, 1).amounts(-3, 10)[0, 3, 0] == pytest.approx(562.5)


def test_unit_sessions_and_cells():
    """A session has one route whatever the protocol calls it; cells per kg are one infusion."""
    exchange = {"drug": "plasma-exchange", "route": "extracorporeal", "dose": [1.0, 1.5], "interval": 2,
                "unit": "plasma volumes per session", "interval_unit": "day", "doses": 5}  # fmt: skip
    plan = dose_plan(load_model("plasma-exchange"), regimen_from_item(exchange), {}, 1)
    np.testing.assert_array_equal(plan.amounts(0, 20)[0, :, 0].nonzero()[0], [0, 2, 4, 6, 8])
    assert plan.amounts(0, 1)[0, 0, 0] == 1.25
    cells = {"drug": "car-t-cd19", "route": "iv", "dose": 1e6, "unit": "cells/kg", "interval_unit": "once"}
    assert dose_plan(load_model("car-t-cd19"), regimen_from_item(cells), {}, 1).amounts(0, 5).sum() == 1.0


def test_unit_span_cut_anywhere_gives_the_same_days():
    text = "start 1 mg/kg, +25 mg monthly, to 2 mg/kg daily for 20 weeks then 100 mg every 3 days for 90 days"
    plan = dose_plan(CYC, [_oral(r) for r in parse_regimen(text, "cyclophosphamide")], {"weight": 70.0}, 1)
    whole = plan.amounts(0, 300)
    for cut in (1, 7, 139, 140, 141, 200):
        parts = np.concatenate([plan.amounts(0, cut), plan.amounts(cut, 300 - cut)], axis=1)
        np.testing.assert_array_equal(parts, whole)
    assert (whole[0, 140:230:3].sum(), whole[0, 230:].sum()) == (30 * 100.0, 0.0)


def _oral(regimen):
    return replace(regimen, route="oral")


def test_unit_holds_reductions_and_adherence():
    plan = dose_plan(MMF, parse_regimen("1 g bid", "mycophenolate"), {}, 3)
    amounts = plan.amounts(0, 10, multiplier=[0.0, 0.5, 1.0])
    np.testing.assert_array_equal(amounts[:, 0, 0], [0.0, 500.0, 1000.0])
    with pytest.raises(DoseError, match="RDN-D113"):
        plan.amounts(0, 10, multiplier=[-1.0, 1.0, 1.0])
    with pytest.raises(DoseError, match="RDN-D113"):
        plan.amounts(0, -1)
    by_day = np.ones((3, 10))
    by_day[1, 5:] = 0.0
    assert (plan.amounts(0, 10, multiplier=by_day)[1, 5:] == 0.0).all()
    uniforms = np.random.default_rng(4).random((3, 400, 2))
    long = plan.amounts(0, 400)
    got = taken(long, [0.0, 0.8, 1.0], uniforms)
    assert got[0].sum() == 0.0
    np.testing.assert_array_equal(got[2], long[2])
    assert set(np.unique(got[1])) == {0.0, 1000.0}
    # 800 doses at 0.8: within 5 standard errors (false alarms 6e-7).
    assert (got[1] > 0).mean() == pytest.approx(0.8, abs=5 * math.sqrt(0.16 / 800))
    with pytest.raises(DoseError, match="RDN-D116"):
        taken(long, 1.2, uniforms)


def test_unit_sequences_and_combinations():
    treatment = parse_treatment(
        "Cytoxan 600 mg/m2 iv monthly x 6 then azathioprine 2.5 mg/kg daily for 52 weeks then 2 mg/kg daily;"
        " prednisone 10 mg daily for 26 weeks plus car-t-cd19 1 session once"
    )
    assert list(treatment) == ["cyclophosphamide", "azathioprine", "prednisone", "car-t-cd19"]
    first, second = treatment["azathioprine"]
    assert first.start == pytest.approx(6 * 30.4375)
    assert (second.start, second.stop) == (first.stop, math.inf)
    assert second.dose == DoseRule(2.0, "mg/kg")
    assert treatment["prednisone"][0].start == 0.0
    with pytest.raises(EvidenceError, match=r"RDN-E006.*mycophenolate"):
        parse_treatment("mycofenolate 1 g daily")
    with pytest.raises(DoseError, match="RDN-D120"):
        parse_treatment("1 g daily")
    with pytest.raises(DoseError, match="never ends"):
        parse_treatment("MMF 1 g daily then azathioprine 100 mg daily")
    weekly = parse_treatment("rituximab 375 mg/m2 weekly for 4 weeks then 375 mg/m2 weekly for 4 weeks")
    plan = dose_plan(load_model("rituximab"), weekly["rituximab"], {"bsa": 1.0}, 1)
    np.testing.assert_array_equal(plan.amounts(0, 70)[0].sum(axis=1).nonzero()[0], np.arange(8) * 7)


REFUSALS = [
    ("-5 mg daily", DoseError, "RDN-D110"),
    ("0 mg daily", DoseError, "RDN-D110"),
    ("5 mgg daily", UnitError, "did you mean 'mg'"),
    ("5 mg", DoseError, "lacks a frequency"),
    ("daily", DoseError, "lacks a dose"),
    ("", DoseError, "lacks a dose"),
    ("5 mg daily wherever", DoseError, "wherever"),
    ("5 mg daily weekly", DoseError, "RDN-D119"),
    ("5 mg every 7 h", DoseError, "RDN-D112"),
    ("5 mg every 0 days", DoseError, "RDN-D111"),
    ("5 mg daily for 0 weeks", DoseError, "RDN-D111"),
    ("5 mg daily x 0", DoseError, "RDN-D111"),
    ("5 mg daily then 10 mg daily", DoseError, "never ends"),
    ("start 1 mg/kg to 2 mg/kg daily", DoseError, "titration"),
    ("nan mg daily", DoseError, "RDN-D118"),
]


@pytest.mark.parametrize(("text", "error", "words"), REFUSALS)
def test_unit_words_refused(text, error, words):
    with pytest.raises(error, match=words) as caught:
        parse_regimen(text, "cyclophosphamide")
    assert "\n" not in str(caught.value)


def test_unit_plans_refused():
    with pytest.raises(PopulationError, match="RDN-P110"):
        dose_plan(CYC, parse_regimen("2 mg/kg oral daily", "cyclophosphamide"), {"wieght": 70.0}, 1)
    with pytest.raises(PopulationError, match="RDN-P102"):
        dose_plan(CYC, parse_regimen("2 mg/kg oral daily", "cyclophosphamide"), {"weight": np.nan}, 1)
    with pytest.raises(DoseError, match="RDN-D115"):
        dose_plan(CYC, parse_regimen("1 g oral daily", "mycophenolate"), {}, 1)
    with pytest.raises(DoseError, match="RDN-D115"):
        dose_plan(CYC, parse_regimen("1 session iv daily", "cyclophosphamide"), {}, 1)
    with pytest.raises(ModelError, match="RDN-M104"):
        dose_plan(CYC, parse_regimen("1 g daily", "cyclophosphamide"), {}, 1)
    with pytest.raises(ModelError, match="RDN-M104"):
        dose_plan(MMF, parse_regimen("1 g iv daily", "mycophenolate"), {}, 1)
    with pytest.raises(DoseError, match="RDN-D114"):
        regimen_from_item({"drug": "x", "dose": None, "unit": "mg"})
    with pytest.raises(UnitError, match="RDN-U211"):
        regimen_from_item({"drug": "x", "dose": 1, "unit": "mg", "interval": 1, "interval_unit": "wek"})
    with pytest.raises(DoseError, match="RDN-D117"):
        regimen_from_item({"drug": "x", "dose": 1, "unit": "mg", "interval": None, "interval_unit": "week"})
    with pytest.raises(UnitError, match="RDN-U210"):
        regimen_from_item({"drug": "x", "dose": 1, "unit": "cGy", "interval": 1, "interval_unit": "week"})


WORDS = [
    "1",
    "2",
    "500",
    "1.5",
    "-3",
    "0",
    "mg",
    "g",
    "mg/kg",
    "mg/m2",
    "mgg",
    "daily",
    "weekly",
    "monthly",
    "every",
    "12 h",
    "for",
    "weeks",
    "days",
    "x",
    "6",
    "then",
    "start",
    "+",
    "to",
    "max",
    "iv",
    "oral",
    "over",
    "min",
    "rounded to",
    "nearest",
    "from week",
    "until week",
    "as tolerated",
    "twice",
    "a day",
    "/day",
    ",",
    ";",
    "q8h",
    "once",
    "99999999999",
    "doses",
    "sessions",
    "(",
    "é",
    "\x00",
    "nan",
    "inf",
]


@given(words=st.lists(st.sampled_from(WORDS), max_size=14), text=st.text(max_size=20))
@settings(max_examples=400)
def test_property_any_words_are_a_plan_or_a_coded_error(words, text):
    for candidate in (" ".join(words), "".join(words), text, "100 mg oral daily " + text):
        outcome = _planned(candidate)
        with contextlib.suppress(RodnanError):
            assert parse_treatment("MMF " + candidate)
        if isinstance(outcome, RodnanError):
            assert "\n" not in str(outcome)
        else:
            assert np.isfinite(outcome).all()
            assert (outcome >= 0.0).all()


def _planned(text):
    try:
        regimens = [_oral(r) if r.route is None else r for r in parse_regimen(text, "cyclophosphamide")]
        return dose_plan(CYC, regimens, {"weight": 70.0, "bsa": 1.8}, 2).amounts(-5, 60)
    except RodnanError as error:
        return error


@given(
    amount=st.floats(0.1, 1e4),
    unit=st.sampled_from([u for u in DOSE_UNITS if DOSE_UNITS[u][1] not in ("session", "infusion")]),
    per_day=st.sampled_from([1, 2, 3, 4, 6, 8]),
    doses=st.integers(1, 200),
)
def test_property_number_of_doses_is_kept(amount, unit, per_day, doses):
    regimen = Regimen(
        "cyclophosphamide", "oral", DoseRule(amount, unit), 1 / per_day, doses=doses, rounding=1e-9
    )
    amounts = dose_plan(CYC, regimen, {"weight": 70.0, "bsa": 1.8}, 1).amounts(0, 210)
    assert np.count_nonzero(amounts) == doses
