"""The discrete adjoint as source: the exact derivative of the classical Runge-Kutta steps, patients side by side.

A first sweep takes the steps and keeps the state at the start of each; where there are many days, only at the start of each
span of days, and a span is taken again when its turn has come. The second sweep goes through the steps from the last to the
first: it repeats three stages of a step, keeping their powers and reciprocals, and takes the cotangent back through the four
with the vector-Jacobian product. As in the forward kernel (`rodnan.engine.compile.lanes`) all that an inner loop touches
lies in one array at offsets that are literals. What changes with inputs or parameters only is computed once a day or once
a patient, and cotangents of such values are taken down to the parameters once a day or once a patient too. States that no
derivative looks at are not carried. Extremes pass the cotangent to their active branch (at a tie, to the second argument).
"""

from __future__ import annotations

from rodnan.engine.compile.adjoint_plan import Plan
from rodnan.engine.compile.graph import DAY, PATIENT
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["ADJOINT_LANES", "adjoint_source"]

ADJOINT_LANES = 8
"""Patients in a block."""


def adjoint_source(system: SymbolicSystem, *, lanes: int = ADJOINT_LANES) -> str:
    """Return the Python source of the adjoint kernel of a system.

    Parameters
    ----------
    system
        The equations.
    lanes
        Patients in a block.

    Returns
    -------
    str
        A module with ``LANES`` and two sets of functions, ``own`` for derivatives by states and the parameters of the
        patients, ``all`` for the shared parameters too. Each has ``rows``, the rows of LANES float64 of the array that
        the four functions share: ``begin`` fills it for the patients `who` int64[LANES], ``forward`` takes the steps of
        some days and returns their number, ``back`` takes the cotangent back through them and returns the last kept day
        that it has not seen, ``end`` writes the derivatives. `rodnan.engine.gradient` calls them.
    """
    own = Plan(system, system.individual)
    everything = Plan(system, system.individual + system.population)
    rows = max(len(own.rows), len(everything.rows))
    return _HEAD.format(
        lanes=lanes, rows="\n".join(f"ROW{i} = np.uint64({i * lanes})" for i in range(rows))
    ) + "".join(
        _functions(plan, lanes, name, shared)
        for plan, name, shared in ((own, "own", False), (everything, "all", True))
    )


def _functions(plan: Plan, lanes: int, name: str, shared: bool) -> str:
    system, rows = plan.system, plan.rows
    day_roots = plan.day_rows
    forward = [plan.slopes[k] for k in plan.run]
    forward_days = plan.needed(forward, DAY)
    return _TEMPLATE.format(
        name=name,
        lanes=lanes,
        n_rows=len(rows),
        n_states=len(system.states),
        n_individual=len(system.individual),
        n_inputs=len(system.inputs),
        n_population=len(system.population),
        own_row=rows[plan.names[system.individual[0]]] if system.individual else 0,
        input_row=rows[plan.names[system.inputs[0]]] if system.inputs else 0,
        bar_row=rows["bar", 0],
        length_row=rows["length"],
        patient_scalars=_block(1, plan.scalars(plan.patient_rows)),
        patient=_block(2, _values(plan, plan.patient_rows)),
        forward_scalars=_block(1, plan.scalars([*forward, *forward_days])),
        forward_day=_block(3, _values(plan, forward_days)),
        day=_block(3, _values(plan, day_roots)),
        step="\n".join(
            _loop(plan, _step(plan, stage), reach, part)
            for stage, (reach, part) in enumerate(
                (("0.5", "1.0 / 6.0"), ("0.5", "1.0 / 3.0"), ("1.0", "1.0 / 3.0"), ("0.0", "1.0 / 6.0"))
            )
        ),
        back_scalars=_block(
            1, plan.scalars([*forward, *plan.back_roots, *day_roots, *plan.day_sums.values()])
        ),
        stages="\n".join(
            [
                _loop(plan, _again(plan, stage), reach, "0.0")
                for stage, reach in enumerate(("0.5", "0.5", "1.0"))
            ]
            + [
                _loop(plan, _back(plan, stage), reach, part)
                for stage, reach, part in (
                    (3, "1.0", "1.0 / 3.0"),
                    (2, "0.5", "1.0 / 3.0"),
                    (1, "0.5", "1.0 / 6.0"),
                    (0, "0.0", "0.0"),
                )
            ]
        ),
        gather=_block(3, _gather(plan)),
        end_scalars=_block(1, plan.scalars(list(plan.ends.values()))),
        end=_block(2, _end(plan, shared)),
    )


def _loop(plan: Plan, body: list[str], reach: str, part: str) -> str:
    return _LOOP.format(length=plan.rows["length"], reach=reach, part=part, body=_block(4, body))


def _block(depth: int, lines: list[str]) -> str:
    return "\n".join("    " * depth + line for line in lines or ["pass"])


def _values(plan: Plan, wanted: list[int]) -> list[str]:
    """Return the lines that fill rows with values."""
    named = {plan.names[n] for n in (*plan.system.individual, *plan.system.inputs)}
    made = [i for i in wanted if i not in named]
    return plan.lines([(i, [f"{plan.row(i)} = {{}}"]) for i in made], {}, fresh=made)


def _step(plan: Plan, stage: int) -> list[str]:
    """Return the inner loop of a stage of the first sweep: slopes used by the sum of the step and the next stage."""
    source, target = (("y", "a"), ("a", "b"), ("b", "a"), ("a", "y"))[stage]
    read = {y: plan.row((source, k)) for k, y in enumerate(plan.states)}
    uses = []
    for k in plan.run:
        y, total, after = (plan.row((block, k)) for block in ("y", "total", target))
        if stage == 3:
            lines = [f"{y} = {total} + part_ * {{0}}"]
        else:
            lines = [f"{total} = {total if stage else y} + part_ * {{0}}", f"{after} = {y} + reach_ * {{0}}"]
        uses.append((plan.slopes[k], lines))
    return plan.lines(uses, read)


def _stage_reads(plan: Plan, stage: int) -> dict[int, str]:
    return {plan.states[k]: plan.row(("state", stage, k) if stage else ("y", k)) for k in plan.read_at[stage]}


def _again(plan: Plan, stage: int) -> list[str]:
    """Return the inner loop that repeats a stage: the states of the next one, and what is kept."""
    uses = [
        (plan.slopes[k], [f"{plan.row(('state', stage + 1, k))} = {plan.row(('y', k))} + reach_ * {{0}}"])
        for k in sorted(plan.read_at[stage + 1])
    ]
    uses += [(i, [f"{plan.row(('kept', stage, i))} = {{0}}"]) for i in plan.kept[stage]]
    return plan.lines(uses, _stage_reads(plan, stage))


def _back(plan: Plan, stage: int) -> list[str]:
    """Return the inner loop that takes the cotangent back through a stage.

    The cotangent of a stage's slope is ``part bar + reach into``, with ``bar`` the cotangent of the state after the step and
    ``into`` that of the state of the stage after; the cotangent of the state before the step is ``bar`` and all ``into``.
    """
    read = _stage_reads(plan, stage)
    if stage < 3:
        read |= {i: plan.row(("kept", stage, i)) for i in plan.kept[stage]}
    source, target = ("b", "a") if stage % 2 == 0 else ("a", "b")
    for k, bar in enumerate(plan.bars):
        read[bar] = f"last_ * {plan.row(('bar', k))}" if stage == 3 else plan.row((source, k))
    uses = []
    for k, into in enumerate(plan.into):
        bar, total = plan.row(("bar", k)), plan.row(("total", k))
        on = f"{plan.row((target, k))} = part_ * {bar} + reach_ * {{0}}"
        if stage == 3:
            lines = [f"{total} = {bar} + {{0}}", on]
        elif stage:
            lines = [f"{total} += {{0}}", on]
        else:
            lines = [f"{bar} = {total} + {{0}}"]
        uses.append((into, lines))
    uses += [(v, [f"{plan.row(('sum', i))} += {{0}}"]) for i, v in plan.stage_sums.items()]
    return plan.lines(uses, read)


def _gather(plan: Plan) -> list[str]:
    """Return the lines that take what a day's stages have gathered down to the parameters."""
    read = {plan.graph.leaf(("sum", i), DAY): plan.row(("sum", i)) for i in plan.day_values}
    uses = [(v, [f"{plan.row(('sum', i))} += {{0}}"]) for i, v in plan.day_sums.items()]
    return plan.lines(uses, read) + [f"{plan.row(('sum', i))} = 0.0" for i in plan.day_values]


def _end(plan: Plan, shared: bool) -> list[str]:
    """Return the lines that write the derivatives by parameters."""
    read = {plan.graph.leaf(("sum", i), PATIENT): plan.row(("sum", i)) for i in plan.last_values}
    uses: list[tuple[int, list[str]]] = []
    for array, names in (
        ("by_individual_", plan.system.individual),
        ("by_population_", plan.system.population),
    ):
        if array == "by_population_" and not shared:
            continue
        for k, name in enumerate(names):
            i = plan.ends.get(plan.names[name], plan.graph.number(0.0))
            uses.append((i, [f"{array}[first_ + l_, {k}] = {{0}}"]))
    return plan.lines(uses, read)


_HEAD = '''"""Generated from the symbolic equations; do not edit."""

from collections import namedtuple
from math import sqrt

import numpy as np
from numba import njit

from rodnan.engine.compile.bits import log64 as log
from rodnan.engine.compile.bits import power64 as power

LANES = {lanes}
Adjoint = namedtuple("Adjoint", ["rows", "begin", "forward", "back", "end"])
{rows}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def set_lengths(work_, row_, substeps_, day_, now_, parts_, who_):
    for l_ in range({lanes}):
        split_ = 1 if parts_ == 1 else substeps_[day_, who_[l_]]
        work_[row_ * {lanes} + l_] = 0.0 if now_ >= split_ else 1.0 / split_


@njit(cache=True, nogil=True, error_model="numpy")
def set_inputs(work_, row_, active_, series_, day_, who_):
    for k_ in range(len(active_)):
        for l_ in range({lanes}):
            work_[(row_ + active_[k_]) * {lanes} + l_] = series_[day_, k_, who_[l_]]


@njit(cache=True, nogil=True, error_model="numpy")
def add_cotangents(work_, row_, cotangents_, at_, who_):
    for l_ in range({lanes}):
        for k_ in range(cotangents_.shape[2]):
            work_[(row_ + k_) * {lanes} + l_] += cotangents_[at_, who_[l_], k_]
'''

_LOOP = """\
            for l_ in range(count_):
                h_ = work_[ROW{length} + l_]
                reach_ = h_ * ({reach})
                part_ = h_ * ({part})
                last_ = h_ * (1.0 / 6.0)
{body}"""

_TEMPLATE = '''

@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def forward_{name}(
    work_, population_, active_, series_, substeps_, parts_of_, first_day_, end_day_, who_, lanes_, kept_, keep_
):
    """Take the steps of some days; keep the state before each."""
{forward_scalars}
    n_ = {n_states} * {lanes}
    count_ = np.uint64(lanes_)
    at_ = 0
    for day_ in range(first_day_, end_day_):
        set_inputs(work_, {input_row}, active_, series_, day_, who_)
        for l_ in range(count_):
{forward_day}
        parts_ = parts_of_[day_]
        for now_ in range(parts_):
            set_lengths(work_, {length_row}, substeps_, day_, now_, parts_, who_)
            if keep_:
                for i_ in range(n_):
                    kept_[at_, i_] = work_[i_]
            at_ += 1
{step}
    return at_


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def back_{name}(
    work_, population_, active_, series_, substeps_, parts_of_, first_day_, end_day_, who_, lanes_, kept_, at_,
    out_days_, cotangents_, last_out_,
):
    """Take the cotangent back through the steps of some days."""
{back_scalars}
    n_ = {n_states} * {lanes}
    count_ = np.uint64(lanes_)
    for day_ in range(end_day_ - 1, first_day_ - 1, -1):
        while last_out_ >= 0 and out_days_[last_out_] == day_ + 1:
            add_cotangents(work_, {bar_row}, cotangents_, last_out_, who_)
            last_out_ -= 1
        set_inputs(work_, {input_row}, active_, series_, day_, who_)
        for l_ in range(count_):
{day}
        parts_ = parts_of_[day_]
        for now_ in range(parts_ - 1, -1, -1):
            set_lengths(work_, {length_row}, substeps_, day_, now_, parts_, who_)
            at_ -= 1
            for i_ in range(n_):
                work_[i_] = kept_[at_, i_]
{stages}
        for l_ in range(count_):
{gather}
    if first_day_ == 0:
        while last_out_ >= 0:
            add_cotangents(work_, {bar_row}, cotangents_, last_out_, who_)
            last_out_ -= 1
    return last_out_


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def begin_{name}(work_, y_, individual_, population_, defaults_, who_, lanes_):
    """Fill the rows of a block and compute what a patient's parameters determine."""
{patient_scalars}
    for l_ in range({lanes}):
        for k_ in range({n_states}):
            work_[k_ * {lanes} + l_] = y_[who_[l_], k_]
        for k_ in range({n_individual}):
            work_[({own_row} + k_) * {lanes} + l_] = individual_[who_[l_], k_]
        for k_ in range({n_inputs}):
            work_[({input_row} + k_) * {lanes} + l_] = defaults_[k_]
    for l_ in range(np.uint64(lanes_)):
{patient}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def end_{name}(work_, population_, first_, lanes_, by_state_, by_individual_, by_population_):
    """Write the derivatives by starting states and parameters."""
{end_scalars}
    for l_ in range(lanes_):
        for k_ in range({n_states}):
            by_state_[first_ + l_, k_] = work_[({bar_row} + k_) * {lanes} + l_]
{end}


{name} = Adjoint({n_rows}, begin_{name}, forward_{name}, back_{name}, end_{name})
'''
