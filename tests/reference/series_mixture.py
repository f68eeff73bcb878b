"""The likelihood of a patient series the slow way: one patient, one virtual patient, one integral at a time."""

import numpy as np
from scipy import integrate, stats

from rodnan.calibration.bayes.series import Patient
from rodnan.calibration.bayes.series_likelihood import VirtualArm

MONTH = 365.25 / 12


def virtual_people(n, *, slope=-2.0, seed=0, hazard=0.02, visits=27, fvc_matters=0.0):
    """Return an arm whose patients have a level, a slope (a year) and monthly chances of leaving."""
    rng = np.random.default_rng(seed)
    days = 28.0 * np.arange(visits)
    level, own = 68 + 10 * rng.normal(size=n), slope + 4 * rng.normal(size=n)
    fvc = level + own * days[:, None] / 365.25
    fall = np.maximum(fvc[0] - fvc, 0.0)
    failing = np.minimum(hazard / 2 + fvc_matters * fall, 0.5)
    dropping = np.full(fvc.shape, hazard)
    failing[0] = dropping[0] = 0.0
    return VirtualArm(days, fvc, failing, dropping, np.exp(rng.normal(size=n)), np.arange(n))


def drawn_patients(arm, count, noise, *, name="drug", seed=1, months=(0, 6, 9, 12, 15, 18, 21), end=24.0):
    """Draw patients of an arm: readings while followed, what ended it; only those followed for six months."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        j = int(rng.integers(arm.fvc.shape[1]))
        event, last = 0, end
        for v in range(1, len(arm.days)):
            u = rng.random(2)
            if u[0] < arm.failing[v, j] or u[1] < arm.dropping[v, j]:
                event = 1 if u[0] < arm.failing[v, j] else 2
                last = float(np.ceil(arm.days[v] / MONTH))
                break
        if last <= 6 and event:
            continue
        when = [m for m in months if m < last or not event]
        true = np.interp(np.array(when) * MONTH, arm.days, arm.fvc[:, j])
        own = rng.normal() * noise.offset_sd
        drift = rng.normal() * noise.drift_sd * np.array(when) / 12
        y = true + own + drift + noise.scale * rng.standard_t(noise.degrees, size=len(when))
        if len(when) > 1:
            found.append(
                Patient(
                    id=str(len(found)), arm=name, months=tuple(map(float, when)), fvc=tuple(map(float, y)),
                    fibrosis=int(rng.integers(5)), event=event, last=min(last, end),
                )
            )  # fmt: skip
    return tuple(found)


def one_log_likelihood(patient, arm, noise, from_month, level=0.0, drift=0.0):
    """Return the log likelihood of one patient, by numerical integration and plain loops; no fibrosis score."""
    above = below = 0.0
    steps = [0.0]
    if noise.drift_sd > 0.1:
        half = int(2.5 * noise.drift_sd / 2.5)
        steps = [2.5 * k for k in range(-half, half + 1)]
    chances = np.array([np.exp(-0.5 * (d / noise.drift_sd) ** 2) for d in steps])
    chances = chances / chances.sum()
    error = stats.t(noise.degrees, scale=noise.scale)
    months = np.array(patient.months)
    for j in range(arm.fvc.shape[1]):
        true = np.interp(months * MONTH, arm.days, arm.fvc[:, j])
        fail = np.interp(np.arange(0, 26) * MONTH, arm.days, -np.cumsum(np.log(1 - arm.failing[:, j])))
        drop = np.interp(np.arange(0, 26) * MONTH, arm.days, -np.cumsum(np.log(1 - arm.dropping[:, j])))
        last, first = int(patient.last), int(from_month)
        if patient.event == 0:
            pattern = np.exp(-(fail + drop)[last])
        else:
            start = max(last - 1, first)
            d1, d2 = fail[last] - fail[start], drop[last] - drop[start]
            own = d1 if patient.event == 1 else d2
            pattern = np.exp(-(fail + drop)[start]) * (1 - np.exp(-(d1 + d2))) * own / (d1 + d2)
        for d, chance in zip(steps, chances, strict=True):
            shift = (months > 0) * level + months / 12 * (drift + d)

            def density(o, true=true, shift=shift):
                each = error.pdf(np.array(patient.fvc) - true - shift - o)
                return float(np.prod(each)) * stats.norm.pdf(o, scale=noise.offset_sd)

            middle = float(np.mean(np.array(patient.fvc) - true - shift))
            edge = 6 * noise.offset_sd
            points = sorted({float(np.clip(middle, -edge, edge)), 0.0})
            above += chance * pattern * integrate.quad(density, -edge, edge, points=points, limit=400)[0]

        def entry(o, true=true):
            return error.pdf(patient.fvc[0] - true[0] - o) * stats.norm.pdf(o, scale=noise.offset_sd)

        edge = 6 * noise.offset_sd
        below += np.exp(-(fail + drop)[int(from_month)]) * integrate.quad(entry, -edge, edge, limit=400)[0]
    return float(np.log(above) - np.log(below))
