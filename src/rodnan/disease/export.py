"""The disease model for other programs: SBML, mrgsolve, LaTeX, JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.equations import INDIVIDUAL, equations_latex, symbolic_system
from rodnan.disease.model import _DEFAULTS, advance_patients, onset_state
from rodnan.disease.states import STATE_NAMES, STATES
from rodnan.errors import ModelError, nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rodnan.disease.parameters import ParameterSet

__all__ = ["FORMATS", "NOTICE", "export_model", "typical_patient"]

FORMATS: dict[str, str] = {"sbml": ".xml", "mrgsolve": ".cpp", "latex": ".tex", "jax": ".py"}
"""Format -> suffix of its file."""

NOTICE = (
    "Rodnan disease model of systemic sclerosis: a simulation model for research and teaching. "
    "It makes no forecast for any person and is no basis for treatment. Time in days."
)


def export_model(
    form: str, parameters: ParameterSet, individual: Mapping[str, float], *, days_since_onset: int = 0
) -> str:
    """Return the model of one untreated patient as text of another program.

    Parameters
    ----------
    form
        One of `FORMATS`.
    parameters
        Shared parameters.
    individual
        The patient's parameters, by name.
    days_since_onset
        Time zero of the export, days after biological onset.

    Returns
    -------
    str
        Drug channels are inputs of value zero, flares of value one.

    Raises
    ------
    ModelError
        RDN-M040 for an unknown format, RDN-M041 for a patient parameter that is unknown or missing.
    """
    from rodnan.engine.compile.jax_target import jax_source
    from rodnan.engine.compile.model_text import mrgsolve_text, sbml_text

    if form not in FORMATS:
        raise ModelError("RDN-M040", "no such format", value=form, nearest=nearest_name(form, FORMATS))
    for name in [n for n in individual if n not in INDIVIDUAL] + [
        n for n in INDIVIDUAL if n not in individual
    ]:
        raise ModelError(
            "RDN-M041", f"a patient has the parameters {', '.join(INDIVIDUAL)}", value=name,
            nearest=nearest_name(name, INDIVIDUAL),
        )  # fmt: skip
    system = symbolic_system(parameters.population_names)
    notes = f"{NOTICE} Parameters: {parameters.label}, sha256 {parameters.sha256()}."
    if form == "latex":
        return _latex(notes)
    if form == "jax":
        return f"# {notes}\n{jax_source(system)}"
    own = np.array([[individual[name] for name in INDIVIDUAL]], float)
    y = onset_state(own)
    if days_since_onset:
        y, _ = advance_patients(parameters, own, y, {}, days_since_onset)
    start = dict(zip(STATE_NAMES, y[0], strict=True))
    values = dict(zip(INDIVIDUAL, own[0], strict=True))
    values |= {name: parameters[name] for name in parameters.population_names}
    values |= dict(zip(system.inputs, _DEFAULTS, strict=True))
    if form == "sbml":
        return sbml_text(system, "rodnan_disease", notes, start, values)
    return mrgsolve_text(system, notes, start, values)


def typical_patient(parameters: ParameterSet) -> dict[str, float]:
    """Return the parameters of a patient with early diffuse disease and lung involvement, all typical, by name."""
    own = {"g_s": "g_s_diffuse", "g_l": "g_l_prone", "sl": "sl_other"}
    return {name: parameters[own.get(name, name)] for name in INDIVIDUAL}


def _latex(notes: str) -> str:
    meanings = {state.name: state.meaning for state in STATES}
    lines = ["\\documentclass{article}", "\\usepackage{amsmath}", "\\begin{document}", notes, ""]
    for name, formula in equations_latex().items():
        meaning = meanings[name]
        for sign in "&%#_":
            meaning = meaning.replace(sign, f"\\{sign}")
        lines += [f"\\paragraph{{{name.replace('_', chr(92) + '_')}}} {meaning}", "\\[", formula, "\\]", ""]
    return "\n".join([*lines, "\\end{document}"]) + "\n"
