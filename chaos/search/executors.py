"""Where the jobs of a sweep run: processes of this machine, or a Dask cluster. Results come as they are done."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, Final, Protocol

from chaos.scenario.errors import BadScenario
from chaos.search.job import Job, Summary, perform

JOBS_PER_PROCESS: Final = 200
"""After so many a process is replaced, so that nothing a library keeps can grow without end."""
IN_FLIGHT: Final = 1000
"""Jobs that a Dask scheduler knows of at one time."""


class SweepStopped(RuntimeError):
    """Not all jobs ran. What was kept is kept."""


class Executor(Protocol):
    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        """Each job with its summary, in the order in which they end. Raises SweepStopped."""
        ...


class Processes:
    """`count` processes of this machine, each started anew (no state of this one is inherited). They end with this one,
    however it ends."""

    def __init__(self, count: int) -> None:
        self._count = count

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        # A pool for each part: its own max_tasks_per_child can wait for ever for a process that it never starts
        # (python/cpython#115634; seen with 11 jobs in pools of 1 process with 10 each).
        size = JOBS_PER_PROCESS * self._count
        for start in range(0, len(jobs), size):
            yield from self._part(jobs[start : start + size])

    def _part(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        with ProcessPoolExecutor(
            min(self._count, len(jobs)), mp_context=multiprocessing.get_context("spawn"), initializer=follow_parent
        ) as pool:
            running = {pool.submit(perform, job): job for job in jobs}
            try:
                for done in as_completed(running):
                    yield running[done], done.result()
            except BrokenProcessPool:
                raise SweepStopped(
                    "a process of the sweep was killed (by hand, or for want of memory: try a smaller -j)"
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def follow_parent() -> None:
    """Leave Ctrl-C to the parent, and die with it: a process whose parent was killed would wait for work for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "called in a process that multiprocessing started"

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


class Dask:
    """The workers of a Dask cluster; fakekube must be installed there. `scheduler` is an address such as tcp://h:8786."""

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        distributed = _distributed()
        try:
            client = distributed.Client(self._scheduler, timeout="10s")
        except OSError as error:
            raise BadScenario("--scheduler", "", f"no Dask scheduler answers at {self._scheduler}: {error}") from None
        with client:
            try:
                yield from self._running(distributed, client, jobs)
            except (CancelledError, distributed.KilledWorker, OSError) as error:
                raise SweepStopped(f"the Dask cluster at {self._scheduler} went away: {error}") from None

    def _running(self, distributed: Any, client: Any, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        waiting = iter(jobs)
        running = {client.submit(perform, job, pure=False): job for job in islice(waiting, IN_FLIGHT)}
        ended = distributed.as_completed(list(running))
        for done in ended:
            for job in islice(waiting, 1):
                begun = client.submit(perform, job, pure=False)
                running[begun] = job
                ended.add(begun)
            yield running.pop(done), done.result()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise BadScenario("--executor dask", "", "needs Dask: pip install 'fakekube[dask]'") from None
    return distributed
