"""Write the generated pages of the documentation: equations, states, parameters, conduct, errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "rodnan"


def main(folder: Path) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("equations", equations()),
        ("states", states()),
        ("parameters", parameters()),
        ("conduct", conduct()),
        ("errors", errors()),
    ):
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


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

    parts = ["# Equations\n", "Generated from the symbolic source that the kernel is generated from.\n"]
    for name, formula in equations_latex().items():
        parts.append(f"## {name}\n\n```{{math}}\n{formula}\n```\n")
    return "\n".join(parts)


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


def error_codes() -> dict[str, set[str]]:
    """Return every error code in the source with the files that raise it."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for code in re.findall(r'"(RDN-[A-Z]\d{3})"', path.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(str(path.relative_to(SOURCE)))
    return found


def errors() -> str:
    """Return the page of the error codes."""
    rows = ((code, ", ".join(f"`{f}`" for f in sorted(where))) for code, where in sorted(error_codes().items()))
    return "# Errors\n\nA user's error is one line with one of these codes; exit status 2.\n\n" + table(
        ("Code", "Raised in"), rows
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
