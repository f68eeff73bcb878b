"""The command line ``rodnan``: groups load when called; what a user did wrong is one line and status 2.

Codes of its own:

RDN-X001   no such command or option, an argument that is missing, unexpected or not of its kind
RDN-X002   not enough memory
RDN-X003   the system refused to read or write a file
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

import typer

from rodnan._version import __version__
from rodnan.cli.groups import LazyGroup
from rodnan.errors import RodnanError, nearest_name

__all__ = ["app", "execute", "run"]

_STOPPED = 130
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_PACKAGE = str(Path(__file__).resolve().parents[1])


class _Root(LazyGroup):
    members: ClassVar = {
        "trial": ("rodnan.cli.trial:app", "Run a virtual trial beside its published results."),
        "evidence": ("rodnan.cli.evidence:app", "Look up studies, drugs and their numbers."),
        "claims": ("rodnan.cli.claims:app", "The claim ledger and its checks."),
        "drug": ("rodnan.cli.drug:app", "Drug cards."),
        "pk": ("rodnan.cli.pk:app", "Simulate concentrations from dosing records."),
        "population": ("rodnan.cli.population:app", "Courses of virtual populations, streamed to files."),
        "validate": ("rodnan.cli.validate:app", "Compare the model with what was observed."),
        "calibrate": (
            "rodnan.cli.calibrate:command",
            "Fit the disease model: quick or full.",
        ),
        "sensitivity": ("rodnan.cli.sensitivity:command", "What a calibration's readouts depend on."),
        "model": ("rodnan.cli.model:app", "The disease model for other programs."),
        "engine": ("rodnan.cli.engine:app", "How exact the solver is."),
        "notice": ("rodnan.cli.about:notice", "What this is for, and what it must not be used for."),
        "cite": ("rodnan.cli.about:cite", "How to cite this version."),
    }

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an interruption becomes an error of its own, which `execute` reports."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="rodnan",
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    help="In-silico laboratory for the immunosuppressive treatment of systemic sclerosis. Simulates "
    "populations, never a person; research and teaching, no advice.",
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


def run() -> NoReturn:
    """Run the command line of this process and leave it with the exit status."""
    sys.exit(execute())


def execute(arguments: list[str] | None = None) -> int:
    """Run one command line.

    Parameters
    ----------
    arguments
        Words after ``rodnan``; those of the process when None.

    Returns
    -------
    int
        0 when done, 1 when a command found disagreement, 2 for a user's error (one line on standard error),
        130 when interrupted. A bug propagates with its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = typer.main.get_command(app).main(args=arguments, prog_name="rodnan", standalone_mode=False)
        sys.stdout.flush()
    except RodnanError as error:
        return _refuse(str(error))
    except typer.TyperException as error:
        return _refuse(_usage(error))
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped; nothing half-written was left")
        return _STOPPED
    except MemoryError:
        return _refuse("RDN-X002 not enough memory; ask for fewer patients, replicates or rows")
    except OSError as error:
        return _operating_system(error)
    return status if isinstance(status, int) else 0


def _refuse(line: str) -> int:
    _say(line)
    return 2


def _say(line: str) -> None:
    if sys.stderr.isatty():
        line = f"\r\033[K{line}"
    sys.stderr.write(line.rstrip() + "\n")


def _operating_system(error: OSError) -> int:
    """Report what the system refused about a file of the user; a file of our own that is missing is a bug."""
    if error.errno == errno.EPIPE:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if error.filename is None and error.errno in _FULL:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered has nowhere to go
        return _refuse(f"RDN-X003 {error.strerror} [standard output]")
    if not isinstance(error.filename, str | bytes) or os.fsdecode(error.filename).startswith(_PACKAGE):
        raise error
    return _refuse(f"RDN-X003 {error.strerror} [{os.fsdecode(error.filename)}]")


def _usage(error: Any) -> str:
    """Return a complaint about a command line as one line with the nearest valid name."""
    message = error.format_message().rstrip()
    if "\n" in message:  # the help of a group that was called without a command
        return message
    context = getattr(error, "ctx", None)
    hint = re.search(r"\(Possible options?: ([^,)]*).*\)|Did you mean '?([^'?,]*)", message)
    near = next((found for found in hint.groups() if found), None) if hint else None
    text = message[: hint.start()].rstrip(" .") if hint else message.rstrip(".")
    if near is None and "No such command" in text and context is not None:
        given = text.partition("'")[2].rstrip("'")
        near = nearest_name(given, context.command.list_commands(context))
    if near:
        text += f"; did you mean {near!r}?"
    if context is not None:
        text += f" (see '{context.command_path} --help')"
    return f"RDN-X001 {text}"
