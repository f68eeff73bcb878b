"""Start-up: median wall time of fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CASES = {
    "python alone": "pass",
    "import rodnan": "import rodnan",
    "rodnan --help": "from rodnan.cli.main import execute; execute(['--help'])",
    "a misspelt command": "from rodnan.cli.main import execute; execute(['trail'])",
    "rodnan evidence show sls-2": "from rodnan.cli.main import execute; execute(['evidence', 'show', 'sls-2'])",
    "import rodnan.trial": "import rodnan.trial",
}


def milliseconds(code: str, repeats: int = 11) -> float:
    """Return the median time of a fresh interpreter that runs `code`."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    for name, code in CASES.items():
        print(f"{name:28} {milliseconds(code):6.0f} ms")
