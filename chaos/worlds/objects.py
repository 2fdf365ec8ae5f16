"""What any client of Kubernetes does with a namespace and the ConfigMaps in it: get, list, apply, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from chaos.checks.writes import data_prefix
from chaos.scenario.events import Operation
from chaos.scenario.workload import shared_part
from chaos.worlds.client import (
    MERGE_PATCH,
    WRITE_ATTEMPTS,
    Answer,
    Client,
    Unsent,
    labels_of,
    problem_of,
    version_of,
    write_type,
)

OBJECT_VERBS: Final = ("get", "list", "apply", "delete")

_ABSENT: Final = 404
_CONFLICT: Final = 409


async def act_on_object(client: Client, operation: Operation) -> Answer:
    """Raises what the connection raises, and Unsent for a write that was not sent."""
    path = f"/api/v1/{operation.resource}"
    match operation.verb:
        case "get":
            return _read(await client.send("GET", path), operation.resource)
        case "list":
            return _listed(await client.send("GET", f"{path}/configmaps"))
        case "delete":
            status, _ = await client.send("DELETE", path)
            return Answer(write_type(status), code=status)
        case _:
            return await _apply(client, operation)


def _read(answer: tuple[int, object], resource: str) -> Answer:
    """That nothing is there is an answer too: `read` is then None."""
    status, body = answer
    if status == _ABSENT:
        return Answer("ok", code=status, detail={"read": None})
    if status != 200 or not isinstance(body, dict):
        return Answer("fail", code=status)
    detail = {"read": content_of(body, resource), "uid": body.get("metadata", {}).get("uid")}
    return Answer("ok", code=status, rv=version_of(body), detail=detail)


def _listed(answer: tuple[int, object]) -> Answer:
    status, body = answer
    if status != 200 or not isinstance(body, dict):
        return Answer("fail", code=status)
    found: dict[str, str] = {}
    for item in body.get("items", ()):
        found |= content_of(item, f"namespaces/x/configmaps/{item['metadata']['name']}")
    return Answer("ok", code=status, rv=version_of(body), detail={"read": found})


def content_of(body: Mapping[str, object], resource: str) -> dict[str, str]:
    """Values by the paths that views use: `labels/crop`, `configmaps/settings/data/key`."""
    name = resource.partition("/configmaps/")[2]
    prefix = f"configmaps/{name}/" if name else ""
    data = body.get("data")
    values = {f"{prefix}data/{key}": value for key, value in sorted(data.items())} if isinstance(data, dict) else {}
    return {f"{prefix}labels/{key}": value for key, value in sorted(labels_of(body).items())} | values


async def _apply(client: Client, operation: Operation) -> Answer:
    """Make the ConfigMap, or merge the data into what was read, on the resourceVersion that was read."""
    answer = Answer("fail")
    for _ in range(WRITE_ATTEMPTS):
        answer = await _apply_once(client, operation)
        if answer.code != _CONFLICT:
            break
    return answer


async def _apply_once(client: Client, operation: Operation) -> Answer:
    path = f"/api/v1/{operation.resource}"
    try:
        status, current = await client.send("GET", path)
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
        raise Unsent(f"reading first: {problem_of(error)}") from error
    overrode: dict[str, list[str | None]] = {}
    if status == _ABSENT:
        status, body = await client.send("POST", path.rpartition("/")[0], _configmap(operation))
        before: Mapping[str, object] = {}
    elif status == 200 and isinstance(current, dict):
        resource = operation.resource
        overrode = await client.shown_losers(shared_part(resource), data_prefix(resource), operation.data)
        patch = {"metadata": {"resourceVersion": version_of(current)}, "data": dict(operation.data)}
        before = current.get("data") or {}
        status, body = await client.send("PATCH", path, patch, MERGE_PATCH)
    else:
        return Answer("fail", code=status, detail={"problem": "reading first"})
    rv = version_of(body) if isinstance(body, dict) else None
    seen = {key: _text(before.get(key)) for key in sorted(operation.data)}
    return Answer(write_type(status), code=status, rv=rv, seen=seen, overrode=overrode)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _configmap(operation: Operation) -> dict[str, object]:
    data = {key: value for key, value in operation.data.items() if value is not None}
    name = operation.resource.rpartition("/")[2]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
