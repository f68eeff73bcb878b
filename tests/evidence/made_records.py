"""A small study and a small drug, made up, for tests that spoil them."""

from __future__ import annotations

import copy
from typing import Any

STUDY: dict[str, Any] = {
    "id": "made",
    "acronym": "A made-up trial",
    "citation": {"pmid": "1", "year": 2020},
    "design": {"type": "rct", "blinding": "double", "randomised": True},
    "condition": "SSc",
    "population": {
        "n": 100,
        "baseline": [
            {"variable": "mrss", "arm": "drug", "mean": 20.0, "sd": 5.0, "n": 40, "basis": "read"},
            {"variable": "mrss", "arm": "placebo", "mean": 24.0, "sd": 7.0, "n": 60, "basis": "read"},
        ],
    },
    "arms": [
        {
            "id": "drug",
            "label": "mycophenolate",
            "n": 40,
            "regimen": [
                {
                    "drug": "mycophenolate",
                    "route": "oral",
                    "dose": 1500,
                    "unit": "mg",
                    "interval": 12,
                    "interval_unit": "hour",
                    "start_week": 0,
                    "stop_week": 52,
                }
            ],
        },
        {"id": "placebo", "label": "placebo", "n": 60},
    ],
    "outcomes": [
        {
            "endpoint": "mrss", "measure": "change", "arm": "drug", "week": 52, "mean": -5.0, "sd": 6.0, "n": 36,
            "basis": "read",
        },
        {
            "endpoint": "mrss", "measure": "difference", "arms": ["drug", "placebo"], "week": 52, "mean": -3.0,
            "ci95": [-5.0, -1.0], "basis": "recalled",
        },
    ],
    "adverse_events": [{"event": "diarrhoea", "arm": "drug", "n": 10, "of": 40, "pct": 25.0, "basis": "read"}],
    "withdrawals": [{"arm": "drug", "n": 4, "of": 40, "reason": "any", "basis": "read"}],
    "source": ["pmid:1"],
}  # fmt: skip


def made_study() -> dict[str, Any]:
    """Return a fresh copy of the made-up study."""
    return copy.deepcopy(STUDY)


def at(data: Any, *place: Any) -> Any:
    """Return what lies at a place of nested data."""
    for part in place:
        data = data[part]
    return data
