"""Where tests find the reference data that the product does not bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_path(relative: str) -> Path:
    """Return the path of a reference file beside the checkout, or skip the test where there is none."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"reference data not beside the checkout: shared/{relative}")
    return path
