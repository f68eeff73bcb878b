"""The common workload W: two years of oral mycophenolate, written once for every engine.

A patient takes 1500 mg every 12 hours, 1456 doses from time 0. A depot and two compartments give the
concentration; its effect, ``conc / (ic50 + conc)``, drives 19 states that stand for immune cells, mediators,
two fibrotic tissues and the neutrophil line. Sixteen parameters differ between patients. All 19 states are
wanted once a week for 728 days, day 0 included.

Time is in days, amounts in mg, volumes in L. The right-hand sides are text: plain infix with the function
``pow``, which every engine here can be given after a change of spelling at most. It is a benchmark, not the
disease model of Rodnan; its numbers are invented (`docs/guide/benchmarks.md`).
"""

from __future__ import annotations

import numpy as np

DOSE, INTERVAL, DOSES = 1500.0, 0.5, 1456
END, OUTPUT_EVERY = 728.0, 7.0
OUTPUT_TIMES = np.arange(0.0, END + OUTPUT_EVERY / 2, OUTPUT_EVERY)

KINETIC = {  # amounts; all start at 0
    "depot": "-ka*depot",
    "central": "ka*depot - (clearance + exchange)/v1*central + exchange/v2*deep",
    "deep": "exchange/v1*central - exchange/v2*deep",
}

EFFECT = {  # from the kinetics to the disease
    "conc": "central/v1",
    "effect": "conc/(ic50 + conc)",
}

SHARED = {  # terms that several derivatives use, in order
    "drive": "pow(mediator, hill)",
    "activation": "drive/(1.0 + drive)",
    "growth_sq": "growth*growth",
    "activated": "2.0*growth_sq/(1.0 + growth_sq)*(0.7 + 0.3*mediator)",
    "transit": "4.0/transit_time",
    "feedback": "pow(circulating, -damping)",
    "cross_skin": "crosslinking*fibro_skin/(1.0 + fibro_skin)*loose_skin",
    "cross_lung": "crosslinking*fibro_lung/(1.0 + fibro_lung)*loose_lung",
}

DISEASE = {  # state: (value at the start, derivative)
    "b_cell": (1.4, "k_b*((0.5 + mediator/(1.0 + mediator))*(1.0 - max_b*effect) - b_cell)"),
    "t_cell": (1.5, "k_t*(myeloid*(1.0 + b_cell)/(1.0 + regulatory)*(1.0 - max_t*effect) - t_cell)"),
    "regulatory": (0.7, "k_regulatory*(2.0*t_cell*growth/(1.0 + growth) - regulatory)"),
    "myeloid": (1.3, "k_myeloid*(0.5 + activation - myeloid)"),
    "plasma_cell": (
        1.2,
        "k_plasma*(2.0*b_cell*t_cell/(1.0 + t_cell)*(1.0 - max_plasma*effect) - plasma_cell)",
    ),
    "antibody": (1.5, "k_antibody*(plasma_cell - antibody)"),
    "mediator": (1.5, "k_mediator*(0.5*myeloid + 0.5*t_cell - mediator)"),
    "growth": (1.2, "k_growth*(0.6*myeloid + 0.2*regulatory + 0.4*antibody/(1.0 + antibody) - growth)"),
    "fibro_skin": (1.3, "k_skin*(activated - fibro_skin)"),
    "loose_skin": (1.0, "make_skin*fibro_skin - decay_skin*loose_skin - cross_skin"),
    "fixed_skin": (0.5, "cross_skin - decay_fixed*fixed_skin"),
    "fibro_lung": (1.1, "k_lung*(activated - fibro_lung)"),
    "loose_lung": (0.9, "make_lung*fibro_lung - decay_lung*loose_lung - cross_lung"),
    "fixed_lung": (0.4, "cross_lung - decay_fixed*fixed_lung"),
    "proliferating": (1.0, "transit*proliferating*((1.0 - slope*effect)*feedback - 1.0)"),
    "transit_1": (1.0, "transit*(proliferating - transit_1)"),
    "transit_2": (1.0, "transit*(transit_1 - transit_2)"),
    "transit_3": (1.0, "transit*(transit_2 - transit_3)"),
    "circulating": (1.0, "transit*(transit_3 - circulating)"),
}

INDIVIDUAL = {  # parameter: (median, standard deviation of its logarithm)
    "ka": (60.0, 0.35),
    "clearance": (480.0, 0.35),
    "v1": (75.0, 0.35),
    "exchange": (600.0, 0.25),
    "v2": (300.0, 0.35),
    "ic50": (4.0, 0.40),
    "k_b": (0.08, 0.3),
    "k_t": (0.25, 0.3),
    "k_myeloid": (0.40, 0.3),
    "k_antibody": (0.035, 0.3),
    "k_plasma": (0.05, 0.3),
    "k_skin": (0.06, 0.3),
    "k_lung": (0.04, 0.3),
    "crosslinking": (0.02, 0.3),
    "transit_time": (5.2, 0.2),
    "slope": (0.30, 0.3),
}

CONSTANT = {
    "max_b": 0.75,
    "max_t": 0.65,
    "max_plasma": 0.60,
    "hill": 1.6,
    "k_regulatory": 0.15,
    "k_mediator": 2.0,
    "k_growth": 1.0,
    "make_skin": 0.03,
    "make_lung": 0.02,
    "decay_skin": 0.02,
    "decay_lung": 0.025,
    "decay_fixed": 0.01,
    "damping": 0.17,
}

STATES = tuple(DISEASE)
PARAMETERS = tuple(INDIVIDUAL)


def population(n: int, seed: int = 1) -> np.ndarray:
    """Draw individual parameters; the first patients do not depend on how many follow.

    Parameters
    ----------
    n
        Number of patients.
    seed
        Seed of the generator.

    Returns
    -------
    ndarray, shape (n, 16)
        Columns in the order of `PARAMETERS`.
    """
    z = np.random.default_rng(seed).standard_normal((n, len(INDIVIDUAL)))
    median, spread = np.array(list(INDIVIDUAL.values())).T
    return median * np.exp(spread * z)


def initial_state() -> np.ndarray:
    """Return the 19 disease states at day 0, in the order of `STATES`."""
    return np.array([start for start, _ in DISEASE.values()])


def relative_error(result: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest relative error of any state in any week of any patient; infinite if not finite."""
    if result.shape != reference.shape or not np.isfinite(result).all():
        return float("inf")
    return float(np.max(np.abs(result - reference) / np.abs(reference)))
