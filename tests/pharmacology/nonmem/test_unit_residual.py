"""Residual error: words, records, columns, and numbers that stay whatever else is simulated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.nonmem_tables import run_yaml
from rodnan.cli.main import execute
from rodnan.errors import ModelError, RodnanError
from rodnan.pharmacology.nonmem import (
    ResidualError,
    format_table,
    observe,
    parse_model_record,
    read_residual,
    residual_of,
    to_spec,
)

MODEL = "name: m\nstructure: ADVAN2\nparameters: {KA: 1, CL: 2, V: 10}\n"
TWO = MODEL + "outputs: {CP: A2/V, GUT: A1}\n"


def _table(people=3, times=(1.0, 2.0, 4.0, 8.0)):
    lines = ["ID,TIME,EVID,AMT,CMT,MDV"]
    for person in range(1, people + 1):
        lines.append(f"{person},0,1,{100 * person},1,1")
        lines += [f"{person},{time},0,.,2,0" for time in times]
    return "\n".join(lines) + "\n"


def _observed(text=MODEL, table=None, seed=3, **sizes):
    return observe(run_yaml(text, table or _table()), {"CP": ResidualError(**sizes)}, seed=seed)


@pytest.mark.parametrize(
    "sizes", [{"proportional": 0.2}, {"additive": 0.5}, {"proportional": 0.2, "additive": 0.5}]
)
def test_statistical_spread_about_the_prediction(sizes):
    """Mean and variance of 40,000 standardised errors: 5 standard errors, false alarm below 1e-6 each."""
    times = tuple(np.round(np.linspace(0.1, 20, 400), 6))
    done = _observed(table=_table(100, times), **sizes)
    f, y = done.observations["IPRED"], done.observations["DV"]
    sd = np.sqrt((sizes.get("proportional", 0.0) * f) ** 2 + sizes.get("additive", 0.0) ** 2)
    z = ((y - f) / sd)[~np.isnan(y)]
    n = len(z)
    assert n == 40_000
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1.0) < 5 * np.sqrt(2 / n)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 5 / np.sqrt(n)


def test_an_exponential_error_is_one_of_the_logarithm():
    plain, twice = _observed(exponential=0.1), _observed(exponential=0.2)
    one = np.log(plain.observations["DV"] / plain.observations["IPRED"])
    two = np.log(twice.observations["DV"] / twice.observations["IPRED"])
    seen = ~np.isnan(one)
    assert seen.sum() == 12
    np.testing.assert_allclose(two[seen], 2 * one[seen], rtol=1e-9)


def test_each_observation_has_its_own_number():
    small, large = _observed(table=_table(2, (1.0, 2.0)), additive=1), _observed(table=_table(5), additive=1)
    a, b = (done.observations["DV"] - done.observations["IPRED"] for done in (small, large))
    np.testing.assert_array_equal(a[[1, 2]], b[[1, 2]])  # later records change nothing
    np.testing.assert_array_equal(a[[4, 5]], b[[6, 7]])  # nor do other individuals
    assert len(set(b[~np.isnan(b)].tolist())) == 20
    other = _observed(table=_table(5), additive=1, seed=4)
    assert not np.array_equal(other.observations["DV"], large.observations["DV"], equal_nan=True)


def test_only_observations_are_observed():
    text = "ID,TIME,EVID,AMT,CMT,MDV\n1,0,1,100,1,1\n1,1,0,.,2,0\n1,2,0,.,2,1\n1,3,2,.,2,1\n1,4,0,.,2,.\n"
    done = _observed(table=text, additive=0.1)
    assert np.isnan(done.observations["DV"]).tolist() == [True, False, True, True, False]
    np.testing.assert_array_equal(done.observations["IPRED"], done.outputs["CP"])
    lines = format_table(done).splitlines()
    assert lines[0].endswith(",CP,IPRED,DV")
    assert [line.split(",")[-1] == "." for line in lines[1:]] == [True, False, True, True, False]


def test_several_outputs_have_columns_of_their_own():
    errors = read_residual("CP:proportional=10%;GUT:additive=2", ["CP", "GUT"])
    done = observe(run_yaml(TWO, _table()), errors)
    assert list(done.observations) == ["IPRED_CP", "DV_CP", "IPRED_GUT", "DV_GUT"]
    alone = observe(run_yaml(TWO, _table()), {"GUT": ResidualError(additive=2.0)})
    np.testing.assert_array_equal(alone.observations["DV"], done.observations["DV_GUT"])
    assert observe(run_yaml(TWO, _table()), {}).observations == {}


def test_a_model_file_says_it():
    text = TWO + "residual: {CP: {proportional: 0.1, additive: {value: 0.2, unit: mg/L, basis: assumed}}}\n"
    record = parse_model_record(text)
    assert residual_of(record, to_spec(record).outputs) == {
        "CP": ResidualError(proportional=0.1, additive=0.2)
    }


@pytest.mark.parametrize(
    ("residual", "code", "nearest"),
    [
        ("{CQ: {additive: 1}}", "RDN-M414", "CP"),
        ("{CP: {additive: -1}}", "RDN-M415", None),
        ("{CP: {additive: 0}}", "RDN-M415", None),
        ("{CP: {}}", "RDN-M415", None),
        ("{CP: {exponential: 0.1, additive: 1}}", "RDN-M415", None),
        ("{CP: {additive: {value: 2*V}}}", "RDN-M415", None),
        ("{CP: {aditive: 1}}", "RDN-M411", "additive"),
        ("{CP: {additive: .inf}}", "RDN-M411", None),
    ],
)
def test_a_model_file_that_is_wrong(residual, code, nearest):
    with pytest.raises(ModelError) as caught:
        residual_of(parse_model_record(f"{MODEL}residual: {residual}\n"), ["CP"])
    assert caught.value.code == code
    assert caught.value.nearest == nearest


@pytest.mark.parametrize(
    ("text", "code", "nearest"),
    [
        ("", "RDN-M414", None),
        ("0.15", "RDN-M414", None),
        ("proportional=x", "RDN-M414", None),
        ("proportionl=0.1", "RDN-M414", "proportional"),
        ("proportional=0.1,proportional=0.2", "RDN-M414", None),
        ("additive=10%", "RDN-M414", None),
        ("C:additive=1", "RDN-M414", "CP"),
        ("CP:additive=1;CP:additive=2", "RDN-M414", None),
        ("additive=nan", "RDN-M415", None),
        ("additive=-1", "RDN-M415", None),
        ("proportional=0", "RDN-M415", None),
    ],
)
def test_words_that_are_wrong(text, code, nearest):
    with pytest.raises(ModelError) as caught:
        read_residual(text, ["CP"])
    assert (caught.value.code, caught.value.nearest) == (code, nearest)


def test_an_output_must_be_named_where_there_are_two_and_cannot_be_called_as_a_column():
    with pytest.raises(ModelError, match="RDN-M414"):
        read_residual("additive=1", ["CP", "GUT"])
    with pytest.raises(ModelError, match="RDN-M413"):
        read_residual("additive=1", ["DV"])
    with pytest.raises(ModelError, match="RDN-M415"):
        _observed(seed=-1, additive=1)


@settings(max_examples=300, deadline=None)
@given(st.text("CPGUT:;,=%.0123456789eE+-nanproportionaladditive ", max_size=40))
def test_property_words_give_an_error_model_or_a_coded_error(text):
    try:
        found = read_residual(text, ["CP"])
    except RodnanError:
        return
    assert text.strip().casefold() == "none" or set(found) == {"CP"}


def test_the_command_adds_columns_and_repeats_them(tmp_path, capsys):
    (tmp_path / "m.yaml").write_text(MODEL + "residual: {CP: {proportional: 0.1}}\n", encoding="utf-8")
    (tmp_path / "e.csv").write_text(_table(), encoding="utf-8")

    def call(*options):
        assert execute(["pk", "simulate", str(tmp_path / "m.yaml"), str(tmp_path / "e.csv"), *options]) == 0
        return capsys.readouterr()

    first, again, other = call("--seed", "5"), call("--seed", "5"), call("--seed", "6")
    assert first.out == again.out != other.out
    assert "observations drawn with seed 5" in first.err
    none = call("--residual", "none")
    assert none.out.splitlines()[0] == "ID,TIME,EVID,AMT,CMT,A1,A2,CP"
    assert [line.rsplit(",", 2)[0] for line in first.out.splitlines()] == none.out.splitlines()
    assert call("--residual", "additive=0.5").out != first.out
    assert (
        execute(["pk", "simulate", str(tmp_path / "m.yaml"), str(tmp_path / "e.csv"), "--residual", "x"]) == 2
    )
    assert "RDN-M414" in capsys.readouterr().err
