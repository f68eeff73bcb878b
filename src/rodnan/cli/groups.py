"""Command groups by name, loaded only when they are called: help and errors start fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

__all__ = ["LazyGroup", "as_command"]


class LazyGroup(TyperGroup):
    """A command group whose members are imported on first use.

    Subclasses set `members`: command name -> (``"module:attribute"``, one line of help). The attribute is a
    typer app, or a function that becomes a command. Members whose module is not there are not listed, so a
    group can be left out of an installation without an entry that fails.
    """

    members: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of what can be called, in the order of the table."""
        return [name for name, (target, _) in self.members.items() if _there(target)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, importing it now; None where there is none."""
        target, _ = self.members.get(cmd_name, ("", ""))
        if not target or not _there(target):
            return None
        module, _, attribute = target.partition(":")
        return as_command(getattr(import_module(module), attribute), cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of commands without importing them."""
        rows = [(name, self.members[name][1]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _there(target: str) -> bool:
    return find_spec(target.partition(":")[0]) is not None


def as_command(found: Any, name: str) -> Any:
    """Turn a typer app or a plain function into a command of that name.

    Parameters
    ----------
    found
        A `typer.Typer`, or a function with typer's annotations.
    name
        What it is called on the command line.

    Returns
    -------
    typer.core.TyperCommand or typer.core.TyperGroup
        The command; its help is plain text at every level.
    """
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    command: Any = typer.main.get_command(found)
    command.name = name
    _as_in_the_root(command)
    return command


def _as_in_the_root(command: Any) -> None:
    """Give a command plain help without options for completion, as the root command has it."""
    command.rich_markup_mode = None
    command.params = [p for p in command.params if p.name not in ("install_completion", "show_completion")]
    if not isinstance(command, LazyGroup):
        for member in getattr(command, "commands", {}).values():
            _as_in_the_root(member)
