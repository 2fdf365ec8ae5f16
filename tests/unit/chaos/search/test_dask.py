"""A sweep on a Dask cluster: a scheduler and two workers started by hand give the verdicts of this process, and so does a LocalCluster."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from chaos.scenario.errors import BadScenario
from chaos.search.executors import Dask
from chaos.search.job import Job, perform

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

JOBS = [Job(scenario="partition-a", seed=seed, sites=3) for seed in (1, 2, 3)]


def verdicts(scheduler: str) -> dict[int, tuple[str, str]]:
    return {job.seed: (result["verdict"], result["trace_sha256"]) for job, result in Dask(scheduler).results(JOBS)}


def here() -> dict[int, tuple[str, str]]:
    results = {job.seed: perform(job) for job in JOBS}
    return {seed: (result["verdict"], result["trace_sha256"]) for seed, result in results.items()}


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers, each a process started by its own command."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    start = [sys.executable, "-m", "distributed.cli"]
    host, port = address.removeprefix("tcp://").split(":")
    commands = [
        [*start[:2], "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"],
        *[
            [*start[:2], "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
            for _ in range(2)
        ],
    ]
    with ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.terminate)
        with distributed.Client(address, timeout="60s") as client:
            client.wait_for_workers(2, timeout=60)
        yield address


def test_a_scheduler_started_by_hand_with_two_workers_gives_the_same_verdicts(scheduler: str) -> None:
    assert verdicts(scheduler) == here()


def test_a_local_cluster_gives_the_same_verdicts() -> None:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        assert verdicts(cluster.scheduler_address) == here()


def test_nobody_at_the_address_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(BadScenario, match=f"no Dask scheduler answers at {address}"):
        list(Dask(address).results(JOBS))
