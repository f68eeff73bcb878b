"""The reader of the patient series: what it takes, and what it refuses with a code and a row."""

import hashlib

import pytest
from pydantic import ValidationError

from reference.series_mixture import drawn_patients, virtual_people
from rodnan.calibration.bayes.full import full_observations
from rodnan.calibration.bayes.series import COLUMNS, Patient, read_series, series_settings
from rodnan.calibration.bayes.series_factor import replaced
from rodnan.calibration.bayes.series_likelihood import Noise
from rodnan.cli.calibrate import command
from rodnan.errors import CalibrationError
from shared_data import shared_path


def lines_of(patients):
    rows = [
        (p.id, p.arm, f"{m:g}", f"{y:.4f}", str(p.fibrosis), f"{p.last:g}", str(p.event))
        for p in patients
        for m, y in zip(p.months, p.fvc, strict=True)
    ]
    return [",".join(COLUMNS), *(",".join(row) for row in rows)]


@pytest.fixture
def made_up():
    arm = virtual_people(50)
    noise = Noise(2.5, 3.0, 5.0, 4.0, 0.4)
    both = drawn_patients(arm, 4, noise, name="cyc", seed=1) + drawn_patients(
        arm, 4, noise, name="placebo", seed=2
    )
    return [p.model_copy(update={"id": str(k)}) for k, p in enumerate(both)]


def written(folder, lines):
    path = folder / "series.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_series_is_read_as_it_was_written(made_up, tmp_path):
    path = written(tmp_path, lines_of(made_up))
    series = read_series(path, any_checksum=True)
    assert series.arms == ("cyc", "placebo")
    assert not series.recorded
    assert series.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for there, given in zip(series.patients, made_up, strict=True):
        assert there.fvc == pytest.approx(given.fvc, abs=1e-4)
        assert (there.months, there.last, there.event) == (given.months, given.last, given.event)
    assert len(series.of_arm("cyc")) == 4


def test_the_file_on_record():
    series = read_series(shared_path("evidence/data/sls1-fvc.csv"))
    assert series.recorded
    assert [len(series.of_arm(arm)) for arm in ("cyc", "placebo")] == [69, 71]
    assert sum(len(p.months) - 1 for p in series.patients) == 715
    assert [sum(p.event == k for p in series.patients) for k in (1, 2)] == [14, 32]
    assert min(p.last for p in series.patients if p.event) > series_settings().values["selected_from_month"]


def test_another_file_is_refused_unless_said_so(made_up, tmp_path):
    with pytest.raises(CalibrationError, match=r"RDN-C064.*--any-checksum.*series.csv"):
        read_series(written(tmp_path, lines_of(made_up)))
    with pytest.raises(CalibrationError, match=r"RDN-C063.*none.csv"):
        read_series(tmp_path / "none.csv")
    with pytest.raises(CalibrationError, match="RDN-C063"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("arm", "placbo", r"RDN-C066.*row 3, arm.*'placebo'"),
        ("month", "six", r"RDN-C066.*row 3, month.*'six'"),
        ("month", "nan", r"RDN-C066.*row 3, month"),
        ("month", "0", r"RDN-C067.*patient 0"),
        ("fvc_pct_pred", "", r"RDN-C066.*row 3, fvc_pct_pred"),
        ("fvc_pct_pred", "2100", r"RDN-C066.*row 3, fvc_pct_pred"),
        ("fib0", "2.5", r"RDN-C066.*whole.*row 3, fib0"),
        ("event_type", "3", r"RDN-C066.*row 3, event_type"),
        ("event_time_month", "1", r"RDN-C067.*row 3"),
        ("id", "x" * 100, r"RDN-C066.*row 3, id"),
    ],
)
def test_a_bad_value_is_named_with_its_row(made_up, tmp_path, column, value, code):
    lines = lines_of(made_up)
    fields = lines[2].split(",")
    fields[COLUMNS.index(column)] = value
    lines[2] = ",".join(fields)
    with pytest.raises(CalibrationError, match=code):
        read_series(written(tmp_path, lines), any_checksum=True)


def test_a_missing_column_and_an_empty_file_are_refused(made_up, tmp_path):
    lines = lines_of(made_up)
    lines[0] = lines[0].replace("fib0", "fibro0")
    with pytest.raises(CalibrationError, match=r"RDN-C065.*fib0.*'fibro0'"):
        read_series(written(tmp_path, lines), any_checksum=True)
    with pytest.raises(CalibrationError, match=r"RDN-C066.*no rows"):
        read_series(written(tmp_path, lines_of([])), any_checksum=True)
    path = tmp_path / "bytes.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CalibrationError, match="RDN-C063"):
        read_series(path, any_checksum=True)
    path.write_bytes((",".join(COLUMNS) + "\n" + "1,cyc\n").encode())
    with pytest.raises(CalibrationError, match=r"RDN-C066.*row 2, month"):
        read_series(path, any_checksum=True)


def test_a_patient_without_a_second_reading_is_no_patient():
    with pytest.raises(ValidationError):
        Patient(id="1", arm="cyc", months=(0.0,), fvc=(70.0,), fibrosis=1, event=0, last=24.0)


def test_what_the_series_stands_for_leaves_the_likelihood_once():
    gone = [o.key for o in full_observations() if replaced(o)]
    assert sum(key.startswith("level/sls-1/") for key in gone) == 14
    assert {"nh/N10/high", "nh/N10/low"} <= set(gone)
    assert len(gone) == 16


def test_options_that_need_each_other(tmp_path):
    with pytest.raises(CalibrationError, match=r"RDN-C002.*--full"):
        command(quick=True, sls1=tmp_path / "a.csv")
    with pytest.raises(CalibrationError, match=r"RDN-C002.*--sls1"):
        command(full=tmp_path, any_checksum=True)
    with pytest.raises(CalibrationError, match="RDN-C063"):
        command(full=tmp_path, sls1=tmp_path / "a.csv", upto="emulate")
    assert list(tmp_path.iterdir()) == []
