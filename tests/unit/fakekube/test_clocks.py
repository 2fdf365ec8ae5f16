"""A wall clock that somebody sets back holds nothing up: what waits goes by a clock that nobody sets."""

from __future__ import annotations

import random
from dataclasses import dataclass

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.server import Apiserver

HOUR_S = 3600.0


@dataclass
class Clocks:
    wall_s: float = 1_800_000_000.0
    steady_s: float = 10.0

    def pass_by(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


def served(clocks: Clocks) -> Apiserver:
    return Apiserver(
        name="paris",
        now=lambda: clocks.wall_s,
        steady=lambda: clocks.steady_s,
        rng=random.Random(1),
        deletion_delay_s=5,
    )


def ask(server: Apiserver, method: str, path: str, query: str = "", body: bytes = b"") -> Response | WatchStream:
    headers = {"content-type": "application/json", "accept": "application/json"}
    return server.handle(Request(method=method, path=path, query=query, headers=headers, body=body))


def settled(server: Apiserver, clocks: Clocks, most_s: float) -> None:
    """Let all background work of the next `most_s` seconds happen."""
    end = clocks.steady_s + most_s
    while (due := server.next_due()) is not None and due <= end:
        clocks.pass_by(max(0.0, due - clocks.steady_s))
        server.run_due(clocks.steady_s)


def status_of(server: Apiserver, path: str) -> int:
    return ask(server, "GET", path).status


def test_a_deletion_goes_on_when_the_clock_is_set_back() -> None:
    clocks = Clocks()
    server = served(clocks)
    ask(server, "POST", "/api/v1/namespaces", body=b'{"metadata":{"name":"team"}}')
    settled(server, clocks, 10)
    ask(server, "DELETE", "/api/v1/namespaces/team")
    clocks.wall_s -= HOUR_S
    settled(server, clocks, 10)
    assert status_of(server, "/api/v1/namespaces/team") == 404


def test_work_of_before_and_after_a_jump_keeps_its_order() -> None:
    clocks = Clocks()
    schedule = served(clocks).site.schedule
    schedule.clear()
    done: list[str] = []
    schedule.at(clocks.wall_s + 2, "first", lambda: done.append("first"))
    clocks.wall_s += HOUR_S
    schedule.at(clocks.wall_s + 3, "second", lambda: done.append("second"))
    schedule.run_due(clocks.steady_s + 2)
    assert (done, schedule.next_due()) == (["first"], clocks.steady_s + 3)


def test_a_watch_ends_after_its_seconds_whatever_the_wall_clock_shows() -> None:
    clocks = Clocks()
    server = served(clocks)
    watch = ask(server, "GET", "/api/v1/configmaps", "watch=true&timeoutSeconds=5")
    assert not isinstance(watch, Response)
    clocks.wall_s += HOUR_S
    watch.tick(server.steady())
    assert not watch.ended
    clocks.steady_s += 5
    watch.tick(server.steady())
    assert watch.ended
