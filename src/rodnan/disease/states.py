"""The states of the disease model, in kernel order: name, unit, range, meaning, healthy and onset value.

Every immune, cytokine and tissue-activity state is divided by its value in the *reference patient* (unit amplitude and
susceptibilities, constant drive of one, untreated), so it is one there; autoreactive states are zero in health.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STATES", "STATE_INDEX", "STATE_NAMES", "State"]


@dataclass(frozen=True)
class State:
    """One state variable of the disease model.

    Attributes
    ----------
    name
        Symbol used in the equations.
    unit
        ``rel`` (relative to the reference patient or to the patient's own baseline) or a score unit.
    healthy
        Value in a person without the disease.
    onset
        Value at biological onset (symbols resolve against the patient's own parameters).
    room
        Module that holds the equation.
    meaning
        What the state stands for.
    """

    name: str
    unit: str
    healthy: float
    onset: float | str
    room: str
    meaning: str


STATES: tuple[State, ...] = (
    State("E", "rel", 0.0, "a*(1-d_inf)", "immune", "trigger or antigen exposure that wanes"),
    State("D", "rel", 0.0, "a", "immune", "autoimmune drive: autoreactive memory, epitope spread"),
    State("W", "rel", 0.0, 1.0, "immune", "share of the residual drive that has survived repertoire resets"),
    State("T", "rel", 0.0, 0.0, "immune", "activated autoreactive effector T cells"),
    State("R", "rel", 0.5, 0.5, "immune", "regulatory T cells"),
    State("B", "rel (1 = 200 CD19+ cells/uL)", 1.0, 1.0, "immune", "circulating B cells"),
    State("Ps", "rel", 0.0, 0.0, "immune", "autoreactive plasmablasts and short-lived plasma cells"),
    State("Pl", "rel", 0.0, 0.0, "immune", "autoreactive long-lived plasma cells (CD20 negative)"),
    State("PN", "rel", 1.0, 1.0, "immune", "protective long-lived plasma cells"),
    State("A1", "rel", 0.0, 0.0, "immune", "autoantibody IgG in plasma"),
    State("A2", "rel", 0.0, 0.0, "immune", "autoantibody IgG outside the vessels"),
    State("G1", "rel (1 = 11 g/L)", 1.0, 1.0, "immune", "total IgG in plasma"),
    State("G2", "rel (1 = 11 g/L)", 1.0, 1.0, "immune", "total IgG outside the vessels"),
    State("M", "rel", 0.0, 0.0, "immune", "profibrotic (M2-like) monocytes and macrophages"),
    State(
        "K", "rel (1 = +466 ng/mL CXCL4)", 0.0, 0.0, "immune", "activated plasmacytoid dendritic cells, CXCL4"
    ),
    State("I", "rel", 0.0, 0.0, "immune", "interleukin 6"),
    State("V", "rel", 0.0, 0.0, "immune", "vascular injury"),
    State("Q_s", "rel", 0.0, 0.0, "fibrosis", "active TGF-beta (PDGF, CTGF lumped) in skin"),
    State("Q_l", "rel", 0.0, 0.0, "fibrosis", "active TGF-beta (PDGF, CTGF lumped) in lung"),
    State("F_s", "rel", 0.0, 0.0, "fibrosis", "activated myofibroblasts in skin"),
    State("F_l", "rel", 0.0, 0.0, "fibrosis", "activated myofibroblasts in lung"),
    State("C_s", "mRSS unit", 0.0, 0.0, "fibrosis", "reversible excess matrix in skin"),
    State("C_l", "log-percent FVC", 0.0, 0.0, "fibrosis", "reversible excess matrix in lung"),
    State("X_s", "mRSS unit", 0.0, 0.0, "fibrosis", "cross-linked excess matrix in skin"),
    State("X_l", "log-percent FVC", 0.0, 0.0, "fibrosis", "cross-linked excess matrix in lung"),
    State(
        "Ex_s",
        "rel",
        0.0,
        0.0,
        "fibrosis",
        "exhaustion of skin myofibroblasts: slow memory of their activity",
    ),
    State("N0", "rel (1 = own baseline)", 1.0, 1.0, "blood", "proliferating neutrophil precursors in marrow"),
    State("N1", "rel (1 = own baseline)", 1.0, 1.0, "blood", "maturing neutrophils, first transit"),
    State("N2", "rel (1 = own baseline)", 1.0, 1.0, "blood", "maturing neutrophils, second transit"),
    State("N3", "rel (1 = own baseline)", 1.0, 1.0, "blood", "maturing neutrophils, third transit"),
    State("N4", "rel (1 = own baseline)", 1.0, 1.0, "blood", "circulating neutrophils"),
    State("L", "rel (1 = 1.6e9 cells/L)", 1.0, 1.0, "blood", "total lymphocytes"),
    State("GFR", "rel (1 = own baseline)", 1.0, 1.0, "blood", "glomerular filtration rate"),
)

STATE_NAMES: tuple[str, ...] = tuple(state.name for state in STATES)
STATE_INDEX: dict[str, int] = {name: index for index, name in enumerate(STATE_NAMES)}
