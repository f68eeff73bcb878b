"""Event loop against two independent computations, on generated regimens.

Exact propagation, integration by LSODA, superposition of single doses and a plain event-by-event loop have to
agree to 1e-8 of the largest amount.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference.nonmem_oracle import event_by_event, superposition
from reference.nonmem_tables import matrix_model, record, relative, run, table_text

KA, CL, V, Q, VP = 1.3, 1.7, 12.0, 3.0, 20.0
ORAL_TWO = np.array([[-KA, 0.0, 0.0], [KA, -(CL + Q) / V, Q / VP], [0.0, Q / V, -Q / VP]])
gaps = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 12.0, 0.3, 7.77])
amounts = st.sampled_from([100.0, 0.0, 40.0, 1e-3, 100.0])
intervals = st.sampled_from([1.0, 2.0, 4.0, 12.0, 0.7])


@st.composite
def doses(draw, time, steady=True):
    """A legal dose record."""
    evid = draw(st.sampled_from([1, 1, 1, 4]))
    cmt = draw(st.sampled_from([1, 2, 2, 3]))
    amt = draw(amounts)
    if amt == 0.0:
        return record(time, evid, 0.0, cmt)  # a dose that was skipped
    ii = draw(intervals)
    rate = draw(st.sampled_from([0.0, 0.0, 10.0, -2.0, amt / ii, amt / (2.5 * ii)]))  # also DUR = II, > II
    ss = draw(st.sampled_from([0, 0, 1, 2])) if steady else 0
    if ss and draw(st.integers(0, 5)) == 0:
        return record(time, evid, 0.0, cmt, rate=25.0, ss=ss)  # an endless infusion that stops
    addl = draw(st.integers(0, 4))
    if ss and rate == 10.0 and amt / rate > 30.0 * ii:
        rate = 0.0
    return record(time, evid, amt, cmt, rate, ii if ss or addl else 0.0, addl, ss)


@st.composite
def regimens(draw, steady=True):
    """A handful of records: coincident times, zero amounts, a dose first and a dose last."""
    out, time = [], draw(st.sampled_from([0.0, 3.0]))
    for _ in range(draw(st.integers(2, 8))):
        kind = draw(st.sampled_from(["dose", "dose", "see", "see", "other", "reset"]))
        if kind == "dose":
            out.append(draw(doses(time, steady)))
        else:
            out.append(record(time, {"see": 0, "other": 2, "reset": 3}[kind], cmt=2))
        time += draw(gaps)
    return out


lags = st.fixed_dictionaries({2: st.sampled_from([0.0, 0.25, 1.0, 12.0, 5.1])})
fractions = st.fixed_dictionaries({1: st.sampled_from([1.0, 0.4]), 2: st.sampled_from([1.0, 1.5, 0.0])})
INF_SS_LAG_OVER_II = [record(0.0, 1, 100.0, 2, 10.0, 4.0, 3, 1), record(0.0), record(3.0), record(30.0)]


def _spec(lag, f):
    return matrix_model(ORAL_TWO, lag=lag, bioavailability=f, duration={1: 1.5, 2: 6.0, 3: 2.0})


def _steady_lag_free(records, lag):
    return [r for r in records if not (r["ss"] and r["amt"] == 0.0 and lag.get(r["cmt"], 0.0) > 0.0)]


@settings(max_examples=120)
@given(regimens(), lags, fractions)
@example(INF_SS_LAG_OVER_II, {2: 9.0}, {1: 1.0, 2: 1.0})
@example(INF_SS_LAG_OVER_II, {2: 8.0}, {1: 1.0, 2: 0.5})
def test_exact_propagation_equals_superposition_of_single_doses(records, lag, f):
    records = _steady_lag_free(records, lag) or [record(0.0)]
    expected = superposition(ORAL_TWO, records, lag=lag, f=f, duration={1: 1.5, 2: 6.0, 3: 2.0})
    done = run(_spec(lag, f), table_text(records))
    assert done.amounts.shape == expected.shape
    assert relative(done.amounts, expected) < 1e-8


@settings(max_examples=30)
@given(regimens(), lags, fractions)
@example(INF_SS_LAG_OVER_II, {2: 9.0}, {1: 1.0, 2: 1.0})
def test_integration_equals_exact_propagation(records, lag, f):
    records = _steady_lag_free(records, lag) or [record(0.0)]
    spec, text = _spec(lag, f), table_text(records)
    assert relative(run(spec, text, numeric=True).amounts, run(spec, text).amounts) < 1e-8


@settings(max_examples=50)
@given(regimens(steady=False), st.randoms(use_true_random=False))
def test_covariates_by_next_value_equal_an_event_by_event_loop(records, random):
    n = len(records)
    weight = [random.choice([50.0, 70.0, 90.0]) for _ in range(n)]
    lag = [random.choice([0.0, 0.5, 3.0]) for _ in range(n)]
    f = [random.choice([1.0, 0.3]) for _ in range(n)]
    length = [random.choice([1.5, 6.0]) for _ in range(n)]
    columns = {"WT": weight, "ALAG2": lag, "F2": f, "DU": length}
    spec = matrix_model(ORAL_TWO, duration={1: "DU", 2: "DU", 3: "DU"})
    cl = f"{CL}*(WT/70)^0.75"
    rows = [list(map(str, row)) for row in ORAL_TWO.tolist()]
    rows[1][1] = f"-({cl}+{Q})/{V}"
    spec = type(spec)(
        name="test",
        compartments=spec.compartments,
        rate_matrix=tuple(map(tuple, rows)),
        duration=spec.duration,
    )
    matrices = []
    for w in weight:
        k = ORAL_TWO.copy()
        k[1, 1] = -(CL * (w / 70.0) ** 0.75 + Q) / V
        matrices.append(k)
    durations = dict.fromkeys((1, 2, 3), length)
    expected = event_by_event(matrices, records, lag={2: lag}, f={2: f}, duration=durations)
    assert relative(run(spec, table_text(records, columns)).amounts, expected) < 1e-8


@settings(max_examples=60)
@given(regimens(steady=False), st.sampled_from([0.0, 0.4, 6.0]), st.sampled_from([1.0, 0.6]))
def test_what_goes_in_is_there_or_was_eliminated(records, lag, f):
    with_sink = np.zeros((4, 4))
    with_sink[:3, :3] = ORAL_TWO
    with_sink[3, 1] = CL / V
    spec = matrix_model(with_sink, lag={2: lag}, bioavailability={2: f}, duration={1: 1.5, 2: 6.0, 3: 2.0})
    done = run(spec, table_text(records))
    expected = []
    given_doses = []
    for r in records:
        if r["evid"] in (3, 4):
            given_doses = []
        if r["evid"] in (1, 4):
            c = r["cmt"]
            amount = r["amt"] * (f if c == 2 else 1.0)
            length = {0.0: 0.0, -2.0: {1: 1.5, 2: 6.0, 3: 2.0}[c]}.get(r["rate"])
            length = amount / r["rate"] if length is None else length
            start = r["time"] + (lag if c == 2 else 0.0)
            given_doses += [(start + j * r["ii"], amount, length) for j in range(r["addl"] + 1)]
        total = 0.0
        for arrival, amount, length in given_doses:
            age = r["time"] - arrival
            if age > -1e-9:
                total += amount * (min(1.0, max(age, 0.0) / length) if length else 1.0)
        expected.append(total)
    assert np.allclose(done.amounts.sum(axis=1), expected, rtol=1e-9, atol=1e-9 * max(1.0, max(expected)))


@pytest.mark.parametrize("where", ["first", "last"])
@pytest.mark.parametrize("lag", [0.0, 0.5])
def test_a_dose_on_the_edge_of_the_data_set(where, lag):
    dose = record(0.0 if where == "first" else 8.0, 1, 100.0, 1)
    seen = [record(t) for t in (1.0, 8.0)]
    records = [dose, *seen] if where == "first" else [*seen, dose]
    done = run(matrix_model(ORAL_TWO, lag={1: lag}), table_text(records))
    at = records.index(dose)
    assert done.amounts[at, 0] == (100.0 if lag == 0.0 else 0.0)
    assert relative(done.amounts, superposition(ORAL_TWO, records, lag={1: lag})) < 1e-10


def test_infusions_that_meet_end_to_start_are_one_long_infusion():
    chain = [record(0.0, 1, 10.0, 2, 5.0, ii=2.0, addl=9), *(record(t) for t in (1.0, 7.3, 20.0, 24.0))]
    long = [record(0.0, 1, 100.0, 2, 5.0), *(record(t) for t in (1.0, 7.3, 20.0, 24.0))]
    spec = matrix_model(ORAL_TWO)
    assert relative(run(spec, table_text(chain)).amounts, run(spec, table_text(long)).amounts) < 1e-12


def test_steady_infusions_that_meet_are_a_constant_infusion():
    spec = matrix_model(ORAL_TWO)
    meeting = [record(0.0, 1, 60.0, 2, 5.0, ii=12.0, ss=1), record(6.0)]
    stop = [record(0.0, 1, 0.0, 2, 5.0, ss=1)]
    plateau = run(spec, table_text(stop)).amounts[0]
    done = run(spec, table_text(meeting)).amounts
    assert relative(done[0], plateau) < 1e-12
    assert relative(done[1], plateau) < 1e-12  # the infusion of the record itself goes on


def test_a_clock_that_a_reset_sets_back_does_not_shorten_what_was_before():
    course = [record(0.0, 1, 100.0, 2, ii=12.0, addl=3), record(40.0)]
    again = [record(5.0, 3), record(5.0, 1, 50.0, 1, 10.0, ii=6.0, addl=2), record(9.0), record(19.0)]
    done = run(matrix_model(ORAL_TWO, lag={2: 0.5}), table_text([*course, *again]))
    assert relative(done.amounts, superposition(ORAL_TWO, [*course, *again], lag={2: 0.5})) < 1e-10
