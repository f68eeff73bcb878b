"""Read records from YAML: every problem with file, field, value, reason and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.records.study import Study

__all__ = ["load_study", "parse_record", "read_studies", "read_study", "read_yaml", "studies"]

R = TypeVar("R", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    EvidenceError
        RDN-E002 when it cannot be read, is not UTF-8, or is not YAML.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvidenceError("RDN-E002", f"cannot be read ({error.strerror})", where=path.name) from None
    except UnicodeDecodeError:
        raise EvidenceError("RDN-E002", "is not UTF-8 text", where=path.name) from None
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise EvidenceError("RDN-E002", f"is not YAML{place}", where=path.name) from None


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
        RDN-E003 with field, value, reason; the number of further problems in the message.
    """
    if not isinstance(data, Mapping):
        raise EvidenceError("RDN-E003", "a record must be a mapping of fields", where=where)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors()
        first = problems[0]
        place = ".".join(str(part) for part in first["loc"] if _is_field(part))
        reason, nearest = str(first["msg"]).removeprefix("Value error, "), None
        if first["type"] == "extra_forbidden":
            reason = "unknown field"
            nearest = nearest_name(first["loc"][-1], _fields_at(model, first["loc"][:-1]))
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        value = first.get("input") if first["type"] != "missing" else None
        if first["type"] == "extra_forbidden":
            value = first["loc"][-1]
        if isinstance(value, dict | list):
            value = None
        raise EvidenceError("RDN-E003", reason + more, where=f"{where}: {place}", value=value, nearest=nearest) from None


def _is_field(part: Any) -> bool:
    """Tell a field or row from the names pydantic gives to the branches of a union."""
    return isinstance(part, int) or not any(c in str(part) for c in "[(")


def _fields_at(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Return the field names of the record at a place inside another."""
    from typing import get_args

    def records(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for inner in get_args(annotation):
            yield from records(inner)

    current: list[type[BaseModel]] = [model]
    for part in location:
        if isinstance(part, str):
            found = [r for m in current if part in m.model_fields for r in records(m.model_fields[part].annotation)]
            current = found or current
    return [name for m in current for name in m.model_fields]


def read_study(path: str | Path) -> Study:
    """Read a study record from a file of one's own.

    Raises
    ------
    EvidenceError
        RDN-E002 or RDN-E003 with what is wrong.
    """
    path = Path(path)
    return parse_record(Study, read_yaml(path), path.name)


def read_studies(directory: str | Path) -> tuple[Study, ...]:
    """Read every ``*.yaml`` of a folder as a study, in the order of their names.

    Raises
    ------
    EvidenceError
        RDN-E005 when the folder holds none; RDN-E002 or RDN-E003 for the first bad file.
    """
    found = sorted(Path(directory).glob("*.yaml"))
    if not found:
        raise EvidenceError("RDN-E005", "no study records (*.yaml) in the folder", where=str(directory))
    return tuple(read_study(path) for path in found)


def data_folder(kind: str) -> Path:
    """Return the folder of the records that ship with the package."""
    return Path(str(files("rodnan.evidence").joinpath("data", kind)))


@lru_cache(maxsize=1)
def studies() -> tuple[str, ...]:
    """Return the ids of the studies on record, sorted."""
    return tuple(sorted(path.stem for path in data_folder("studies").glob("*.yaml")))


@lru_cache(maxsize=256)
def load_study(name: str) -> Study:
    """Return a study on record.

    Parameters
    ----------
    name
        Id such as ``"sls-2"``.

    Raises
    ------
    EvidenceError
        RDN-E001 for a name no study has.
    """
    if name not in studies():
        raise EvidenceError("RDN-E001", "no such study on record", value=name, nearest=nearest_name(name, studies()))
    return read_study(data_folder("studies") / f"{name}.yaml")
