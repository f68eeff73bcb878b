"""What the package exports is documented in numpydoc style: every parameter, what is returned, in order."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import rodnan

CHECKS = {
    "GL07": "sections in the wrong order",
    "GL08": "no docstring",
    "SS01": "no summary",
    "PR01": "a parameter is not documented",
    "PR02": "documents a parameter that is not there",
    "PR03": "parameters in the wrong order",
    "PR10": "no space before the colon of a parameter",
    "RT01": "does not say what it returns",
    "YD01": "does not say what it yields",
}
SHORT = 2
"""A function of at most so many parameters may say everything in prose, without sections."""


def exported() -> list[str]:
    """Return the full name of every function and class that a package exports."""
    names = []
    root = Path(rodnan.__file__).parent
    for path in sorted(root.rglob("__init__.py")):
        package = import_module(".".join(("rodnan", *path.relative_to(root).parts[:-1])))
        for name in getattr(package, "__all__", ()):
            if callable(getattr(package, name)):
                names.append(f"{package.__name__}.{name}")
    for module in ("rodnan.units", "rodnan.errors"):
        names += [
            f"{module}.{n}"
            for n in import_module(module).__all__
            if callable(getattr(import_module(module), n))
        ]
    return names


def complaints(name: str) -> list[str]:
    """Return what is wrong with the docstring of an exported name."""
    module, _, attribute = name.rpartition(".")
    target = getattr(import_module(module), attribute)
    found = {code for code, _ in validate(name)["errors"]} & set(CHECKS)
    if inspect.isclass(target):
        found -= {
            "PR01",
            "PR02",
            "PR03",
        }  # fields of a record are documented as attributes or beside the field
    elif "GL08" not in found:
        sections = NumpyDocString(inspect.getdoc(target) or "")
        plain = not any(sections[s] for s in ("Parameters", "Returns", "Yields"))
        if plain and len(inspect.signature(target).parameters) <= SHORT:
            found -= {"PR01", "RT01", "YD01"}
    return sorted(f"{code} {CHECKS[code]}" for code in found)


@pytest.mark.parametrize("name", exported())
def test_exported_names_are_documented(name):
    assert complaints(name) == []


def half_documented(a: int, b: int) -> int:
    """Add.

    Parameters
    ----------
    b
        One.
    """
    return a + b


def undocumented(a: int) -> int:
    return a


def in_prose(a: int, b: int) -> int:
    """Return the sum of a and b."""
    return a + b


def test_gaps_are_found(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "documented", sys.modules[__name__])
    assert complaints("documented.half_documented") == [
        "PR01 a parameter is not documented",
        "RT01 does not say what it returns",
    ]
    assert complaints("documented.undocumented") == ["GL08 no docstring"]
    assert complaints("documented.in_prose") == []
