"""``rodnan engine verify``: the kernel beside a solver of another kind, its order, and what is refused."""

import json

import pytest

from rodnan.cli.main import execute
from rodnan.disease.states import STATE_NAMES
from rodnan.errors import EngineError
from rodnan.population.accuracy import measure_accuracy

DRUGS = ("mycophenolate", "anti-thymocyte-globulin")


@pytest.fixture(scope="module")
def found():
    return measure_accuracy(DRUGS, days=28)


def test_every_state_and_readout_is_near_the_reference(found):
    assert [row["name"] for row in found.states] == list(STATE_NAMES)
    assert max(row["largest"] for row in found.states) < 1e-3
    assert all(row["q999"] <= row["largest"] for row in found.states)
    assert {row["name"] for row in found.readouts} == {"mRSS", "FVC"}
    assert max(row["largest"] for row in found.readouts) < 1e-3
    assert {row["worst"] for row in found.states} <= set(DRUGS)


def test_finer_steps_show_the_order_of_the_method(found):
    orders = [row["order"] for row in found.refinement if "order" in row]
    assert len(orders) == 2
    assert all(3.5 < order < 5.5 for order in orders)


def test_days_of_fast_killing_are_split(found):
    assert 0.0 < found.split <= 0.5


def test_single_precision_is_worse_and_still_small(found):
    single = measure_accuracy(DRUGS[:1], days=28, precision="float32")
    assert 1e-8 < max(row["largest"] for row in single.readouts) < 1e-2


def test_command_prints_and_writes(tmp_path, capsys):
    words = [
        "engine",
        "verify",
        "--drug",
        "mycophenolate",
        "--days",
        "7",
        "--quiet",
        "--json",
        str(tmp_path / "e.json"),
    ]
    assert execute(words) == 0
    text = capsys.readouterr().out
    assert "Simulation of virtual patients" in text
    assert "order" in text
    assert len(json.loads((tmp_path / "e.json").read_text())["states"]) == len(STATE_NAMES)


def test_bad_questions_are_refused():
    with pytest.raises(EngineError, match=r"RDN-N015.*did you mean 'mycophenolate'"):
        measure_accuracy(["mycofenolate"])
    with pytest.raises(EngineError, match=r"RDN-N016"):
        measure_accuracy(DRUGS, patients=0)
