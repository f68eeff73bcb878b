"""Every illegal combination of event fields has one code, with row, column and value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rodnan.pharmacology.events
import rodnan.pharmacology.nonmem.dataset
import rodnan.pharmacology.nonmem.event_loop
import rodnan.pharmacology.nonmem.individual
from reference.nonmem_tables import run_yaml
from rodnan.errors import DoseError, SourceError
from rodnan.pharmacology.nonmem import parse_dataset, read_dataset

LINEAR = "{name: m, structure: ADVAN2, parameters: {KA: 1, CL: 1, V: 10}}"
WEIGHT = "{name: m, structure: ADVAN1, parameters: {CL: WT/70, V: 10}}"
LAGGED = "{name: m, structure: ADVAN1, parameters: {CL: 1, V: 10}, lag: {central: 1}}"
KEEPS = "{name: m, compartments: [gut], rate_matrix: [[0]], outputs: {X: A1}}"

HEAD = "ID,TIME,EVID,AMT,CMT,RATE,II,ADDL,SS,MDV"
# code: (model, rest of the header, records, what the message has to contain)
ILLEGAL = {
    "RDN-D140": (LINEAR, "", ["1,0,5,100,1,0,0,0,0,1"], "row 2, column EVID"),
    "RDN-D141": (LINEAR, "", ["1,0,1,.,1,0,0,0,0,1"], "row 2, column AMT"),
    "RDN-D142": (LINEAR, "", ["1,0,1,-5,1,0,0,0,0,1"], "-5"),
    "RDN-D143": (LINEAR, "", ["1,0,1,5,1,-3,0,0,0,1"], "-3"),
    "RDN-D144": (LINEAR, "", ["1,0,1,5,1,0,-24,2,0,1"], "-24"),
    "RDN-D145": (LINEAR, "", ["1,0,1,5,1,0,24,-2,0,1"], "-2"),
    "RDN-D146": (LINEAR, "", ["1,0,1,5,1,0,24,0,3,1"], "column SS"),
    "RDN-D147": (LINEAR, "", ["1,0,1,5,3,0,0,0,0,1"], "compartments 1 to 2"),
    "RDN-D148": (LINEAR, "", ["1,0,2,0,-1,0,0,0,0,1"], "column CMT"),
    "RDN-D149": (LINEAR, "", ["1,0,0,100,1,0,0,0,0,0"], "column AMT"),
    "RDN-D150": (LINEAR, "", ["1,0,0,0,1,10,0,0,0,0"], "column RATE"),
    "RDN-D151": (LINEAR, "", ["1,0,2,0,1,0,24,0,0,1"], "column II"),
    "RDN-D152": (LINEAR, "", ["1,0,0,0,1,0,0,3,0,0"], "column ADDL"),
    "RDN-D153": (LINEAR, "", ["1,0,3,0,1,0,0,0,1,1"], "column SS"),
    "RDN-D154": (LINEAR, "", ["1,0,1,100,1,0,0,0,1,1"], "column II"),
    "RDN-D155": (LINEAR, "", ["1,0,1,100,1,0,0,3,0,1"], "column II"),
    "RDN-D156": (LINEAR, "", ["1,0,1,100,1,0,24,0,0,1"], "only one dose"),
    "RDN-D157": (LINEAR, "", ["1,0,1,0,1,10,0,0,0,1"], "never ends"),
    "RDN-D158": (LINEAR, "", ["1,0,1,0,1,10,24,0,1,1"], "constant infusion"),
    "RDN-D159": (LINEAR, "", ["1,0,1,0,1,10,0,3,1,1"], "constant infusion"),
    "RDN-D160": (LINEAR, "", ["1,0,1,0,1,0,0,0,1,1"], "steady state"),
    "RDN-D161": (LINEAR, ",D1", ["1,0,1,0,1,-2,0,0,0,1,2"], "duration"),
    "RDN-D162": (LINEAR, "", ["1,0,1,100,1,-1,0,0,0,1"], "column R1"),
    "RDN-D163": (LINEAR, "", ["1,0,1,100,2,-2,0,0,0,1"], "column D2"),
    "RDN-D164": (LINEAR, ",R1", ["1,0,1,100,1,-1,0,0,0,1,0"], "above zero"),
    "RDN-D165": (LINEAR, ",D1", ["1,0,1,100,1,-2,0,0,0,1,-1"], "below zero"),
    "RDN-D166": (LINEAR, ",ALAG1", ["1,0,1,100,1,0,0,0,0,1,-1"], "a lag below zero"),
    "RDN-D167": (LINEAR, ",F1", ["1,0,1,100,1,0,0,0,0,1,-0.5"], "below zero"),
    "RDN-D169": (LAGGED, "", ["1,0,1,0,1,10,0,0,1,1"], "lag"),
    "RDN-D170": (LINEAR, "", ["1,0,1,100,1,0,0,0,0,0"], "column MDV"),
    "RDN-D172": (LAGGED, ",ALAG1", ["1,0,1,100,1,0,0,0,0,1,1"], "column ALAG1"),
    "RDN-D173": (LINEAR, ",F3", ["1,0,1,100,1,0,0,0,0,1,1"], "compartments 1 to 2"),
    "RDN-D174": (LINEAR, "", ["1,0,1,1,1,0,1e-6,999999999,0,1", "1,100,0,0,1,0,0,0,0,0"], "100,000"),
    "RDN-D175": (LINEAR, "", ["1,0,1,1e6,1,1,1,0,1,1"], "1,000"),
    "RDN-D176": (KEEPS, "", ["1,0,1,1,1,0,12,0,1,1"], "eliminated"),
    "RDN-D122": (WEIGHT, ",WGT", ["1,0,1,1,1,0,0,0,0,1,70"], "did you mean 'WGT'"),
    "RDN-D123": (LINEAR, ",ALAG", ["1,0,1,1,1,0,0,0,0,1,70"], "did you mean 'ALAG1'"),
    "RDN-D128": (LINEAR, "", ["1,0,1,1,1.5,0,0,0,0,1"], "column CMT"),
    "RDN-D133": (WEIGHT, ",WT", ["1,0,1,1,1,0,0,0,0,1,."], "row 2, column WT"),
}


@pytest.mark.parametrize("code", ILLEGAL)
def test_each_illegal_combination_has_its_code(code):
    model, columns, records, said = ILLEGAL[code]
    with pytest.raises(DoseError) as caught:
        run_yaml(model, "\n".join([HEAD + columns, *records]) + "\n")
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


TABLES = {
    "RDN-D120": ["", "\n\n", "ID,TIME,EVID\n"],
    "RDN-D121": ["ID,TIME,EVID,TIME\n1,0,0,0\n", "ID,TIME,EVID,\n1,0,0,0\n"],
    "RDN-D122": ["TIME,EVID\n0,0\n", "ID,EVID\n1,0\n"],
    "RDN-D123": [
        "ID,TIME,EVID,AMNT\n1,0,0,0\n",
        "ID,TIME,EVID,RTE\n1,0,0,0\n",
        "ID,TIME,EVID,amt\n1,0,0,0\n",
        "ID,TIME,EVDI\n1,0,0\n",
        "ID,TIME,EVID,A_DDL\n1,0,0,0\n",
        "ID,TIME,EVID,alag1\n1,0,0,0\n",
    ],
    "RDN-D124": ["ID,TIME,EVID\n1,0\n", "ID,TIME,EVID\n1,0,0,0\n", 'ID,TIME,EVID\n1,"0,0\n'],
    "RDN-D125": ["ID,TIME,EVID\n1,zero,0\n", "ID,TIME,EVID\nA,0,0\n", "ID,TIME,EVID,AMT\n1,0,1,1_0\n"],
    "RDN-D126": [
        "ID,TIME,EVID,AMT\n1,0,1,nan\n",
        "ID,TIME,EVID,AMT\n1,0,1,-inf\n",
        "ID,TIME,EVID\n1,1e999,0\n",
    ],
    "RDN-D127": ["ID,TIME,EVID\n1,8:30,0\n", "ID,TIME,EVID\n1,2024-05-01,0\n", "ID,TIME,EVID\n1,1/2/24,0\n"],
    "RDN-D128": ["ID,TIME,EVID\n1,0,0.5\n"],
    "RDN-D129": ["ID,TIME,EVID\n1,0,0\n2,0,0\n1,1,0\n"],
    "RDN-D130": ["ID,TIME,EVID\n1,5,0\n1,4,0\n"],
    "RDN-D131": ["ID,TIME,AMT\n1,0,100\n1,1,.\n", "ID,TIME\n1,0\n"],
    "RDN-D132": ["ID,TIME,EVID,DATE\n1,0,0,1\n", "C,ID,TIME,EVID\nC,1,0,0\n", "ID,TIME,EVID,CONT\n1,0,0,0\n"],
    "RDN-D133": ["ID,TIME,EVID\n1,.,0\n", "ID,TIME,EVID\n.,0,0\n"],
}


@pytest.mark.parametrize(("code", "text"), [(c, t) for c, texts in TABLES.items() for t in texts])
def test_a_malformed_table_is_refused_with_its_code(code, text):
    with pytest.raises(DoseError) as caught:
        parse_dataset(text)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_no_dose_can_be_lost_by_saying_that_there_are_none():
    text = "ID,TIME,AMT\n1,0,.\n1,1,0\n"
    assert len(parse_dataset(text, doses="none")) == 2
    for dosed, doses, code in (
        ("ID,TIME,AMT\n1,0,100\n", "none", "RDN-D149"),
        ("ID,TIME,EVID,AMT\n1,0,1,100\n", "none", "RDN-D135"),
        ("ID,TIME,EVID,AMT\n1,0,1,100\n", "nine", "RDN-D134"),
    ):
        with pytest.raises(DoseError) as caught:
            run_yaml(LINEAR, dosed, doses=doses)
        assert caught.value.code == code


def test_every_code_of_the_documentation_is_tested_and_every_code_is_documented():
    documented, raised = set(), set()
    for module in (
        rodnan.pharmacology.events,
        rodnan.pharmacology.nonmem.dataset,
        rodnan.pharmacology.nonmem.event_loop,
        rodnan.pharmacology.nonmem.individual,
        rodnan.pharmacology.nonmem.model,
    ):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        raised |= set(re.findall(r'"(RDN-D\d+)"', source))
        documented |= set(re.findall(r"^(RDN-D\d+) ", source, re.MULTILINE))
        documented |= set(re.findall(r"``(RDN-D\d+)``", source))
    assert raised <= documented
    assert raised == set(ILLEGAL) | set(TABLES) | {
        "RDN-D134",
        "RDN-D135",
    }


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_file_that_cannot_be_read_is_a_source_error(tmp_path, content):
    path = tmp_path / "events.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_dataset(path)
    assert caught.value.code == "RDN-S150"


@pytest.mark.parametrize(
    "name", ["WT2", "DVID", "CRCL", "AGE", "SEX", "TAD", "OCC", "STUDY", "BMI", "DOSE", "CL", "RACE", "ALT"]
)
def test_ordinary_covariates_are_not_taken_for_slips(name):
    table = parse_dataset(f"ID,TIME,EVID,{name}\n1,0,0,1\n")
    assert table.unused(()) == (name,)


def test_spaces_byte_order_mark_and_line_ends_do_not_matter(tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes("\ufeffID , TIME,EVID,AMT ,CMT\r\n1, 0 ,1,100,1\r\n\r\n1,1,0,.,2\r\n".encode())
    table = read_dataset(path)
    assert table.header == ("ID", "TIME", "EVID", "AMT", "CMT")
    assert [e.row for e in table.events] == [2, 4]
    assert table.events[0].amt == 100.0


def test_time_may_go_back_with_a_reset_only():
    table = parse_dataset("ID,TIME,EVID,AMT\n1,5,0,0\n1,0,4,100\n1,1,0,0\n2,0,0,0\n")
    assert [e.time for e in table.events] == [5.0, 0.0, 1.0, 0.0]
    assert [s.stop - s.start for s in table.individuals] == [3, 1]


def test_a_table_that_nonmem_ran_may_break_the_rules_against_slips():
    text = "ID,TIME,EVID,AMT,CMT,II,MDV\n1,0,1,100,1,24,0\n1,1,0,0,1,0,0\n"
    assert run_yaml(LINEAR, text, accepted_by_nonmem=True).amounts[0, 0] == 100.0
    with pytest.raises(DoseError):
        run_yaml(LINEAR, text)
    again = "ID,TIME,EVID\n1,3,0\n2,0,0\n1,0,0\n"
    assert len(parse_dataset(again, accepted_by_nonmem=True).individuals) == 3
