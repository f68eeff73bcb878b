"""The examples of the guide run as they stand there, and its tables name what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reference.nonmem_tables import run_yaml
from rodnan.pharmacology.nonmem.expressions import FUNCTIONS
from rodnan.pharmacology.nonmem.structures import STRUCTURES

GUIDE = (Path(__file__).parents[3] / "docs" / "guide" / "pk-simulate.md").read_text(encoding="utf-8")
MODELS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(TABLE,) = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("model", MODELS, ids=lambda text: text.splitlines()[0])
def test_an_example_runs(model):
    done = run_yaml(model, TABLE)
    assert len(done.amounts) == 3
    assert all(values[-1] > 0.0 for values in done.outputs.values())


def test_every_structure_and_function_is_named():
    assert all(f"`{name}`" in GUIDE for name in STRUCTURES)
    assert all(re.search(rf"\b{name}\b", GUIDE) for name in FUNCTIONS)
