"""The likelihood of a patient series is highest, on average, where the data came from; drop-out that depends on FVC informs.

Each test compares a mean with zero at 4 standard errors of the patients: false-alarm rate below 1e-4 each where the
expectation lies as far away as that again.
"""

import numpy as np

from reference.series_mixture import drawn_patients, virtual_people
from rodnan.calibration.bayes.series_likelihood import Noise, patient_weights
from rodnan.calibration.bayes.series_simulate import virtual_arms
from rodnan.calibration.bayes.simulate import Size

NOISE = Noise(2.5, 3.0, 8.0, 4.0, 0.4)


def logs(patients, arm, **options):
    above, below = patient_weights(patients, arm, NOISE, **options)
    return np.log(above.sum(axis=1)) - np.log(below.sum(axis=1))


def in_errors(difference):
    return difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference)))


def test_the_slope_that_made_the_data_is_found():
    patients = drawn_patients(virtual_people(4000, slope=-3.0, seed=8), 500, NOISE)
    people = {slope: virtual_people(1500, slope=slope, seed=1) for slope in (-6.0, -3.0, 0.0)}
    found = {slope: logs(patients, arm) for slope, arm in people.items()}
    assert in_errors(found[-3.0] - found[-6.0]) > 4
    assert in_errors(found[-3.0] - found[0.0]) > 4


def test_the_potency_that_made_the_data_is_told_from_none():
    """The whole simulator: 800 patients on cyclophosphamide at potency 0.5, other people behind the likelihood."""
    name, size = "potency/cyclophosphamide", Size(1024, 512)
    source = virtual_arms({name: 0.5}, seed=5, size=size)["cyc"]
    patients = drawn_patients(source, 800, NOISE, name="cyc", seed=7)
    right, none = (virtual_arms({name: p}, seed=3, size=size)["cyc"] for p in (0.5, 0.02))
    assert in_errors(logs(patients, right) - logs(patients, none)) > 3


def test_drop_out_informs_when_it_depends_on_fvc_and_not_otherwise():
    truth = {"slope": -4.0, "fvc_matters": 0.02}
    patients = drawn_patients(virtual_people(4000, seed=8, **truth), 400, NOISE)
    heard = {}
    for matters in (0.02, 0.0):
        both = [virtual_people(1000, slope=s, seed=1, fvc_matters=matters) for s in (-4.0, 1.0)]
        for informative in (True, False):
            first, second = (logs(patients, arm, informative=informative) for arm in both)
            heard[matters, informative] = first - second
    # where leaving depends on FVC, ignoring it changes what the data say of the slope
    assert abs(in_errors(heard[0.02, True] - heard[0.02, False])) > 4
    # where it does not, its likelihood is the same at every slope
    assert np.abs(heard[0.0, True] - heard[0.0, False]).max() < 1e-9
    # leaving that depends on FVC explains these patients better than leaving that does not
    right = virtual_people(1000, slope=-4.0, seed=1, fvc_matters=0.02)
    wrong = virtual_people(1000, slope=-4.0, seed=1, fvc_matters=0.0, hazard=0.05)
    assert in_errors(logs(patients, right) - logs(patients, wrong)) > 4
