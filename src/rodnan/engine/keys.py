"""Random streams: counter-based, keyed by (seed, study, patient, purpose).

A number depends on its key and its place alone, so adding a patient, an arm or a purpose changes nobody else's numbers,
and any order or batching gives the same. The generator is Philox4x64-10 (Salmon and others, SC 2011), written for
arrays of counters and checked against NumPy's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["normals", "philox", "stream_key", "uniforms"]

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_MASK64 = (1 << 64) - 1
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def stream_key(seed: int, study: str, purpose: str) -> tuple[int, int]:
    """Return the 128-bit key of a stream as two words.

    Parameters
    ----------
    seed
        The user's seed.
    study
        Study or cohort the stream belongs to.
    purpose
        What the numbers are for; two purposes never share numbers.
    """
    text = f"rodnan/1|{int(seed)}|{study}|{purpose}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def philox(key: tuple[int, int], counters: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.uint64], ...]:
    """Return the four output words of Philox4x64-10 for arrays of counters.

    Parameters
    ----------
    key
        Two 64-bit words.
    counters
        Four arrays that broadcast against each other, uint64.

    Returns
    -------
    tuple of four uint64 arrays
    """
    c0, c1, c2, c3 = (np.array(c, np.uint64) for c in np.broadcast_arrays(*counters))
    k0, k1 = key
    for _ in range(10):
        high0, low0 = _multiply(c0, _M0)
        high1, low1 = _multiply(c2, _M1)
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + _W0) & _MASK64, (k1 + _W1) & _MASK64
    return c0, c1, c2, c3


def _multiply(a: NDArray[np.uint64], b: np.uint64) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the high and low words of the 128-bit product."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    middle = a_high * b_low + ((a_low * b_low) >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF), a * b


def uniforms(
    seed: int, study: str, purpose: str, patients: NDArray[np.integer], count: int, *, replicate: int = 0
) -> NDArray[np.float64]:
    """Return uniform numbers in (0, 1), float64[n_patients, count].

    Parameters
    ----------
    seed, study, purpose
        The stream.
    patients
        Patient numbers, int[n_patients]; row i depends on patient i only.
    count
        Numbers a patient.
    replicate
        Repetition of the study.
    """
    patients = np.asarray(patients, np.uint64)
    blocks = -(-count // 4)
    block = np.arange(blocks, dtype=np.uint64)[None, :]
    zero = np.zeros((1, 1), np.uint64)
    words = philox(
        stream_key(seed, study, purpose), (block, patients[:, None], zero + np.uint64(replicate), zero)
    )
    raw = np.stack(words, axis=-1).reshape(len(patients), blocks * 4)[:, :count]
    return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normals(
    seed: int, study: str, purpose: str, patients: NDArray[np.integer], count: int, *, replicate: int = 0
) -> NDArray[np.float64]:
    """Return standard normal numbers (by inversion), float64[n_patients, count]; arguments as in `uniforms`."""
    from scipy.special import ndtri

    return ndtri(uniforms(seed, study, purpose, patients, count, replicate=replicate))
