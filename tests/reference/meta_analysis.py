"""Slow, obvious meta-analysis: written from the models, without looking at the fast code.

Everything is dense: a pooled mean is least squares on a column of ones, a network is an arm-level model
with a mean for every study, random effects are written out as a covariance matrix of all arms, restricted
likelihoods are evaluated with determinants and maximised by looking everywhere and then more closely.
"""

from __future__ import annotations

import numpy as np


def restricted_log_likelihood(y, covariance, x):
    """Log of the restricted likelihood of y ~ N(x b, covariance), without constants."""
    inverse = np.linalg.inv(covariance)
    information = x.T @ inverse @ x
    b = np.linalg.solve(information, x.T @ inverse @ y)
    r = y - x @ b
    return -0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1] + r @ inverse @ r)


def maximise(function, high):
    """Place of the maximum over [0, high] by five rounds of looking at 200 places."""
    low, top = 0.0, high
    best = 0.0
    for _ in range(6):
        places = np.linspace(low, top, 200)
        values = [function(t) for t in places]
        i = int(np.argmax(values))
        best = places[i]
        low, top = places[max(i - 1, 0)], places[min(i + 1, 199)]
    return best


def pooled(y, v):
    """REML tau2, mean and standard error of a pairwise meta-analysis."""
    y, v = np.asarray(y, float), np.asarray(v, float)
    x = np.ones((len(y), 1))
    tau2 = maximise(lambda t: restricted_log_likelihood(y, np.diag(v + t), x), 20 * np.var(y) + np.max(v))
    w = np.linalg.inv(np.diag(v + tau2))
    variance = 1 / (x.T @ w @ x)[0, 0]
    return tau2, variance * (x.T @ w @ y)[0], np.sqrt(variance)


def moments(y, v):
    """DerSimonian-Laird by its expectation, solved by bisection: E[Q(0)] = trace(A (V + tau2 I))."""
    y, v = np.asarray(y, float), np.asarray(v, float)
    w = np.diag(1 / v)
    x = np.ones((len(y), 1))
    a = w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
    q = y @ a @ y
    low, high = 0.0, 1e6
    if q <= np.trace(a @ np.diag(v)):
        return 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.trace(a @ np.diag(v + middle)) < q else (low, middle)
    return low


def arm_network(studies, reference):
    """Arm-based network: y_arm = study mean + treatment effect + error, random effects with correlation 1/2.

    Parameters
    ----------
    studies
        List of {treatment: (mean, standard error)}.
    reference
        Reference treatment.

    Returns
    -------
    (float, dict)
        REML tau2, and treatment to (effect, standard error) against the reference.
    """
    treatments = [t for t in sorted({t for s in studies for t in s}) if t != reference]
    rows = [(i, t, m, se) for i, s in enumerate(studies) for t, (m, se) in s.items()]
    y = np.array([m for _, _, m, _ in rows])
    v = np.diag([se**2 for *_, se in rows])
    x = np.zeros((len(rows), len(studies) + len(treatments)))
    same = np.zeros((len(rows), len(rows)))
    for r, (i, t, _, _) in enumerate(rows):
        x[r, i] = 1
        if t != reference:
            x[r, len(studies) + treatments.index(t)] = 1
        for c, (j, u, _, _) in enumerate(rows):
            if i == j:
                same[r, c] = 1.0 if t == u else 0.5
    tau2 = maximise(lambda t: restricted_log_likelihood(y, v + t * same, x), 5.0)
    w = np.linalg.inv(v + tau2 * same)
    covariance = np.linalg.inv(x.T @ w @ x)
    b = covariance @ x.T @ w @ y
    k = len(studies)
    return tau2, {t: (b[k + i], np.sqrt(covariance[k + i, k + i])) for i, t in enumerate(treatments)}


def brute_bayes(y, v, scale):
    """Posterior mean and SD of mu (flat prior), half-normal(scale) tau, by a plain sum over a fine grid."""
    y, v = np.asarray(y, float), np.asarray(v, float)
    tau = np.linspace(0, 8 * scale, 8001)
    weight, mean, variance = [], [], []
    for t in tau:
        w = 1 / (v + t**2)
        m = np.sum(w * y) / np.sum(w)
        likelihood = np.prod(np.sqrt(w)) / np.sqrt(np.sum(w)) * np.exp(-0.5 * np.sum(w * (y - m) ** 2))
        weight.append(likelihood * np.exp(-0.5 * (t / scale) ** 2))
        mean.append(m)
        variance.append(1 / np.sum(w))
    weight = np.array(weight)
    weight[0] /= 2  # trapezium
    weight /= weight.sum()
    mean, variance = np.array(mean), np.array(variance)
    mu = weight @ mean
    return mu, np.sqrt(weight @ (variance + (mean - mu) ** 2)), weight @ tau
