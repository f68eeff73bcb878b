"""Model files: what they can say, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference.nonmem_tables import run_yaml
from rodnan.errors import DoseError, ModelError, RodnanError, SourceError
from rodnan.pharmacology.nonmem import (
    ModelSpec,
    compile_model,
    format_table,
    parse_dataset,
    parse_model_record,
    read_model_record,
    to_spec,
)
from rodnan.pharmacology.nonmem.expressions import parse

TEXT = "ID,TIME,EVID,AMT,CMT,WT\n1,0,1,100,1,80\n1,2,0,.,1,60\n"


def test_a_parameter_may_depend_on_columns_on_time_and_on_other_parameters():
    done = run_yaml(
        "{name: m, structure: ADVAN1, outputs: {CP: A1/V, CL: CL, W: TIME*WT}, parameters: "
        "{CL: 'TVCL*(WT/70)^0.75*if(TIME > 1, 2, 1)', TVCL: {value: 1.1, unit: L/h, basis: assumed}, V: 20}}",
        TEXT,
    )
    cl = 1.1 * (60 / 70) ** 0.75 * 2
    assert done.outputs["CL"].tolist() == pytest.approx([1.1 * (80 / 70) ** 0.75, cl])
    assert done.outputs["CP"][1] == pytest.approx(
        5.0 * math.exp(-cl / 20 * 2)
    )  # the value of the record holds
    assert done.outputs["W"].tolist() == [0.0, 120.0]


def test_equations_of_ones_own_with_definitions_names_and_initial_amounts():
    done = run_yaml(
        """
name: own
compartments: [gut, blood, effect]
definitions: {conc: blood/V, drive: 1 - conc/(conc + 2)}
derivatives: {gut: -KA*gut, blood: KA*gut - CL*conc, effect: KIN*drive - KOUT*effect}
parameters: {KA: 1, CL: 2, V: 10, KIN: 4, KOUT: 0.1}
initial: {effect: KIN/KOUT}
bioavailability: {gut: 0.5}
default_dose: gut
outputs: {C: conc, E: effect}
""",
        "ID,TIME,EVID,AMT,CMT\n1,0,1,100,0\n1,3,0,.,0\n",
    )
    k, ka = 0.2, 1.0
    expected = 50.0 * ka / (ka - k) * (math.exp(-k * 3) - math.exp(-ka * 3)) / 10.0
    assert done.outputs["C"][1] == pytest.approx(expected, rel=1e-8)
    assert done.amounts[0].tolist() == [50.0, 0.0, 40.0]
    assert 20.0 < done.outputs["E"][1] < 40.0


def test_an_individual_equals_itself_alone_whatever_stands_around_it():
    model = "{name: m, structure: ADVAN3, parameters: {CL: WT/70, V1: 10, Q: 1, V2: 20}}"
    one = "{0},0,1,100,1,80\n{0},1,0,.,1,80\n{0},3,0,.,1,60\n"
    two = "{0},5,1,30,1,50\n{0},6,0,.,1,50\n"
    head = "ID,TIME,EVID,AMT,CMT,WT\n"
    alone = run_yaml(model, head + one.format(1)).amounts
    together = run_yaml(model, head + two.format(9) + one.format(1) + two.format(3)).amounts
    assert np.array_equal(together[2:5], alone)
    assert np.array_equal(together[:2], together[5:])


def test_the_table_has_a_row_for_every_record_and_survives_reading():
    model = "{name: m, structure: ADVAN2, parameters: {KA: 1, CL: 1, V: 7}, outputs: {CP: A2/V}}"
    done = run_yaml(model, "ID,TIME,EVID,AMT\n3,0,1,10\n3,0.1,0,.\n4,5,2,0\n")
    rows = [line.split(",") for line in format_table(done).split()]
    assert rows[0] == ["ID", "TIME", "EVID", "AMT", "CMT", "A1", "A2", "CP"]
    assert [row[:5] for row in rows[1:]] == [
        ["3", "0", "1", "10", "1"],
        ["3", "0.1", "0", ".", "1"],
        ["4", "5", "2", "0", "1"],
    ]
    for row, amounts, cp in zip(rows[1:], done.amounts, done.outputs["CP"], strict=True):
        assert [float(x) for x in row[5:]] == pytest.approx([*amounts, cp], rel=1e-9, abs=1e-300)


def test_columns_that_nothing_reads_are_named():
    model = "{name: m, structure: ADVAN1, parameters: {CL: WT/70, V: 7}}"
    done = run_yaml(model, "ID,TIME,EVID,AMT,WT,SEX,DV,MDV\n3,0,1,10,70,F,.,1\n")
    assert done.notices == ("columns that nothing reads: SEX",)


def test_a_long_lag_at_steady_state_is_said():
    model = "{name: m, structure: ADVAN1, parameters: {CL: 1, V: 7}, lag: {central: 30}}"
    done = run_yaml(model, "ID,TIME,EVID,AMT,II,SS\n3,0,1,10,12,1\n3,40,0,.,0,0\n")
    (notice,) = done.notices
    assert "row 2" in notice
    assert "NONMEM" in notice


BASE = "name: m\nstructure: ADVAN2\nparameters: {KA: 1, CL: 1, V: 10}\n"
WRONG = {
    "structures: ADVAN2": "RDN-M411",
    "bodies: two": "RDN-M411",
    "turnover: {kind: 5}": "RDN-M411",
    "compartments: [a b]": "RDN-M411",
    "transit: 2": "RDN-M405",
    "trans: TRANSLATE": "RDN-M405",
    "trans: 4": "RDN-M405",
    "compartments: [a]": "RDN-M406",
    "rate_matrix: [[-1]]": "RDN-M406",
    "lag: {depott: 1}": "RDN-M412",
    "lag: {3: 1}": "RDN-M412",
    "default_dose: gut": "RDN-M412",
    "outputs: {TIME: A1}": "RDN-M413",
    "outputs: {A2: A1}": "RDN-M413",
    "outputs: {X: A1*(}": "RDN-M401",
    "outputs: {X: sin(A1)}": "RDN-M401",
    "outputs: {X: A3}": "RDN-M402",
    "outputs: {X: T}": "RDN-M402",
    "lag: {depot: A1}": "RDN-M402",
    "outputs: {X: A1/0}": "RDN-M403",
    "definitions: {CL: A1}": "RDN-M406",
    "definitions: {X: A1}": "RDN-M410",
}


@pytest.mark.parametrize(("line", "code"), WRONG.items())
def test_what_a_model_file_cannot_say(line, code):
    key = line.partition(":")[0]
    text = "\n".join(x for x in BASE.splitlines() if not x.startswith(key + ":")) + f"\n{line}\n"
    if "definitions: {CL" in line:
        text += "outputs: {X: CL*A2}\n"
    with pytest.raises(ModelError) as caught:
        run_yaml(text, "ID,TIME,EVID,AMT\n3,0,1,10\n")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("parameters", "code", "nearest"),
    [
        ("{KA: 1, CL: 1, V: 10, Vmax: 3}", "RDN-M410", None),
        ("{KA: 1, Cl: 1, V: 10}", "RDN-M410", "CL"),
        ("{KA: 1, CL: V, V: CL}", "RDN-M407", None),
        ("{KA: 1, CL: CL, V: 1}", "RDN-M407", None),
        ("{KA: 1, CL: -1, V: 0}", "RDN-M403", None),
        ("{KA: 1, V: 10}", "RDN-D122", None),
        ("{KA: true, CL: 1, V: 10}", "RDN-M411", None),
        ("{KA: .nan, CL: 1, V: 10}", "RDN-M411", None),
        ("{KA: 1, CL: 1, V: 10, A1: 3}", "RDN-M406", None),
        ("{KA: 1, CL: {value: 1, units: L}, V: 10}", "RDN-M411", "unit"),
    ],
)
def test_parameters_that_cannot_be_used(parameters, code, nearest):
    with pytest.raises(RodnanError) as caught:
        run_yaml(
            f"{{name: m, structure: ADVAN2, outputs: {{X: A1}}, parameters: {parameters}}}",
            "ID,TIME,EVID,AMT\n3,0,1,10\n",
        )
    assert (caught.value.code, caught.value.nearest) == (code, nearest)


@pytest.mark.parametrize(
    "change",
    [
        {"compartments": ()},
        {"compartments": ("a", "a")},
        {"rate_matrix": None},
        {"rate_matrix": ((1.0,),)},
        {"derivatives": ("0", "0")},
        {"lag": {3: 1.0}},
        {"default_dose": 0},
    ],
)
def test_equations_of_the_wrong_shape(change):
    spec = {"name": "m", "compartments": ("a", "b"), "rate_matrix": ((-1.0, 0.0), (1.0, -1.0))} | change
    with pytest.raises(ModelError) as caught:
        compile_model(ModelSpec(**spec))
    assert caught.value.code == "RDN-M406"


def test_a_model_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceError) as caught:
        read_model_record(tmp_path / "none.yaml")
    assert caught.value.code == "RDN-S150"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("2**-1", 0.5),
        ("1 - 2 - 3", -4.0),
        ("8/4/2", 1.0),
        ("LOG(exp(2)) + ln(1) + log10(100)", 4.0),
        ("if(1 < 2, 5, 1/0)", 5.0),
        ("max(1, min(7, 3)) + abs(-2) + sqrt(9)", 8.0),
        ("(1 <= 1) + (1 != 1) + (2 == 2) + (1 >= 2)", 2.0),
        (".5e1 + 1.", 6.0),
        ("free(2, 1, 0.5)", (0.5 + math.sqrt(0.25 + 4.0)) / 2),
    ],
)
def test_expressions_mean_what_they_say(text, value):
    assert parse(text).constant == pytest.approx(value, rel=1e-15)


def test_free_concentration_loses_no_digits_under_great_excess_of_target():
    free = parse("free(1e-9, 1e6, 1)").constant
    assert free == pytest.approx(1e-9 / (1e6 + 1.0), rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "1 +", "(1", "1)", "2 3", "a.b", "__import__('os')", "exp(1, 2)", "x[0]", "1;2"]
)
def test_what_is_no_expression(text):
    with pytest.raises(ModelError) as caught:
        parse(text)
    assert caught.value.code == "RDN-M401"


def test_deep_nesting_is_refused_before_the_interpreter_gives_up():
    for text in ("(" * 500 + "1" + ")" * 500, "2^" * 500 + "2", "-" * 3000 + "1", "+".join(["1"] * 3000)):
        try:
            parse(text)
        except ModelError as e:
            assert e.code == "RDN-M401"  # noqa: PT017


def test_a_value_only_doses_read_may_be_missing_elsewhere():
    model = "{name: m, structure: ADVAN1, parameters: {CL: 1, V: 10}}"
    done = run_yaml(model, "ID,TIME,EVID,AMT,RATE,D1,F1\n1,0,1,10,-2,2,0.5\n1,1,0,.,.,.,.\n1,9,0,.,.,.,.\n")
    assert done.amounts[1, 0] == pytest.approx(2.5 / 0.1 * (1 - math.exp(-0.1)))
    with pytest.raises(DoseError) as caught:
        run_yaml(model, "ID,TIME,EVID,AMT,ADDL,II,F1\n1,0,1,10,1,4,0.5\n1,9,0,.,.,.,.\n")
    assert caught.value.code == "RDN-D133"
    assert "row 3" in str(caught.value)


def test_a_spec_reads_the_columns_it_needs_and_no_others():
    spec = to_spec(parse_model_record("{name: m, structure: ADVAN1, parameters: {CL: CRCL/100*WT, V: 10}}"))
    assert compile_model(spec).columns == ("CRCL", "WT")
    with pytest.raises(DoseError) as caught:
        parse_dataset("ID,TIME,EVID,CRLC,WT\n1,0,0,1,1\n", model_columns=("CRCL", "WT"))
    assert (caught.value.code, caught.value.nearest) == ("RDN-D123", "CRCL")


LINEAR = {
    "-k*x + q*y": True,
    "if(k > 1, x, 2*x) - (x + y)/k - -y*exp(k)": True,
    "0": True,
    "x*y": False,
    "k - x": False,
    "x/y": False,
    "k/x": False,
    "x^2": False,
    "max(x, y)": False,
    "if(x > 1, x, y)": False,
    "if(k > 1, x, 1)": False,
    "k": False,
}


@pytest.mark.parametrize(("equation", "linear"), LINEAR.items())
def test_linear_equations_are_recognised_and_no_others(equation, linear):
    assert parse(equation).is_linear_in({"x", "y"}) is linear


def test_linear_derivatives_are_propagated_as_the_matrix_they_are():
    head = (
        "{name: m, compartments: [gut, blood], parameters: {KA: 1, CL: WT/70, V: 10}, outputs: {C: blood/V}, "
    )
    text = "ID,TIME,EVID,AMT,CMT,II,SS,WT\n1,0,1,100,1,12,1,70\n1,3,1,50,2,24,2,80\n1,9,0,0,1,0,0,60\n"
    a = run_yaml(head + "definitions: {c: A2/V}, derivatives: {gut: -KA*A(1), blood: KA*gut - CL*c}}", text)
    b = run_yaml(head + "rate_matrix: [[-KA, 0], [KA, -CL/V]]}", text)
    assert np.array_equal(a.amounts, b.amounts)
