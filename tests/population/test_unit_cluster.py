"""A Ray cluster of two nodes, one of which dies in the middle of a run, gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rodnan.engine.executors import choose_executor
from rodnan.population.courses import CoursesPlan
from rodnan.population.streamed import stream_population

pytest.importorskip("ray", reason="needs rodnan[cluster]")

PLAN = CoursesPlan(
    patients=480, weeks=12, duration_high=1.0, treatment="mycophenolate 1.5 g every 12 h for 12 weeks"
)
SCRIPT = Path(__file__).parents[1] / "reference" / "two_nodes.py"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a run by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a cluster on one machine")
def test_a_node_that_dies_changes_nothing(tmp_path):
    stream_population(PLAN, tmp_path / "serial", choose_executor("serial"), shard=32)
    words = [sys.executable, str(SCRIPT), str(tmp_path / "ray"), PLAN.model_dump_json(), "32"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ran 15 shards, nodes 2 -> 1" in done.stdout
    assert contents(tmp_path / "ray") == contents(tmp_path / "serial")
