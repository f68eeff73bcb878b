"""What a result means: tables in words, figures, and a page that anyone can read.

Everything here takes plain results and returns text, charts or files; nothing is computed anew. Names are
loaded on first use, so that asking for a text table does not load the drawing library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rodnan.report.comparing import Comparison, comparisons, verdict
    from rodnan.report.natural_history import natural_history_table
    from rodnan.report.plots import Figure, figures
    from rodnan.report.table import Table
    from rodnan.report.text import text_tables
    from rodnan.report.trial_tables import tables
    from rodnan.report.write import write_report

__all__ = [
    "Comparison",
    "Figure",
    "Table",
    "comparisons",
    "figures",
    "natural_history_table",
    "tables",
    "text_tables",
    "verdict",
    "write_report",
]

_HOMES = {
    "Comparison": "comparing",
    "Figure": "plots",
    "Table": "table",
    "comparisons": "comparing",
    "figures": "plots",
    "natural_history_table": "natural_history",
    "tables": "trial_tables",
    "text_tables": "text",
    "verdict": "comparing",
    "write_report": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rodnan.report' has no attribute {name!r}")
    return getattr(import_module(f"rodnan.report.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
