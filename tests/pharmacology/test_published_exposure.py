"""Every published exposure of every drug file, predicted beside observed."""

from __future__ import annotations

import math
from functools import cache

import pytest
import typer
from typer.testing import CliRunner

from rodnan.cli.validate_exposure import command
from rodnan.errors import EvidenceError
from rodnan.pharmacology.checks import check_exposure, observed_checks
from rodnan.pharmacology.models import load_model, model_ids
from rodnan.report.exposure import checks_table


@cache
def _results(drug):
    return check_exposure(load_model(drug))


@pytest.mark.parametrize("drug", model_ids())
def test_published_exposure(drug):
    """Nothing is left unmentioned, nothing lies outside without an explanation."""
    for result in _results(drug):
        if result.verdict == "not answered":
            assert result.remark
            assert math.isnan(result.predicted)
        else:
            assert math.isfinite(result.predicted), result
        if result.verdict == "outside":
            assert len(result.remark) > 20, result


def test_published_exposure_of_all_drugs_together():
    """At least 90 % of the answered rows agree."""
    results = {drug: _results(drug) for drug in model_ids()}
    answered = [r for group in results.values() for r in group if r.verdict != "not answered"]
    assert sum(r.agrees for r in answered) >= 0.9 * len(answered)
    text = str(checks_table(results))
    assert "Simulation" in text
    assert f"of {len(answered)} answered rows agree" in text.replace("\n", " ")


def test_unit_checks_must_match_the_record():
    model = load_model("cyclophosphamide")
    observed = observed_checks("cyclophosphamide")
    with pytest.raises(EvidenceError, match="RDN-E204"):
        check_exposure(model, observed[1:])
    new = observed[0].model_copy(update={"quantity": "new"})
    with pytest.raises(EvidenceError, match="RDN-E204"):
        check_exposure(model, [*observed, new])


def test_unit_verdicts():
    model = load_model("cyclophosphamide")
    observed = list(observed_checks("cyclophosphamide"))
    at = next(i for i, o in enumerate(observed) if o.quantity == "CL")
    predicted = check_exposure(model, observed)[at].predicted
    for value, extra, verdict in (
        (predicted * 1.2, {}, "within 1.25-fold"),
        (predicted * 1.3, {}, "outside"),
        (predicted * 2, {"sd": predicted * 1.1}, "in range"),
        (predicted * 2, {"range": (predicted * 0.9, predicted * 3)}, "in range"),
        ((predicted * 0.9, predicted * 1.1), {}, "in range"),
        (predicted * 1.5, {"comparator": "below"}, "in range"),
        (predicted * 0.5, {"comparator": "at or above"}, "in range"),
    ):
        changed = list(observed)
        changed[at] = observed[at].model_copy(update={"sd": None, "value": value} | extra)
        assert check_exposure(model, changed)[at].verdict == verdict


def test_unit_command(tmp_path):
    app = typer.Typer()
    app.command()(command)
    path = tmp_path / "rows.json"
    result = CliRunner().invoke(app, ["cyclophosphamide", "--json", str(path)])
    assert result.exit_code == 0
    assert "6 of 7 answered rows agree" in result.output
    assert '"simulation": true' in path.read_text()
