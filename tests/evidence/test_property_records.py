"""Properties of the records: numbers travel exactly, a misspelt field is never taken."""

from __future__ import annotations

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rodnan.errors import EvidenceError
from rodnan.evidence import Outcome
from rodnan.evidence.problems import parse_record
from rodnan.evidence.yaml_text import parse_yaml

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
BASE = {"endpoint": "x", "measure": "value", "arm": "a", "basis": "read"}


@settings(max_examples=200, deadline=None)
@given(finite, st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_numbers_travel_exactly_through_a_file(mean, sd):
    text = yaml.safe_dump({**BASE, "mean": mean, "sd": sd}, default_flow_style=True, width=10**6)
    record = parse_record(Outcome, parse_yaml(text, "t"), "t")
    assert record.mean == mean
    assert record.sd == sd
    again = Outcome.model_validate(record.model_dump(exclude_unset=True))
    assert again == record


@settings(max_examples=150, deadline=None)
@given(st.text(string.ascii_lowercase + "_", min_size=1, max_size=12))
def test_a_field_the_record_does_not_have_is_refused(name):
    data = {**BASE, "mean": 1.0}
    if name in Outcome.model_fields:
        return
    with pytest.raises(EvidenceError) as caught:
        parse_record(Outcome, {**data, name: 1}, "t")
    assert caught.value.where == f"t: {name}"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_counts_never_exceed_their_denominator(n, of):
    data = {**BASE, "n": n, "of": of}
    if n <= of:
        assert parse_record(Outcome, data, "t").n == n
    else:
        with pytest.raises(EvidenceError, match="larger than of"):
            parse_record(Outcome, data, "t")


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | finite | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_whatever_is_in_a_file_the_answer_is_a_record_or_one_line(data):
    told = None
    try:
        parse_record(Outcome, data, "t")
    except EvidenceError as error:
        told = str(error)
    assert told is None or (told.startswith("RDN-E003") and "\n" not in told)
