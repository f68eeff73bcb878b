"""Where independent jobs run: in this process, in processes of this machine, or on a Ray cluster.

An executor takes a function and jobs, and hands back results as they are ready, in any order. A job's result must follow
from the job alone; then it does not matter which executor ran it, or how often it had to be started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from rodnan.engine.batch import default_workers
from rodnan.errors import EngineError, nearest_name

__all__ = ["ATTEMPTS", "EXECUTORS", "Executor", "choose_executor"]

Job = TypeVar("Job")
Result = TypeVar("Result")

EXECUTORS: tuple[str, ...] = ("serial", "processes", "ray")

ATTEMPTS = 4
"""Times a job is started when its process dies, before the run gives up: a job that kills its worker does so again."""


class Executor(Protocol):
    """What runs jobs.

    Attributes
    ----------
    name
        One of `EXECUTORS`.
    workers
        Jobs that run at a time.
    """

    name: str
    workers: int

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result as soon as it is there; at most twice `workers` are under way.

        An exception of a job ends the run and is raised. Closing the iterator stops what is under way.
        """
        ...


def choose_executor(name: str, *, workers: int | None = None, address: str | None = None) -> Executor:
    """Return the executor of a name.

    Parameters
    ----------
    name
        ``serial``, ``processes`` or ``ray``.
    workers
        Jobs at a time; all cores (of the cluster, for ``ray``) where None.
    address
        Of a Ray cluster, ``auto`` for the one this machine belongs to; a cluster of this machine alone where None.

    Returns
    -------
    Executor
        Ready to run.

    Raises
    ------
    EngineError
        RDN-N018 for another name, an address without ``ray``, or fewer than one worker; RDN-N019 when Ray is not
        installed or the cluster cannot be reached.
    """
    if name not in EXECUTORS:
        raise EngineError("RDN-N018", "no such executor", value=name, nearest=nearest_name(name, EXECUTORS))
    if address is not None and name != "ray":
        raise EngineError(
            "RDN-N018",
            "an address is of a Ray cluster; ask for --executor ray",
            where="address",
            value=address,
        )
    if workers is not None and workers < 1:
        raise EngineError("RDN-N018", "at least one worker is needed", where="workers", value=workers)
    if name == "serial":
        from rodnan.engine.executors.local import SerialExecutor

        return SerialExecutor()
    if name == "processes":
        from rodnan.engine.executors.local import ProcessExecutor

        return ProcessExecutor(workers or default_workers())
    from rodnan.engine.executors.cluster import RayExecutor

    return RayExecutor(workers, address)
