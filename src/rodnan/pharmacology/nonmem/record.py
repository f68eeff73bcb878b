"""The model file of ``rodnan pk simulate``: a YAML record, and the model it describes.

A file names a structure, or gives a rate matrix or derivatives; then parameters (numbers, or expressions of
other parameters and of columns of the data set) and outputs. See ``docs/guide/pk-simulate.md``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rodnan.errors import ModelError, SourceError, nearest_name
from rodnan.pharmacology.nonmem.expressions import parse
from rodnan.pharmacology.nonmem.model import ModelSpec, Text
from rodnan.pharmacology.nonmem.residual import ResidualError, check_residual
from rodnan.pharmacology.nonmem.structures import Skeleton, add_turnover, named_structure

__all__ = [
    "ModelRecord",
    "ParameterEntry",
    "ResidualRecord",
    "TurnoverRecord",
    "parse_model_record",
    "read_model_record",
    "residual_of",
    "to_spec",
]


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number or an expression was expected")
    return value


Finite = Annotated[float, Field(allow_inf_nan=False)]
Value = Annotated[Finite | str, BeforeValidator(_no_bool)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Key = Annotated[str, BeforeValidator(lambda k: str(k) if isinstance(k, int) else k)]
_RESERVED = ("ID", "TIME", "EVID", "AMT", "CMT")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ParameterEntry(_Record):
    """A parameter with its unit and where it comes from."""

    value: Value
    unit: str | None = None
    basis: Literal["read", "recalled", "assumed", "estimated"] | None = None
    source: str | None = None
    note: str | None = None


class TurnoverRecord(_Record):
    """An indirect response after the kinetics (`add_turnover`)."""

    kind: Literal[1, 2, 3, 4]
    driver: str | None = None
    hill: bool = False


class ResidualRecord(_Record):
    """Residual error of one output (`ResidualError`): standard deviations, or entries with their source."""

    proportional: ParameterEntry | Finite | None = None
    additive: ParameterEntry | Finite | None = None
    exponential: ParameterEntry | Finite | None = None


class ModelRecord(_Record):
    """A model file.

    Attributes
    ----------
    structure, trans, bodies, depot, transit
        As in `named_structure`; ``trans`` may be written ``TRANS2``.
    turnover
        An indirect response that follows the structure.
    compartments, rate_matrix, derivatives
        A structure of one's own: names of the compartments, then K row by row, or one expression each.
    parameters
        Name -> number, expression, or ``{value, unit, basis, source, note}``.
    definitions
        Name -> expression of amounts, for use in derivatives and outputs.
    initial, lag, bioavailability, duration, rate
        Compartment (name or number) -> expression. ``duration`` serves RATE -2, ``rate`` RATE -1.
    outputs
        Name -> expression. Without any, a named structure gives its concentration as ``CP``.
    residual
        Output -> residual error, for observations beside the predictions.
    default_dose
        Compartment of doses with CMT 0 or without CMT; by default the first.
    units
        What the numbers are in, for the reader; all have to agree with the data set.
    """

    name: str
    note: str | None = None
    units: Mapping[str, str] = Field(default_factory=dict)
    structure: str | None = None
    trans: int | str | None = None
    bodies: int | None = None
    depot: bool | None = None
    transit: int | None = None
    turnover: TurnoverRecord | None = None
    compartments: tuple[Name, ...] = ()
    rate_matrix: tuple[tuple[Value, ...], ...] | None = None
    derivatives: Mapping[Key, Value] | None = None
    parameters: Mapping[Name, ParameterEntry | Value] = Field(default_factory=dict)
    definitions: Mapping[Name, Value] = Field(default_factory=dict)
    initial: Mapping[Key, Value] = Field(default_factory=dict)
    lag: Mapping[Key, Value] = Field(default_factory=dict)
    bioavailability: Mapping[Key, Value] = Field(default_factory=dict)
    duration: Mapping[Key, Value] = Field(default_factory=dict)
    rate: Mapping[Key, Value] = Field(default_factory=dict)
    outputs: Mapping[Name, Value] = Field(default_factory=dict)
    residual: Mapping[Name, ResidualRecord] = Field(default_factory=dict)
    default_dose: Key | None = None


def read_model_record(path: str | Path) -> ModelRecord:
    """Read a model file.

    Raises
    ------
    SourceError
        ``RDN-S150`` it cannot be opened or is no text.
    ModelError
        ``RDN-M411`` it is no YAML, or a field is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        reason = (
            "is no text in UTF-8" if isinstance(e, UnicodeDecodeError) else (e.strerror or "cannot be read")
        )
        raise SourceError("RDN-S150", f"a model file cannot be read: {reason}", where=str(path)) from None
    return parse_model_record(text, path.name)


def parse_model_record(text: str, where: str = "model") -> ModelRecord:
    """Read a model from text; errors as in `read_model_record`."""
    try:
        data = yaml.load(text, Loader=_OnceLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        at = f"{where}: line {mark.line + 1}" if mark else where
        reason = getattr(e, "problem", None) or e
        raise ModelError("RDN-M411", f"a model file that is no YAML: {reason}", where=at) from None
    if not isinstance(data, dict):
        raise ModelError("RDN-M411", "a model file is a mapping", where=where)
    try:
        return ModelRecord.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        field = ".".join(str(x) for x in first["loc"] if x not in ("float", "str", "function-before"))
        nearest = nearest_name(first["loc"][-1], _fields(first["loc"])) if "extra" in first["type"] else None
        value = first.get("input")
        raise ModelError(
            "RDN-M411",
            f"a model file: {first['msg'].lower()}",
            where=f"{where}: {field}",
            value=value if isinstance(value, str | int | float) and first["type"] != "missing" else None,
            nearest=nearest,
        ) from None


def _fields(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """Names that are valid where an unknown one was found."""
    kinds = {"parameters": ParameterEntry, "turnover": TurnoverRecord, "residual": ResidualRecord}
    inner = kinds.get(str(place[0]), ModelRecord)
    return tuple((ModelRecord if len(place) == 1 else inner).model_fields)


class _OnceLoader(yaml.SafeLoader):
    """YAML without repeated keys."""

    def construct_mapping(self, node, deep=False):
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if isinstance(key, str | int | float) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands twice", key_node.start_mark
                )
            if isinstance(key, str | int | float):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def to_spec(record: ModelRecord) -> ModelSpec:
    """Turn a model record into the model it describes.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    ModelSpec

    Raises
    ------
    ModelError
        ``RDN-M404``, ``RDN-M405`` as in `named_structure`; ``RDN-M406`` both or neither of a named structure
        and one's own; ``RDN-M410`` a parameter that nothing reads; ``RDN-M412`` an unknown compartment;
        ``RDN-M413`` an output whose name is taken, or no output at all.
    """
    skeleton = _skeleton(record)
    if record.turnover is not None:
        skeleton = add_turnover(
            skeleton, record.turnover.kind, driver=record.turnover.driver, hill=record.turnover.hill
        )
    names = skeleton.compartments
    parameters: dict[str, Text] = {
        k: v.value if isinstance(v, ParameterEntry) else v for k, v in record.parameters.items()
    }
    parameters |= {k: v for k, v in skeleton.derived.items() if k not in parameters}
    outputs: dict[str, Text] = dict(record.outputs)
    if not outputs and skeleton.concentration is not None:
        outputs = {"CP": skeleton.concentration}
    if not outputs:
        raise ModelError("RDN-M413", "a model needs an output, for example CP: A2/V", where=record.name)
    for output in outputs:
        if output in _RESERVED or re.fullmatch(r"A[1-9]\d*", output):
            raise ModelError(
                "RDN-M413",
                "an output cannot have the name of another column",
                where=record.name,
                value=output,
            )
    groups = {
        kind: {_number(k, names, record, kind): v for k, v in getattr(record, kind).items()}
        for kind in ("lag", "bioavailability", "duration", "rate")
    }
    initial = {_number(k, names, record, "initial"): v for k, v in record.initial.items()}
    dose = record.default_dose
    spec = ModelSpec(
        name=record.name,
        compartments=names,
        parameters=parameters,
        definitions=dict(record.definitions),
        rate_matrix=skeleton.rate_matrix,
        derivatives=skeleton.derivatives,
        initial={**skeleton.initial, **initial},
        outputs=outputs,
        default_dose=1 if dose is None else _number(dose, names, record, "default_dose"),
        **groups,
    )
    _refuse_unread(spec, skeleton)
    return spec


def residual_of(record: ModelRecord, outputs: Collection[str]) -> dict[str, ResidualError]:
    """Return the residual errors of a model file.

    Parameters
    ----------
    record
        The record.
    outputs
        Names of the outputs of its model.

    Returns
    -------
    dict
        Output -> error.

    Raises
    ------
    ModelError
        ``RDN-M413``, ``RDN-M414`` as `check_residual`; ``RDN-M415`` an illegal size.
    """
    errors = {}
    for name, entry in record.residual.items():
        sizes = {}
        for kind in ResidualRecord.model_fields:
            given = getattr(entry, kind)
            size = given.value if isinstance(given, ParameterEntry) else given
            if isinstance(size, str):
                where = f"{record.name}: residual.{name}.{kind}"
                raise ModelError(
                    "RDN-M415", "the size of a residual error is a number", where=where, value=size
                )
            if size is not None:
                sizes[kind] = size
        try:
            errors[name] = ResidualError(**sizes)
        except ModelError as e:
            where = f"{record.name}: residual.{name}"
            raise ModelError(e.code, e.message, where=where, value=e.value) from None
    check_residual(errors, outputs)
    return errors


def _skeleton(record: ModelRecord) -> Skeleton:
    own = record.rate_matrix is not None or record.derivatives is not None
    if (record.structure is None) != own or (
        record.rate_matrix is not None and record.derivatives is not None
    ):
        raise ModelError(
            "RDN-M406",
            "a model has one of: a structure by name, a rate matrix, derivatives",
            where=record.name,
        )
    if record.structure is not None:
        if record.compartments:
            raise ModelError("RDN-M406", "a named structure names its compartments itself", where=record.name)
        trans = record.trans
        if isinstance(trans, str):
            m = re.fullmatch(r"(?:TRANS)?(\d+)", trans.upper())
            if m is None:
                raise ModelError("RDN-M405", "TRANS is a number", where=record.name, value=trans)
            trans = int(m[1])
        options = {k: v for k in ("bodies", "depot", "transit") if (v := getattr(record, k)) is not None}
        if record.structure.casefold().startswith(("advan", "claret")) and options:
            raise ModelError(
                "RDN-M405", "this structure has no such option", where=record.name, value=", ".join(options)
            )
        return named_structure(record.structure, trans, **options)
    extra = [k for k in ("trans", "bodies", "depot", "transit") if getattr(record, k) is not None]
    if extra:
        raise ModelError(
            "RDN-M405", "an option of named structures only", where=record.name, value=", ".join(extra)
        )
    names = record.compartments
    if not names:
        raise ModelError("RDN-M406", "name the compartments", where=f"{record.name}: compartments")
    if record.rate_matrix is not None:
        return Skeleton(names, (), rate_matrix=tuple(tuple(map(_text, row)) for row in record.rate_matrix))
    equations = {
        _number(k, names, record, "derivatives"): _text(v) for k, v in (record.derivatives or {}).items()
    }
    for i, name in enumerate(names, 1):
        if i not in equations:
            raise ModelError("RDN-M406", "a compartment without a derivative", where=record.name, value=name)
    return Skeleton(names, (), derivatives=tuple(equations[i] for i in range(1, len(names) + 1)))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else repr(value)


def _number(key: str, names: tuple[str, ...], record: ModelRecord, where: str) -> int:
    """Number of a compartment given by name or number."""
    if key in names:
        return names.index(key) + 1
    if key.isdecimal() and 1 <= int(key) <= len(names):
        return int(key)
    raise ModelError(
        "RDN-M412",
        f"an unknown compartment; there are: {', '.join(names)}",
        where=f"{record.name}: {where}",
        value=key,
        nearest=nearest_name(key, names),
    )


def _refuse_unread(spec: ModelSpec, skeleton: Skeleton) -> None:
    texts: list[Text] = [*spec.parameters.values(), *spec.outputs.values(), *spec.initial.values()]
    texts += spec.definitions.values()
    for group in (spec.lag, spec.bioavailability, spec.duration, spec.rate):
        texts += group.values()
    texts += [k for row in spec.rate_matrix or () for k in row]
    texts += spec.derivatives or ()
    read = {name for text in texts for name in parse(text, spec.name).names}
    for name in (*spec.parameters, *spec.definitions):
        if name not in read and name not in skeleton.derived:
            raise ModelError(
                "RDN-M410",
                "a parameter that nothing reads",
                where=f"{spec.name}: parameters",
                value=name,
                nearest=nearest_name(name, read - set(spec.parameters)),
            )
