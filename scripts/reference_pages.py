"""Write the generated pages of the documentation.

Equations, states, parameters, conduct, units, errors, commands, and the names that each room exports.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from error_codes import error_codes

FAMILIES = {
    "C": ("calibration", "`CalibrationError`: a target or fit that cannot be computed."),
    "D": ("doses", "`DoseError`: an illegal dose, dosing event or regimen."),
    "E": ("evidence", "`EvidenceError`: a record that does not validate, or a name that no record has."),
    "M": ("models", "`ModelError`: a model, parameter or structure that cannot be computed."),
    "N": ("numerics", "`EngineError`: a numerical failure, or a cache or device that cannot be used."),
    "P": ("population", "`PopulationError`: a missing covariate, or an enrolment that cannot be met."),
    "S": ("sources", "`SourceError`: a file, registry or network that cannot be read or written."),
    "T": ("trials", "`TrialError`: a design or run that cannot be carried out."),
    "U": ("units", "`UnitError`: an unknown unit, or a quantity of the wrong dimension."),
    "X": ("command line", "How a command was called, or what the system refused while it ran; no exception."),
}
"""Letter of a code -> what the family is about."""

ROOMS = (
    "evidence", "evidence.synthesis", "evidence.readers", "pharmacology", "pharmacology.nonmem", "disease.model",
    "disease.parameters", "disease.readouts", "population.pool", "population.enrol", "population.entries", "trial",
    "report", "calibration", "engine.keys", "units", "errors",
)  # fmt: skip
"""Modules whose exported names are the interface of the package, in the order in which data flows."""


def main(folder: Path) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("equations", equations()),
        ("states", states()),
        ("parameters", parameters()),
        ("conduct", conduct()),
        ("units", units()),
        ("errors", errors()),
        ("commands", commands()),
        ("api", api()),
    ):
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "therapies").mkdir(exist_ok=True)
    for name, text in therapies():
        (folder / "therapies" / f"{name}.md").write_text(text, encoding="utf-8")


def therapies() -> Iterable[tuple[str, str]]:
    """Yield id and page of each therapy: its card, as ``rodnan drug show`` prints it."""
    from rodnan.cli.drug import card
    from rodnan.pharmacology import load_model, model_ids

    for name in model_ids():
        lines = "\n".join(card(load_model(name)))
        yield name, f"# {name.replace('-', ' ').capitalize()}\n\n```text\n{lines}\n```\n"


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(header)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def equations() -> str:
    """Return the page of the equations, printed from the symbols that the kernel is made of."""
    from rodnan.disease.equations import equations_latex
    from rodnan.disease.states import STATES

    meanings = {state.name: f"{state.meaning}, in {state.unit}." for state in STATES}
    parts = [
        "# Equations\n\nPrinted from the symbols that the kernel is generated from. Names in lower case are "
        "[](parameters.md) of a patient; u with an index is a channel through which drugs act, zero without a drug; "
        "time is in days.\n"
    ]
    for name, formula in equations_latex().items():
        parts.append(f"## {name}\n\n{meanings.get(name, '')}\n\n```{{math}}\n{_names_whole(formula)}\n```\n")
    return "\n".join(parts)


def _names_whole(formula: str) -> str:
    """Set names of several letters upright and part factors by a thin space, so that kT is no product."""
    upright = re.sub(r"(?<![\\A-Za-z])([A-Za-z][A-Za-z0-9]+)(?![A-Za-z])", r"\\mathrm{\1}", formula)
    return re.sub(r"(?<=[A-Za-z0-9}]) (?=[A-Za-z\\])", r"\\, ", upright)


def states() -> str:
    """Return the page of the states."""
    from rodnan.disease.states import STATES

    rows = ((s.name, s.unit, s.healthy, s.meaning) for s in STATES)
    return "# States\n\n" + table(("State", "Unit", "Healthy", "Meaning"), rows)


def parameters() -> str:
    """Return the page of the disease parameters."""
    from rodnan.disease.parameters import load_parameters

    shipped = load_parameters()
    rows = (
        (f"`{n}`", f"{shipped[n]:.4g}", r.unit, " ".join(map(str, r.prior)), r.basis, r.source)
        for n, r in shipped.records.items()
    )
    return "# Parameters\n\n" + table(("Name", "Value", "Unit", "Prior", "Basis", "Source"), rows)


def conduct() -> str:
    """Return the page of the conduct settings."""
    from rodnan.trial.settings import conduct_settings

    rows = ((f"`{n}`", f"{r.value:g}", r.unit, r.basis, r.source) for n, r in conduct_settings().rows.items())
    return "# Conduct of trials\n\n" + table(("Name", "Value", "Unit", "Basis", "Source"), rows)


def units() -> str:
    """Return the page of the units."""
    from rodnan.units import UNITS, parse_unit

    rows = (
        (f"`{name}`", f"{float(unit.size):.6g}", " ".join(f"{d}^{n}" for d, n in unit.dimensions) or "number")
        for name, unit in ((name, parse_unit(name)) for name in UNITS)
    )
    text = (inspect.getdoc(import_module("rodnan.units")) or "").partition("\n\n")[2]
    return f"# Units\n\n{text}\n\n" + table(("Unit", "In base units", "Dimension"), rows)


def errors() -> str:
    """Return the page of the error codes, found in the source."""
    parts = [
        "# Errors\n\nWhat a user can do wrong is answered with one line on standard error and exit status 2: a code, what "
        "was wrong, where, the value that was given and the nearest valid name. From Python the same line is the text "
        "of an exception of `rodnan.errors`. A code never changes its meaning. In the messages below, … stands for "
        "what depends on the case.\n"
    ]
    found = error_codes()
    for letter, (title, text) in FAMILIES.items():
        rows = (
            (f"`{code}`", entry.described(), ", ".join(f"`{m}`" for m in sorted(entry.modules)))
            for code, entry in found.items()
            if code[4] == letter
        )
        parts.append(
            f"## RDN-{letter}: {title}\n\n{text}\n\n" + table(("Code", "What was wrong", "Raised in"), rows)
        )
    return "\n".join(parts)


def commands() -> str:
    """Return the page of the commands: the help of each."""
    import typer

    from rodnan.cli.main import app

    root = typer.main.get_command(app)
    parts = ["# Commands\n"]
    for name, text in _helps(root, root.make_context("rodnan", [], resilient_parsing=True)):
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    """Yield name and help of a command and of all below it."""
    yield context.command_path, inspect.cleandoc(command.get_help(context))
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from _helps(below, below.make_context(name, [], parent=context, resilient_parsing=True))


def api() -> str:
    """Return the page of the exported names, filled from their docstrings by Sphinx."""
    parts = ["# Interface\n\nWhat each room exports, in the order in which data flows.\n"]
    for room in ROOMS:
        module = import_module(f"rodnan.{room}")
        lines = [f".. automodule:: {module.__name__}", "   :no-members:", ""]
        for name in module.__all__:
            exported = getattr(module, name)
            kind = "class" if inspect.isclass(exported) else "function" if callable(exported) else "data"
            lines += [
                f".. auto{kind}:: {module.__name__}.{name}",
                *(["   :no-value:"] if kind == "data" else []),
                "",
            ]
        parts.append(f"## rodnan.{room}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
