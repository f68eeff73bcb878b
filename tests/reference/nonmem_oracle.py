"""Two slow, obvious computations of event records, to check the event loop against.

`superposition` uses no loop over events: every single dose, also each of the hundreds that make up a steady
state, contributes its own exponentials to every later record. It needs constant parameters.

`event_by_event` moves one state through the sorted list of everything that happens, with the parameters of
the record at the end of each piece; it can have a different rate matrix at each record.

Records are dictionaries with the keys time, evid, amt, cmt (from 1), rate, ii, addl, ss. Legal ones only.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import expm


def _response(k, c, amount, speed, length, ages):
    """Amounts that a bolus, or an infusion of this length, has left at these ages, summed over the ages.

    The matrix must have distinct eigenvalues below zero: each mode decays by itself.
    """
    values, vectors = np.linalg.eig(k)
    start = np.linalg.inv(vectors)[:, c]
    ages = np.asarray(ages, dtype=float)[:, None]
    if length > 0.0:
        fed = np.minimum(ages, length)
        mode = speed * np.expm1(values * fed) / values * np.exp(values * (ages - fed))
    else:
        mode = amount * np.exp(values * ages)
    return (vectors @ (start * mode.sum(axis=0))).real


def _shape(record, f, duration, modelled_rate):
    """(amount, rate, length): what one dose of the record brings."""
    amount = record["amt"] * f
    if record["rate"] == 0:
        return amount, 0.0, 0.0
    if record["rate"] > 0:
        return amount, record["rate"], amount / record["rate"]
    if record["rate"] == -1:
        return amount, modelled_rate, amount / modelled_rate
    return amount, amount / duration, duration


def superposition(k, records, *, lag=None, f=None, duration=None, rate=None):
    """Amounts after each record's event, shape (records, n); the parameters are constant.

    `lag`, `f`, `duration`, `rate`: compartment (from 1) -> value.
    """
    k = np.asarray(k, dtype=float)
    lag, f, duration, rate = lag or {}, f or {}, duration or {}, rate or {}
    slowest = min(-np.linalg.eigvals(k).real)
    out = np.zeros((len(records), len(k)))
    doses = []  # (arrivals, compartment, amount, rate, length)
    fixed = []  # (time, amounts): the end of an endless infusion
    for i, r in enumerate(records):
        t = r["time"]
        if r["evid"] in (3, 4) or r["ss"] == 1:
            doses, fixed = [], []
        if r["evid"] in (1, 4):
            c = r["cmt"]
            if r["ss"] and r["amt"] == 0:
                inputs = np.zeros(len(k))
                inputs[c - 1] = r["rate"] if r["rate"] > 0 else rate[c]
                fixed.append((t, np.linalg.solve(-k, inputs)))
            else:
                amount, speed, length = _shape(r, f.get(c, 1.0), duration.get(c), rate.get(c))
                past = math.ceil((40.0 / slowest + lag.get(c, 0.0) + length) / r["ii"]) if r["ss"] else 0
                steps = np.arange(-past, r["addl"] + 1) * r["ii"]
                doses.append((t + lag.get(c, 0.0) + steps, c - 1, amount, speed, length))
        for arrivals, c, amount, speed, length in doses:
            ages = t - arrivals
            ages = np.maximum(ages[ages > -1e-9], 0.0)
            out[i] += _response(k, c, amount, speed, length, ages)
        for begun, amounts in fixed:
            out[i] += expm(k * (t - begun)) @ amounts
    return out


def event_by_event(matrices, records, *, lag=None, f=None, duration=None):
    """Amounts after each record's event with a rate matrix a record; no steady states, no modelled rate.

    `lag` of a dose is that of its record, `f` and `duration` those of the record at or after its arrival:
    each maps compartment (from 1) -> list of values, one a record.
    """
    lag, f, duration = lag or {}, f or {}, duration or {}
    n = len(matrices[0])
    out = np.zeros((len(records), n))
    x, now = np.zeros(n), records[0]["time"]
    waiting = []  # [arrival, order, record, later arrivals]
    running = []  # (stop, compartment, rate)

    def give(r, i):
        c = r["cmt"]
        factor = f[c][i] if c in f else 1.0
        length = duration[c][i] if c in duration else None
        amount, speed, lasts = _shape(r, factor, length, None)
        if lasts > 0.0:
            running.append((now + lasts, c - 1, speed))
        else:
            x[c - 1] += amount

    def move(to, i):
        nonlocal x, now
        while now < to:
            stops = [s for s, _, _ in running if s > now]
            end = min([to, *stops])
            wide = np.zeros((n + 1, n + 1))
            wide[:n, :n] = matrices[i]
            for stop, c, speed in running:
                if stop > now:
                    wide[c, n] += speed
            x = (expm(wide * (end - now)) @ np.append(x, 1.0))[:n]
            now = end

    for i, r in enumerate(records):
        if r["evid"] in (3, 4):
            x, now, waiting, running = np.zeros(n), r["time"], [], []
        while waiting and min(waiting)[0] <= r["time"] + 1e-9:
            first = min(waiting)
            waiting.remove(first)
            move(min(first[0], r["time"]), i)
            give(records[first[1]], i)
        move(r["time"], i)
        if r["evid"] in (1, 4):
            own = lag[r["cmt"]][i] if r["cmt"] in lag else 0.0
            if own == 0.0:
                give(r, i)
            for j in range(0 if own else 1, r["addl"] + 1):
                waiting.append((r["time"] + own + j * r["ii"], i))
        out[i] = x
    return out
