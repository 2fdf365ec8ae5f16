"""The apiserver core as a target: no sockets, and a clock that the player moves, so a wait costs nothing."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.controllers import NO_STAGES, Workloads
from fakekube.http.compression import worth_zipping
from fakekube.registry.users import UserInfo
from tests.recordings.answer import Answer
from tests.recordings.http_target import TIMEOUT_S
from tests.recordings.play import Question, Watch

# The hour of the recording, since ages in tables count up to it.
START_S = 1_795_564_800.0


# Who was who at the recording.
_ADMIN, _USER = "admin-token", "user-token"
_TOKENS = {
    _ADMIN: UserInfo(name="admin", uid="admin-uid", groups=("system:masters",)),
    _USER: UserInfo(name="alice", uid="alice-uid", groups=("dev",)),
}


class CoreTarget:
    """One fresh apiserver, and its time. `secured`: tokens are checked and RBAC decides. `workloads`: controllers run, and no node."""

    def __init__(self, seed: int = 0, *, secured: bool = False, workloads: bool = False) -> None:
        self._now = START_S
        self._secured = secured
        self._apiserver = Apiserver(
            name="recordings",
            now=self.now,
            rng=random.Random(seed),
            authentication=Authentication(tokens=_TOKENS) if secured else None,
            authorization="RBAC" if secured else "AlwaysAllow",
        )
        if workloads:
            self._apiserver.attach(Workloads(self._apiserver, nodes=0, stages=NO_STAGES))

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        """Time passes: background work runs when it is due, not later."""
        end = self._now + seconds
        while (due := self._apiserver.next_due()) is not None and due <= end:
            self._now = max(self._now, due)
            self._apiserver.run_due(self._now)
        self._now = end

    def token(self, who: str) -> str | None:
        if not self._secured:
            return None
        return {"admin": _ADMIN, "user": _USER, "none": None}.get(who, who)

    def ask(self, question: Question) -> Answer:
        """The whole answer; a watch is read until the server ends it. HTTP sends no body to HEAD."""
        result = self._handle(question)
        if isinstance(result, Response):
            return self._whole(question, result)
        watch = _CoreWatch(self, result)
        raw, end = b"", self._now + TIMEOUT_S
        while isinstance(line := watch.next_line(end - self._now), bytes):
            raw += line + b"\n"
        watch.close()
        if line == "client":
            return Answer(code=0, raw=b"TimeoutError: The read operation timed out")
        return Answer(code=result.status, headers=_by_name(result.headers), raw=raw)

    def _whole(self, question: Question, result: Response) -> Answer:
        """As it would come over HTTP: large answers may be compressed, and HEAD has no body."""
        headers = _by_name(result.headers)
        body = b"" if question.method == "HEAD" else result.body
        if worth_zipping(_request(question), body):
            return Answer(
                code=result.status, headers={**headers, "content-encoding": ["gzip"]}, raw=gzip.compress(body)
            )
        return Answer(code=result.status, headers=headers, raw=body)

    def watch(self, question: Question) -> tuple[Answer, Watch | None]:
        result = self._handle(question)
        if isinstance(result, Response):
            answer = Answer(code=result.status, headers=_by_name(result.headers), raw=result.body)
            return (answer, _WholeAnswer(result.body.splitlines())) if result.status == 200 else (answer, None)
        headers = {**_by_name(result.headers), "transfer-encoding": ["chunked"]}
        return Answer(code=result.status, headers=headers), _CoreWatch(self, result)

    def _handle(self, question: Question) -> Response | WatchStream:
        self.sleep(0)
        return self._apiserver.handle(_request(question))


def _request(question: Question) -> Request:
    path, _, query = question.target.partition("?")
    return Request(method=question.method, path=path, query=query, headers=question.headers, body=question.body or b"")


@dataclass(slots=True)
class _WholeAnswer:
    """What a client sees that takes an answer of one object for a stream."""

    lines: list[bytes]

    def next_line(self, patience_s: float) -> bytes | str:
        return self.lines.pop(0) if self.lines else "server"

    def close(self) -> None:
        self.lines.clear()


@dataclass(slots=True)
class _CoreWatch:
    """Lines of a watch; waiting for one moves the target's clock to whatever comes next."""

    target: CoreTarget
    stream: WatchStream
    _lines: list[bytes] = field(default_factory=list)

    def next_line(self, patience_s: float) -> bytes | str:
        end = self.target.now() + patience_s
        while not self._lines:
            self._lines = [line for line in self.stream.drain().split(b"\n") if line]
            if self._lines:
                break
            if self.stream.ended:
                return "server"
            if self.target.now() >= end:
                return "client"
            self._wait(end)
        return self._lines.pop(0)

    def _wait(self, end: float) -> None:
        step = min(end, self.target.now() + 0.05, self.stream.wake_at or end)
        self.target.sleep(max(step - self.target.now(), 0))
        self.stream.tick(self.target.now())

    def close(self) -> None:
        self.stream.close()


def _by_name(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Headers by lower-case name, and the Date that the HTTP shell adds."""
    values: dict[str, list[str]] = {"date": ["now"]}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return values
