"""Study records made for tests: small, with every kind of row that extraction must tell apart."""

from __future__ import annotations

from typing import Any

from rodnan.evidence import Study


def regimen(drug: str, start: float = 0, stop: float | None = 52) -> dict[str, Any]:
    item: dict[str, Any] = {"drug": drug, "route": "oral", "start_week": start}
    return item | ({"stop_week": stop} if stop is not None else {})


def arm(name: str, *drugs: Any, n: int | None = 50, label: str | None = None, **more: Any) -> dict[str, Any]:
    items = [d if isinstance(d, dict) else regimen(d) for d in drugs]
    return {"id": name, "label": label or name, "regimen": items} | ({"n": n} if n else {}) | more


def change(name: str, mean: float, **more: Any) -> dict[str, Any]:
    row = {
        "endpoint": "fvc_pct_pred",
        "measure": "change",
        "arm": name,
        "week": 52,
        "mean": mean,
        "basis": "read",
    }
    return row | more


def difference(first: str, second: str, **more: Any) -> dict[str, Any]:
    row = {
        "endpoint": "fvc_pct_pred",
        "measure": "difference",
        "arms": [first, second],
        "week": 52,
        "basis": "read",
    }
    return row | more


def study(name: str, arms: list[dict[str, Any]], outcomes: list[dict[str, Any]], **more: Any) -> Study:
    design = {"type": "rct", "blinding": "double", "randomised": True} | more.pop("design", {})
    data = {
        "id": name,
        "acronym": name.upper(),
        "citation": {"pmid": "1", "first_author": "Maker", "year": 2020},
        "design": design,
        "condition": "SSc-ILD",
        "population": {"n": 100},
        "arms": arms,
        "outcomes": outcomes,
        "adverse_events": more.pop("adverse_events", []),
        "withdrawals": more.pop(
            "withdrawals", [{"arm": "all", "n": 5, "of": 100, "week": 52, "reason": "left", "basis": "read"}]
        ),
        "source": ["made for a test"],
    }
    return Study.model_validate(data | more)
