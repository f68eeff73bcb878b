"""What the adjoint kernel computes when, and in which row of its one array each value lies.

Everything is printed from one graph (`rodnan.engine.compile.graph`): the steps, their stages repeated, and the way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rodnan.engine.compile.graph import CALL, DAY, NUMBER, PATIENT, STAGE, Graph
from rodnan.engine.compile.statements import statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["Plan", "graph_of"]

_LONG = ("pow", "recip", "sqrt", "log")
"""Operations worth keeping from one use at a stage to the next."""


def graph_of(system: SymbolicSystem) -> tuple[Graph, dict[str, int], list[int]]:
    """Return a system as a graph, the values of its symbols, and those of its right-hand sides.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    graph : Graph
    names : dict
        Symbol -> value.
    slopes : list of int
        A value for each state.
    """
    graph = Graph()
    names: dict[str, int] = {}
    for level, symbols in (
        (CALL, system.population), (PATIENT, system.individual), (DAY, system.inputs), (STAGE, system.states)
    ):  # fmt: skip
        names |= {name: graph.leaf(name, level) for name in symbols}

    def value(e: Any) -> int:
        if e.is_Symbol:
            return names[str(e)]
        if e.is_number:
            return graph.number(float(e))
        if e.is_Add:
            one = graph.number(1.0)
            return graph.add((one, value(a)) for a in e.args)
        if e.is_Mul:
            below = [a.base ** (-a.exp) for a in e.args if _divides(a)]
            above = [value(a) for a in e.args if not _divides(a)] or [graph.number(1.0)]
            if below:
                above.append(graph.apply("recip", graph.mul(*(value(a) for a in below))))
            return graph.mul(*above)
        if e.is_Pow and e.exp.is_number:
            if _divides(e):
                return graph.apply("recip", value(e.base ** (-e.exp)))
            base = value(e.base)
            if e.exp.is_Rational and e.exp.q <= 2:
                factors = [base] * (int(e.exp.p) // int(e.exp.q))
                return graph.mul(*factors, *([graph.apply("sqrt", base)] if e.exp.q == 2 else []))
            return graph.apply("pow", base, graph.number(float(e.exp)))
        raise TypeError(f"no rule for {type(e).__name__}: {e}")

    def slope(e: Any) -> list[int]:
        """Return the terms of a right-hand side; a shared factor goes into the terms of a sum that it multiplies."""
        if e.is_Add:
            return [t for a in e.args for t in slope(a)]
        sums = [a for a in e.args if a.is_Add] if e.is_Mul else []
        if sums:
            factor = value(e.func(*(a for a in e.args if a is not sums[-1])))
            if graph[factor].level <= CALL:
                return [graph.mul(factor, t) for t in slope(sums[-1])]
        return [value(e)]

    made, results = statements(system)
    for s in made:
        if s.kind == "plain":
            names[s.name] = value(s.expression)
        else:
            a, b = (value(x) for x in s.arguments)
            names[s.name] = graph.apply("pow" if s.kind == "power" else s.kind, a, b)
    one = graph.number(1.0)
    return graph, names, [graph.add((one, t) for t in slope(results[n])) for n in system.states]


def _divides(a: Any) -> bool:
    return bool(a.is_Pow and a.exp.is_number and a.exp.is_negative)


class Plan:
    """Values, rows and lines of an adjoint by some of the parameters.

    Parameters
    ----------
    system
        The equations.
    wanted
        Names of the parameters by which is derived.
    """

    def __init__(self, system: SymbolicSystem, wanted: tuple[str, ...]) -> None:
        self.system = system
        self.graph, self.names, self.slopes = graph_of(system)
        graph = self.graph
        self.states = [self.names[n] for n in system.states]
        n = len(self.states)
        depends: dict[int, bool] = {}
        sources = {self.names[w] for w in wanted}

        def active(i: int) -> bool:
            if i not in depends:
                v = graph[i]
                moves = v.level == STAGE and v.op == "leaf" and isinstance(v.key, str)
                depends[i] = i in sources or moves or any(active(a) for a in v.args)
            return depends[i]

        self.bars = [graph.leaf(("bar", i), STAGE) for i in range(n)]
        given: dict[int, int] = {}
        for slope, bar in zip(self.slopes, self.bars, strict=True):
            given[slope] = graph.add(((graph.number(1.0), given[slope]), (graph.number(1.0), bar))) \
                if slope in given else bar  # fmt: skip
        leaves, gathered = graph.pull(given, STAGE, active)
        self.into = [leaves.get(y, graph.number(0.0)) for y in self.states]
        self.stage_sums = gathered  # value of a lower level -> what each stage adds to its cotangent
        # by the day: what the stages of a day have gathered for values that change with the day
        day = {i: graph.leaf(("sum", i), DAY) for i in gathered if graph[i].level == DAY}
        _, self.day_sums = graph.pull(day, DAY, active) if day else ({}, {})
        self.day_values = list(day)
        last = {
            i: graph.leaf(("sum", i), PATIENT)
            for i in {**gathered, **self.day_sums}
            if NUMBER < graph[i].level < DAY
        }
        self.last_values = list(last)
        ends, below = graph.pull(
            {i: b for i, b in last.items() if graph[i].level == PATIENT}, PATIENT, active
        )
        finish = {i: b for i, b in last.items() if graph[i].level == CALL}
        one = graph.number(1.0)
        for i, b in below.items():
            finish[i] = graph.add(((one, finish[i]), (one, b))) if i in finish else b
        more, _ = graph.pull(finish, CALL, active) if finish else ({}, {})
        self.ends = {**ends, **more}  # parameter -> its derivative
        self._loops = 0
        self._needs_and_rows()

    # what is needed where -------------------------------------------------------------------------------------------

    def _needs_and_rows(self) -> None:
        graph = self.graph
        back = [*self.into, *self.stage_sums.values()]
        self.back_roots = [i for i in back if graph[i].level == STAGE or graph[i].op != "num"]
        state = {y: k for k, y in enumerate(self.states)}

        def read(roots: Iterable[int]) -> set[int]:
            return {state[i] for i in graph.reached(roots, STAGE) if i in state}

        by_back = read(self.back_roots)
        self.read_at: list[set[int]] = [set(), set(), set(), by_back]  # states needed at each stage
        for stage in (2, 1, 0):
            self.read_at[stage] = by_back | read(self.slopes[k] for k in self.read_at[stage + 1])
        run = set(self.read_at[0])
        while (more := run | read(self.slopes[k] for k in run)) != run:
            run = more
        self.run = sorted(run)  # states that have to be carried forward
        backwards = set(graph.reached(self.back_roots, STAGE))
        self.kept = []  # long operations that a stage, repeated, keeps for the way back
        for stage in (0, 1, 2):
            forwards = graph.reached((self.slopes[k] for k in self.read_at[stage + 1]), STAGE)
            self.kept.append([i for i in forwards if i in backwards and graph[i].op in _LONG])
        stage_roots = [*self.back_roots, *(self.slopes[k] for k in self.run)]
        self.day_rows = self.needed(stage_roots, DAY)
        self.patient_rows = self.needed([*stage_roots, *self.day_rows, *self.day_sums.values()], PATIENT)
        rows: dict[Any, int] = {}

        def place(*keys: Any) -> None:
            for key in keys:
                rows.setdefault(key, len(rows))

        n = range(len(self.states))
        for block in ("y", "a", "b", "total", "bar"):
            place(*((block, k) for k in n))
        place("length")
        for stage in (1, 2, 3):
            place(*(("state", stage, k) for k in sorted(self.read_at[stage])))
        for stage in (0, 1, 2):
            place(*(("kept", stage, i) for i in self.kept[stage]))
        place(*(self.names[p] for p in self.system.individual), *(self.names[u] for u in self.system.inputs))
        place(*self.patient_rows, *self.day_rows)
        place(*(("sum", i) for i in (*self.day_values, *self.last_values)))
        self.rows = rows

    def needed(self, roots: Iterable[int], level: int) -> list[int]:
        """Return the values of a level that values of higher levels among `roots` use, or that are roots."""
        graph, roots = self.graph, list(roots)
        inner = graph.reached(roots, level + 1)
        found = {a for i in inner for a in graph[i].args if graph[a].level == level}
        return sorted(found | {i for i in roots if graph[i].level == level})

    # lines ----------------------------------------------------------------------------------------------------------

    def row(self, key: Any) -> str:
        """Return the text of a lane's number in a row."""
        return f"work_[ROW{self.rows[key]} + l_]"

    def scalars(self, roots: Iterable[int]) -> list[str]:
        """Return the lines for values of shared parameters that `roots` use."""
        graph = self.graph
        needed = self.needed(roots, CALL)
        lines: list[str] = []
        for i in graph.reached(needed, CALL):
            v = graph[i]
            text = (
                f"population_[{self.system.population.index(v.key)}]" if v.op == "leaf" else self._text(i, "")
            )
            lines.append(f"t{i} = {text}")
        return lines

    def lines(
        self,
        uses: list[tuple[int, list[str]]],
        read: Mapping[int, str],
        *,
        hold: Mapping[int, int] | None = None,
        fresh: Iterable[int] = (),
    ) -> list[str]:
        """Return the lines that make some values (in a good order) and use each at once.

        Parameters
        ----------
        uses
            Values wanted, each with the lines that use it; ``{}`` stands for the value there.
        read
            Value -> text, for values that are read and not made.
        hold
            Position in `uses` -> value to be read before these lines, which overwrite it.
        fresh
            Values to be made although they have a row.
        """
        graph, hold, fresh = self.graph, hold or {}, set(fresh)
        self._loops += (
            1  # names that no other loop assigns: otherwise the compiler spends half its time on them
        )
        local = f"v{self._loops}_"
        roots = [i for i, _ in uses]
        own: dict[int, tuple[int, ...]] = {}

        def parts(i: int) -> tuple[int, ...]:
            if i in read or (i in self.rows and i not in fresh) or graph[i].level <= CALL:
                return ()
            return tuple(dict.fromkeys(a for a in graph[i].args if graph[a].level > CALL))

        waiting = [i for i in roots if graph[i].level > CALL]
        while waiting:
            i = waiting.pop()
            if i not in own:
                own[i] = parts(i)
                waiting += own[i]
        lines: list[str] = []
        present: set[int] = set()

        def make(i: int) -> None:
            if i in present or graph[i].level <= CALL:
                return
            for a in own[i]:
                make(a)
            present.add(i)
            has_row = i in self.rows and i not in fresh
            text = read.get(i) or (self.row(i) if has_row else self._text(i, local))
            lines.append(f"{self._name(i, local)} = {text}")

        for i in sorted(own):  # the longest chains begin first
            if graph[i].op == "pow" and i not in read:
                make(i)
        for k in _order(roots, own, present):
            make(roots[k])
            if k in hold and hold[k] in own:
                make(hold[k])
            lines += [line.format(self._name(roots[k], local)) for line in uses[k][1]]
        return lines

    def _name(self, i: int, local: str) -> str:
        v = self.graph[i]
        if v.op == "num":
            return repr(v.key) if v.key >= 0 else f"({v.key!r})"
        return f"t{i}" if v.level <= CALL else f"{local}{i}"

    def _text(self, i: int, local: str) -> str:
        op, args, _, _ = self.graph[i]
        names = [self._name(a, local) for a in args]
        if op == "lin":
            return self._linear(args, local)
        if op == "mul":
            return f"{names[0]} * {names[1]}"
        if op == "recip":
            return f"1.0 / {names[0]}"
        if op in ("sqrt", "log"):
            return f"{op}({names[0]})"
        if op == "pow":
            return f"power({names[0]}, {names[1]})"
        if op in ("max", "min"):
            sign = ">" if op == "max" else "<"
            return f"{names[0]} if {names[0]} {sign} {names[1]} else {names[1]}"
        if op[:-1] == "first":
            return f"{names[2]} if {names[0]} {op[-1]} {names[1]} else 0.0"
        if op[:-1] == "other":
            return f"0.0 if {names[0]} {op[-1]} {names[1]} else {names[2]}"
        raise AssertionError(f"no text for {op}")

    def _linear(self, args: tuple[int, ...], local: str) -> str:
        graph = self.graph
        text = "" if graph.is_number(args[0], 0.0) else self._name(args[0], local)
        pairs = list(zip(args[1::2], args[2::2], strict=True))
        if not text:  # begin with a term that is not taken away
            pairs.sort(key=lambda p: graph[p[0]].op == "num" and graph[p[0]].key < 0)
        for c, x in pairs:
            coefficient = graph[c]
            minus = coefficient.op == "num" and coefficient.key < 0
            if coefficient.op == "num":
                size = abs(coefficient.key)
                term = self._name(x, local) if size == 1.0 else f"{size!r} * {self._name(x, local)}"
            else:
                term = f"{self._name(c, local)} * {self._name(x, local)}"
            if text:
                text += f" {'-' if minus else '+'} {term}"
            else:
                text = f"-({term})" if minus else term
        return text


def _order(roots: list[int], own: Mapping[int, tuple[int, ...]], begun: set[int]) -> list[int]:
    """Return the positions of `roots` in an order that keeps few values alive.

    Greedy: next comes the one that brings the fewest new values less those that it is the last to use.
    """
    closures: dict[int, frozenset[int]] = {}

    def closure(i: int) -> frozenset[int]:
        if i not in closures:
            closures[i] = frozenset({i}.union(*(closure(a) for a in own.get(i, ()))))
        return closures[i]

    users: dict[int, int] = {}
    for parts in own.values():
        for a in parts:
            users[a] = users.get(a, 0) + 1
    for i in roots:
        users[i] = users.get(i, 0) + 1
    present = set(begun)
    order: list[int] = []
    remaining = dict.fromkeys(range(len(roots)))
    while remaining:
        best, least = -1, (0, 0)
        for k in remaining:
            new = closure(roots[k]) - present
            freed: dict[int, int] = {roots[k]: 1}
            for i in new:
                for a in own.get(i, ()):
                    freed[a] = freed.get(a, 0) + 1
            cost = (len(new) - sum(users.get(i, 0) <= f for i, f in freed.items()), k)
            if best < 0 or cost < least:
                best, least = k, cost
        new = closure(roots[best]) - present
        for i in new:
            for a in own.get(i, ()):
                users[a] -= 1
        users[roots[best]] = users.get(roots[best], 1) - 1
        present |= new
        order.append(best)
        del remaining[best]
    return order
