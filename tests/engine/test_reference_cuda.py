"""The CUDA kernel: in numba's simulator against the CPU kernel, and on a GPU where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reference.small_system import small_system
from rodnan.engine import device
from rodnan.engine.batch import advance
from rodnan.engine.compile import lane_source
from rodnan.engine.compile.cache import load_kernel
from rodnan.errors import EngineError

TESTS = Path(__file__).parents[1]
DAYS, N, OUT = 4, 5, np.array([0, 2, 4])

SIMULATED = """
import sys
import numpy as np
from reference.small_system import small_system
from rodnan.engine.compile.cache import load_kernel
from rodnan.engine.compile.cuda import cuda_source
from rodnan.engine.device import advance_gpu
given = np.load(sys.argv[1])
kernel = load_kernel("cuda_small", "test", lambda: cuda_source(small_system()))
end, out = advance_gpu(kernel, **{n: given[n] for n in given.files})
np.savez(sys.argv[2], end=end, out=out)
"""


def problem(active):
    rng = np.random.default_rng(3)
    return {
        "y": np.column_stack([rng.normal(size=N), rng.normal(size=N), rng.uniform(0.5, 2, N)]),
        "individual": rng.uniform(0.05, 0.3, (N, 1)),
        "population": np.array([0.4, 0.37]),
        "defaults": np.array([0.5]),
        "active": np.arange(active),
        "series": rng.uniform(0, 3, (DAYS, active, N)),
        "out_days": OUT,
        "substeps": rng.integers(1, 4, (DAYS, N)),
    }


@pytest.mark.parametrize("active", [0, 1])
def test_simulated_gpu_gives_the_numbers_of_the_cpu(active, tmp_path, monkeypatch):
    pytest.importorskip("numba.cuda", reason="needs numba-cuda")
    monkeypatch.setenv("RODNAN_CACHE", str(tmp_path))
    given = problem(active)
    np.savez(tmp_path / "given.npz", **given)
    environment = os.environ | {
        "NUMBA_ENABLE_CUDASIM": "1",
        "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent / "src"))),
    }
    words = [sys.executable, "-c", SIMULATED, str(tmp_path / "given.npz"), str(tmp_path / "got.npz")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    got = np.load(tmp_path / "got.npz")
    cpu = load_kernel("small", f"cuda-test-{active}", lambda: lane_source(small_system()))
    end, out = advance(cpu, **given, workers=1)
    np.testing.assert_allclose(got["end"], end, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got["out"], out, rtol=1e-12, atol=1e-13)


def test_a_gpu_gives_the_numbers_of_the_cpu(tmp_path, monkeypatch):
    reason = device.gpu_reason()
    if reason:
        pytest.skip(f"no GPU: {reason}")
    from rodnan.engine.compile.cuda import cuda_source

    monkeypatch.setenv("RODNAN_CACHE", str(tmp_path))
    given = problem(1)
    cpu = load_kernel("small", "gpu-test", lambda: lane_source(small_system()))
    gpu = load_kernel("cuda_small", "gpu-test", lambda: cuda_source(small_system()))
    for want, got in zip(advance(cpu, **given), device.advance_gpu(gpu, **given), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    assert device.choose_device("cpu") == "cpu"
    with pytest.raises(EngineError, match=r"RDN-N012.*did you mean 'gpu'"):
        device.choose_device("gpux")
    monkeypatch.setattr(device, "gpu_reason", lambda: "none found")
    with pytest.raises(EngineError, match=r"RDN-N013.*none found"):
        device.choose_device("gpu")
