"""Effect averaged over the day against the concentration of every moment, in one fully coupled solve.

Twice-daily mycophenolate for 180 days in a typical patient: the coupled system evaluates C/(EC50 + C) at every step of a
tight solver; the model takes the mean effect of each day. The difference is the error of the coupling.
"""

import numpy as np
from scipy.integrate import solve_ivp

from rodnan.disease import readouts
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.model import INPUTS, advance_patients, onset_state
from rodnan.engine.compile import reference_rhs
from rodnan.pharmacology import (
    channel_map,
    combine,
    concentrations,
    daily_effects,
    draw_patients,
    empty_state,
    load_model,
    patient_sizes,
    prepare,
)

DAYS = 180
TYPICAL = {"crcl": np.array([6.2]), "albumin": np.array([36.0])}


def test_averaged_effect_stands_for_every_moment(parameters, people):
    model = load_model("mycophenolate")
    patient = draw_patients(model, TYPICAL, n=1)
    prepared = prepare(model, patient, [0.0, 0.5], route="oral")
    doses = np.full((1, DAYS, 2), 1500.0)
    series, _ = daily_effects(model, patient, empty_state(model, 1), doses, prepared)
    mapping = channel_map([model])
    sizes = patient_sizes(mapping, [patient])
    channels = combine(mapping, sizes, series)[0]
    individual, fvc_healthy = people[0][:1], people[1]["fvc_healthy"][:1]
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 500)
    used = [i for i, name in enumerate(INPUTS[:26]) if channels[:, i].any()]
    inputs = {INPUTS[i]: channels[:, i : i + 1] for i in used}
    end, _ = advance_patients(parameters, individual, start, inputs, DAYS)

    grid = np.linspace(0.0, DAYS, DAYS * 96 + 1)
    schedule = [(day / 2, 1500.0, "oral", 0.0) for day in range(2 * DAYS)]
    level = concentrations(model, patient, schedule, grid)[0]
    effect = level / (patient.half[0, 0] + level)
    scale = channels[:, used] / series[0, :, :1]
    rhs = reference_rhs(symbolic_system(parameters.population_names))
    population, row = parameters.population_vector(), np.zeros(len(INPUTS))
    row[-2:] = 1.0

    def coupled(t, y):
        row[used] = np.interp(t, grid, effect) * scale[0]
        return rhs(y, individual[0], population, row)

    want = solve_ivp(coupled, (0, DAYS), start[0], method="LSODA", rtol=1e-8, atol=1e-10, max_step=0.05).y[
        :, -1
    ][None]
    g_s, g_l = (individual[:, INDIVIDUAL.index(n)] for n in ("g_s", "g_l"))
    skin = abs(readouts.mrss(parameters, end, g_s) - readouts.mrss(parameters, want, g_s))[0]
    lung = abs(
        readouts.fvc_pct_pred(parameters, end, g_s, g_l, fvc_healthy)
        - readouts.fvc_pct_pred(parameters, want, g_s, g_l, fvc_healthy)
    )[0]
    assert skin < 1e-3
    assert lung < 1e-3
