"""``rodnan notice`` and ``rodnan cite``: context of use, and how to cite this version."""

from __future__ import annotations

import typer

from rodnan._version import __version__

__all__ = ["CITATION", "NOTICE", "cite", "notice"]

NOTICE = (
    "Rodnan simulates groups of virtual patients for research and teaching.",
    "It is no medical device. Nothing it prints is a prediction, a prognosis or advice for any person,",
    "and there is no place to enter one: patients are drawn to published baseline tables.",
    "Its model rests on published averages, some of them recalled or assumed; records and reports say which.",
    "A trial it was not fitted to is shown as prediction, hit or miss. Do not use it to choose a treatment,",
    "a dose, or patients for a trial without independent evidence.",
)
"""The context of use, a line each."""

CITATION = (
    "The Rodnan developers. Rodnan: an open in-silico laboratory for the immunosuppressive treatment of "
    f"systemic sclerosis. Version {__version__}. Apache-2.0."
)


def notice() -> None:
    """Print what this is for, and what it must not be used for."""
    for line in NOTICE:
        typer.echo(line)


def cite() -> None:
    """Print how to cite this version."""
    typer.echo(CITATION)
    typer.echo("Name the seed and the manifest of a run too; every result carries them.")
