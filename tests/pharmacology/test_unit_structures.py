"""Compartments, flows and rate matrices."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.errors import ModelError
from rodnan.pharmacology.structures import Absorption, Rate, build_structure, matrix_from_flows


def test_unit_order_and_names():
    structure = build_structure(2, [Absorption("oral", 2), Absorption("sc")], effect=["site"])
    assert structure.compartments == (
        "transit1_oral",
        "transit2_oral",
        "depot_oral",
        "depot_sc",
        "central",
        "peripheral_V2",
        "effect_site",
    )
    assert dict(structure.entries) == {"oral": 0, "sc": 3, "iv": 4}
    assert set(structure.outputs) == {"parent", "effect_site"}


def test_unit_rate_matrix_is_the_written_one():
    structure = build_structure(2, [Absorption("oral")])
    k = structure.rate_matrix({"ka_oral": 3.0, "CL": [2.0, 4.0], "V1": 10.0, "Q": 5.0, "V2": 20.0})
    expected = np.array([[-3.0, 0, 0], [3.0, -0.2 - 0.5, 0.25], [0, 0.5, -0.25]])
    np.testing.assert_allclose(k[0], expected)
    assert k.shape == (2, 3, 3)
    assert k[1, 1, 1] == pytest.approx(-0.9)
    rows = structure.output_rows(
        "parent", {"ka_oral": 3.0, "CL": [2.0, 4.0], "V1": 10.0, "Q": 5.0, "V2": 20.0}
    )
    np.testing.assert_allclose(rows, [[0, 0.1, 0], [0, 0.1, 0]])


def test_unit_refusals():
    structure = build_structure(1)
    with pytest.raises(ModelError, match=r"RDN-M101.*CL"):
        structure.rate_matrix({"V1": 1.0, "Cl": 2.0})
    for bad in (-1.0, 0.0, np.nan, np.inf):
        with pytest.raises(ModelError, match="RDN-M102"):
            structure.rate_matrix({"V1": 1.0, "CL": bad})
    with pytest.raises(ModelError, match=r"RDN-M103.*parent"):
        structure.output_rows("parnt", {"CL": 1.0, "V1": 1.0})
    with pytest.raises(ModelError, match="RDN-M104"):
        structure.entry("oral")
    for arguments in ((4, ()), (1, [Absorption("iv")]), (1, [Absorption("sc"), Absorption("sc")])):
        with pytest.raises(ModelError, match="RDN-M106"):
            build_structure(*arguments)
    with pytest.raises(ModelError, match="RDN-M106"):
        build_structure(1, metabolite_effect=["x"])
    with pytest.raises(ModelError, match="RDN-M106"):
        build_structure(1, [Absorption("oral", -1)])
    with pytest.raises(ModelError, match="RDN-M105"):
        matrix_from_flows(1, [(0, -1, 1.0, False)])


def test_unit_metabolite_as_a_share_of_its_parent():
    values = {"CL": 2.0, "V1": 10.0, "ratio_metabolite": 0.06, "ke0_late": 0.5}
    structure = build_structure(1, metabolite="ratio", metabolite_effect=["late"])
    np.testing.assert_allclose(structure.output_rows("metabolite", values), [[0.006, 0.0]])
    np.testing.assert_allclose(structure.rate_matrix(values)[0], [[-0.2, 0.0], [0.5 * 0.006, -0.5]])


def test_unit_rate_in_words():
    assert str(Rate(("CL",), ("V1",))) == "CL / V1"
    assert str(Rate(below=("MTT_oral",), factor=7.0)) == "7 / MTT_oral"
