"""Executors: every job's result comes back, whatever runs it and whatever dies on the way."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from rodnan.engine.executors import choose_executor
from rodnan.errors import DoseError, EngineError


def square(job: int) -> int:
    return job * job


def fail_on_three(job: int) -> int:
    if job == 3:
        raise DoseError("RDN-D104", "a dose must be finite", where="job", value=job)
    return job


def die_once(job: tuple[int, str]) -> int:
    number, folder = job
    mark = Path(folder) / "died"
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(job: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return job


@pytest.mark.parametrize(("name", "workers"), [("serial", None), ("processes", 1), ("processes", 2)])
def test_every_job_comes_back_with_its_result(name, workers):
    found = list(choose_executor(name, workers=workers).run(square, range(9)))
    assert sorted(found) == [(k, k * k) for k in range(9)]


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_error_of_a_job_is_raised_as_it_was(name):
    with pytest.raises(DoseError, match=r"RDN-D104 .*given: 3"):
        list(choose_executor(name, workers=2).run(fail_on_three, range(6)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_process_is_replaced_and_its_job_started_again():
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(k, folder) for k in range(5)]
        found = sorted(choose_executor("processes", workers=2).run(die_once, jobs))
        assert (Path(folder) / "died").exists()
    assert [result for _, result in found] == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_jobs_that_always_kill_their_process_end_the_run():
    with pytest.raises(EngineError, match="RDN-N020"):
        list(choose_executor("processes", workers=1).run(die_always, [1]))


def test_jobs_are_taken_as_they_are_needed():
    taken = []

    def jobs():
        for k in range(1000):
            taken.append(k)
            yield k

    results = choose_executor("processes", workers=1).run(square, jobs())
    next(results)
    results.close()
    assert len(taken) <= 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "proceses"}, "did you mean 'processes'"),
        ({"name": "serial", "address": "auto"}, "--executor ray"),
        ({"name": "processes", "workers": 0}, "at least one worker"),
    ],
)
def test_what_cannot_be_is_refused(arguments, told):
    name = arguments.pop("name")
    with pytest.raises(EngineError, match=f"RDN-N018.*{told}"):
        choose_executor(name, **arguments)
