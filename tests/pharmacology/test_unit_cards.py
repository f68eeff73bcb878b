"""Drug cards, usual regimens, the footprint, and the command line around them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from rodnan.cli.drug import app
from rodnan.errors import EvidenceError
from rodnan.pharmacology.effects import CHANNELS
from rodnan.pharmacology.models import load_model, model_ids
from rodnan.pharmacology.patients import TYPICAL_PATIENT, draw_patients
from rodnan.pharmacology.usual import usual_channels, usual_exposure
from rodnan.report.exposure import exposure_svg, footprint_table


@pytest.mark.parametrize("drug", model_ids())
def test_unit_every_usual_regimen_can_be_simulated(drug):
    model = load_model(drug)
    for usual in model.record.usual:
        exposure = usual_exposure(model, usual.doses)
        if exposure is None:
            assert model.record.structure.compartments == 0
        else:
            assert 0.0 <= exposure.cmin <= exposure.cavg <= exposure.cmax
            assert exposure.accumulation >= 1.0 - 1e-3
        channels = usual_channels(model, usual.doses)
        assert set(channels) <= set(CHANNELS)
        assert all(value > 0.0 for value in channels.values())


def test_reference_usual_exposure_of_one_compartment():
    """Steady state of a daily oral dose: area F D/CL, accumulation 1/(1 - exp(-k)) of the area of the first day."""
    model = load_model("imatinib")
    exposure = usual_exposure(model, "400 mg oral daily for 60 days")
    p = {k: v[0] for k, v in draw_patients(model, TYPICAL_PATIENT).parameters.items()}
    assert exposure is not None
    assert exposure.interval == 1.0
    assert exposure.auc == pytest.approx(400.0 / p["CL"], rel=2e-4)
    assert exposure.half_life == pytest.approx(math.log(2) * p["V1"] / p["CL"], rel=1e-3)
    k, ka = p["CL"] / p["V1"], p["ka_oral"]
    day = (1 - math.exp(-k)) / k - (1 - math.exp(-ka)) / ka
    first = 400.0 * ka / p["V1"] / (ka - k) * day
    assert exposure.accumulation == pytest.approx(400.0 / p["CL"] / first, rel=1e-3)
    inside = (exposure.concentration > exposure.level).astype(float)
    assert exposure.above == pytest.approx(np.trapezoid(inside, exposure.times), abs=0.02)


def test_unit_card_of_a_drug(tmp_path):
    result = CliRunner().invoke(app, ["show", "MabThera", "--out", str(tmp_path / "cards")])
    assert result.exit_code == 0, result.output
    for words in (
        "CD20", "off-label", "375 mg/m2", "Simulation: exposure of the typical patient", "kills B cells",
        "percent of the same patient", "neutrophils", "monitoring", "Not modelled", "Candelaria", "not medical advice",
    ):  # fmt: skip
        assert words in result.output.replace("\n", " ").replace("  ", " "), words
    written = sorted(p.name for p in (tmp_path / "cards").iterdir())
    assert written == ["simulation-rituximab-exposure.svg", "simulation-rituximab.txt"]
    assert (tmp_path / "cards" / "simulation-rituximab.txt").read_text() == result.output


def test_unit_card_of_ones_own_drug(drug_data, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(drug_data), encoding="utf-8")
    result = CliRunner().invoke(app, ["show", "testdrug", "--model", str(path)])
    assert result.exit_code == 0, result.output
    assert "A drug for tests" in result.output
    assert "pT" in result.output


def test_unit_unknown_drug_is_named():
    result = CliRunner().invoke(app, ["show", "mycofenolate"])
    assert isinstance(result.exception, EvidenceError)
    assert "mycophenolate" in str(result.exception)


def test_unit_list_and_footprint(tmp_path):
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 0
    assert all(drug in result.output for drug in model_ids())
    path = tmp_path / "footprint.csv"
    result = CliRunner().invoke(app, ["footprint", "--csv", str(path)])
    assert result.exit_code == 0
    header, *rows = path.read_text().splitlines()
    assert header.split(",")[3:] == list(CHANNELS)
    assert len(rows) == len(model_ids())


def test_unit_targeted_drugs_have_the_smaller_footprint():
    """A selective drug drives fewer immune channels than a non-selective one."""
    cells = [c for c in CHANNELS if c[0] in "kpa" and c not in ("kF", "pF")]

    def size(drug):
        model = load_model(drug)
        return sum(c in cells for c in usual_channels(model, model.record.usual[0].doses))

    assert size("rituximab") == 1
    for broad in ("mycophenolate", "cyclophosphamide", "azathioprine", "methotrexate", "autologous-hsct"):
        assert size(broad) >= 4


def test_unit_figure_is_the_same_every_time():
    model = load_model("tocilizumab")
    exposure = usual_exposure(model, "162 mg sc weekly for 24 weeks")
    assert exposure is not None
    first = exposure_svg(model, "weekly", exposure)
    assert first == exposure_svg(model, "weekly", exposure)
    assert first.startswith("<svg")
    assert "Simulation" in first
    assert "days after the dose" in first
    assert first.count("L") > 100  # the line has its points


def test_unit_footprint_says_none():
    table = footprint_table([("d-penicillamine", "antifibrotic", "750 mg daily", {})])
    assert "none" in str(table)
