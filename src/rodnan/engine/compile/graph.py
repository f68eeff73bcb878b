"""Expressions as a graph in which each value exists once and is known to change by call, patient, day or stage.

A value has the level of the fastest thing it depends on. A sum of level L is kept as a linear combination: a constant and
coefficients of lower levels, so that what changes more slowly is gathered into one number that is computed less often. A
product is a coefficient of a lower level times a chain of values of its own. The cotangent of a value is built from the
same constructors and shares everything with the values themselves; a cotangent of a coefficient is gathered where the
coefficient is, and taken further down as often as that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["CALL", "DAY", "NUMBER", "PATIENT", "STAGE", "Graph", "Value"]

NUMBER, CALL, PATIENT, DAY, STAGE = range(5)
"""Levels: never changes; changes between calls (shared parameters), patients, days (inputs), stages (states)."""


class Value(NamedTuple):
    """One value of the graph.

    Attributes
    ----------
    op
        ``num`` (key: the number), ``leaf`` (key: its name), ``lin`` (args: constant, coefficient, value, coefficient, ...),
        ``mul`` (two), ``recip``, ``sqrt``, ``log`` (one), ``pow``, ``max``, ``min`` (two), ``first>``, ``other>``,
        ``first<``, ``other<`` (three: a, b, x; x where a > b holds, or where it does not hold, else zero).
    args
        Numbers of the values it is made of.
    key
        What else tells it from others.
    level
        When it changes.
    """

    op: str
    args: tuple[int, ...]
    key: Any
    level: int


class Graph:
    """Values by number; a value is made after those that it is made of."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def __getitem__(self, i: int) -> Value:
        return self.values[i]

    def _make(self, op: str, args: tuple[int, ...], key: Any = None, level: int | None = None) -> int:
        known = self._known.get((op, args, key))
        if known is not None:
            return known
        if level is None:
            level = max(self.values[a].level for a in args)
        self.values.append(Value(op, args, key, level))
        self._known[op, args, key] = len(self.values) - 1
        return len(self.values) - 1

    def number(self, x: float) -> int:
        """Return the value that is a number."""
        return self._make("num", (), float(x) + 0.0, NUMBER)

    def leaf(self, name: Any, level: int) -> int:
        """Return the value of a state, parameter, input or anything else that is read."""
        return self._make("leaf", (), name, level)

    def is_number(self, i: int, x: float) -> bool:
        """Return whether a value is the number `x`."""
        return self.values[i].op == "num" and self.values[i].key == x

    def split(self, i: int) -> tuple[int, int]:
        """Return a coefficient of a lower level and the rest, whose product a value is."""
        v = self.values[i]
        if v.op == "lin" and len(v.args) == 3 and self.is_number(v.args[0], 0.0):
            return v.args[1], v.args[2]
        return self.number(1.0), i

    def add(self, terms: Iterable[tuple[int, int]]) -> int:
        """Return the sum of coefficient times value over pairs."""
        pairs = [(self.mul(c, x), self.number(1.0)) for c, x in terms]
        return self._sum([p[0] for p in pairs])

    def _sum(self, values: list[int]) -> int:
        if not values:
            return self.number(0.0)
        level = max(self.values[v].level for v in values)
        if level == NUMBER:
            return self.number(sum(self.values[v].key for v in values))
        constant: list[int] = []
        coefficients: dict[int, list[int]] = {}
        for v in values:
            if self.values[v].level < level:
                constant.append(v)
            else:
                c, x = self.split(v)
                coefficients.setdefault(x, []).append(c)
        args = [self._sum(constant)]
        for x, many in coefficients.items():
            c = self._sum(many)
            if not self.is_number(c, 0.0):
                args += [c, x]
        if len(args) == 1:
            return args[0]
        if len(args) == 3 and self.is_number(args[0], 0.0) and self.is_number(args[1], 1.0):
            return args[2]
        return self._make("lin", tuple(args))

    def mul(self, *factors: int) -> int:
        """Return the product of values."""
        level = max(self.values[f].level for f in factors)
        if level == NUMBER:
            product = 1.0
            for f in factors:
                product *= self.values[f].key
            return self.number(product)
        lower = [self.number(1.0)]
        own: list[int] = []
        for f in factors:
            if self.values[f].level < level:
                lower.append(f)
            else:
                c, x = self.split(f)
                lower.append(c)
                own.append(x)
        c = self.mul(*lower)
        if self.is_number(c, 0.0):
            return c
        chain = own[0]
        for x in own[1:]:
            chain = self._make("mul", tuple(sorted((chain, x))))
        if self.is_number(c, 1.0):
            return chain
        return self._make("lin", (self.number(0.0), c, chain))

    def apply(self, op: str, *args: int) -> int:
        """Return a function of values: ``recip``, ``sqrt``, ``log``, ``pow``, ``max``, ``min`` or a gate."""
        if op == "recip":
            if self.values[args[0]].op == "num":
                return self.number(1.0 / self.values[args[0]].key)
            c, x = self.split(args[0])
            if x != args[0]:
                return self.mul(self.apply("recip", c), self._make("recip", (x,)))
        if op[-1] in "<>":
            c, x = self.split(args[2])
            if x != args[2]:
                return self.mul(c, self.apply(op, args[0], args[1], x))
        return self._make(op, args)

    def reached(self, roots: Iterable[int], least: int = NUMBER) -> list[int]:
        """Return the values that some values are made of, themselves too, in order; only those of `least` level on."""
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            i = waiting.pop()
            if i in seen or self.values[i].level < least:
                continue
            seen.add(i)
            waiting += self.values[i].args
        return sorted(seen)

    def pull(
        self, given: Mapping[int, int], level: int, active: Callable[[int], bool]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Take cotangents back through the values of a level.

        Parameters
        ----------
        given
            Value -> its cotangent (a value too).
        level
            Values of this level and above are gone through.
        active
            Whether a cotangent of a value is wanted.

        Returns
        -------
        leaves, coefficients : dict
            Value -> its cotangent: leaves of the level, and values of lower levels.
        """
        terms: dict[int, list[int]] = {}
        one, minus = self.number(1.0), self.number(-1.0)

        def give(to: int, *factors: int) -> None:
            if active(to):
                terms.setdefault(to, []).append(self.mul(*factors))

        for i, bar in given.items():
            give(i, bar)
        leaves: dict[int, int] = {}
        for i in reversed(self.reached(given, level)):
            if i not in terms:
                continue
            bar = self._sum(terms.pop(i))
            op, args = self.values[i].op, self.values[i].args
            if op == "leaf":
                leaves[i] = bar
            elif op == "lin":
                give(args[0], bar)
                for c, x in zip(args[1::2], args[2::2], strict=True):
                    give(x, c, bar)
                    give(c, x, bar)
            elif op == "mul":
                give(args[0], args[1], bar)
                give(args[1], args[0], bar)
            elif op == "recip":
                give(args[0], minus, bar, i, i)
            elif op == "sqrt":
                give(args[0], self.number(0.5), bar, self.apply("recip", i))
            elif op == "log":
                give(args[0], bar, self.apply("recip", args[0]))
            elif op == "pow":
                base, exponent = args
                give(base, bar, exponent, i, self.apply("recip", base))
                if active(exponent):
                    give(exponent, bar, i, self.apply("log", base))
            elif op in ("max", "min"):
                sign = ">" if op == "max" else "<"
                give(args[0], one, self.apply(f"first{sign}", *args, bar))
                give(args[1], one, self.apply(f"other{sign}", *args, bar))
            else:
                raise AssertionError(f"no cotangent of {op}")
        return leaves, {i: self._sum(many) for i, many in terms.items()}
