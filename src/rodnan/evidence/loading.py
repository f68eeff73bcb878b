"""Read records from YAML: every problem with file, field, value, reason and the nearest valid name."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.problems import parse_record
from rodnan.evidence.records.claim import Claim
from rodnan.evidence.records.drug import Drug
from rodnan.evidence.records.kinetics import KineticsRow, KineticsTable
from rodnan.evidence.records.safety import SafetyRow, SafetyTable
from rodnan.evidence.records.study import Study
from rodnan.evidence.yaml_text import read_yaml

__all__ = [
    "claims",
    "data_folder",
    "drug_id",
    "drugs",
    "kinetics",
    "kinetics_table",
    "load_claim",
    "load_drug",
    "load_study",
    "parse_record",
    "read_claims",
    "read_drug",
    "read_drugs",
    "read_kinetics",
    "read_safety",
    "read_studies",
    "read_study",
    "read_yaml",
    "safety",
    "safety_table",
    "studies",
]

R = TypeVar("R", bound=BaseModel)


def _read(model: type[R], path: str | Path) -> R:
    path = Path(path)
    return parse_record(model, read_yaml(path), path.name)


def _read_folder(model: type[R], directory: str | Path, what: str) -> tuple[R, ...]:
    found = sorted(Path(directory).glob("*.yaml"))
    if not found:
        raise EvidenceError("RDN-E005", f"no {what} records (*.yaml) in the folder", where=str(directory))
    return tuple(_read(model, path) for path in found)


def read_study(path: str | Path) -> Study:
    """Read a study record from a file of one's own.

    Raises
    ------
    EvidenceError
        RDN-E002 (cannot be read) or RDN-E003 (does not validate), with what is wrong.
    """
    return _read(Study, path)


def read_studies(directory: str | Path) -> tuple[Study, ...]:
    """Read every ``*.yaml`` of a folder as a study, in the order of their names.

    Raises
    ------
    EvidenceError
        RDN-E005 when the folder holds none; RDN-E002 or RDN-E003 for the first bad file.
    """
    return _read_folder(Study, directory, "study")


def read_drug(path: str | Path) -> Drug:
    """Read a drug record from a file of one's own; errors as :func:`read_study`."""
    return _read(Drug, path)


def read_drugs(directory: str | Path) -> tuple[Drug, ...]:
    """Read every ``*.yaml`` of a folder as a drug; errors as :func:`read_studies`."""
    return _read_folder(Drug, directory, "drug")


def read_claims(path: str | Path) -> tuple[Claim, ...]:
    """Read a claim ledger: a list of claims.

    Raises
    ------
    EvidenceError
        RDN-E002 or RDN-E003; also for an id that is given twice.
    """
    path = Path(path)
    rows = read_yaml(path)
    if not isinstance(rows, list):
        raise EvidenceError("RDN-E003", "a claim ledger must be a list of claims", where=path.name)
    found = tuple(parse_record(Claim, row, f"{path.name}: [{i}]") for i, row in enumerate(rows))
    seen: set[str] = set()
    for i, claim in enumerate(found):
        if claim.id in seen:
            raise EvidenceError(
                "RDN-E003", "claim is given twice", where=f"{path.name}: [{i}].id", value=claim.id
            )
        seen.add(claim.id)
    return found


def read_kinetics(path: str | Path) -> KineticsTable:
    """Read a table of kinetics; errors as :func:`read_study`."""
    return _read(KineticsTable, path)


def read_safety(path: str | Path) -> SafetyTable:
    """Read a table of hazards; errors as :func:`read_study`."""
    return _read(SafetyTable, path)


@lru_cache(maxsize=16)
def data_folder(kind: str) -> Path:
    """Return the folder of the records that ship with the package."""
    return Path(str(files("rodnan.evidence").joinpath("data", kind)))


@lru_cache(maxsize=8)
def _names(kind: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in data_folder(kind).glob("*.yaml")))


def studies() -> tuple[str, ...]:
    """Return the ids of the studies on record, sorted."""
    return _names("studies")


def drugs() -> tuple[str, ...]:
    """Return the ids of the therapies on record, sorted."""
    return _names("drugs")


@lru_cache(maxsize=512)
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
        raise EvidenceError(
            "RDN-E001", "no such study on record", value=name, nearest=nearest_name(name, studies())
        )
    return read_study(data_folder("studies") / f"{name}.yaml")


@lru_cache(maxsize=128)
def load_drug(name: str) -> Drug:
    """Return a therapy on record.

    Parameters
    ----------
    name
        Id such as ``"mycophenolate"``.

    Raises
    ------
    EvidenceError
        RDN-E006 for a name no therapy has; brands and abbreviations are proposed, never guessed.
    """
    if name not in drugs():
        raise EvidenceError("RDN-E006", "no such drug on record", value=name, nearest=_nearest_drug(name))
    return read_drug(data_folder("drugs") / f"{name}.yaml")


@lru_cache(maxsize=1)
def _drug_names() -> dict[str, str]:
    """Every name of a therapy in lower case -> its id."""
    return {other.casefold(): drug for drug in drugs() for other in load_drug(drug).all_names}


def drug_id(name: str) -> str:
    """Return the id of a therapy by any of its names: id, international name, brand, abbreviation; case
    ignored.

    Raises
    ------
    EvidenceError
        RDN-E006 for a name no therapy has.
    """
    found = _drug_names().get(name.strip().casefold())
    if found is None:
        raise EvidenceError("RDN-E006", "no such drug on record", value=name, nearest=_nearest_drug(name))
    return found


def _nearest_drug(name: str) -> str | None:
    near = nearest_name(name, _drug_names())
    return None if near is None else _drug_names()[near.casefold()]


@lru_cache(maxsize=1)
def claims() -> tuple[Claim, ...]:
    """Return all claims of the ledger, in its order."""
    return read_claims(data_folder("claims") / "claims.yaml")


def load_claim(name: str) -> Claim:
    """Return a claim of the ledger.

    Raises
    ------
    EvidenceError
        RDN-E007 for a name no claim has.
    """
    by_id = {claim.id: claim for claim in claims()}
    if name not in by_id:
        raise EvidenceError(
            "RDN-E007", "no such claim in the ledger", value=name, nearest=nearest_name(name, by_id)
        )
    return by_id[name]


@lru_cache(maxsize=1)
def kinetics_table() -> KineticsTable:
    """Return the table of immune, protein and matrix kinetics."""
    return read_kinetics(data_folder("kinetics") / "immune-kinetics.yaml")


def kinetics(group: str | None = None) -> tuple[KineticsRow, ...]:
    """Return rows of kinetics, of one group or all.

    Raises
    ------
    EvidenceError
        RDN-E008 for a group that no row has.
    """
    return _rows(kinetics_table().entries, group)


@lru_cache(maxsize=1)
def safety_table() -> SafetyTable:
    """Return the table of hazards."""
    return read_safety(data_folder("safety") / "safety.yaml")


def safety(group: str | None = None) -> tuple[SafetyRow, ...]:
    """Return rows of hazards, of one group or all.

    Raises
    ------
    EvidenceError
        RDN-E008 for a group that no row has.
    """
    return _rows(safety_table().entries, group)


def _rows(rows: tuple[Any, ...], group: str | None) -> tuple[Any, ...]:
    if group is None:
        return rows
    groups = tuple(dict.fromkeys(row.group for row in rows))
    if group not in groups:
        raise EvidenceError(
            "RDN-E008", "no such group of rows", value=group, nearest=nearest_name(group, groups)
        )
    return tuple(row for row in rows if row.group == group)
