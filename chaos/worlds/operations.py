"""The operations of a timeline as HTTP requests to the acting site's agent: the same in every world.

Shared by all worlds, so a world brings only its clock, its addresses and its client sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import aiohttp
import msgspec

from chaos.checks.history import History, Line, LineType
from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.timeline import Operation
from chaos.worlds.views import CONFLICTS, losers_of

CLIENT_TIMEOUT_S: Final = 30.0
"""How long a user waits for an answer; after it the operation is `info`: it may have happened."""
WRITE_ATTEMPTS: Final = 5
"""Reads and writes of one user, repeated while somebody else writes in between (409)."""

_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """How an operation ended. `seen` is what a write replaced, per label key; `overrode` the values that the site showed
    beside it as losers of a conflict, and that the write settles."""

    type: LineType
    code: int | None = None
    rv: str | None = None
    seen: Mapping[str, str | None] | None = None
    overrode: Mapping[str, list[str | None]] | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """The users of all sites. `now` gives seconds since the start; `agent_url` a site's agent, as its users reach it."""

    history: History
    now: Callable[[], float]
    agent_url: Callable[[str], str]
    session: Callable[[str], aiohttp.ClientSession]

    async def perform(self, operation: Operation) -> None:
        """Do `operation` and write both its ends into the history. Never raises for what a server or a link does."""
        value: dict[str, object] = {"resource": operation.resource, **_arguments(operation)}
        self._write("invoke", operation, value)
        answer = await self._answer(operation)
        if answer.seen is not None:
            value["seen"] = dict(answer.seen)
        if answer.overrode:
            value["overrode"] = dict(answer.overrode)
        self._write(answer.type, operation, {**value, **answer.detail}, answer)

    def _write(
        self, kind: LineType, operation: Operation, value: dict[str, object], answer: Answer | None = None
    ) -> None:
        self.history.add(
            Line(
                t=round(self.now(), NANOSECOND_DIGITS),
                process=operation.on,
                type=kind,
                f=operation.verb,
                id=operation.id,
                value=dict(value),
                rv=None if answer is None else answer.rv,
                code=None if answer is None else answer.code,
            )
        )

    async def _answer(self, operation: Operation) -> Answer:
        client = _Client(self.session(operation.on), self.agent_url(operation.on))
        try:
            if operation.verb in ("patch", "update"):
                return await client.write(operation)
            return await client.command(operation)
        except Unsent as error:
            return Answer("fail", detail={"problem": str(error)})
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            return Answer("info", detail={"problem": _problem(error)})


class Unsent(Exception):
    """The operation surely did not happen: what it needed before its own request failed."""


def _problem(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True)
class _Client:
    session: aiohttp.ClientSession
    url: str

    async def command(self, operation: Operation) -> Answer:
        """A verb of the collaboration layer."""
        status, body = await self._send("POST", "/collab/v1/operations", command_body(operation))
        members = body if isinstance(body, dict) else {}
        detail = {name: members[name] for name in ("id", "gid", "state", "message", "outcomes") if members.get(name)}
        return Answer(_command_type(status), code=status, detail=detail)

    async def write(self, operation: Operation) -> Answer:
        """Read, then write on the very resourceVersion that was read, so that `seen` is what was replaced."""
        path = f"/api/v1/{operation.resource}"
        answer = Answer("fail")
        for _ in range(WRITE_ATTEMPTS):
            current = await self._read(path)
            if isinstance(current, Answer):
                return current
            overrode = await self._shown_losers(operation)
            answer = replace(await self._replace(path, operation, current), overrode=overrode)
            if answer.code != 409:
                break
        return answer

    async def _read(self, path: str) -> dict[str, object] | Answer:
        try:
            status, body = await self._send("GET", path)
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise Unsent(f"reading first: {_problem(error)}") from error
        if status != 200 or not isinstance(body, dict):
            return Answer("fail", code=status, detail={"problem": "reading first"})
        return body

    async def _shown_losers(self, operation: Operation) -> dict[str, list[str | None]]:
        """Losing values that this site shows now for the labels about to be written; none where nobody shows conflicts."""
        try:
            async with self.session.get(self.url + CONFLICTS) as response:
                losers = losers_of(await response.read()) if response.status == 200 else ()
        except (TimeoutError, aiohttp.ClientError, ConnectionError, msgspec.DecodeError) as error:
            raise Unsent(f"reading first: {_problem(error)}") from error
        found: dict[str, list[str | None]] = {}
        for loser in losers:
            key = loser.path.removeprefix("labels/")
            if loser.resource == operation.resource and key in operation.patch:
                found.setdefault(key, []).append(loser.value)
        return found

    async def _replace(self, path: str, operation: Operation, current: dict[str, object]) -> Answer:
        if operation.verb == "update":
            status, body = await self._send("PUT", path, updated(current, operation.patch))
        else:
            status, body = await self._send("PATCH", path, merge_patch(current, operation.patch), _MERGE_PATCH)
        metadata = body.get("metadata") if isinstance(body, dict) else None
        rv = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        labels = labels_of(current)
        return Answer(
            _write_type(status), code=status, rv=rv, seen={key: labels.get(key) for key in sorted(operation.patch)}
        )

    async def _send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, object]:
        data = None if body is None else msgspec.json.encode(body)
        async with self.session.request(
            method, self.url + path, data=data, headers={"Content-Type": "application/json", **(headers or {})}
        ) as response:
            return response.status, _decoded(await response.read())


def _decoded(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None


def _write_type(status: int) -> LineType:
    """A refusal surely changed nothing; a server's own trouble may have come after the write."""
    if status < 300:
        return "ok"
    return "fail" if status < 500 else "info"


def _command_type(status: int) -> Literal["ok", "fail", "info"]:
    """202 is a promise, not a deed."""
    return "info" if status == 202 or status in (500, 502, 503, 504) else ("ok" if status < 300 else "fail")


def _arguments(operation: Operation) -> dict[str, object]:
    """What the history shows of an operation, beside its resource."""
    members: dict[str, object] = {
        "patch": dict(operation.patch),
        "scope": list(operation.scope),
        "to": operation.to,
        "from": operation.origin,
    }
    return {name: value for name, value in members.items() if value}


def command_body(operation: Operation) -> dict[str, object]:
    """The body of `POST /collab/v1/operations`."""
    optional: dict[str, object] = {
        "with": list(operation.kinds),
        "to": operation.to,
        "from": operation.origin,
        "role": operation.role,
        "exit": operation.exit,
        "force": operation.force,
        "members": list(operation.scope),
        "object": namespace(operation) if operation.verb == "create" else None,
    }
    given = {name: value for name, value in optional.items() if value}
    return {"verb": operation.verb, "resource": operation.resource, **given}


def namespace(operation: Operation) -> dict[str, object]:
    name = operation.resource.rpartition("/")[2]
    labels = {key: value for key, value in operation.patch.items() if value is not None}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def labels_of(current: Mapping[str, object]) -> dict[str, str]:
    metadata = current.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return dict(labels) if isinstance(labels, dict) else {}


def merge_patch(current: Mapping[str, object], patch: Mapping[str, str | None]) -> dict[str, object]:
    return {"metadata": {"labels": dict(patch), "resourceVersion": _version(current)}}


def updated(current: Mapping[str, object], patch: Mapping[str, str | None]) -> dict[str, object]:
    """The whole object for a PUT, its labels patched; its resourceVersion stays, so a PUT over a change is a 409."""
    labels = {key: value for key, value in {**labels_of(current), **patch}.items() if value is not None}
    metadata = current.get("metadata")
    return {**current, "metadata": {**(metadata if isinstance(metadata, dict) else {}), "labels": labels}}


def _version(current: Mapping[str, object]) -> object:
    metadata = current.get("metadata")
    return metadata.get("resourceVersion") if isinstance(metadata, dict) else None
