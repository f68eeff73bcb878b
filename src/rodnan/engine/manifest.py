"""The manifest of a result: versions, seed, settings, hashes of what went in. No clock and no machine."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from rodnan._version import __version__

__all__ = ["manifest", "record_hash"]


def record_hash(record: Any) -> str:
    """Return the hash of a record (anything with ``model_dump``), or of JSON data."""
    data = record.model_dump(mode="json") if hasattr(record, "model_dump") else record
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def manifest(
    *, seed: int, settings: Mapping[str, Any], parameters: Mapping[str, str], records: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is needed to repeat a run.

    Parameters
    ----------
    seed
        Seed.
    settings
        Options of the run.
    parameters
        Id and hash of the parameter set.
    records
        Records that went in, by name; their hashes are kept.
    """
    return {
        "rodnan": __version__,
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in ("numpy", "scipy", "numba")},
        "seed": seed,
        "settings": dict(settings),
        "parameters": dict(parameters),
        "inputs": {name: record_hash(record) for name, record in sorted(records.items())},
    }
