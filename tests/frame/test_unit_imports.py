"""What starts fast stays fast: heavy libraries are imported on use only; the façade names every room."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rodnan
from rodnan._version import __version__

HEAVY = {
    "numpy", "scipy", "numba", "llvmlite", "sympy", "mpmath", "polars", "duckdb", "altair", "vl_convert", "jinja2",
    "rapidfuzz", "yaml", "pandas",
}  # fmt: skip
SOURCE = Path(rodnan.__file__).parent


def loaded_after(code: str) -> set[str]:
    """Return the heavy libraries that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import rodnan; rodnan.__all__; dir(rodnan)") == set()


def test_units_and_errors_load_nothing_heavy():
    assert loaded_after("import rodnan; rodnan.units.convert(1, 'g', 'mg'); rodnan.errors.UnitError") == set()


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["trial", "--help"], ["validate", "--help"], ["trail"]]
)
def test_help_and_refusals_load_nothing_heavy(words):
    assert loaded_after(f"from rodnan.cli.main import execute; execute({words!r})") == set()


def test_the_heavy_libraries_are_those_that_a_room_loads():
    assert {"numpy", "yaml"} <= loaded_after("import rodnan; rodnan.trial.run")


def test_facade_names_every_room_in_order():
    rooms = {p.parent.name for p in SOURCE.glob("*/__init__.py")} - {"cli"}
    modules = {p.stem for p in SOURCE.glob("*.py")} - {"__init__", "_version"}
    assert list(rodnan.__all__) == sorted(rooms | modules | {"__version__"})
    assert dir(rodnan) == sorted(rodnan.__all__)


def test_facade_tells_type_checkers_the_same():
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    named = {alias.name for n in block.body if isinstance(n, ast.ImportFrom) for alias in n.names}
    assert named | {"__version__"} == set(rodnan.__all__)


@pytest.mark.parametrize("name", [n for n in rodnan.__all__ if n != "__version__"])
def test_every_name_of_the_facade_and_of_its_rooms_exists(name):
    room = getattr(rodnan, name)
    exported = getattr(room, "__all__", [])
    assert len(exported) == len(set(exported))
    for each in exported:
        assert hasattr(room, each), f"rodnan.{name}.{each}"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="'rodnan' has no attribute 'pharmacolgy'"):
        _ = rodnan.pharmacolgy  # type: ignore[attr-defined]


def test_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert version("rodnan") == __version__ == rodnan.__version__
