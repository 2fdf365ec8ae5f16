"""`/collab/v1/...`, `/healthz` and `/metrics`: what people and the `collab` command ask of an agent. JSON in, JSON out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias
from urllib.parse import parse_qs, unquote

import msgspec
from aiohttp import web

from collab.agent.answers import json_answer, status_answer, text_answer
from collab.agent.core import Core, Json
from collab.agent.log import AgentLog
from collab.agent.operations import OPERATIONS_PATH, Operations
from collab.agent.passing import answer_expectation
from collab.agent.peers import PEER_PATH, Peers
from collab.protocol.names import check_resource
from collab.protocol.operations import BadOperationError, Operation, parse_operation
from collab.scope import ScopeError, check_sites, explain, parse

PREFIX = "/collab/v1/"
OWN_PATHS = ("/healthz", "/metrics")
BODY_MAX = 4 << 20

_View: TypeAlias = Callable[[], object]
_Item: TypeAlias = Callable[[str], Json | None]


class Reach(Protocol):
    """What the API needs of the agent around it."""

    @property
    def ready(self) -> bool: ...

    def knows(self, site: str) -> bool: ...


class Api:
    """The agent's own paths; everything else is the proxy's."""

    def __init__(
        self,
        core: Core,
        *,
        operations: Operations,
        peers: Peers,
        log: AgentLog,
        reach: Reach,
        rng: random.Random,
        now: Callable[[], float],
    ) -> None:
        self._core = core
        self._operations = operations
        self._peers = peers
        self._reach = reach
        self._rng = rng
        self._now = now
        self._views: dict[str, _View] = {
            "operations": lambda: {"operations": list(core.operations())},
            "records": core.records,
            "conflicts": lambda: {"conflicts": list(core.conflicts())},
            "sites": core.sites,
            "log": lambda: {"entries": [entry.to_json() for entry in log.entries]},
        }
        self._items: dict[str, _Item] = {
            "operations": lambda key: _named(core.operations(), "id", key),
            "records": lambda key: _named(_rows(core.records(), "records"), "gid", key),
        }

    @staticmethod
    def owns(path: str) -> bool:
        return path.startswith(PREFIX) or path in OWN_PATHS

    async def answer(self, request: web.BaseRequest, path: str, query: str) -> web.StreamResponse:
        if path in OWN_PATHS:
            return self._own(path)
        if not self._reach.ready:
            return self._refuse(503, "the agent is starting")
        if path == PEER_PATH:
            return await self._peers.accept(request)
        if (request.method, path) == ("POST", OPERATIONS_PATH):
            return await self._operate(request)
        if request.method != "GET":
            return self._refuse(405, f"{request.method} is not possible on {path}")
        return self._view(path.removeprefix(PREFIX), query)

    def _own(self, path: str) -> web.StreamResponse:
        if path == "/healthz":
            return text_answer(*((200, "ok\n") if self._reach.ready else (503, "starting\n")), self._now())
        return text_answer(200, self._metrics(), self._now())

    def _view(self, name: str, query: str) -> web.StreamResponse:
        if name == "explain":
            return self._explain(query)
        if name == "why":
            return self._why(query)
        if view := self._views.get(name):
            return json_answer(200, view(), self._now())
        collection, _, key = name.partition("/")
        found = self._items[collection](unquote(key)) if key and collection in self._items else None
        if found is None:
            return self._refuse(404, f"{PREFIX}{name} does not exist")
        return json_answer(200, found, self._now())

    def _explain(self, query: str) -> web.StreamResponse:
        texts = parse_qs(query).get("scope", [""])
        try:
            check_sites(parse(texts[0]), self._reach.knows)
            return json_answer(200, explain(texts[0]), self._now())
        except ScopeError as error:
            return self._refuse(error.code, str(error))

    def _why(self, query: str) -> web.StreamResponse:
        asked = parse_qs(query)
        resource, path = asked.get("resource", [""])[0], asked.get("path", [""])[0]
        if problem := check_resource(resource):
            return self._refuse(400, f"resource: {problem}")
        try:
            found = self._core.why(resource, path)
        except ValueError as error:
            return self._refuse(400, str(error))
        if found is None:
            return self._refuse(404, f"{resource} is not shared here")
        return json_answer(200, found, self._now())

    async def _operate(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            operation = await self._read_operation(request)
        except BadOperationError as error:
            return self._refuse(400, str(error))
        result = await self._operations.issue(operation)
        return json_answer(result.code, result.to_json(), self._now())

    async def _read_operation(self, request: web.BaseRequest) -> Operation:
        await answer_expectation(request)
        body = await read_whole(request, BODY_MAX)
        if body is None:
            raise BadOperationError("body", f"must be at most {BODY_MAX} bytes")
        try:
            return parse_operation(msgspec.json.decode(body), self._rng)
        except msgspec.DecodeError as error:
            raise BadOperationError("body", f"is not JSON: {error}") from error

    def _refuse(self, code: int, message: str) -> web.StreamResponse:
        return status_answer(code, message, self._now())

    def _metrics(self) -> str:
        """Prometheus text, by hand: a few gauges that a person would alarm on."""
        peers = _rows(self._core.sites(), "peers")
        gauges = {
            "collab_records": len(_rows(self._core.records(), "records")),
            "collab_conflicts": len(self._core.conflicts()),
            "collab_operations_pending": _count(self._core.operations(), "pending"),
            "collab_peers": len(peers),
            "collab_peers_live": _count(peers, "live"),
        }
        return "".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in gauges.items())


async def read_whole(request: web.BaseRequest, limit: int) -> bytes | None:
    """The request's body; None when it is longer than `limit` bytes."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _rows(view: Json, name: str) -> Sequence[Json]:
    found = view.get(name)
    return found if isinstance(found, list) else []


def _named(rows: Sequence[Json], member: str, value: str) -> Json | None:
    return next((row for row in rows if row.get(member) == value), None)


def _count(rows: Sequence[Mapping[str, object]], state: str) -> int:
    return sum(row.get("state") == state for row in rows)
