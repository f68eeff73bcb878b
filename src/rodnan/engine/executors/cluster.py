"""Executor on a Ray cluster: many machines, each with this package installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rodnan.engine.executors import ATTEMPTS
from rodnan.errors import EngineError, RodnanError

__all__ = ["RayExecutor"]

Job = TypeVar("Job")
Result = TypeVar("Result")


class RayExecutor:
    """Jobs on the nodes of a Ray cluster; a job whose node or worker dies is started on another.

    Parameters
    ----------
    workers
        Jobs at a time; as many as the cluster has processors where None.
    address
        The cluster: ``auto``, ``host:port`` or ``ray://host:port``; one of this machine alone where None.

    Raises
    ------
    EngineError
        RDN-N019 when Ray is not installed or the cluster cannot be reached.
    """

    name = "ray"

    def __init__(self, workers: int | None, address: str | None) -> None:
        try:
            import ray
        except ImportError:
            raise EngineError(
                "RDN-N019", "Ray is not installed; install rodnan[cluster]", where="executor", value="ray"
            ) from None
        self._ray = ray
        if not ray.is_initialized():
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
            if address is None:
                options |= {"num_cpus": workers, "include_dashboard": False}
            try:
                ray.init(address or "local", **options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise EngineError(
                    "RDN-N019",
                    f"the cluster cannot be reached ({str(error).splitlines()[0][:120]})",
                    where="address",
                    value=address,
                ) from None
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result as soon as it is there.

        Raises
        ------
        EngineError
            RDN-N020 when the workers of a job die again and again.
        """
        ray = self._ray
        remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1, scheduling_strategy="SPREAD")(function)
        waiting = iter(jobs)
        under_way: dict[Any, Job] = {}
        try:
            while True:
                while len(under_way) < 2 * self.workers:
                    try:
                        job = next(waiting)
                    except StopIteration:
                        break
                    under_way[remote.remote(job)] = job
                if not under_way:
                    return
                ready, _ = ray.wait(list(under_way), num_returns=1)
                for reference in ready:
                    result = self._result(reference)
                    yield under_way.pop(reference), result
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)

    def _result(self, reference: Any) -> Any:
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(reference)
        except RayTaskError as error:
            cause = error.cause
            raise (cause if isinstance(cause, RodnanError) else error) from None
        except RayError as error:
            raise EngineError(
                "RDN-N020",
                f"workers of the cluster died again and again ({type(error).__name__})",
                where="executor",
                value="ray",
            ) from None
