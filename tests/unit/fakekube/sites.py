"""A site for tests of the core: a clock that stands still until it is moved, and requests in one line."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response, WatchStream
from fakekube.apiserver.server import Apiserver, Controllers

T0 = 1_790_000_000.0


@dataclass
class Clock:
    now: float = T0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass
class Site:
    """One apiserver, its clock, and the verbs as methods."""

    controllers: Controllers = "core"
    seed: int = 1
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.server = Apiserver(
            name="paris",
            now=self.clock,
            rng=random.Random(self.seed),
            controllers=self.controllers,
            deletion_delay_s=2.0,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: str = "",
        content_type: str = "application/json",
        accept: str = "",
        agent: str = "test",
    ) -> Answer:
        found = self.server.handle(self.request(method, path, body, query, content_type, accept, agent))
        assert isinstance(found, Response), "a watch was opened"
        return Answer(found.status, dict(found.headers), found.body.decode())

    def watch(self, path: str, query: str = "", accept: str = "") -> WatchStream:
        query = f"watch=true&{query}" if query else "watch=true"
        found = self.server.handle(self.request("GET", path, None, query, "", accept, "test"))
        assert not isinstance(found, Response), found.body
        return found

    @staticmethod
    def request(
        method: str, path: str, body: object, query: str, content_type: str, accept: str, agent: str
    ) -> Request:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": content_type, "accept": accept, "user-agent": agent}
        return Request(method=method, path=path, query=query, headers=headers, body=raw)

    def get(self, path: str, query: str = "", accept: str = "") -> Answer:
        return self.ask("GET", path, query=query, accept=accept)

    def post(self, path: str, body: object, query: str = "") -> Answer:
        return self.ask("POST", path, body, query=query)

    def put(self, path: str, body: object, query: str = "") -> Answer:
        return self.ask("PUT", path, body, query=query)

    def patch(self, path: str, body: object, kind: str = "merge-patch+json", query: str = "") -> Answer:
        return self.ask("PATCH", path, body, query=query, content_type=f"application/{kind}")

    def delete(self, path: str, body: object = None, query: str = "") -> Answer:
        return self.ask("DELETE", path, body, query=query)

    def settle(self) -> None:
        """Let all background work happen, the clock moving from one due time to the next."""
        for _ in range(100):
            due = self.server.next_due()
            if due is None:
                return
            self.clock.now = max(self.clock.now, due)
            self.server.run_due(self.clock.now)
        raise AssertionError("background work never ends")


def events(stream: WatchStream) -> list[tuple[str, Any]]:
    """What the stream has pushed since the last time: (type, object) pairs."""
    lines = stream.drain().decode().splitlines()
    return [(event["type"], event["object"]) for event in map(json.loads, lines)]


def names(answer: Answer) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json["items"]]


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
