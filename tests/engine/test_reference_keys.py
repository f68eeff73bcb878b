"""Random streams against NumPy's Philox and against their own promises."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Philox

from rodnan.engine.keys import normals, philox, stream_key, uniforms

WORD = st.integers(0, 2**64 - 1)


@given(st.tuples(WORD, WORD), st.integers(0, 2**64 - 2), st.tuples(WORD, WORD, WORD))
def test_philox_is_numpys(key, first, rest):
    theirs = Philox(key=np.array(key, np.uint64), counter=np.array([first, *rest], np.uint64)).random_raw(4)
    counters = [np.array([c], np.uint64) for c in (first + 1, *rest)]  # NumPy counts up before it draws
    ours = [int(w[0]) for w in philox(key, counters)]
    assert ours == [int(w) for w in theirs]


def test_a_patient_keeps_its_numbers_whoever_else_is_drawn():
    alone = normals(7, "sls-2", "rater", np.array([41]), 9)
    crowd = normals(7, "sls-2", "rater", np.arange(100), 9)
    longer = normals(7, "sls-2", "rater", np.array([41]), 30)
    np.testing.assert_array_equal(alone[0], crowd[41])
    np.testing.assert_array_equal(alone[0], longer[0, :9])


def test_streams_differ_by_seed_study_purpose_and_replicate():
    who = np.arange(5)
    streams = [
        uniforms(1, "sls-2", "rater", who, 8),
        uniforms(2, "sls-2", "rater", who, 8),
        uniforms(1, "sls-1", "rater", who, 8),
        uniforms(1, "sls-2", "doses", who, 8),
        uniforms(1, "sls-2", "rater", who, 8, replicate=1),
    ]
    values = np.concatenate([s.ravel() for s in streams])
    assert len(np.unique(values)) == values.size
    assert len({stream_key(1, "a", "b"), stream_key(1, "ab", ""), stream_key(11, "a", "b")}) == 3
