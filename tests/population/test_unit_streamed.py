"""Streaming: the same bytes whatever runs the shards, and after any interruption."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rodnan.cli.main import execute
from rodnan.engine.executors import choose_executor
from rodnan.errors import EngineError, PopulationError
from rodnan.population.courses import READOUTS, CoursesPlan, follow
from rodnan.population.streamed import NOTICE, stream_population

PLAN = CoursesPlan(
    patients=300, weeks=8, duration_high=1.0, treatment="mycophenolate 1.5 g every 12 h for 8 weeks"
)


def digest(folder: Path) -> str:
    """Return the hash of all that a run keeps, names and contents."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serial") / "run"
    assert stream_population(PLAN, folder, choose_executor("serial"), shard=64) == 5
    return folder


def test_files_hold_what_was_computed(undisturbed):
    table = pl.read_parquet(undisturbed / "courses" / "*.parquet")
    found = follow(PLAN, 0, 300)
    assert table.columns == ["patient", "week", *READOUTS]
    assert table["patient"].to_list() == np.repeat(np.arange(300), 9).tolist()
    for name in READOUTS:
        np.testing.assert_array_equal(
            table[name].to_numpy().reshape(300, 9).T, found.readouts[name].astype(np.float32)
        )
    people = pl.read_parquet(undisturbed / "patients" / "*.parquet")
    np.testing.assert_array_equal(people["age_years"].to_numpy(), found.covariates["age"])
    assert set(people["subset"]) == {"diffuse", "limited"}


def test_every_file_says_that_it_is_a_simulation(undisturbed):
    for path in [*undisturbed.glob("courses/*"), *undisturbed.glob("patients/*")]:
        assert pl.read_parquet_metadata(path)["notice"] == NOTICE
    assert (undisturbed / "summary.csv").read_text().startswith(f"# {NOTICE}")
    assert json.loads((undisturbed / "manifest.json").read_text())["notice"] == NOTICE


def test_the_summary_is_that_of_the_readouts(undisturbed):
    summary = pl.read_csv(undisturbed / "summary.csv", comment_prefix="#")
    table = pl.read_parquet(undisturbed / "courses" / "*.parquet")
    for name in READOUTS:
        rows = summary.filter(pl.col("readout") == name).sort("week")
        means = table.group_by("week").agg(pl.col(name).cast(pl.Float64).mean()).sort("week")[name]
        np.testing.assert_allclose(rows["mean"].to_numpy(), means.to_numpy(), atol=2e-4)
        assert rows["n"].to_list() == [300] * 9


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_give_the_same_bytes(undisturbed, tmp_path, workers):
    stream_population(PLAN, tmp_path / "run", choose_executor("processes", workers=workers), shard=64)
    assert digest(tmp_path / "run") == digest(undisturbed)


@pytest.mark.parametrize("shard", [100, 300])
def test_other_shards_hold_the_same_patients(undisturbed, tmp_path, shard):
    stream_population(PLAN, tmp_path / "run", choose_executor("serial"), shard=shard)
    for kind in ("courses", "patients"):
        mine = pl.read_parquet(tmp_path / "run" / kind / "*.parquet")
        assert mine.equals(pl.read_parquet(undisturbed / kind / "*.parquet"))
    assert (tmp_path / "run" / "summary.csv").read_bytes() == (undisturbed / "summary.csv").read_bytes()


def test_summaries_alone_are_the_same(undisturbed, tmp_path):
    stream_population(PLAN, tmp_path / "run", choose_executor("serial"), shard=64, summaries=True)
    assert (tmp_path / "run" / "summary.csv").read_bytes() == (undisturbed / "summary.csv").read_bytes()
    assert not (tmp_path / "run" / "courses").exists()


def test_a_damaged_shard_is_computed_again(undisturbed, tmp_path):
    stream_population(PLAN, tmp_path / "run", choose_executor("serial"), shard=64)
    (tmp_path / "run" / "courses" / "000003.parquet").write_bytes(b"PAR1")
    assert stream_population(PLAN, tmp_path / "run", choose_executor("serial"), shard=64) == 1
    assert digest(tmp_path / "run") == digest(undisturbed)


def _command(folder: Path, executor: str) -> list[str]:
    words = [
        "population",
        "simulate",
        "--to",
        str(folder),
        "--patients",
        "300",
        "--weeks",
        "8",
        "--shard-size",
        "64",
    ]
    words += ["--duration-high", "1", "--treatment", str(PLAN.treatment), "--executor", executor, "--quiet"]
    return [sys.executable, "-c", "from rodnan.cli.main import run; run()", *words]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_killed_runs_resume_to_the_same_bytes(undisturbed, tmp_path, executor):
    chance = random.Random(executor)
    for _ in range(3):
        process = subprocess.Popen(_command(tmp_path / "run", executor), stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(_command(tmp_path / "run", executor), check=True, stdout=subprocess.DEVNULL)
    assert digest(tmp_path / "run") == digest(undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_run_keeps_its_shards_and_its_workers_end(undisturbed, tmp_path):
    process = subprocess.Popen(
        _command(tmp_path / "run", "processes"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    finished = tmp_path / "run" / "finished"
    while process.poll() is None and not list(finished.glob("*.json")):
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [int(child) for child in children.read_text().split()] if children.exists() else []
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    if process.returncode == 130:
        assert "stopped" in told
    end = time.monotonic() + 30  # a process that tracks shared names goes a moment after its parent
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    subprocess.run(_command(tmp_path / "run", "serial"), check=True, stdout=subprocess.DEVNULL)
    assert digest(tmp_path / "run") == digest(undisturbed)


def test_another_plan_is_refused(undisturbed):
    with pytest.raises(EngineError, match=r"RDN-N022 .*settings\.weeks is 8"):
        stream_population(
            PLAN.model_copy(update={"weeks": 9}), undisturbed, choose_executor("serial"), shard=64
        )


def test_a_shard_has_a_size(tmp_path):
    with pytest.raises(PopulationError, match=r"RDN-P006 .*shard-size"):
        stream_population(PLAN, tmp_path / "run", choose_executor("serial"), shard=0)


def test_the_command_says_where_things_are(tmp_path, capsys):
    words = [
        "--patients",
        "20",
        "--weeks",
        "2",
        "--duration-high",
        "0",
        "--executor",
        "serial",
        "--summaries",
    ]
    assert execute(["population", "simulate", "--to", str(tmp_path / "run"), *words]) == 0
    told = capsys.readouterr()
    assert NOTICE in told.out
    assert "20 virtual patients over 2 weeks in 1 shard(s), 1 of them run now." in told.out
    assert "shard 1 of 1: 20 of 20 patients" in told.err
    assert (
        execute(["population", "simulate", "--to", str(tmp_path / "run"), *words, "--precision", "half"]) == 2
    )
    assert "RDN-N024" in capsys.readouterr().err
