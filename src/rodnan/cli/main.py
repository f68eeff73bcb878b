"""The command line: ``rodnan``. Groups load lazily; a user's error is one line and exit status 2."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, ClassVar

import typer

from rodnan._version import __version__
from rodnan.cli.groups import LazyGroup
from rodnan.errors import RodnanError, nearest_name

__all__ = ["app", "run"]

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""The parent of every complaint about how a command was called."""


class _Root(LazyGroup):
    members: ClassVar = {
        "trial": ("rodnan.cli.trial:app", "Run a virtual trial beside its published results."),
        "evidence": ("rodnan.cli.evidence:app", "Look up studies, drugs and their numbers."),
        "claims": ("rodnan.cli.claims:app", "The claim ledger and its checks."),
        "drug": ("rodnan.cli.drug:app", "Drug cards."),
        "pk": ("rodnan.cli.pk:app", "Simulate concentrations from dosing records."),
        "validate": ("rodnan.cli.validate:app", "Compare the model with what was observed."),
        "calibrate": ("rodnan.cli.calibrate:command", "Repeat the recorded fit of the disease model."),
        "engine": ("rodnan.cli.engine:app", "Check the numerical engine."),
    }


app = typer.Typer(
    name="rodnan",
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    help="In-silico laboratory for the immunosuppressive treatment of systemic sclerosis. Simulates populations, "
    "never a person; research and teaching, no advice.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"rodnan {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Hold the options of the root command."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit status.

    Parameters
    ----------
    arguments
        Words after ``rodnan``; those of the process where None.
    """
    command = typer.main.get_command(app)
    try:
        status = command.main(args=arguments, prog_name="rodnan", standalone_mode=False)
    except RodnanError as error:
        _say(str(error))
        status = 2
    except _UsageError as error:
        _say(_usage(error))
        status = 2
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped; nothing half-written was left")
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _say(line: str) -> None:
    sys.stderr.write(line.rstrip() + "\n")


def _usage(error: Any) -> str:
    """Return a usage error as one line with the nearest valid name."""
    text = " ".join(error.format_message().split())
    context = error.ctx
    given = text.split("'")[1] if "'" in text else ""
    if context is not None and "No such command" in text and hasattr(context.command, "list_commands"):
        near = nearest_name(given, context.command.list_commands(context))
        if near and "Did you mean" not in text:
            text += f" Did you mean '{near}'?"
    where = f" (see '{context.command_path} --help')" if context is not None else ""
    return f"RDN-X001 {text}{where}"
