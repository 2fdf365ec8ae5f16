"""Sends the same requests to two Toxiproxies and compares the answers; by hand or by `make differential-toxiproxy`:

python -m tests.differential.toxiproxy_compare [SEEDS]
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_requests import Request, better, chance, fixed
from tests.real import start

HEADERS = ("Content-Type", "X-Content-Type-Options", "Location")
REQUEST_ID = re.compile(r"[0-9a-v]{20}")
RANDOM_REQUESTS = 200

# The tails of these follow Go's release; what stands before is the promise.
GO_TAILS = re.compile(r'(bad request body: (?:json: cannot unmarshal|invalid character)).*?(?=","status")')
CHOSEN_PORT = re.compile(r'("listen":"[^"]*:)[3-6]\d{4}(?=")')  # by the system, and by chance the same as before
LOOKUP_TAILS = re.compile(r"(lookup [^\"]*?)(?: on [^\"]*?)?(: (?:no such host|unknown port))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: tuple[str | None, ...]
    numbered: bool
    """It carries a well-formed request id."""
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    request: Request
    real: Answer
    ours: Answer

    def __str__(self) -> str:
        return f"{self.request}\n  real: {self.real}\n  ours: {self.ours}"


@dataclass(slots=True)
class Totals:
    requests: int = 0
    equal: int = 0
    listed: int = 0
    unlisted: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"requests {self.requests}, equal {self.equal}, listed {self.listed}, unlisted {len(self.unlisted)}"
        return f"toxiproxy 2.12.0: {counts}"


def normal(body: str) -> str:
    """The body without what chance and Go's release put there."""
    return LOOKUP_TAILS.sub(r"\1\2", GO_TAILS.sub(r"\1", CHOSEN_PORT.sub(r"\1#", body)))


class Server:
    """One Toxiproxy, asked over one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def answer(self, request: Request) -> Answer:
        headers = {"User-Agent": request.user_agent, "Content-Type": "application/json"}
        self._connection.request(request.method, request.path, body=request.body or None, headers=headers)
        found = self._connection.getresponse()
        body = found.read().decode()
        return Answer(
            status=found.status,
            headers=tuple(found.getheader(name) for name in HEADERS),
            numbered=bool(REQUEST_ID.fullmatch(found.getheader("X-Toxiproxy-Request-Id") or "")),
            body=normal(body),
        )

    def empty(self) -> None:
        """Delete every proxy; one with a slash in its name cannot be reached and stays, in both."""
        for name in json.loads(self._raw("GET", "/proxies")):
            self._raw("DELETE", "/proxies/" + quote(name, safe=""))

    def _raw(self, method: str, path: str) -> bytes:
        self._connection.request(method, path)
        return self._connection.getresponse().read()


def compare(real: Server, ours: Server, requests: Iterable[tuple[Request, str]], totals: Totals) -> None:
    """All requests to the real server, then all to ours: explicit ports are free again by then.

    A request that comes with a reason may be answered otherwise.
    """
    asked = list(requests)
    answers = []
    for server in (real, ours):
        answers.append([server.answer(request) for request, _ in asked])
        server.empty()
    for (request, reason), real_answer, our_answer in zip(asked, *answers, strict=True):
        totals.requests += 1
        if real_answer == our_answer:
            totals.equal += 1
        elif reason:
            totals.listed += 1
        else:
            totals.unlisted.append(Difference(request=request, real=real_answer, ours=our_answer))


def without_reasons(requests: Iterable[Request]) -> list[tuple[Request, str]]:
    return [(request, "") for request in requests]


def quiet_port(count: int = 8) -> int:
    """The first of `count` free ports below the range from which the system gives out ephemeral ones."""
    for base in range(20_000, 30_000, count):
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise RuntimeError("no free ports between 20000 and 30000")


def compare_all(real_url: str, ours_url: str, *, port: int, seeds: Iterable[int]) -> Totals:
    real, ours = Server(real_url), Server(ours_url)
    totals = Totals()
    compare(real, ours, without_reasons(fixed(port)), totals)
    compare(real, ours, better(), totals)
    for seed in seeds:
        compare(real, ours, without_reasons(chance(seed, RANDOM_REQUESTS)), totals)
    return totals


def main(arguments: Sequence[str]) -> int:
    seeds = range(int(arguments[0]) if arguments else 20)
    try:
        with start.toxiproxy() as real, ThreadedToxiproxy() as ours:
            totals = compare_all(real.url, ours, port=quiet_port(), seeds=seeds)
    except start.NotBuilt as absent:
        print(f"toxiproxy 2.12.0: skipped, {absent}")
        return 0
    for difference in totals.unlisted:
        print(difference, file=sys.stderr)
    print(totals)
    return 1 if totals.unlisted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
