"""partition-e in virtual time, beside the same number of requests on an aiohttp floor in the same run; sites at rest.

python -m benchmarks.scenarios
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.apiserver import floor_server
from benchmarks.wire import Connection
from chaos.runner import run_timeline
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from fakekube.apiserver.server import Apiserver

FLOOR_REQUESTS = 2000


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _floor_request_s() -> float:
    """One request and its answer at the floor."""
    with floor_server() as server:
        connection = Connection(server)
        request = connection.request("GET", "/")
        return _seconds(lambda: [connection.ask(request) for _ in range(FLOOR_REQUESTS)]) / FLOOR_REQUESTS


def _sites(count: int) -> list[Apiserver]:
    return [Apiserver(name=f"site-{number}", now=lambda: 1.8e9, rng=random.Random(number)) for number in range(count)]


def main() -> None:
    floor = _floor_request_s()
    print(f"floor: one request {floor * 1e6:.0f} us")
    for sites in (5, 200):
        timeline = compile_scenario(library.find("partition-e"), sites=sites)
        wall = _seconds(lambda timeline=timeline: run_timeline(timeline))  # type: ignore[misc]  # bound at once
        print(f"partition-e, {sites} members: {wall:.2f} s wall, {wall / floor:,.0f} floor requests")
    _sites(1)  # the tables, loaded once a process
    for sites in (300, 1000):
        print(f"{sites} sites up: {_seconds(lambda sites=sites: _sites(sites)):.3f} s")  # type: ignore[misc]  # bound at once


if __name__ == "__main__":
    main()
