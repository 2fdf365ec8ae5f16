"""Requests per second from one client: the aiohttp floor, fakekube, kmock, and the real kube-apiserver, in one run.

    python -m benchmarks.apiserver

Every row is measured in rounds, the servers in turn, so that a drifting machine drifts for all; medians are shown.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from benchmarks.wire import Connection, Server
from tests.differential.served import served_site
from tests.real import start

ROUNDS = 5
SECONDS = 0.6  # of each round
KMOCK = Path(".venv/kmock/bin/python")
NAMESPACE = "/api/v1/namespaces/bench/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

Next = Callable[[], bytes]


def config_map(name: str, value: str = "1") -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "bench", "labels": {"app": "bench"}},
        "data": {"a": value, "b": "x" * 100},
    }


def _requests(connection: Connection) -> dict[str, Next]:
    """What each row sends, time after time."""
    numbers = count()
    get = connection.request("GET", f"{NAMESPACE}/x")
    lists = {size: connection.request("GET", f"{NAMESPACE}?limit={size}") for size in (100, 1000)}
    return {
        "GET": lambda: get,
        "CREATE": lambda: connection.request("POST", NAMESPACE, config_map(f"c{next(numbers)}-{time.time_ns()}")),
        "merge PATCH": lambda: connection.request(
            "PATCH", f"{NAMESPACE}/x", {"data": {"a": str(next(numbers))}}, MERGE
        ),
        "apply": lambda: connection.request(
            "PATCH",
            f"{NAMESPACE}/applied?fieldManager=bench&force=true",
            config_map("applied", str(next(numbers))),
            APPLY,
        ),
        "LIST of 100": lambda: lists[100],
        "LIST of 1,000": lambda: lists[1000],
    }


def _rate(connection: Connection, request: Next) -> float:
    """0 for what the server does not know."""
    asked, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < SECONDS:
        status, _ = connection.ask(request())
        if status >= 400:
            return 0.0
        asked += 1
    return asked / spent


@contextmanager
def floor_server() -> Iterator[Server]:
    with _printing_its_url([sys.executable, "-m", "benchmarks.floor"]) as url:
        yield Server(name="floor", url=url)


@contextmanager
def _kmock() -> Iterator[Server]:
    with _printing_its_url([str(KMOCK), str(Path(__file__).parent / "kmock_peer.py")]) as url:
        yield Server(name="kmock 0.8", url=url)


@contextmanager
def _printing_its_url(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@contextmanager
def _fakekube() -> Iterator[Server]:
    with served_site() as url:
        yield Server(name="fakekube", url=url)


@contextmanager
def _real() -> Iterator[Server]:
    with start.apiserver() as server:
        yield Server(name=f"kube-apiserver {start.VERSION}", url=server.url, token=server.token)


def _fill(connection: Connection) -> None:
    """A namespace with a thousand objects, and the one that rows patch."""
    connection.ask(connection.request("POST", "/api/v1/namespaces", {"metadata": {"name": "bench"}}))
    for name in ("x", *(f"n{number}" for number in range(1000))):
        connection.ask(connection.request("POST", NAMESPACE, config_map(name)))


def main() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(floor_server()), stack.enter_context(_fakekube())]
        if KMOCK.exists():
            servers.append(stack.enter_context(_kmock()))
        with contextlib.suppress(start.NotBuilt):
            servers.append(stack.enter_context(_real()))
        connections = {server.name: Connection(server) for server in servers}
        for name, connection in connections.items():
            if name not in ("floor", "kmock 0.8"):
                _fill(connection)
        senders = {name: _requests(connection) for name, connection in connections.items()}
        _print_head(list(connections))
        for row in senders["floor"]:
            rates: dict[str, list[float]] = {name: [] for name in connections}
            for _ in range(ROUNDS):
                for name, connection in connections.items():
                    rates[name].append(_rate(connection, senders[name][row]))
            _print_row(row, {name: statistics.median(found) for name, found in rates.items()})


def _print_head(names: list[str]) -> None:
    floor, _, *others = names
    ratios = "".join(f"{'/ ' + name.split()[0]:>18}" for name in (floor, *others))
    print(f"{'requests/s':14}" + "".join(f"{name:>24}" for name in names) + ratios, flush=True)


def _print_row(row: str, rates: dict[str, float]) -> None:
    floor, ours, *others = rates.values()
    ratios = "".join(f"{ours / rate:18.2f}" if rate else f"{'-':>18}" for rate in (floor, *others))
    figures = "".join(f"{rate:24,.0f}" if rate else f"{'-':>24}" for rate in rates.values())
    print(f"{row:14}{figures}{ratios}", flush=True)


if __name__ == "__main__":
    main()
