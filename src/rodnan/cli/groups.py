"""Command groups by name, loaded only when they are called: help and errors start fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["LazyGroup"]


class LazyGroup(TyperGroup):
    """A command group whose members are imported on first use.

    Subclasses set `members`: command name -> (``"module:attribute"``, one line of help). The attribute is a typer app, or
    a function that becomes a command. Members whose module is not there are not listed.
    """

    members: Mapping[str, tuple[str, str]] = {}

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
    """Turn a typer app or a plain function into a command of that name."""
    if isinstance(found, typer.Typer):
        command = typer.main.get_command(found)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(found)
        command = typer.main.get_command(app)
    command.name = name
    return command
