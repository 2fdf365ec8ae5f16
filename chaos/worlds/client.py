"""One user's requests at a site, and how each ended: the same in every world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import aiohttp
import msgspec

from chaos.checks.history import LineType
from chaos.scenario.events import Operation
from chaos.worlds.views import CONFLICTS, losers_of

WRITE_ATTEMPTS: Final = 5
"""Reads and writes of one user, repeated while somebody else writes in between (409)."""

MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}


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


class Unsent(Exception):
    """The operation surely did not happen: what it needed before its own request failed."""


def problem_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True)
class Client:
    """Requests of one user to the site's agent, or to its apiserver."""

    session: aiohttp.ClientSession
    url: str

    async def command(self, operation: Operation) -> Answer:
        """A verb of the collaboration layer."""
        status, body = await self.send("POST", "/collab/v1/operations", command_body(operation))
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
            overrode = await self.shown_losers(operation.resource, "labels/", operation.patch)
            answer = replace(await self._replace(path, operation, current), overrode=overrode)
            if answer.code != 409:
                break
        return answer

    async def _read(self, path: str) -> dict[str, object] | Answer:
        try:
            status, body = await self.send("GET", path)
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise Unsent(f"reading first: {problem_of(error)}") from error
        if status != 200 or not isinstance(body, dict):
            return Answer("fail", code=status, detail={"problem": "reading first"})
        return body

    async def shown_losers(self, resource: str, prefix: str, keys: Iterable[str]) -> dict[str, list[str | None]]:
        """Losing values that this site shows now for what is about to be written: of the shared `resource` the paths
        `prefix` + key. None where nobody shows conflicts. Raises Unsent."""
        try:
            async with self.session.get(self.url + CONFLICTS) as response:
                losers = losers_of(await response.read()) if response.status == 200 else ()
        except (TimeoutError, aiohttp.ClientError, ConnectionError, msgspec.DecodeError) as error:
            raise Unsent(f"reading first: {problem_of(error)}") from error
        wanted = {f"{prefix}{key}": key for key in keys}
        found: dict[str, list[str | None]] = {}
        for loser in losers:
            if loser.resource == resource and loser.path in wanted:
                found.setdefault(wanted[loser.path], []).append(loser.value)
        return found

    async def _replace(self, path: str, operation: Operation, current: dict[str, object]) -> Answer:
        if operation.verb == "update":
            status, body = await self.send("PUT", path, updated(current, operation.patch))
        else:
            status, body = await self.send("PATCH", path, merge_patch(current, operation.patch), MERGE_PATCH)
        rv = version_of(body) if isinstance(body, dict) else None
        labels = labels_of(current)
        return Answer(
            write_type(status), code=status, rv=rv, seen={key: labels.get(key) for key in sorted(operation.patch)}
        )

    async def send(
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


def write_type(status: int) -> LineType:
    """A refusal surely changed nothing; a server's own trouble may have come after the write."""
    if status < 300:
        return "ok"
    return "fail" if status < 500 else "info"


def _command_type(status: int) -> Literal["ok", "fail", "info"]:
    """202 is a promise, not a deed."""
    return "info" if status == 202 or status in (500, 502, 503, 504) else ("ok" if status < 300 else "fail")


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
    return {"metadata": {"labels": dict(patch), "resourceVersion": version_of(current)}}


def updated(current: Mapping[str, object], patch: Mapping[str, str | None]) -> dict[str, object]:
    """The whole object for a PUT, its labels patched; its resourceVersion stays, so a PUT over a change is a 409."""
    labels = {key: value for key, value in {**labels_of(current), **patch}.items() if value is not None}
    metadata = current.get("metadata")
    return {**current, "metadata": {**(metadata if isinstance(metadata, dict) else {}), "labels": labels}}


def version_of(current: Mapping[str, object]) -> str | None:
    """The resourceVersion of an object or a list."""
    metadata = current.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else None
