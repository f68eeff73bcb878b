"""Mean effect of a day, the slow and obvious way: SciPy's exponential on a fine grid, Simpson's rule."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.linalg
from scipy.integrate import simpson


def daily_means(k, row, start, days, doses, effect, *, steps=4000):
    """Return the mean effect of each day for one patient, and the state at the end.

    Parameters
    ----------
    k, row, start
        Rate matrix (m, m), row that reads the concentration, amounts at time 0.
    days
        Number of days.
    doses
        ``(time, compartment, amount, duration)`` in days and mg; duration 0 enters at once.
    effect
        Function of the concentration.
    steps
        Even number of intervals of Simpson's rule in each piece between two events.
    """
    cuts = set(range(days + 1))
    for time, _, _, duration in doses:
        cuts |= {time, time + duration}
    cuts = sorted(t for t in cuts if t <= days)
    a = np.array(start, dtype=float)
    m = len(a)
    means = np.zeros(days)
    for left, right in itertools.pairwise(cuts):
        rate = np.zeros(m)
        for time, compartment, amount, duration in doses:
            if duration == 0.0 and time == left:
                a[compartment] += amount
            if duration > 0.0 and time <= left and right <= time + duration + 1e-12:
                rate[compartment] += amount / duration
        h = (right - left) / steps
        augmented = np.zeros((2 * m, 2 * m))
        augmented[:m, :m] = k * h
        augmented[:m, m:] = np.eye(m) * h
        e = scipy.linalg.expm(augmented)
        gain = e[:m, m:] @ rate
        seen = np.empty(steps + 1)
        for i in range(steps + 1):
            seen[i] = effect(max(float(row @ a), 0.0))
            if i < steps:
                a = e[:m, :m] @ a + gain
        means[int(left + 1e-9)] += simpson(seen, dx=h)
    return means, a
