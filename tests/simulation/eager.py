"""A naive agent: it copies every write to all members at once, once, and forgets those it cannot reach.

It knows enough of the agents' API to be run by scenarios, and its bug is the oldest one: a write that a member misses
is never told again. It shows that worlds and checks need no collab, and that the checks see the bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from collab.agent.config import AgentConfig
from collab.agent.disk import Disk

PEER_TIMEOUT_S = 2.0
COPIED = "/naive/copy"


class EagerAgent:
    """Passes requests through; `create` and label changes go to every member, best effort."""

    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        self.config = config
        self.records: dict[str, dict[str, Any]] = {}
        self._disk = disk
        self._rng = rng
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PEER_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"Accept-Encoding": "identity"})
        self._web = web.Server(self._answer)
        host, _, port = self.config.listen.rpartition(":")
        self._server = await asyncio.get_running_loop().create_server(self._web, host, int(port))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._web.shutdown(timeout=0.01)
        await self._session.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        match request.path:
            case "/collab/v1/records":
                return _json({"site": self.config.site, "records": list(self.records.values())})
            case "/collab/v1/conflicts":
                return _json({"conflicts": []})
            case "/collab/v1/operations" if request.method == "GET":
                return _json({"operations": []})
            case "/collab/v1/operations":
                return await self._create(msgspec.json.decode(body))
            case path if path == COPIED:
                return await self._take(msgspec.json.decode(body))
        return await self._pass(request, body)

    async def _create(self, operation: dict[str, Any]) -> web.StreamResponse:
        members = operation["members"]
        record = self._record(operation["resource"], members, f"{self.config.site}~{self._rng.getrandbits(32):x}.1")
        copy = {"record": record, "object": operation["object"]}
        outcomes = {site: await self._copy_to(site, copy) for site in members}
        return _json({"state": "done", "code": 200, "gid": record["gid"], "outcomes": outcomes})

    def _record(self, resource: str, members: list[str], gid: str) -> dict[str, Any]:
        return {
            "gid": gid,
            "resource": resource,
            "state": "member",
            "owner": self.config.site,
            "acting": False,
            "members": [{"site": site, "state": "member"} for site in members],
            "kinds": [],
            "digest": "none",
            "valueDigest": "none",
        }

    async def _copy_to(self, site: str, copy: dict[str, Any]) -> str:
        if site == self.config.site:
            await self._take(copy)
            return "applied"
        try:
            async with self._session.post(f"http://{site}:8443{COPIED}", data=msgspec.json.encode(copy)):
                return "applied"
        except (TimeoutError, aiohttp.ClientError):
            return "pending"

    async def _take(self, copy: dict[str, Any]) -> web.StreamResponse:
        record = {**copy["record"], "acting": copy["record"]["owner"] == self.config.site}
        self.records[record["resource"]] = record
        self._disk.replace("records", msgspec.json.encode(list(self.records.values())))
        path, labels = f"/api/v1/{record['resource']}", copy["object"]["metadata"]["labels"]
        if "name" in copy["object"]["metadata"]:
            await self._local("POST", "/api/v1/namespaces", copy["object"])
        else:
            await self._local("PATCH", path, {"metadata": {"labels": labels}})
        return _json({})

    async def _local(self, method: str, path: str, body: object) -> None:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Content-Type": f"application/{kind}"}
        url = self.config.apiserver.url + path
        async with self._session.request(method, url, data=msgspec.json.encode(body), headers=headers) as response:
            await response.read()

    async def _pass(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        url = self.config.apiserver.url + request.path_qs
        async with self._session.request(request.method, url, data=body or None, headers=headers) as response:
            content = await response.read()
        resource = request.path.removeprefix("/api/v1/")
        if request.method in ("PUT", "PATCH") and response.status == 200 and resource in self.records:
            await self._tell(self.records[resource], msgspec.json.decode(content)["metadata"]["labels"])
        return web.Response(status=response.status, body=content, content_type="application/json")

    async def _tell(self, record: dict[str, Any], labels: dict[str, str]) -> None:
        copy = {"record": record, "object": {"metadata": {"labels": labels}}}
        others = [member["site"] for member in record["members"] if member["site"] != self.config.site]
        await asyncio.gather(*(self._copy_to(site, copy) for site in others))


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
