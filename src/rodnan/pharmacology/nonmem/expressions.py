"""Arithmetic expressions of models: parsed by hand, compiled to closures, never handed to Python's ``eval``.

The language has numbers, names, ``+ - * / ^ **``, comparisons, parentheses and a few functions
(:data:`FUNCTIONS`). ``log`` is the natural logarithm, as in NONMEM; ``A(2)``, ``ETA(1)``
and ``THETA(1)`` are other ways to write ``A2``, ``ETA1`` and ``THETA1``.
A power binds tighter than a sign and from the right: ``-2^2`` is -4 and ``2^3^2`` is 512.

Compiled expressions read their names from a list of numbers, so that a right-hand side can be evaluated
many thousand times without a dictionary.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rodnan.errors import ModelError, nearest_name

__all__ = ["FUNCTIONS", "Expression", "parse"]

Compiled = Callable[[Sequence[float]], float]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/^(),<>]))",
    re.ASCII,
)
_NUMBERED = frozenset(("A", "ETA", "THETA"))
_MAX_LENGTH = 4000
_MAX_DEPTH = 60


def _size(x: float) -> float:
    return abs(x)


def _smaller(a: float, b: float) -> float:
    return min(a, b)


def _larger(a: float, b: float) -> float:
    return max(a, b)


def _if(condition: float, then: float, otherwise: float) -> float:
    return then if condition else otherwise


def _free(total: float, partner: float, k: float) -> float:
    """Free part of `total` bound to `partner` with dissociation constant `k`: root of x^2 - b x - k total."""
    b = total - partner - k
    root = math.sqrt(b * b + 4.0 * k * total) if total > 0.0 else abs(b)
    if b >= 0.0:
        return 0.5 * (b + root)
    return 2.0 * k * total / (root - b)  # the same root without cancellation


FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "exp": (1, math.exp),
    "log": (1, math.log),
    "ln": (1, math.log),
    "log10": (1, math.log10),
    "sqrt": (1, math.sqrt),
    "abs": (1, _size),
    "min": (2, _smaller),
    "max": (2, _larger),
    "if": (3, _if),
    "free": (3, _free),
}
"""Function -> (number of arguments, meaning). ``if(condition, a, b)``; ``free(total, target, K)`` is the free
concentration of a ligand at binding equilibrium."""

_BINARY: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes
    ----------
    text
        As written.
    tree
        Nested tuples: ``("number", x)``, ``("name", s)``, ``(operator or function, child, ...)``.
    names
        The names it reads.
    where
        Where it stands, for error messages.
    """

    text: str
    tree: tuple
    names: frozenset[str]
    where: str | None = None

    @property
    def constant(self) -> float | None:
        """The value, when the expression reads no name; else None."""
        if self.names:
            return None
        return self.bind({})([])

    def substitute(self, definitions: Mapping[str, Expression]) -> Expression:
        """Return the expression with names replaced by what they are defined as."""
        if not (self.names & set(definitions)):
            return self
        return replace(
            self,
            tree=_substitute(self.tree, definitions),
            names=frozenset(
                inner
                for name in self.names
                for inner in (definitions[name].names if name in definitions else (name,))
            ),
        )

    def is_linear_in(self, names: Collection[str]) -> bool:
        """Whether the expression is a sum of terms, each one of `names` times something without any of them."""
        return self.tree == ("number", 0.0) or _degree(self.tree, names) == 1

    def bind(self, slots: Mapping[str, int]) -> Compiled:
        """Compile against a table of slots.

        Parameters
        ----------
        slots
            Name -> position in the list of numbers that the compiled function will be given.

        Returns
        -------
        callable
            Takes the list, returns a finite float.

        Raises
        ------
        ModelError
            ``RDN-M402`` a name has no slot; when called, ``RDN-M403`` the value is not a finite number.
        """
        inner = self._compile(self.tree, slots)
        text, where = self.text, self.where

        def value(numbers: Sequence[float]) -> float:
            try:
                result = float(inner(numbers))
            except (ZeroDivisionError, OverflowError, ValueError, TypeError):
                result = math.nan
            if not math.isfinite(result):
                raise ModelError("RDN-M403", f"{text} is not a finite number here", where=where)
            return result

        return value

    def bind_raw(self, slots: Mapping[str, int]) -> Compiled:
        """Compile like `bind`, without the check of each value (for right-hand sides of equations)."""
        return self._compile(self.tree, slots)

    def _compile(self, node: tuple, slots: Mapping[str, int]) -> Compiled:
        kind = node[0]
        if kind == "number":
            x = node[1]
            return lambda v: x
        if kind == "name":
            if node[1] not in slots:
                raise ModelError(
                    "RDN-M402",
                    f"unknown name in {self.text}",
                    where=self.where,
                    value=node[1],
                    nearest=nearest_name(node[1], slots),
                )
            return operator.itemgetter(slots[node[1]])
        parts = [self._compile(child, slots) for child in node[1:]]
        if kind == "negative":
            (a,) = parts
            return lambda v: -a(v)
        if kind == "if":
            c, a, b = parts
            return lambda v: a(v) if c(v) else b(v)
        if len(parts) == 2:
            a, b = parts
            match kind:
                case "+":
                    return lambda v: a(v) + b(v)
                case "-":
                    return lambda v: a(v) - b(v)
                case "*":
                    return lambda v: a(v) * b(v)
                case "/":
                    return lambda v: a(v) / b(v)
            f = _BINARY[kind] if kind in _BINARY else FUNCTIONS[kind][1]
            return lambda v: f(a(v), b(v))
        f = FUNCTIONS[kind][1]
        if len(parts) == 1:
            (a,) = parts
            return lambda v: f(a(v))
        a, b, c = parts
        return lambda v: f(a(v), b(v), c(v))


def _degree(node: tuple, names: Collection[str]) -> int | None:
    """0 without any of the names, 1 where every term has exactly one as a factor, None otherwise."""
    kind = node[0]
    if kind == "number":
        return 0
    if kind == "name":
        return int(node[1] in names)
    degrees = [_degree(child, names) for child in node[1:]]
    if not any(degrees) and None not in degrees:
        return 0
    if None in degrees:
        return None
    if kind == "negative":
        return degrees[0]
    if kind in ("+", "-"):
        return 1 if degrees[0] == degrees[1] else None
    if kind == "*":
        return 1 if sum(d or 0 for d in degrees) == 1 else None
    if kind == "/":
        return 1 if degrees == [1, 0] else None
    if kind == "if":
        return 1 if degrees == [0, 1, 1] else None
    return None


def _substitute(node: tuple, definitions: Mapping[str, Expression]) -> tuple:
    if node[0] == "number":
        return node
    if node[0] == "name":
        return definitions[node[1]].tree if node[1] in definitions else node
    return (node[0], *(_substitute(child, definitions) for child in node[1:]))


def parse(text: str | float | int, where: str | None = None) -> Expression:
    """Parse one expression.

    Parameters
    ----------
    text
        The expression, or a number.
    where
        Where it stands, for error messages.

    Returns
    -------
    Expression

    Raises
    ------
    ModelError
        ``RDN-M401`` it cannot be read.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ModelError("RDN-M401", "an expression is a number or a text", where=where, value=text)
    if not isinstance(text, str):
        if not math.isfinite(text):
            raise ModelError("RDN-M401", "a number must be finite", where=where, value=text)
        x = float(text)
        return Expression(repr(text), ("number", x), frozenset(), where)
    return _Parser(text, where).parse()


class _Parser:
    def __init__(self, text: str, where: str | None) -> None:
        self.text, self.where = text, where
        if len(text) > _MAX_LENGTH:
            self._fail("an expression of more than 4,000 characters", text[:40])
        self.tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            m = _TOKEN.match(text, position)
            if m is None:
                self._fail("a sign that expressions do not have", text[position : position + 20].strip())
            kind = str(m.lastgroup)
            self.tokens.append((kind, m[kind]))
            position = m.end()
        self.at = 0
        self.names: set[str] = set()

    def _fail(self, reason: str, value: object = None):
        raise ModelError(
            "RDN-M401", f"{reason} in an expression", where=self.where, value=value or self.text[:80]
        )

    def parse(self) -> Expression:
        tree = self._comparison(0)
        if self.at < len(self.tokens):
            self._fail("something left over", self.tokens[self.at][1])
        return Expression(self.text.strip(), tree, frozenset(self.names), self.where)

    def _peek(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            self._fail(f"{expected!r} is missing")
        self.at += 1

    def _left(self, depth: int, operators: tuple[str, ...], inner) -> tuple:
        node = inner(depth)
        while (op := self._peek()) in operators and self.tokens[self.at][0] == "op":
            self.at += 1
            node = (op, node, inner(depth))
        return node

    def _comparison(self, depth: int) -> tuple:
        if depth > _MAX_DEPTH:
            self._fail("too many parentheses")
        node = self._left(depth, ("+", "-"), self._term)
        if (op := self._peek()) in ("<", "<=", ">", ">=", "==", "!="):
            self.at += 1
            node = (op, node, self._left(depth, ("+", "-"), self._term))
        return node

    def _term(self, depth: int) -> tuple:
        return self._left(depth, ("*", "/"), self._signed)

    def _signed(self, depth: int) -> tuple:
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._peek() == "-"
            self.at += 1
        node = self._power(depth)
        if not negative:
            return node
        return ("number", -node[1]) if node[0] == "number" else ("negative", node)

    def _power(self, depth: int) -> tuple:
        if depth > _MAX_DEPTH:
            self._fail("too many powers")
        base = self._atom(depth)
        if self._peek() in ("^", "**"):
            self.at += 1
            negative = False
            while self._peek() in ("+", "-"):
                negative ^= self._peek() == "-"
                self.at += 1
            exponent = self._power(depth + 1)
            return ("^", base, ("negative", exponent) if negative else exponent)
        return base

    def _atom(self, depth: int) -> tuple:
        if self.at >= len(self.tokens):
            self._fail("something is missing at the end of" if self.tokens else "nothing stands")
        kind, token = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            value = float(token)
            if not math.isfinite(value):
                self._fail("a number too large", token)
            return ("number", value)
        if kind == "op":
            if token != "(":
                self._fail("an operator without its operand", token)
            node = self._comparison(depth + 1)
            self._take(")")
            return node
        if self._peek() != "(":
            self.names.add(token)
            return ("name", token)
        if token in _NUMBERED and self.at + 2 < len(self.tokens):  # A(2), NONMEM's way to write A2
            number, closing = self.tokens[self.at + 1], self.tokens[self.at + 2]
            if number[0] == "number" and number[1].isdecimal() and closing[1] == ")":
                self.at += 3
                self.names.add(f"{token}{int(number[1])}")
                return ("name", f"{token}{int(number[1])}")
        function = token.casefold()
        if function not in FUNCTIONS:
            raise ModelError(
                "RDN-M401",
                "no such function in an expression",
                where=self.where,
                value=token,
                nearest=nearest_name(token, FUNCTIONS),
            )
        self._take("(")
        arguments = [self._comparison(depth + 1)]
        while self._peek() == ",":
            self.at += 1
            arguments.append(self._comparison(depth + 1))
        self._take(")")
        if len(arguments) != FUNCTIONS[function][0]:
            self._fail(f"{token} takes {FUNCTIONS[function][0]} argument(s)")
        return (function, *arguments)
