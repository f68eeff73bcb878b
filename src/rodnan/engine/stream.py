"""Run shards that are not there yet, keep each as it comes, and say how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from rodnan.engine.executors import Executor
from rodnan.engine.shards import ShardFolder

__all__ = ["Shard", "stream", "time_left"]


class Shard(Protocol):
    """A part of a run: what a job is."""

    @property
    def number(self) -> int:
        """Its place among the shards, from 0."""
        ...

    @property
    def size(self) -> int:
        """Patients in it."""
        ...


Job = TypeVar("Job", bound=Shard)


def stream(
    folder: ShardFolder,
    function: Callable[[Job], Mapping[str, bytes]],
    shards: Sequence[Job],
    executor: Executor,
    *,
    progress: Callable[[str], None] = lambda line: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Run what is missing of some shards, and keep each in the folder when it is done.

    Parameters
    ----------
    folder
        Where they are kept.
    function
        Returns the files of a shard; for executors with processes an importable function.
    shards
        All shards of the run, numbered in order.
    executor
        What runs them.
    progress
        Takes a line of progress.
    clock
        Seconds.

    Returns
    -------
    int
        Shards that were run now.

    Raises
    ------
    EngineError
        As `rodnan.engine.shards.ShardFolder.put` and the executor; what is finished by then stays.
    """
    total = sum(shard.size for shard in shards)
    there = set(folder.finished(len(shards)))
    missing = [shard for shard in shards if shard.number not in there]
    before = total - sum(shard.size for shard in missing)
    if there:
        progress(f"{len(there)} of {len(shards)} shards are there")
    begun, done = clock(), 0
    results = executor.run(function, missing)
    try:
        for count, (shard, files) in enumerate(results, 1):
            folder.put(shard.number, files)
            done += shard.size
            seconds = (clock() - begun) / done * (total - before - done)
            progress(
                f"shard {len(there) + count} of {len(shards)}: {before + done:,} of {total:,} patients, "
                f"{time_left(seconds)}"
            )
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
    return len(missing)


def time_left(seconds: float) -> str:
    """Return a duration in words, such as ``3 min 20 s left``."""
    whole = round(max(0.0, seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min left"
    return f"{minutes} min {whole % 60} s left" if minutes else f"{whole} s left"
