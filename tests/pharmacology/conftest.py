"""Small drugs for the tests of this room."""

from __future__ import annotations

import pytest

from reference.small_drug import drug_of_tests


@pytest.fixture
def drug_data():
    """The record of a small drug, free to be changed."""
    return drug_of_tests()
