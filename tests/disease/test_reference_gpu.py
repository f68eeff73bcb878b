"""The disease model on the GPU: in numba's simulator, and on a GPU where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rodnan.disease.model import advance_patients, onset_state
from rodnan.engine.device import gpu_reason

DAYS, N = 3, 2

SIMULATED = """
import sys
import numpy as np
from rodnan.disease.model import advance_patients
from rodnan.disease.parameters import load_parameters
given = np.load(sys.argv[1])
inputs = {"pT": given["pT"], "kB": given["kB"]}
end, out = advance_patients(
    load_parameters(), given["individual"], given["start"], inputs, len(given["pT"]), out_days=[1, 3], device="gpu"
)
np.savez(sys.argv[2], end=end, out=out)
"""


@pytest.fixture
def case(parameters, people):
    individual = people[0][:N]
    start, _ = advance_patients(parameters, individual, onset_state(individual), {}, 500)
    return individual, start, {"pT": np.full((DAYS, N), 0.4), "kB": np.full((DAYS, N), 1.5)}


def test_simulated_gpu_gives_the_numbers_of_the_cpu(parameters, case, tmp_path):
    pytest.importorskip("numba.cuda", reason="needs numba-cuda")
    individual, start, inputs = case
    np.savez(tmp_path / "given.npz", individual=individual, start=start, **inputs)
    root = Path(__file__).parents[2]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(root / "src")}
    words = [sys.executable, "-c", SIMULATED, str(tmp_path / "given.npz"), str(tmp_path / "got.npz")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    got = np.load(tmp_path / "got.npz")
    end, out = advance_patients(parameters, individual, start, inputs, DAYS, out_days=[1, 3])
    np.testing.assert_allclose(got["end"], end, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got["out"], out, rtol=1e-12, atol=1e-13)


def test_a_gpu_gives_the_numbers_of_the_cpu(parameters, case):
    reason = gpu_reason()
    if reason:
        pytest.skip(f"no GPU: {reason}")
    individual, start, inputs = case
    want = advance_patients(parameters, individual, start, inputs, DAYS, out_days=[1, 3])
    got = advance_patients(parameters, individual, start, inputs, DAYS, out_days=[1, 3], device="gpu")
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
