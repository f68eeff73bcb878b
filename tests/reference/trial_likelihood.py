"""The likelihood of published numbers, written out one trial and one scale at a time with SciPy's densities."""

import numpy as np
from scipy import stats


def trial_log_likelihood(rows, mean, variance, correlation, spreads, degrees=4.0, visits=0.8, doubled=2.0):
    """Return the log density of one trial's observations, trial effects integrated out, by brute quadrature.

    `rows` are observations; `mean`, `variance`, `correlation` their summaries' means, error variances and correlation;
    `spreads` is {(effect, endpoint): sd}.
    """
    n = len(rows)
    fixed, effects = np.zeros((n, n)), np.zeros((n, n))
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            fixed[i, j] = correlation[i, j] * np.sqrt(variance[i] * variance[j])
            if a.endpoint != b.endpoint:
                continue
            if a.arms == b.arms:
                series = sorted(r.days for r in rows if (r.arms, r.endpoint) == (a.arms, a.endpoint))
                fixed[i, j] += a.se * b.se * visits ** abs(series.index(a.days) - series.index(b.days))
            if a.kind == b.kind == "level":
                effects[i, j] += spreads["level", a.endpoint] ** 2
                effects[i, j] += spreads["drift", a.endpoint] ** 2 * a.days * b.days / 365.25**2
            for p, arm in enumerate(a.arms):
                for q, other in enumerate(b.arms):
                    if arm == other:
                        size = spreads["arm", a.endpoint]
                        size *= np.sqrt(
                            (doubled if a.observational else 1.0) * (doubled if b.observational else 1.0)
                        )
                        effects[i, j] += (-1.0) ** (p + q) * size**2
    residual = np.array([r.y for r in rows]) - mean
    law = stats.gamma(degrees / 2, scale=2 / degrees)
    level = (np.arange(4000) + 0.5) / 4000
    densities = [
        stats.multivariate_normal.pdf(residual, np.zeros(n), fixed + effects / precision)
        for precision in law.ppf(level)
    ]
    return float(np.log(np.mean(densities)))


def beta_binomial(y, n, share, correlation):
    """Return the probability of a count."""
    size = 1.0 / (correlation + 1e-6)
    return stats.betabinom.pmf(y, n, share * size, (1 - share) * size)
