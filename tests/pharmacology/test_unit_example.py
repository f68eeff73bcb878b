"""The worked example of a user's own drug: read from a file outside the package, run, and put beside another drug."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rodnan.cli.drug import app
from rodnan.disease.typical_course import typical_course
from rodnan.pharmacology import draw_patients, load_model, parse_regimen, read_model
from rodnan.pharmacology.patients import TYPICAL_PATIENT

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "new_drug.yaml"


def test_unit_example_is_read_and_converted():
    model = read_model(EXAMPLE)
    assert model.id == "examplinib"
    assert model.typical["MTT_oral"] == pytest.approx(30 / 1440)
    assert model.typical["F_oral"] == pytest.approx(0.6)
    assert model.typical["ec50_tissue"] == pytest.approx(0.15)
    heavy = draw_patients(model, {"weight": [70.0, 140.0]})
    np.testing.assert_allclose(heavy.parameters["CL"], 192.0 * np.array([1.0, 2.0**0.75]))


def test_unit_example_reaches_the_disease():
    """On top of mycophenolate it lowers skin myofibroblasts, and lymphocytes not at all."""
    mine, other = read_model(EXAMPLE), load_model("mycophenolate")
    background = (other, parse_regimen("1500 mg twice daily", "mycophenolate"))
    added = (mine, parse_regimen(mine.record.usual[0].doses, mine.id))
    alone = typical_course([background], 364)
    both = typical_course([background, added], 364)
    assert both.ratio("F_s")[364] < 0.95 * alone.ratio("F_s")[364]
    np.testing.assert_allclose(both.ratio("L"), alone.ratio("L"), rtol=1e-12)
    nothing = typical_course([], 28)
    np.testing.assert_array_equal(nothing.treated, nothing.untreated)
    assert TYPICAL_PATIENT["weight"] == 65.0


def test_unit_example_has_a_card():
    result = CliRunner().invoke(app, ["show", "examplinib", "--model", str(EXAMPLE)])
    assert result.exit_code == 0, result.output
    assert "Examplinib by mouth" in result.output
    assert "stops activation of fibroblasts" in result.output
