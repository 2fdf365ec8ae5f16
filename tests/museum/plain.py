"""A plain agent that shares namespaces as one would first write it down, and without the bug of any exhibit.

Each site holds a `Share` per resource, tells it whole to every site that was ever a member, again and again until that
site answers, and merges what it is told: the greater stamp wins. An exhibit is this agent with one method replaced, so
what its scenario finds is that method. What it lacks, beside speed: it does not show the losers of concurrent writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hashlib import sha256
from http import HTTPStatus
from random import Random
from typing import Final, Literal

import aiohttp
import msgspec
from aiohttp import web

from collab.agent.config import AgentConfig
from collab.agent.disk import Disk
from tests.museum.share import NOTHING, Label, Member, Share, merged

PEER_TIMEOUT_S: Final = 2.0
TELL_AGAIN_S: Final = 3.0
TOLD: Final = "/plain/v1/told"

Exit = Literal["keep", "delete"]


class Metadata(msgspec.Struct, frozen=True):
    labels: dict[str, str] = {}


class Namespace(msgspec.Struct, frozen=True):
    """What the agent reads of one."""

    metadata: Metadata = Metadata()


class Operation(msgspec.Struct, kw_only=True):
    """The body of `POST /collab/v1/operations`, as far as scenarios fill it."""

    verb: Literal["create", "extend", "retract", "reattach", "destroy"]
    resource: str
    members: list[str] = []
    manifest: Namespace = msgspec.field(name="object", default=Namespace())
    to: str = ""
    origin: str = msgspec.field(name="from", default="")
    exit: Exit = "keep"
    force: bool = False


class Refused(Exception):
    """The operation is not done; the text says why."""


class PlainAgent:
    """The interface that worlds need of an agent. `shares` holds what this site shares, or shared, by resource."""

    def __init__(self, config: AgentConfig, *, disk: Disk, now: Callable[[], float], rng: Random) -> None:
        self.site = config.site
        self.shares: dict[str, Share] = {}
        self.owed: dict[tuple[str, str], float] = {}
        """(site, resource) that has not heard the latest yet -> since when."""
        self.now = now
        self._config = config
        self._disk = disk
        self._rng = rng
        self._local = asyncio.Lock()
        self._tasks: dict[asyncio.Task[None], None] = {}

    # --- life

    async def start(self) -> None:
        self.remember()
        timeout = aiohttp.ClientTimeout(total=PEER_TIMEOUT_S)
        # identity: so that a search of the wire reads what was said
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"Accept-Encoding": "identity"})
        self._web = web.Server(self._answer)
        host, port = self._config.address
        self._server = await asyncio.get_running_loop().create_server(self._web, host, port)
        self.spawn(self._tell_again())

    def remember(self) -> None:
        """What the disk holds, after a crash. Who had heard of it is not known: everybody is told again."""
        kept = self._disk.read("shares")
        for share in msgspec.json.decode(kept, type=list[Share]) if kept else ():
            self.shares[share.resource] = share
            for site in sorted({*share.members} - {self.site}):
                self.owed[site, share.resource] = self.now()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.close()
        await self._web.shutdown(timeout=0.01)
        await self._session.close()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run `work` until the agent stops."""
        task = asyncio.ensure_future(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    # --- requests

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        match request.method, request.path:
            case "GET", "/collab/v1/records":
                return _json({"site": self.site, "records": [self._record(share) for share in self.shares.values()]})
            case "GET", "/collab/v1/conflicts":
                return _json({"conflicts": []})
            case "GET", "/collab/v1/operations":
                return _json({"operations": []})
            case "POST", "/collab/v1/operations":
                return await self._operate(msgspec.json.decode(body, type=Operation))
            case "POST", path if path == TOLD:
                return await self.hear(msgspec.json.decode(body, type=Share))
        return await self._pass(request, body)

    def _record(self, share: Share) -> dict[str, object]:
        joined = self.site in share.joined()
        return {
            "gid": share.gid,
            "resource": share.resource,
            "state": "member" if joined else "left",
            "owner": share.owner,
            "acting": joined and self.acts(share),
            "members": [{"site": site, "state": "member"} for site in share.joined()],
            "kinds": [],
            "digest": sha256(msgspec.json.encode(share, order="sorted")).hexdigest(),
            "valueDigest": sha256(msgspec.json.encode(share.values(), order="sorted")).hexdigest(),
        }

    async def _operate(self, operation: Operation) -> web.StreamResponse:
        verbs = {
            "create": self.create,
            "extend": self.extend,
            "retract": self.retract,
            "reattach": self.reattach,
            "destroy": self.destroy,
        }
        try:
            await verbs[operation.verb](operation)
        except Refused as error:
            return _json({"state": "refused", "message": str(error)}, HTTPStatus.CONFLICT)
        return _json({"state": "done", "gid": self.shares[operation.resource].gid})

    # --- verbs

    async def create(self, operation: Operation) -> None:
        if await self.is_taken(operation.resource):
            raise Refused(f"{operation.resource} is there already")
        labels = operation.manifest.metadata.labels
        share = Share(
            gid=f"{self.site}~{self._rng.getrandbits(32):x}.1",
            resource=operation.resource,
            ownership=(1, self.site),
            members={site: Member(stamp=(1, self.site), joined=True) for site in operation.members},
            labels={key: Label(stamp=self.stamp(0), value=value) for key, value in labels.items()},
        )
        await self.settle(operation.resource, lambda _: share)

    async def extend(self, operation: Operation) -> None:
        """Done when the new member has taken it; refused when it has a namespace of that name."""

        def extended(share: Share) -> Share:
            return share.with_member(operation.to, by=self.site, joined=True)

        if not await self.reach(operation.to, extended(self.shares[operation.resource])):
            raise Refused(f"{operation.to} does not take it")
        await self.settle(operation.resource, extended)

    async def retract(self, operation: Operation) -> None:
        await self.settle(
            operation.resource,
            lambda share: share.with_member(operation.origin, by=self.site, joined=False, exit=operation.exit),
        )

    async def reattach(self, operation: Operation) -> None:
        await self.settle(operation.resource, lambda share: share.with_owner(operation.to))

    async def destroy(self, operation: Operation) -> None:
        await self.settle(operation.resource, lambda share: share.without_members(by=self.site))

    # --- what the site holds

    async def settle(self, resource: str, change: Callable[[Share], Share]) -> None:
        """A change made here: durable and carried out here when this returns, and owed to everybody it concerns."""
        async with self._local:
            before = self.shares.get(resource, NOTHING)
            after = change(before)
            await self.keep(after)
        self._owe(before, after)

    def _owe(self, before: Share, after: Share) -> None:
        for site in self.audience(before, after):
            self.owed.setdefault((site, after.resource), self.now())
        self.spawn(self.tell_all())

    async def keep(self, share: Share) -> None:
        """Only inside `_local`: what is read, changed and written is one step."""
        self.shares[share.resource] = share
        self._disk.replace("shares", msgspec.json.encode(list(self.shares.values())))
        await self.carry_out(share)

    async def carry_out(self, share: Share) -> None:
        member = share.members.get(self.site)
        if member is not None and member.joined:
            await self.write_copy(share)
        elif member is not None and member.exit == "delete":
            await self.delete_copy(share.resource)

    async def write_copy(self, share: Share) -> None:
        status, copy = await self.local("GET", f"/api/v1/{share.resource}")
        if status == HTTPStatus.NOT_FOUND:
            name = share.resource.rpartition("/")[2]
            metadata = {"name": name, "labels": share.values()}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            await self.local("POST", "/api/v1/namespaces", body)
            return
        shown = labels_of(copy)
        wanted = {key: label.value for key, label in share.labels.items() if shown.get(key) != label.value}
        if wanted:
            await self.local("PATCH", f"/api/v1/{share.resource}", {"metadata": {"labels": wanted}})

    async def delete_copy(self, resource: str) -> None:
        await self.local("DELETE", f"/api/v1/{resource}")

    async def local(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """Status and document of the site's own apiserver."""
        kind = "merge-patch+json" if method == "PATCH" else "json"
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": f"application/{kind}"}
        url = self._config.apiserver.url + path
        async with self._session.request(method, url, data=data, headers=headers) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def _pass(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        """A user's own request, to the apiserver as it is; what it changed in a shared resource is told to the others."""
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        url = self._config.apiserver.url + request.path_qs
        async with self._local:
            async with self._session.request(request.method, url, data=body or None, headers=headers) as response:
                status, content = response.status, await response.read()
            before = self.shares.get(request.path.removeprefix("/api/v1/"), NOTHING)
            after = before
            if status == HTTPStatus.OK and self.site in before.joined():
                after = self._after(request.method, before, content)
            if after != before:
                await self.keep(after)
        if after != before:
            self._owe(before, after)
        return web.Response(status=status, body=content, content_type="application/json")

    def _after(self, method: str, share: Share, content: bytes) -> Share:
        """The share after a user's own request, which was answered with `content`."""
        if method == "DELETE":
            return self.deleted_here(share)
        return (
            self.with_changes(share, labels_of(msgspec.json.decode(content))) if method in ("PUT", "PATCH") else share
        )

    def with_changes(self, share: Share, shown: dict[str, str]) -> Share:
        changed = {
            key: Label(stamp=self.stamp(share.newest()), value=shown.get(key))
            for key in sorted({*share.labels, *shown} - {"kubernetes.io/metadata.name"})
            if shown.get(key) != share.values().get(key)
        }
        return msgspec.structs.replace(share, labels={**share.labels, **changed})

    # --- what an exhibit may replace

    def stamp(self, newest: int) -> tuple[int, str]:
        """Of a write here, where the newest stamp seen is `newest`: later than all that was seen."""
        return newest + 1, self.site

    def is_newer(self, told: Label, held: Label) -> bool:
        return told.stamp > held.stamp

    def deleted_here(self, share: Share) -> Share:
        """A user of this site deleted the copy here, plainly: the site leaves, and that is all."""
        return share.with_member(self.site, by=self.site, joined=False, exit="delete")

    def acts(self, share: Share) -> bool:
        """Whether this site acts as owner."""
        return share.owner == self.site

    def audience(self, before: Share, after: Share) -> list[str]:
        """Whom a change is owed to: the members after it and before it, so that leavers learn that they left."""
        return sorted({*before.joined(), *after.joined()} - {self.site})

    async def is_taken(self, resource: str) -> bool:
        """Whether a namespace of that name is here which nobody shares with us."""
        status, _ = await self.local("GET", f"/api/v1/{resource}")
        return status == HTTPStatus.OK

    def message(self, site: str, resource: str) -> Share:
        """What `site` is told of the resource."""
        return self.shares[resource]

    async def unreached(self, site: str, resource: str, silent_s: float) -> None:
        """`site` gave no answer, for `silent_s` by now: it is told again, however long that takes."""

    def reached(self, site: str, resource: str) -> None:
        """`site` has heard the latest."""
        self.owed.pop((site, resource), None)

    # --- telling and hearing

    async def _tell_again(self) -> None:
        while True:
            await asyncio.sleep(TELL_AGAIN_S)
            await self.tell_all()

    async def tell_all(self) -> None:
        await asyncio.gather(*(self._tell(site, resource) for site, resource in list(self.owed)))

    async def _tell(self, site: str, resource: str) -> None:
        since_s = self.owed[site, resource]
        share = self.message(site, resource)
        if not await self.reach(site, share):
            await self.unreached(site, resource, self.now() - since_s)
        elif self.message(site, resource) == share:
            self.reached(site, resource)

    async def reach(self, site: str, share: Share) -> bool:
        """Tell `site`; whether it took it."""
        try:
            url = f"http://{site}:{self._config.address[1]}{TOLD}"
            async with self._session.post(url, data=msgspec.json.encode(share)) as response:
                await response.read()
                return response.status == HTTPStatus.OK
        except (TimeoutError, aiohttp.ClientError):
            return False

    async def ask(self, site: str, path: str) -> bytes:
        """What another site's apiserver answers to a GET, through its agent; nothing when it does not."""
        try:
            async with self._session.get(f"http://{site}:{self._config.address[1]}{path}") as response:
                return await response.read() if response.status == HTTPStatus.OK else b""
        except (TimeoutError, aiohttp.ClientError):
            return b""

    async def hear(self, told: Share) -> web.StreamResponse:
        async with self._local:
            held = self.shares.get(told.resource, NOTHING)
            if held.gid != told.gid and await self.is_taken(told.resource):
                return _json({"message": f"{told.resource} is there already"}, HTTPStatus.CONFLICT)
            share = merged(held, told, self.is_newer) if held.gid == told.gid else told
            if share != held:
                await self.keep(share)
        return _json({})


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


def labels_of(copy: object) -> dict[str, str]:
    return msgspec.convert(copy, Namespace).metadata.labels
