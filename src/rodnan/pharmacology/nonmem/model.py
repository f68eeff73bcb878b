"""A model for event records: its text (:class:`ModelSpec`) and its compiled form (:class:`Model`).

Names in expressions
--------------------
Parameters of the model come first; a name that is no parameter is a column of the data set, ``TIME`` the time
of the record. ``A1``, ``A2``, ... are the amounts (also by the name of their compartment) and ``T`` the
running time; these may be used in derivatives and outputs only, ``T`` only in derivatives. Parameters are
worked out anew at each record and hold over the interval that *ends* there: the next-value rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import DoseError, ModelError, nearest_name
from rodnan.pharmacology.nonmem.expressions import Compiled, Expression, parse

__all__ = ["DOSE_COLUMN", "Model", "ModelSpec", "compile_model", "honour_columns"]

Text = str | float
DOSE_COLUMN = re.compile(r"(?P<kind>ALAG|F|D|R)(?P<number>[1-9]\d{0,2})", re.ASCII)
"""Columns that give lag, bioavailability, duration and rate of a compartment by NONMEM's names."""

_KINDS = {"ALAG": "lag", "F": "bioavailability", "D": "duration", "R": "rate"}
_AMOUNT = re.compile(r"A[1-9]\d*", re.ASCII)


@dataclass(frozen=True)
class ModelSpec:
    """A model as text.

    Attributes
    ----------
    name
        For messages.
    compartments
        Names in order; compartment 1 first.
    parameters
        Name -> number or expression of other parameters and data columns.
    definitions
        Name -> expression that may read amounts and ``T``; usable in derivatives and outputs.
    rate_matrix, derivatives
        K of ``dA/dt = K A + input``, or one expression a compartment (doses are added by the event loop).
        Exactly one of the two is given.
    initial
        Compartment -> amount at the start and after a reset; the others are empty.
    lag, bioavailability, duration, rate
        Compartment -> expression: ALAGn, Fn, Dn (for RATE -2), Rn (for RATE -1).
    outputs
        Name -> expression.
    default_dose
        Compartment of a dose record with CMT 0 or no CMT column.
    """

    name: str
    compartments: tuple[str, ...]
    parameters: Mapping[str, Text] = field(default_factory=dict)
    definitions: Mapping[str, Text] = field(default_factory=dict)
    rate_matrix: tuple[tuple[Text, ...], ...] | None = None
    derivatives: tuple[Text, ...] | None = None
    initial: Mapping[int, Text] = field(default_factory=dict)
    lag: Mapping[int, Text] = field(default_factory=dict)
    bioavailability: Mapping[int, Text] = field(default_factory=dict)
    duration: Mapping[int, Text] = field(default_factory=dict)
    rate: Mapping[int, Text] = field(default_factory=dict)
    outputs: Mapping[str, Text] = field(default_factory=dict)
    default_dose: int = 1


def honour_columns(spec: ModelSpec, columns: Iterable[str]) -> ModelSpec:
    """Return the model with the ALAGn, Fn, Dn and Rn columns of a data set as its own.

    Raises
    ------
    DoseError
        ``RDN-D172`` the model says the same thing itself; ``RDN-D173`` there is no compartment n.
    """
    added: dict[str, dict[int, Text]] = {}
    for column in columns:
        m = DOSE_COLUMN.fullmatch(column)
        if m is None or column in spec.parameters:
            continue
        kind, number = _KINDS[m["kind"]], int(m["number"])
        if number > len(spec.compartments):
            raise DoseError(
                "RDN-D173",
                f"the model has compartments 1 to {len(spec.compartments)}",
                where=f"column {column}",
                value=number,
            )
        stated = getattr(spec, kind).get(number)
        if stated == column:
            continue
        if stated is not None:
            raise DoseError(
                "RDN-D172",
                f"both the data set and the model give the {kind} of compartment {number}",
                where=f"column {column}",
            )
        added.setdefault(kind, {})[number] = column
    return replace(spec, **{kind: {**getattr(spec, kind), **items} for kind, items in added.items()})


@dataclass(frozen=True)
class Model:
    """A compiled model.

    Attributes
    ----------
    spec
        Where it came from.
    columns
        Data columns it reads, without ``TIME``.
    slots
        Name -> position in a frame: the list of numbers that compiled expressions read.
    steps
        Parameters in the order in which they are worked out: (slot, function).
    matrix, derivatives
        Compiled equations; one of them is None. Derivatives that are linear in the amounts have become a matrix.
    uses_running_time
        Whether a derivative reads ``T``: then there is no steady state.
    uses_time
        Whether parameters or equations read ``TIME``.
    always_read
        Names that are read at every record, not only where a dose is given.
    """

    spec: ModelSpec
    columns: tuple[str, ...]
    slots: Mapping[str, int]
    steps: tuple[tuple[int, Compiled], ...]
    matrix: tuple[tuple[Compiled, ...], ...] | None
    derivatives: tuple[Compiled, ...] | None
    initial: Mapping[int, Compiled]
    lag: Mapping[int, Compiled]
    bioavailability: Mapping[int, Compiled]
    duration: Mapping[int, Compiled]
    rate: Mapping[int, Compiled]
    outputs: Mapping[str, Compiled]
    first_amount: int
    uses_running_time: bool
    uses_time: bool
    always_read: frozenset[str]

    @property
    def n(self) -> int:
        """Number of compartments."""
        return len(self.spec.compartments)

    @property
    def is_linear(self) -> bool:
        """Whether the amounts obey a rate matrix."""
        return self.matrix is not None

    def frame(self, values: Sequence[float], time: float) -> list[float]:
        """Return a frame with the columns, the time and the parameters of one record filled in.

        Parameters
        ----------
        values
            The record's values of :attr:`columns`, in that order.
        time
            Its time.

        Raises
        ------
        ModelError
            ``RDN-M403`` a parameter is not a finite number.
        """
        frame = [0.0] * len(self.slots)
        frame[: len(values)] = values
        frame[len(values)] = time
        for slot, value in self.steps:
            frame[slot] = value(frame)
        return frame

    def rates(self, frame: Sequence[float]) -> NDArray[np.float64]:
        """Return the rate matrix, shape (n, n), of a linear model."""
        if self.matrix is None:
            raise ModelError("RDN-M406", "this model has no rate matrix", value=self.spec.name)
        return np.array([[k(frame) for k in row] for row in self.matrix], dtype=np.float64)

    def start(self, frame: Sequence[float]) -> NDArray[np.float64]:
        """Return the amounts at the start and after a reset, shape (n,)."""
        amounts = np.zeros(self.n)
        for i, value in self.initial.items():
            amounts[i - 1] = value(frame)
        return amounts


def compile_model(spec: ModelSpec) -> Model:
    """Check a model and compile its expressions.

    Parameters
    ----------
    spec
        The model as text.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        ``RDN-M401`` an expression that cannot be read; ``RDN-M402`` a name that cannot be used there;
        ``RDN-M406`` the shape of the equations is wrong; ``RDN-M407`` parameters that need each other.
    """
    n = len(spec.compartments)
    _check_shape(spec, n)
    where = f"{spec.name}: "
    parameters = {k: parse(v, where + f"parameters.{k}") for k, v in spec.parameters.items()}
    equations: list[Expression] = []
    if spec.rate_matrix is not None:
        equations = [parse(k, where + "rate_matrix") for row in spec.rate_matrix for k in row]
    elif spec.derivatives is not None:
        equations = [
            parse(d, where + f"derivatives.{c}")
            for d, c in zip(spec.derivatives, spec.compartments, strict=True)
        ]
    per_dose = {
        kind: {i: parse(v, where + f"{kind}.{i}") for i, v in getattr(spec, kind).items()}
        for kind in ("initial", "lag", "bioavailability", "duration", "rate")
    }
    outputs = {k: parse(v, where + f"outputs.{k}") for k, v in spec.outputs.items()}
    definitions = _definitions(spec, parameters)
    if spec.rate_matrix is None:
        equations = [e.substitute(definitions) for e in equations]
    outputs = {k: e.substitute(definitions) for k, e in outputs.items()}

    amounts = {f"A{i + 1}": i for i in range(n)}
    amounts |= {c: i for i, c in enumerate(spec.compartments) if c not in parameters}
    read: set[str] = set()
    for expression in (*parameters.values(), *(e for group in per_dose.values() for e in group.values())):
        _refuse_states(expression, amounts)
        read |= expression.names
    for expression in equations:
        if spec.rate_matrix is not None:
            _refuse_states(expression, amounts)
        read |= expression.names - {"T"}
    read_before_outputs = set(read)
    for expression in outputs.values():
        read |= expression.names
    every_record = (parameters, per_dose["initial"], outputs)
    always = {name for group in every_record for e in group.values() for name in e.names}
    always |= {name for e in equations for name in e.names}
    for name in sorted(read - set(amounts) - set(parameters)):
        if _AMOUNT.fullmatch(name):
            raise ModelError("RDN-M402", f"the model has amounts A1 to A{n}", where=spec.name, value=name)
    if "T" in read and "T" not in parameters:
        raise ModelError(
            "RDN-M402", "T, the running time, is for derivatives; elsewhere use TIME", where=spec.name
        )
    columns = tuple(sorted(read - set(parameters) - set(amounts) - {"TIME"}))

    layout = [*columns, "TIME", *parameters, *(f"A{i + 1}" for i in range(n)), "T"]
    slots = {name: i for i, name in enumerate(layout)}
    if "T" in parameters:
        slots["T"] = layout.index("T")
    first_amount = len(columns) + 1 + len(parameters)
    slots |= {c: first_amount + i for c, i in amounts.items() if c not in slots}
    order = _order(parameters, spec.name)
    matrix = None
    if spec.rate_matrix is not None:
        matrix = tuple(tuple(equations[i * n + j].bind(slots) for j in range(n)) for i in range(n))
    elif all(e.is_linear_in(amounts) and "T" not in e.names - set(parameters) for e in equations):
        bound = [e.bind(slots) for e in equations]
        matrix = tuple(tuple(_coefficient(f, first_amount + j) for j in range(n)) for f in bound)
    return Model(
        spec=spec,
        columns=columns,
        slots=slots,
        steps=tuple((slots[name], parameters[name].bind(slots)) for name in order),
        matrix=matrix,
        derivatives=None if matrix is not None else tuple(e.bind_raw(slots) for e in equations),
        **{kind: {i: e.bind(slots) for i, e in group.items()} for kind, group in per_dose.items()},
        outputs={k: e.bind(slots) for k, e in outputs.items()},
        first_amount=first_amount,
        uses_running_time=matrix is None and "T" not in parameters and any("T" in e.names for e in equations),
        uses_time="TIME" in read_before_outputs,
        always_read=frozenset(always),
    )


def _coefficient(equation: Compiled, slot: int) -> Compiled:
    """Coefficient of one amount in a linear equation: its value where that amount is 1 and the others 0."""

    def value(frame: Sequence[float]) -> float:
        unit = list(frame)
        unit[slot] = 1.0
        return equation(unit)

    return value


def _check_shape(spec: ModelSpec, n: int) -> None:
    def refuse(message: str, value: object = None):
        raise ModelError("RDN-M406", message, where=spec.name, value=value)

    if not 1 <= n <= 200:
        refuse("a model has 1 to 200 compartments", n)
    if len(set(spec.compartments)) != n:
        refuse("two compartments of one name", ", ".join(spec.compartments))
    if (spec.rate_matrix is None) == (spec.derivatives is None):
        refuse("a model has either a rate matrix or derivatives")
    if spec.rate_matrix is not None and {len(spec.rate_matrix), *map(len, spec.rate_matrix)} != {n}:
        refuse(f"the rate matrix of {n} compartments has {n} rows of {n}")
    if spec.derivatives is not None and len(spec.derivatives) != n:
        refuse(f"{n} compartments need {n} derivatives", len(spec.derivatives))
    for kind in ("initial", "lag", "bioavailability", "duration", "rate"):
        for i in getattr(spec, kind):
            if not 1 <= i <= n:
                refuse(f"{kind}: the model has compartments 1 to {n}", i)
    if not 1 <= spec.default_dose <= n:
        refuse(f"default dose: the model has compartments 1 to {n}", spec.default_dose)
    for name in spec.parameters:
        if _AMOUNT.fullmatch(name) or name == "TIME":
            refuse("A1, A2, ... and TIME cannot be names of parameters", name)


def _refuse_states(expression: Expression, amounts: Mapping[str, int]) -> None:
    for name in sorted(expression.names & set(amounts)):
        raise ModelError(
            "RDN-M402",
            "an amount can be used in derivatives and outputs only",
            where=expression.where,
            value=name,
        )


def _definitions(spec: ModelSpec, parameters: Mapping[str, Expression]) -> dict[str, Expression]:
    """Definitions, each with those it reads put in."""
    stated = {k: parse(v, f"{spec.name}: definitions.{k}") for k, v in spec.definitions.items()}
    for name in stated:
        if (
            name in parameters
            or name in spec.compartments
            or _AMOUNT.fullmatch(name)
            or name in ("T", "TIME")
        ):
            raise ModelError(
                "RDN-M406", "a definition has the name of something else", where=spec.name, value=name
            )
    whole: dict[str, Expression] = {}
    for name in _order(stated, spec.name):
        whole[name] = stated[name].substitute(whole)
        if len(repr(whole[name].tree)) > 200_000:
            raise ModelError("RDN-M406", "definitions that grow too large", where=spec.name, value=name)
    return whole


def _order(parameters: Mapping[str, Expression], model: str) -> list[str]:
    """Names of the parameters, each after those it needs."""
    done: list[str] = []
    waiting = dict(parameters)
    while waiting:
        ready = [name for name, e in waiting.items() if not (e.names & set(waiting))]
        if not ready:
            name = min(waiting)
            raise ModelError(
                "RDN-M407",
                "parameters that need each other; a parameter that is a data column needs no entry",
                where=f"{model}: parameters.{name}",
                value=waiting[name].text,
                nearest=nearest_name(name, set(waiting) - {name}),
            )
        for name in ready:
            done.append(name)
            del waiting[name]
    return done
