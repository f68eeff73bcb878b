"""Executors of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from typing import Any, TypeVar

from rodnan.engine.executors import ATTEMPTS
from rodnan.errors import EngineError

__all__ = ["ProcessExecutor", "SerialExecutor"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
"""Variables that keep a worker to the one core it is given."""


class SerialExecutor:
    """One job after the other, in this process; a job may use threads."""

    name = "serial"
    workers = 1

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in order."""
        for job in jobs:
            yield job, function(job)


class ProcessExecutor:
    """Processes of this machine, one job each at a time.

    A process that dies (out of memory, killed) is replaced, and the jobs under way are started again.

    Parameters
    ----------
    workers
        Processes.
    """

    name = "processes"

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result as soon as it is there.

        Raises
        ------
        EngineError
            RDN-N020 when processes die again and again.
        """
        waiting = iter(jobs)
        again: list[Job] = []
        deaths = 0
        while True:
            pool = _pool(self.workers)
            under_way: dict[Future[Result], Job] = {}
            try:
                for job in again:
                    under_way[pool.submit(function, job)] = job
                again = []
                while True:
                    while len(under_way) < 2 * self.workers and (job := next(waiting, _END)) is not _END:
                        under_way[pool.submit(function, job)] = job  # type: ignore[arg-type]
                    if not under_way:
                        return
                    ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in ready:
                        result = future.result()
                        job = under_way.pop(future)
                        deaths = 0
                        yield job, result
            except BrokenProcessPool:
                again, deaths = list(under_way.values()), deaths + 1
                if deaths >= ATTEMPTS:
                    raise EngineError(
                        "RDN-N020",
                        "worker processes died again and again, perhaps for want of memory; use fewer workers or "
                        "smaller shards",
                        where="workers",
                        value=self.workers,
                    ) from None
            finally:
                _stop(pool)


class _End:
    pass


_END: Any = _End()


def _pool(workers: int) -> ProcessPoolExecutor:
    for name in _THREADS:
        os.environ.setdefault(name, "1")  # before the new processes read it
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End a pool now, also what is under way: its jobs leave nothing behind."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _begin() -> None:
    """Set up a worker: an interruption is the parent's to handle, and with the parent gone the worker goes, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            wait_for([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
