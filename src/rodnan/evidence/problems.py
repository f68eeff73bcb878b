"""From a failed validation to problems a user can act on: file, field, value, reason, nearest name."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from rodnan.errors import EvidenceError, nearest_name

__all__ = ["parse_record", "record_problems"]

R = TypeVar("R", bound=BaseModel)
_SHAPES = frozenset(
    {"tuple_type", "float_type", "int_type", "string_type", "dict_type", "bool_type", "model_type"}
)
_NUMBER_FAULTS = frozenset(
    {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number", "int_from_float"}
)
_ADDED = re.compile(r"^(Value error, |Assertion failed, )")


def parse_record(model: type[R], data: Any, where: str) -> R:
    """Turn plain data into a record.

    Parameters
    ----------
    model
        Record class.
    data
        As read from YAML.
    where
        File, for messages.

    Raises
    ------
    EvidenceError
        RDN-E003: the first problem with field, value, reason; the number of further ones in the message.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = record_problems(model, data, where, error)
        first, more = problems[0], len(problems) - 1
        if more:
            note = f" (and {more} more problem{'s' if more > 1 else ''})"
            raise EvidenceError(
                first.code, first.message + note, where=first.where, value=first.value, nearest=first.nearest
            ) from None
        raise first from None


def record_problems(
    model: type[BaseModel], data: Any, where: str, error: ValidationError | None = None
) -> list[EvidenceError]:
    """List everything that keeps data from being a record, one entry a field; empty when nothing does.

    A field that is missing because its name is misspelt is one problem, not two.

    Parameters
    ----------
    model, data, where
        As :func:`parse_record`.
    error
        The failed validation, when it has been done already.
    """
    if not isinstance(data, Mapping):
        return [EvidenceError("RDN-E003", "a record must be a mapping of fields", where=where)]
    if error is None:
        try:
            model.model_validate(data)
        except ValidationError as found:
            error = found
        else:
            return []
    by_place: dict[tuple[Any, ...], list[Any]] = {}
    for problem in error.errors(include_url=False):
        by_place.setdefault(_place(problem, data), []).append(problem)
    told = {place: _telling(by_place[place]) for place in _innermost(by_place)}
    found = {place: _problem(model, place, problem, where) for place, problem in told.items()}
    misspelt = {
        (*place[:-1], found[place].nearest)
        for place, problem in told.items()
        if problem["type"] == "extra_forbidden" and found[place].nearest
    }
    return [found[place] for place in told if not (told[place]["type"] == "missing" and place in misspelt)]


def _place(problem: Any, data: Any) -> tuple[Any, ...]:
    """Return the path into the data, without the names pydantic gives to the branches of a union."""
    place: list[Any] = []
    for part in problem["loc"]:
        if _holds(data, part):
            data = data[part]
        elif part is not problem["loc"][-1] or problem["type"] != "missing":
            continue
        place.append(part)
    return tuple(place)


def _holds(data: Any, part: Any) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _innermost(by_place: Mapping[tuple[Any, ...], list[Any]]) -> list[tuple[Any, ...]]:
    """Leave out a place where another branch of a union wants another shape and a deeper place says more."""
    deeper = {place[:k] for place in by_place for k in range(len(place))}
    return [
        place
        for place, found in by_place.items()
        if place not in deeper or any(p["type"] not in _SHAPES for p in found)
    ]


def _telling(found: list[Any]) -> Any:
    """Return the problem that says most: not that another branch of a union wants another shape."""
    for problem in found:
        if problem["type"] in _NUMBER_FAULTS:
            return problem
    for problem in found:
        if problem["type"] not in _SHAPES:
            return problem
    return found[0]


def _problem(model: type[BaseModel], place: tuple[Any, ...], problem: Any, where: str) -> EvidenceError:
    kind, value, nearest = problem["type"], problem.get("input"), None
    reason = _ADDED.sub("", str(problem["msg"]))
    if kind == "missing":
        reason, value = "this field is missing", None
    elif kind == "extra_forbidden":
        reason, value = "there is no such field", place[-1]
        nearest = nearest_name(place[-1], _fields_at(model, place[:-1]))
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        nearest = nearest_name(value, allowed) if isinstance(value, str) else None
        reason = "not one of the words that are accepted here" + (
            "" if nearest else f": {', '.join(allowed)}"
        )
    elif kind == "finite_number":
        reason, value = "a finite number is needed", str(value)
    elif kind in _PLAINLY:
        reason = _PLAINLY[kind].format(**problem.get("ctx", {}))
    elif kind == "string_pattern_mismatch":
        reason = "this is not written as it should be"
    elif kind in _SHAPES:
        reason = f"{_WANTED[kind]} is needed here"
    if isinstance(value, Mapping | list | tuple):
        value = None
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    joint = "" if where.endswith("]") and ": [" in where else ": "
    text = f"{where}{joint}{field}" if joint else f"{where}.{field}"
    return EvidenceError("RDN-E003", reason, where=text if field else where, value=value, nearest=nearest)


_PLAINLY = {
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must not be less than {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must not be more than {le:g}",
    "int_from_float": "a whole number is needed",
    "string_too_short": "must not be empty",
    "too_short": "needs at least {min_length} entries",
    "too_long": "holds more than {max_length} entries",
}
_WANTED = {
    "tuple_type": "a list",
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text",
    "dict_type": "a mapping of fields",
    "bool_type": "true or false",
    "model_type": "a mapping of fields",
}


def _records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    origin = get_origin(annotation)
    if origin is None:
        return
    inner = get_args(annotation)
    for part in (
        inner if origin in (Union, types.UnionType, tuple) else inner[:1] if origin is not dict else inner[1:]
    ):
        yield from _records_in(part)


def _fields_at(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Return the names of the fields of the record at a place inside another."""
    current: list[type[BaseModel]] = [model]
    for part in place:
        if isinstance(part, str):
            found = [
                r
                for m in current
                if part in m.model_fields
                for r in _records_in(m.model_fields[part].annotation)
            ]
            current = found or current
    return [name for m in current for name in m.model_fields]
