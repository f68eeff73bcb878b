"""The README shows a run of the model that is shipped, written by ``make readme``."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from rodnan._version import __version__
from rodnan.disease.parameters import load_parameters

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def demo():
    spec = importlib.util.spec_from_file_location("readme_demo", ROOT / "scripts" / "readme_demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_numbers_shown_are_those_of_the_shipped_parameters(demo):
    shown = README.partition(demo.BEGIN)[2].partition(demo.END)[0]
    found = re.search(r"^Rodnan (\S+), seed \d+.*parameters `([\w-]+)` \((\w{12})\)\.$", shown, re.MULTILINE)
    assert found, "run `make readme`"
    shipped = load_parameters()
    assert found.groups() == (__version__, shipped.label, shipped.sha256()[:12]), "run `make readme`"


def test_the_section_says_that_it_is_a_simulation_and_how_much_disagrees(demo):
    shown = README.partition(demo.BEGIN)[2].partition(demo.END)[0]
    rows = [line for line in shown.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    disagreeing = sum("**disagrees**" in row for row in rows)
    assert shown.strip().startswith("**Simulation** of Scleroderma Lung Study II")
    assert f"{len(rows) - disagreeing} of {len(rows)} published numbers" in shown


def test_the_pictures_are_there(demo):
    for path, _ in demo.PICTURES.values():
        assert f"({path})" in README
        assert (ROOT / path).read_text(encoding="utf-8").startswith("<svg")


def test_only_the_marked_section_is_replaced(demo):
    text = f"before\n{demo.BEGIN}\nold\n{demo.END}\nafter\n"
    assert demo.with_section(text, "new") == f"before\n{demo.BEGIN}\nnew\n{demo.END}\nafter\n"
