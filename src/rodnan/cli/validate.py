"""``rodnan validate``: comparisons with what was observed; members load lazily."""

from __future__ import annotations

from typing import ClassVar

import typer

from rodnan.cli.groups import LazyGroup

__all__ = ["app"]


class _Validations(LazyGroup):
    members: ClassVar = {
        "natural-history": (
            "rodnan.cli.validate_natural_history:command",
            "The untreated model beside natural-history targets N1 to N18.",
        ),
        "exposure": ("rodnan.cli.validate_exposure:command", "Predicted beside published drug exposure."),
        "nonmem": ("rodnan.cli.validate_nonmem:command", "Dosing scenarios beside NONMEM's printed output."),
        "trials": ("rodnan.cli.validate_trials:command", "Held-out trials, contrasts first."),
    }


app = typer.Typer(
    cls=_Validations,
    no_args_is_help=True,
    help="Compare the model with what was observed.",
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Hold the group together."""
