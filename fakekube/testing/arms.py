"""Where bodies run. An arm is one way to reach one server: this file holds what they share, and the core without sockets."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Protocol

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Headers, Response, WatchStream
from fakekube.apiserver.server import Apiserver
from fakekube.meta.objects import KubeObject
from fakekube.testing.reply import Events, Reply

# What a body may need of an arm: see `body(needs=...)`.
CONTROLLERS = "controllers"
FORGETS = "a history that does not begin at version 1"
FAKEKUBE, CLUSTER = "fakekube", "cluster"

_BIRTH_S = 1_795_564_800.0
# A wait on the core's clock goes in steps of this size, so that timers within it keep their order.
_STEP_S = 0.05
# A watch that nobody ends is read this long, as a client with a time-out would.
_WHOLE_S = 30.0


class Arm(Protocol):
    """One server. `sleep` lets its own time pass, which costs nothing where the clock is ours."""

    @property
    def name(self) -> str:
        """The arm's column in the table."""

    @property
    def server(self) -> str:
        """Whose marks count: `fakekube` or `cluster`."""

    @property
    def features(self) -> frozenset[str]: ...

    def ask(self, request: Request) -> Reply: ...

    def watch(self, request: Request) -> Events | Reply:
        """The open watch, or the whole answer of a server that refuses it."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class CoreArm:
    """`Apiserver.handle` in this process: no sockets, no threads, and a clock that only waits move."""

    apiserver: Apiserver
    clock: list[float]
    name: str = "core"
    server: str = FAKEKUBE
    features: frozenset[str] = frozenset([CONTROLLERS, FORGETS])

    @classmethod
    def fresh(cls, seed: int = 0) -> CoreArm:
        """A new apiserver with the core controllers."""
        clock = [_BIRTH_S]
        return cls(Apiserver(name="conformance", now=lambda: clock[0], rng=random.Random(seed)), clock)

    def ask(self, request: Request) -> Reply:
        """The whole answer; a watch is read until the server ends it."""
        answer = self._handle(request)
        if isinstance(answer, Response):
            return reply_of(answer)
        events = _CoreEvents(self, answer)
        body = events.whole(_WHOLE_S)
        events.close()
        return Reply(status=answer.status, headers=joined(answer.headers), body=body)

    def watch(self, request: Request) -> Events | Reply:
        answer = self._handle(request)
        return reply_of(answer) if isinstance(answer, Response) else _CoreEvents(self, answer)

    def _handle(self, request: Request) -> Response | WatchStream:
        self.sleep(0)
        return self.apiserver.handle(request)

    def now(self) -> float:
        return self.clock[0]

    def sleep(self, seconds: float) -> None:
        """Background work runs when it is due, not later."""
        end = self.clock[0] + seconds
        while (due := self.apiserver.next_due()) is not None and due <= end:
            self.clock[0] = max(self.clock[0], due)
            self.apiserver.run_due(self.clock[0])
        self.clock[0] = end

    def close(self) -> None:
        self.apiserver.end_watches()


@dataclass(slots=True)
class _CoreEvents:
    """Waiting for an event moves the arm's clock to whatever comes next."""

    arm: CoreArm
    stream: WatchStream
    _lines: list[bytes] = field(default_factory=list)

    def whole(self, patience_s: float) -> bytes:
        """All bytes until the server ends the stream, at most `patience_s` long."""
        end, body = self.arm.now() + patience_s, self.stream.drain()
        while not self.stream.ended and self.arm.now() < end:
            self._wait(end)
            body += self.stream.drain()
        return body

    def next(self, patience_s: float) -> KubeObject | None:
        end = self.arm.now() + patience_s
        while not self._read():
            if self.stream.ended or self.arm.now() >= end:
                return None
            self._wait(end)
        found: KubeObject = json.loads(self._lines.pop(0))
        return found

    def _read(self) -> bool:
        if not self._lines:
            self._lines = [line for line in self.stream.drain().split(b"\n") if line]
        return bool(self._lines)

    def _wait(self, end: float) -> None:
        until = min(end, self.arm.now() + _STEP_S, self.stream.wake_at or end)
        self.arm.sleep(max(until - self.arm.now(), 0))
        self.stream.tick(self.arm.now())

    @property
    def ended(self) -> bool:
        return self.stream.ended and not self._read()

    def close(self) -> None:
        self.stream.close()


def reply_of(response: Response) -> Reply:
    return Reply(status=response.status, headers=joined(response.headers), body=response.body)


def joined(headers: Headers) -> dict[str, str]:
    """Headers by lower-case name."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
