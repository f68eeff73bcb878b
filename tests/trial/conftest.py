"""One small virtual SLS II, run once."""

import pytest

from rodnan.trial import run

SMALL = {"patients": 240, "pool": 1024, "replicates": 60, "force": True, "seed": 3}


@pytest.fixture(scope="session")
def small():
    return run("sls-2", workers=2, **SMALL)
