"""The workload as mrgsolve model files."""

from __future__ import annotations

from workload.definition import CONSTANT, DISEASE, EFFECT, INDIVIDUAL, INTERVAL, KINETIC, SHARED
from workload.spelling import MODES, closed_concentration


def model_text(closed_form: bool = False) -> str:
    """Return a model file for ``mrgsolve::mread``.

    Parameters
    ----------
    closed_form
        Give the concentration in closed form; the doses then go into a compartment that drives nothing, so that the
        solver stops where the concentration has a kink.
    """
    values = {name: median for name, (median, _) in INDIVIDUAL.items()} | CONSTANT
    rates = {name: text for name, (_, text) in DISEASE.items()}
    if closed_form:
        values |= dict.fromkeys(MODES, 1.0)
        rates = {"depot": "0.0"} | rates
        assigned = {
            "k": f"floor(SOLVERTIME/{INTERVAL!r})",
            "after": f"SOLVERTIME - {INTERVAL!r}*k",
            "conc": closed_concentration(),
            "effect": EFFECT["effect"],
        }
    else:
        rates = KINETIC | rates
        assigned = dict(EFFECT)
    assigned |= SHARED
    blocks = {
        "$PARAM": [f"{name} = {value!r}" for name, value in values.items()],
        "$CMT": list(rates),
        "$MAIN": [f"{name}_0 = {start!r};" for name, (start, _) in DISEASE.items()],
        "$ODE": [f"double {name} = {text};" for name, text in assigned.items()]
        + [f"dxdt_{name} = {text};" for name, text in rates.items()],
    }
    return "\n\n".join("\n".join([block, *lines]) for block, lines in blocks.items()) + "\n"
