"""Start-up: median wall time of fresh processes, and of a first virtual trial with and without compiled code."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

CASES = {
    "python alone": "pass",
    "import rodnan": "import rodnan",
    "rodnan --help": "from rodnan.cli.main import execute; execute(['--help'])",
    "a misspelt command": "from rodnan.cli.main import execute; execute(['trail'])",
    "rodnan evidence show sls-2": "from rodnan.cli.main import execute; execute(['evidence', 'show', 'sls-2'])",
    "import rodnan.trial": "import rodnan.trial",
}
TRIAL = "from rodnan.cli.main import execute; raise SystemExit(execute(['trial', 'run', 'sls-2', '--quiet']))"


def milliseconds(code: str, repeats: int = 11, **environment: str) -> float:
    """Return the median time of a fresh interpreter that runs `code`."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        command = [sys.executable, "-c", code]
        subprocess.run(command, capture_output=True, check=True, env=os.environ | environment)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def first_trial(repeats: int = 3) -> tuple[float, float]:
    """Return the median time of a virtual SLS II with an empty cache and with a filled one, in milliseconds."""
    empty, filled = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            empty.append(milliseconds(TRIAL, 1, RODNAN_CACHE=cache))
            filled.append(milliseconds(TRIAL, 1, RODNAN_CACHE=cache))
    return statistics.median(empty), statistics.median(filled)


if __name__ == "__main__":
    for name, code in CASES.items():
        print(f"{name:38} {milliseconds(code):6.0f} ms")
    empty, filled = first_trial()
    print(f"{'rodnan trial run sls-2, nothing cached':38} {empty:6.0f} ms")
    print(f"{'rodnan trial run sls-2, cache filled':38} {filled:6.0f} ms")
