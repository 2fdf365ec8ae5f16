"""Where the jobs of a sweep run: processes of this machine, or a Dask cluster. Results come as they are done."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Protocol

from chaos.scenario.errors import BadScenario
from chaos.search.job import Job, Summary, perform

JOBS_PER_PROCESS = 100
"""After so many a process is replaced, so that nothing a library keeps can grow without end."""


class Executor(Protocol):
    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        """Each job with its summary, in the order in which they end."""
        ...


class Processes:
    """`count` processes of this machine, each started anew (no state of this one is inherited)."""

    def __init__(self, count: int) -> None:
        self._count = count

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        with ProcessPoolExecutor(
            self._count, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=JOBS_PER_PROCESS
        ) as pool:
            running = {pool.submit(perform, job): job for job in jobs}
            try:
                for done in as_completed(running):
                    yield running[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


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
            running = {client.submit(perform, job, pure=False): job for job in jobs}
            for done in distributed.as_completed(list(running)):
                yield running[done], done.result()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise BadScenario("--executor dask", "", "needs Dask: pip install 'fakekube[dask]'") from None
    return distributed
