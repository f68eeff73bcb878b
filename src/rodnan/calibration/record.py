"""A fit as a record: what was fitted, to what, with which result; the file that ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rodnan.calibration.potency_fit import PotencyFit
from rodnan.calibration.quick_fit import Fit

__all__ = ["fit_record", "fit_yaml"]


def fit_record(
    fit: Fit, potencies: Sequence[PotencyFit], *, seed: int, patients: int, rounds: int
) -> dict[str, Any]:
    """Return the record of a quick fit.

    Parameters
    ----------
    fit
        Untreated stage.
    potencies
        Drug stage.
    seed, patients, rounds
        Settings of the run.

    Returns
    -------
    dict
        ``id, command, settings, cost, values, potencies, data``; numbers rounded to six digits.
    """
    return {
        "id": "quick-fit",
        "command": f"rodnan calibrate --quick --patients {patients} --rounds {rounds} --seed {seed}",
        "cost": {"start": _six(fit.cost[0]), "end": _six(fit.cost[1]), "evaluations": fit.evaluations},
        "values": {name: _six(value) for name, value in fit.values.items()},
        "potencies": {p.drug: _six(p.value) for p in potencies},
        "data": [_datum(row) for row in (*fit.rows, *(r for p in potencies for r in p.rows))],
    }


def _datum(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": row["label"], **{k: _six(float(row[k])) for k in ("observed", "model", "residual")}}


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def fit_yaml(record: Mapping[str, Any]) -> str:
    """Return a fit record as YAML with one datum a line."""
    import yaml

    head = {k: v for k, v in record.items() if k not in ("data", "values")}
    text = "# A recorded fit; made by its command, never by hand.\n"
    text += yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    text += yaml.safe_dump({"values": record["values"]}, sort_keys=False)
    text += "data:\n"
    for row in record["data"]:
        line = yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=1000, allow_unicode=True)
        text += f"- {line}"
    return text
