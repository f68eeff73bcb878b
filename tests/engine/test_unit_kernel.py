"""Generated kernels: order, bytes, failures."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from rodnan.engine.batch import advance
from rodnan.engine.compile import LANES, SymbolicSystem, lane_source, reference_rhs
from rodnan.engine.compile.cache import load_kernel
from rodnan.errors import EngineError


def small_system():
    """Return a system that uses every printing rule: rotation, decay, powers, extremes, an input."""
    from sympy import Max, Min, Symbol, sqrt

    s = SimpleNamespace(**{n: Symbol(n, nonnegative=True) for n in ("x", "v", "n", "k", "w", "gam", "u")})
    return SymbolicSystem(
        states=("x", "v", "n"),
        individual=("k",),
        population=("w", "gam"),
        inputs=("u",),
        rhs={
            "x": s.w * s.v + 0 * s.k,
            "v": -s.w * s.x,
            "n": -s.k * s.n ** (1 + s.gam) + Max(0, s.u - 2) + Min(s.u, 1) * sqrt(s.n) / 10,
        },
    )


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    os.environ["RODNAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    try:
        yield load_kernel("small", "test", lambda: lane_source(small_system()))
    finally:
        del os.environ["RODNAN_CACHE"]


def go(kernel, n=70, days=10, workers=1, steps=1, select=slice(None), out=(0, 5, 10)):
    rng = np.random.default_rng(5)
    y = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.uniform(0.5, 2, n)])[select]
    k = rng.uniform(0.05, 0.3, (n, 1))[select]
    u = np.broadcast_to(rng.uniform(0, 3, (days, 1, 1)), (days, 1, len(y)))
    return advance(
        kernel, y, k, np.array([0.4, 0.37]), np.zeros(1), np.array([0]), u,
        out_days=np.array(out), substeps=np.full((days, len(y)), steps), workers=workers,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_same_bytes_for_any_number_of_workers(kernel, workers):
    end, out = go(kernel, workers=workers)
    want_end, want_out = go(kernel, workers=1)
    assert end.tobytes() == want_end.tobytes()
    assert out.tobytes() == want_out.tobytes()


@pytest.mark.parametrize("select", [slice(0, 1), slice(33, 50), slice(None, None, -1), [69, 3, 40]])
def test_a_patient_does_not_depend_on_the_batch(kernel, select):
    end, _ = go(kernel, select=select)
    want, _ = go(kernel)
    assert end.tobytes() == np.ascontiguousarray(want[select]).tobytes()


def test_kept_states_start_with_the_first_and_end_with_the_last(kernel):
    end, out = go(kernel)
    assert out[2].tobytes() == end.tobytes()
    assert (out[0] != end).any()


def test_order_of_the_steps_is_four(kernel):
    exact, _ = go(kernel, steps=64)
    errors = [np.abs(go(kernel, steps=m)[0] - exact).max() for m in (1, 2, 4)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (orders > 3.7).all()
    assert errors[0] < 5e-3


def test_kernel_agrees_with_a_tight_solver(kernel):
    from scipy.integrate import solve_ivp

    rhs = reference_rhs(small_system())
    end, _ = go(kernel, steps=32)
    rng = np.random.default_rng(5)
    y = np.column_stack([rng.normal(size=70), rng.normal(size=70), rng.uniform(0.5, 2, 70)])
    k, u = rng.uniform(0.05, 0.3, (70, 1)), rng.uniform(0, 3, (10, 1, 1))
    for i in (0, 37, 69):
        state = y[i]
        for day in range(10):
            state = solve_ivp(
                lambda t, s, day=day, i=i: rhs(s, k[i], [0.4, 0.37], u[day].ravel()),
                (0, 1), state, method="DOP853", rtol=1e-11, atol=1e-12,
            ).y[:, -1]  # fmt: skip
        np.testing.assert_allclose(end[i], state, rtol=1e-8, atol=1e-8)


def test_a_state_that_is_not_finite_names_its_patients(kernel):
    y = np.ones((LANES + 3, 3))
    y[LANES + 1, 0] = np.inf
    with pytest.raises(EngineError, match=rf"RDN-N003.*1 patient.*{LANES + 1}"):
        advance(
            kernel, y, np.ones((len(y), 1)), np.ones(2), np.zeros(1), np.zeros(0, int),
            np.zeros((2, 0, len(y))), out_days=np.zeros(0, int),
        )  # fmt: skip


def test_an_unknown_symbol_is_refused():
    from sympy import Symbol

    with pytest.raises(EngineError, match=r"RDN-N001.*dx/dt.*mystery"):
        SymbolicSystem(("x",), (), (), (), {"x": Symbol("mystery")})


def test_a_second_load_builds_nothing(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("RODNAN_CACHE", str(tmp_path))
    source = "value = 7\n"
    assert load_kernel("tiny", "k1", lambda: source).value == 7

    def never():
        raise AssertionError("built again")

    import sys

    del sys.modules["rodnan_kernel_tiny_k1"]
    assert load_kernel("tiny", "k1", never).value == 7


def test_a_cache_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("RODNAN_CACHE", str(blocked))
    with pytest.raises(EngineError, match=r"RDN-N002.*RODNAN_CACHE"):
        load_kernel("tiny", "k2", lambda: "value = 1\n")


def test_days_split_for_one_patient_change_nobody_else(kernel):
    rng = np.random.default_rng(9)
    n, days = 21, 12
    y = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.uniform(0.5, 2, n)])
    k, u = rng.uniform(0.05, 0.3, (n, 1)), rng.uniform(0, 3, (days, 1, n))
    steps = np.where(rng.uniform(size=(days, n)) < 0.2, rng.integers(2, 6, (days, n)), 1)

    def run(who, split=True):
        return advance(
            kernel, y[who], k[who], np.array([0.4, 0.37]), np.zeros(1), np.array([0]), u[:, :, who],
            out_days=np.array([days]), substeps=steps[:, who] if split else None,
        )[0]  # fmt: skip

    together = run(np.arange(n))
    for i in range(n):
        assert run(np.array([i])).tobytes() == together[i].tobytes()
    assert (run(np.arange(n), split=False) != together).any()


def test_single_precision_agrees_to_its_own_rounding(tmp_path, monkeypatch):
    monkeypatch.setenv("RODNAN_CACHE", str(tmp_path))
    double = load_kernel("small", "pair", lambda: lane_source(small_system()))
    single = load_kernel("small32", "pair", lambda: lane_source(small_system(), precision="float32"))
    end, _ = go(double, days=40, out=(40,))
    short, _ = go(single, days=40, out=(40,))
    assert short.dtype == np.float32
    np.testing.assert_allclose(short, end, rtol=2e-5, atol=2e-5)
    assert (short != end).any()


def test_inputs_linear_in_a_step_are_followed_to_fourth_order(tmp_path, monkeypatch):
    """An input that is linear in time over each step is exact there, so the error is the solver's alone."""
    monkeypatch.setenv("RODNAN_CACHE", str(tmp_path))
    kernel = load_kernel("linear", "test", lambda: lane_source(small_system(), linear_inputs=True))
    y, k = np.array([[1.0, 0.5, 1.5]]), np.array([[0.2]])

    def run(steps):
        edges = 3.0 - 0.1 * np.linspace(0, 8, steps + 1)  # falls from 3 to 2.2
        series = np.stack([(edges[1:] + edges[:-1]) / 2, np.diff(edges)], axis=1)[:, :, None]
        return advance(
            kernel, y, k, np.array([0.4, 0.37]), np.zeros(1), np.array([0]), series,
            out_days=np.array([steps]), length=8 / steps,
        )[0]  # fmt: skip

    exact = run(512)
    errors = [np.abs(run(m) - exact).max() for m in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (orders > 3.6).all(), (errors, orders)
