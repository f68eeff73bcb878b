"""The CPU kernel as source: patients side by side in the fast axis, one classical RK4 step after another.

The generated module has one function, ``advance``, that takes one block of `LANES` patients through the steps. All that
the inner loop touches lies in one array, one row of lanes a quantity, at offsets that are literals: the compiler then sees
that rows do not overlap without asking at run time, and uses vector instructions. What is constant in time is computed
once: terms of shared parameters as scalars, reciprocals of a patient's parameters as rows. Right-hand sides are ordered
so that few values are alive at a time (`_order`), after the powers, whose chains are the longest; each is used up at
once, by the running sum of the step and by the next stage. Products and sums may fuse where the processor can do that
(no other licence of fast-math is given): a lane's numbers depend on that lane alone, and differ between kinds of processor
in the last digits at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rodnan.engine.compile.statements import print_expression, statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["LANES", "Precision", "lane_source"]

LANES = 16
"""Patients in a block: two vectors of eight float64, or one of sixteen float32, on the widest processors."""

Precision = Literal["float64", "float32"]


def lane_source(
    system: SymbolicSystem, *, precision: Precision = "float64", linear_inputs: bool = False
) -> str:
    """Return the Python source of the kernel module of a system.

    Parameters
    ----------
    system
        The equations.
    precision
        Type of every number in the kernel.
    linear_inputs
        Let the active inputs change linearly within a step: `series` then has two rows for each, mean and change over the
        step.

    Returns
    -------
    str
        A module with ``advance(y, individual, population, defaults, active, series, steps, hold, length, substeps, lanes,
        out_steps, out)`` and ``REAL``, the type of its numbers. `y` REAL[n_states*LANES] is advanced in place;
        `individual` REAL[n_individual*LANES]; `population` REAL[n_population]; `active` int64[n_active] says which inputs
        the rows of `series` REAL[steps / hold, n_active*LANES] are, each for `hold` steps (all others have their
        `defaults`); a step lasts `length` days and is split into ``substeps[step, lane]`` equal parts (int64[steps,
        LANES], or of no rows where none is split); after each step named in `out_steps` (ascending, 0 = before the
        first) the state is copied to `out` REAL[n_out, n_states*LANES].
    """
    plan = _Plan(system, _Numbers(precision), linear_inputs)
    n = len(system.states)
    row = plan.first_row
    return _TEMPLATE.format(
        precision=precision,
        power="power64" if precision == "float64" else "power32",
        constants="\n".join(f"{name} = REAL({text})" for text, name in plan.numbers.named.items()),
        rows="\n".join(f"ROW{i} = np.uint64({i * LANES})" for i in range(plan.n_rows)),
        lanes=LANES,
        n_states=n,
        n_individual=len(system.individual),
        n_inputs=len(system.inputs),
        own_row=row["individual"],
        input_row=row["inputs"],
        change_row=row["changes"],
        length_row=row["length"],
        n_rows=plan.n_rows,
        unpack="\n".join(f"    {name} = population_[{i}]" for i, name in enumerate(system.population))
        or "    pass",
        hoisted="\n".join(f"    {line}" for line in plan.hoisted) or "    pass",
        own="\n".join(f"        {line}" for line in plan.own_lines()),
        inputs=_LINEAR if linear_inputs else _CONSTANT,
        body="\n".join(f"                    {line}" for line in plan.body()),
    )


class _Numbers:
    """Prints numbers in the precision of the kernel; float32 constants become names, since a literal is a float64."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.named: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if self.precision == "float64":
            return text
        return self.named.setdefault(text, f"NUM{len(self.named)}")


@dataclass(frozen=True)
class _Node:
    """One value of the inner loop: its text and the lane values it needs."""

    text: str
    needs: frozenset[str] = field(default_factory=frozenset)


class _Plan:
    """What is computed when: once a call, once a patient, or in every stage; and which row holds what."""

    def __init__(self, system: SymbolicSystem, numbers: _Numbers, linear_inputs: bool) -> None:
        self.system, self.numbers, self.linear_inputs = system, numbers, linear_inputs
        self.hoisted: list[str] = []
        self._scalars = set(system.population)
        self._patient: dict[str, Any] = {}  # reciprocals of a patient's parameters: name -> text
        self._reciprocals: dict[Any, str] = {}
        self._temporaries: dict[str, _Node] = {}
        assigned, results = statements(system)
        for s in assigned:
            if s.kind == "plain":
                e = self._without_constant_divisors(s.expression)
                text, symbols = self._text(e), {str(x) for x in e.free_symbols}
            else:
                symbols = {str(x) for x in s.arguments if x.is_Symbol}
                a, b = (self._text(x) for x in s.arguments)
                sign = ">" if s.kind == "max" else "<"
                text = f"power({a}, {b})" if s.kind == "power" else f"{a} if {a} {sign} {b} else {b}"
            if symbols <= self._scalars:
                self.hoisted.append(f"{s.name} = {text}")
                self._scalars.add(s.name)
            else:
                self._temporaries[s.name] = _Node(text, frozenset(symbols - self._scalars))
        self._derivatives: list[_Node] = []
        for name in system.states:
            e = self._without_constant_divisors(results[name])
            needs = ({str(x) for x in e.free_symbols} - self._scalars) | {
                name
            }  # read before it is overwritten
            self._derivatives.append(_Node(self._text(e), frozenset(needs)))
        n, inputs = len(system.states), len(system.inputs)
        blocks = {
            "y": n, "stage": n, "total": n, "individual": len(system.individual), "patient": len(self._patient),
            "inputs": inputs, "changes": inputs if linear_inputs else 0, "length": 1,
        }  # fmt: skip
        self.first_row: dict[str, int] = {}
        self.n_rows = 0
        for name, size in blocks.items():
            self.first_row[name] = self.n_rows
            self.n_rows += size
        self._row_of = {
            name: self.first_row[block] + k
            for block, names in (
                ("stage", system.states), ("individual", system.individual), ("patient", tuple(self._patient)),
                ("inputs", system.inputs),
            )
            for k, name in enumerate(names)
        }  # fmt: skip

    def _text(self, e: Any) -> str:
        return print_expression(e, number=self.numbers)

    def _without_constant_divisors(self, e: Any) -> Any:
        """Return an expression in which divisors that do not change in time are factors computed once."""
        from sympy import Symbol

        def constant(x: Any) -> bool:
            if not (x.is_Pow and x.exp.is_number and x.exp.is_negative and x.base.free_symbols):
                return False
            names = {str(s) for s in x.base.free_symbols}
            return names <= self._scalars | set(self.system.individual) | set(self._patient)

        def factor(x: Any) -> Any:
            divisor = x.base ** (-x.exp)
            if divisor not in self._reciprocals:
                name = f"r{len(self._reciprocals)}"
                self._reciprocals[divisor] = name
                text = f"{self.numbers('1.0')} / {self._text(divisor)}"
                if {str(s) for s in divisor.free_symbols} <= self._scalars:
                    self.hoisted.append(f"{name} = {text}")
                    self._scalars.add(name)
                else:
                    self._patient[name] = text
            return Symbol(self._reciprocals[divisor], real=True)

        return e.replace(constant, factor)

    def own_lines(self) -> list[str]:
        """Return the lines that fill a patient's rows before the first step."""
        made = [f"{name} = work_[ROW{self._row_of[name]} + l_]" for name in self.system.individual]
        made += [f"work_[ROW{self._row_of[name]} + l_] = {text}" for name, text in self._patient.items()]
        return made or ["pass"]

    def body(self) -> list[str]:
        """Return the lines of the inner loop: loads, temporaries and the use of each derivative, in a good order."""
        lines: list[str] = []
        present: set[str] = set()
        first = self.first_row
        for power in (n for n, t in self._temporaries.items() if t.text.startswith("power(")):
            for name in _missing([power], present, self._temporaries):  # the longest chains begin first
                lines.append(f"{name} = {self._load(name)}")
                present.add(name)
        for state in _order([d.needs for d in self._derivatives], self._temporaries):
            derivative = self._derivatives[state]
            for name in _missing(derivative.needs, present, self._temporaries):
                lines.append(f"{name} = {self._load(name)}")
                present.add(name)
            lines.append(f"slope_ = {derivative.text}")
            lines.append(f"work_[ROW{first['total'] + state} + l_] += part_ * slope_")
            lines.append(
                f"work_[ROW{first['stage'] + state} + l_] = work_[ROW{state} + l_] + reach_ * slope_"
            )
        return lines

    def _load(self, name: str) -> str:
        if name in self._temporaries:
            return self._temporaries[name].text
        text = f"work_[ROW{self._row_of[name]} + l_]"
        if self.linear_inputs and name in self.system.inputs:
            change = self.first_row["changes"] + self.system.inputs.index(name)
            text += f" + when_ * work_[ROW{change} + l_]"
        return text


def _missing(needs: Iterable[str], present: set[str], temporaries: Mapping[str, _Node]) -> list[str]:
    """Return the values to make before `needs` are there, each after what it needs itself."""
    made: list[str] = []

    def visit(name: str) -> None:
        if name in present or name in made:
            return
        if name in temporaries:
            for other in sorted(temporaries[name].needs):
                visit(other)
        made.append(name)

    for name in sorted(needs):
        visit(name)
    return made


def _order(derivatives: list[frozenset[str]], temporaries: Mapping[str, _Node]) -> list[int]:
    """Return the states in an order that keeps few values alive.

    Greedy: next comes the state that brings the fewest new values less those it is the last to need.
    """
    users: dict[str, set[Any]] = {}
    for user, needs in (*((n, t.needs) for n, t in temporaries.items()), *enumerate(derivatives)):
        for name in needs:
            users.setdefault(name, set()).add(user)
    order: list[int] = []
    present: set[str] = set()
    remaining = set(range(len(derivatives)))
    while remaining:
        costs = []
        for state in sorted(remaining):
            new = _missing(derivatives[state], present, temporaries)
            done = {*order, *present, *new, state}
            over = sum(users.get(name, set()) <= done for name in (*present, *new))
            costs.append((len(new) - over, state))
        _, best = min(costs)
        present |= set(_missing(derivatives[best], present, temporaries))
        order.append(best)
        remaining.discard(best)
    return order


_CONSTANT = f"""\
            for row_ in range(len(active_)):
                base_ = inputs_ + active_[row_] * {LANES}
                for l_ in range({LANES}):
                    work_[base_ + l_] = series_[given_, row_ * {LANES} + l_]"""

_LINEAR = f"""\
            for row_ in range(len(active_)):
                base_ = inputs_ + active_[row_] * {LANES}
                other_ = changes_ + active_[row_] * {LANES}
                for l_ in range({LANES}):
                    work_[base_ + l_] = series_[given_, 2 * row_ * {LANES} + l_]
                    work_[other_ + l_] = series_[given_, (2 * row_ + 1) * {LANES} + l_]"""

_TEMPLATE = '''"""Generated from the symbolic equations; do not edit."""

from math import sqrt

import numpy as np
from numba import njit

from rodnan.engine.compile.bits import {power} as power

REAL = np.{precision}
{constants}
{rows}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def advance(
    y_, individual_, population_, defaults_, active_, series_, steps_, hold_, length_, substeps_, lanes_, out_steps_, out_
):
{unpack}
{hoisted}
    n_ = {n_states} * {lanes}
    work_ = np.zeros({n_rows} * {lanes}, REAL)
    for i_ in range(n_):
        work_[i_] = y_[i_]
        work_[n_ + i_] = y_[i_]
        work_[2 * n_ + i_] = y_[i_]
    for i_ in range({n_individual} * {lanes}):
        work_[{own_row} * {lanes} + i_] = individual_[i_]
    inputs_ = {input_row} * {lanes}
    changes_ = {change_row} * {lanes}
    for row_ in range({n_inputs}):
        for l_ in range({lanes}):
            work_[inputs_ + row_ * {lanes} + l_] = defaults_[row_]
    whole_ = REAL(length_)
    for l_ in range({lanes}):
        work_[{length_row} * {lanes} + l_] = whole_
    reaches_ = np.array([0.5, 0.5, 1.0, 0.0]).astype(REAL)
    shares_ = np.array([1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0]).astype(REAL)
    moments_ = np.array([-0.5, 0.0, 0.0, 0.5]).astype(REAL)
    count_ = np.uint64(lanes_)
    for l_ in range(count_):
{own}
    next_out_ = 0
    while next_out_ < len(out_steps_) and out_steps_[next_out_] == 0:
        for i_ in range(n_):
            out_[next_out_, i_] = y_[i_]
        next_out_ += 1
    split_ = False
    for step_ in range(steps_):
        if step_ % hold_ == 0:
            given_ = step_ // hold_
{inputs}
        parts_ = 1
        if len(substeps_) > 0:
            for l_ in range({lanes}):
                parts_ = max(parts_, substeps_[step_, l_])
        for now_ in range(parts_):
            if parts_ > 1:  # a lane with fewer parts waits: a step of no length changes nothing
                for l_ in range({lanes}):
                    waits_ = now_ >= substeps_[step_, l_]
                    work_[{length_row} * {lanes} + l_] = REAL(0) if waits_ else whole_ / substeps_[step_, l_]
                split_ = True
            elif split_:
                for l_ in range({lanes}):
                    work_[{length_row} * {lanes} + l_] = whole_
                split_ = False
            for stage_ in range(4):
                reach_of_ = reaches_[stage_]
                share_ = shares_[stage_]
                when_ = moments_[stage_]
                for l_ in range(count_):
                    h_ = work_[ROW{length_row} + l_]
                    reach_ = h_ * reach_of_
                    part_ = h_ * share_
{body}
            for i_ in range(n_):
                work_[i_] = work_[2 * n_ + i_]
                work_[n_ + i_] = work_[i_]
        while next_out_ < len(out_steps_) and out_steps_[next_out_] == step_ + 1:
            for i_ in range(n_):
                out_[next_out_, i_] = work_[i_]
            next_out_ += 1
    for i_ in range(n_):
        y_[i_] = work_[i_]
'''
