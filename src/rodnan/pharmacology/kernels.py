"""The compiled loops over patients: propagators and rows, daily effects of linear and of saturable kinetics.

All of them release the interpreter's lock and treat each patient alone, so ranges of patients may run on
threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from rodnan.pharmacology.linear import compiled, expm_into

__all__ = ["daily_linear", "daily_saturable", "in_blocks", "prepare_block", "saturable_loss"]

_SMALLEST_BLOCK = 32


def in_blocks(n: int, threads: int | None, work: Callable[[int, int], None]) -> None:
    """Do `work` on ranges of patients, on several threads (the compiled loops release the GIL)."""
    workers = min(threads or _cores(), max(1, n // _SMALLEST_BLOCK))
    if workers <= 1:
        work(0, n)
        return
    size = max(_SMALLEST_BLOCK, -(-n // (4 * workers)))
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, i, min(i + size, n)) for i in range(0, n, size)]:
            done.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@compiled()
def prepare_block(augmented, rows, spans, times, weights, propagator, nodes):
    """Fill the transposed propagator of each piece, and the rows that read each node of its quadrature."""
    n, groups = spans.shape
    m1 = augmented.shape[1]
    n_series = rows.shape[1]
    e = np.empty((m1, m1))
    work = np.empty((5, m1, m1))
    for p in range(n):
        for g in range(groups):
            expm_into(augmented[p], spans[p, g], e, work)
            for i in range(m1):
                for j in range(m1):
                    propagator[p, g, j, i] = e[i, j]
            for node in range(times.shape[2]):
                if weights[p, g, node] == 0.0:
                    continue
                expm_into(augmented[p], times[p, g, node], e, work)
                for s in range(n_series):
                    for j in range(m1):
                        c = 0.0
                        for i in range(m1):
                            c += rows[p, s, i] * e[i, j]
                        nodes[p, g, s, j, node] = c


@compiled(error_model="numpy")
def _effect(c, half, form, hill, cap, bound):
    """Effect of one free concentration; forms as in `models.SERIES_FORMS`."""
    if bound[0] + bound[1] > 0.0:
        c = c * (1.0 + bound[0] + bound[1] / (1.0 + c / bound[2]))
    if form == 0:
        if hill == 1.0:
            return c / (half + c)
        y = (c / half) ** hill
        return y / (1.0 + y)
    if form == 1:
        return min(half * c, cap)
    return c


@compiled(error_model="numpy")
def daily_linear(
    state, taken, amounts, entry, starts, running, group, propagator, nodes, weights, half, form, hill, cap,
    bound, kept, central, effects,
):  # fmt: skip
    """Step linear kinetics day by day; `state` is moved on in place, `effects` is filled."""
    n, days, n_slots = taken.shape
    m = state.shape[1]
    n_series = half.shape[1]
    n_nodes = weights.shape[2]
    a = np.empty(m + 1)
    b = np.empty(m + 1)
    c = np.empty(n_nodes)
    for p in range(n):
        for i in range(m):
            a[i] = state[p, i]
        for day in range(days):
            a[central] *= kept[p, day]
            for s in range(n_series):
                effects[p, day, s] = 0.0
                if form[s] == 3:
                    for k in range(n_slots):
                        effects[p, day, s] += amounts[p, day, k]
            for piece in range(group.shape[0]):
                a[m] = 0.0
                for k in range(n_slots):
                    if starts[k] == piece:
                        a[entry[k]] += taken[p, day, k]
                    a[m] += taken[p, day, k] * running[piece, k]
                g = group[piece]
                for s in range(n_series):
                    if form[s] == 3:
                        continue
                    for node in range(n_nodes):
                        c[node] = 0.0
                    for i in range(m + 1):
                        x = a[i]
                        if x != 0.0:
                            for node in range(n_nodes):
                                c[node] += x * nodes[p, g, s, i, node]
                    total = 0.0
                    h = half[p, s]
                    if form[s] == 0 and hill[s] == 1.0 and bound[p, s, 0] + bound[p, s, 1] == 0.0:
                        for node in range(n_nodes):
                            total += weights[p, g, node] * (c[node] / (h + c[node]))
                    else:
                        for node in range(n_nodes):
                            e = _effect(c[node], h, form[s], hill[s], cap[s], bound[p, s])
                            total += weights[p, g, node] * e
                    effects[p, day, s] += total
                for i in range(m + 1):
                    b[i] = 0.0
                for j in range(m + 1):
                    x = a[j]
                    if x != 0.0:
                        for i in range(m + 1):
                            b[i] += x * propagator[p, g, j, i]
                for i in range(m):
                    a[i] = b[i]
        for i in range(m):
            state[p, i] = a[i]


@compiled(error_model="numpy")
def saturable_loss(c, rate, km, h):
    """Concentration after `h` of Michaelis-Menten loss alone, ``dC/dt = -rate C/(km + C)``, exactly.

    The integral ``C + km ln C`` falls by ``rate h``; solved for ``x = ln C`` by Newton's method, which
    converges monotonically from the left of the root of this convex, increasing function.
    """
    if c <= 0.0 or rate <= 0.0:
        return c
    target = c + km * math.log(c) - rate * h
    x = math.log(c) - rate * h / (km + c)
    for _ in range(60):
        e = math.exp(x)
        step = (e + km * x - target) / (e + km)
        x -= step
        if abs(step) < 1e-14 * max(1.0, abs(x)):
            break
    return math.exp(x)


@compiled(error_model="numpy")
def daily_saturable(
    state, taken, amounts, entry, starts, running, group, propagator, substeps, spans, rows, half, form, hill,
    cap, bound, losses, kept, central, effects,
):  # fmt: skip
    """Step linear kinetics with a saturable loss beside it.

    Strang's splitting: half a step of the saturable loss (exact), a step of the linear kinetics (exact),
    half a step of the loss; second order in the step. Effects are integrated by Simpson's rule on the steps
    of a piece.
    """
    n, days, n_slots = taken.shape
    m = state.shape[1]
    n_series = half.shape[1]
    a = np.empty(m + 1)
    b = np.empty(m + 1)
    for p in range(n):
        for i in range(m):
            a[i] = state[p, i]
        vmax, km, volume = losses[p, 0], losses[p, 1], losses[p, 2]
        for day in range(days):
            a[central] *= kept[p, day]
            for s in range(n_series):
                effects[p, day, s] = 0.0
                if form[s] == 3:
                    for k in range(n_slots):
                        effects[p, day, s] += amounts[p, day, k]
            for piece in range(group.shape[0]):
                a[m] = 0.0
                for k in range(n_slots):
                    if starts[k] == piece:
                        a[entry[k]] += taken[p, day, k]
                    a[m] += taken[p, day, k] * running[piece, k]
                g = group[piece]
                h = spans[p, g]
                steps = substeps[piece]
                for step in range(steps + 1):
                    weight = h / 3.0 * (1.0 if step == 0 or step == steps else (4.0 if step % 2 else 2.0))
                    for s in range(n_series):
                        if form[s] == 3:
                            continue
                        c = 0.0
                        for i in range(m):
                            c += rows[p, s, i] * a[i]
                        effects[p, day, s] += weight * _effect(
                            c, half[p, s], form[s], hill[s], cap[s], bound[p, s]
                        )
                    if step == steps:
                        break
                    a[central] = volume * saturable_loss(a[central] / volume, vmax / volume, km, 0.5 * h)
                    for i in range(m + 1):
                        b[i] = 0.0
                    for j in range(m + 1):
                        x = a[j]
                        if x != 0.0:
                            for i in range(m + 1):
                                b[i] += x * propagator[p, g, j, i]
                    for i in range(m):
                        a[i] = b[i]
                    a[central] = volume * saturable_loss(a[central] / volume, vmax / volume, km, 0.5 * h)
        for i in range(m):
            state[p, i] = a[i]
