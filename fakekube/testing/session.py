"""What a body is given: the usual verbs, a namespace of its own, and names that nobody else uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fakekube.apiserver.request import Request
from fakekube.meta.objects import KubeObject
from fakekube.testing.arms import Arm
from fakekube.testing.reply import Events, NotHere, Reply, Unfaithful, equal, holds
from fakekube.testing.resources import NAMESPACES, Resource

USER_AGENT = "fakekube-conformance/1"
# A real cluster's controllers are this slow at worst; waits on the core's clock cost nothing.
PATIENCE_S = 30.0
POLL_S = 0.1

PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(slots=True)
class Watching:
    """An open watch of a body; every wait for an event is bounded."""

    events: Events

    def next(self, patience_s: float = PATIENCE_S) -> tuple[str, KubeObject]:
        """The next event that is no bookmark, as type and object. Raises Unfaithful when there is none."""
        while True:
            kind, found = self.any(patience_s)
            if kind != "BOOKMARK":
                return kind, found

    def any(self, patience_s: float = PATIENCE_S) -> tuple[str, KubeObject]:
        """The next event, bookmarks too."""
        event = self.events.next(patience_s)
        if event is None:
            raise Unfaithful("expected another event; " + ("the watch ended" if self.events.ended else "none came"))
        return str(event["type"]), event["object"]

    def named(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next `count` events."""
        return [(kind, str(found["metadata"]["name"])) for kind, found in (self.next() for _ in range(count))]

    def rest(self, patience_s: float = PATIENCE_S) -> list[tuple[str, KubeObject]]:
        """All events until the server ends the watch, which it must do within `patience_s` after the last."""
        found: list[tuple[str, KubeObject]] = []
        while (event := self.events.next(patience_s)) is not None:
            found.append((str(event["type"]), event["object"]))
        holds(self.events.ended, "the server to end the watch")
        return found


@dataclass(slots=True)
class Session:
    """Verbs give a `Reply`: `.obj(201)` is its object, `.refused(409, "Conflict")` its Status. Else Unfaithful is raised."""

    arm: Arm
    run: str
    namespace: str = ""
    _made: list[tuple[Resource, str]] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **query: object,
    ) -> Reply:
        """Any request; `body` is sent as JSON unless it is bytes."""
        return self._ask(method, path, body, headers, query)

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Reply:
        return self.arm.ask(self.request(method, path, body, headers, query))

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Request:
        """The request that `ask` sends."""
        sent = {"user-agent": USER_AGENT, "accept": "application/json"}
        if body is not None:
            sent["content-type"] = "application/json"
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        given = {
            name: str(value).lower() if value in (True, False) else str(value) for name, value in (query or {}).items()
        }
        return Request(
            method=method, path=path, query=urlencode(given), headers={**sent, **(headers or {})}, body=content
        )

    def path(self, resource: Resource, name: str = "", subresource: str = "") -> str:
        return resource.path(self.namespace, name, subresource)

    def create(self, resource: Resource, obj: KubeObject, subresource: str = "", **query: object) -> Reply:
        """POST of `obj`, with its apiVersion and kind filled in; a subresource is that of the object's name."""
        name = str(obj["metadata"].get("name", "")) if subresource else ""
        reply = self._ask("POST", self.path(resource, name, subresource), resource.named(obj), query=query)
        if not resource.namespaced and reply.status == 201 and not query.get("dryRun") and not subresource:
            self._made.append((resource, str(reply.document()["metadata"]["name"])))
        return reply

    def get(self, resource: Resource, name: str, subresource: str = "", **query: object) -> Reply:
        return self._ask("GET", self.path(resource, name, subresource), query=query)

    def list(self, resource: Resource, **query: object) -> Reply:
        return self._ask("GET", self.path(resource), query=query)

    def replace(self, resource: Resource, obj: KubeObject, subresource: str = "", **query: object) -> Reply:
        name = str(obj["metadata"]["name"])
        return self._ask("PUT", self.path(resource, name, subresource), resource.named(obj), query=query)

    def patch(
        self, resource: Resource, name: str, body: object, kind: str = "merge", subresource: str = "", **query: object
    ) -> Reply:
        """`kind`: json, merge, strategic or apply."""
        headers = {"content-type": PATCHES[kind]}
        return self._ask("PATCH", self.path(resource, name, subresource), body, headers, query=query)

    def apply(
        self, resource: Resource, obj: KubeObject, manager: str, *, force: bool = False, subresource: str = ""
    ) -> Reply:
        """Server-side apply of `obj` by `manager`."""
        name = str(obj["metadata"]["name"])
        body = resource.named(obj)
        return self.patch(resource, name, body, "apply", subresource, fieldManager=manager, force=force)

    def delete(self, resource: Resource, name: str, options: KubeObject | None = None, **query: object) -> Reply:
        return self._ask("DELETE", self.path(resource, name), options, query=query)

    @contextmanager
    def watching(
        self, resource: Resource, headers: Mapping[str, str] | None = None, **query: object
    ) -> Iterator[Watching]:
        """An open watch of the resource in the body's namespace. Raises Unfaithful when it is refused."""
        request = self.request("GET", self.path(resource), None, headers, {"watch": 1, **query})
        events = self.arm.watch(request)
        if isinstance(events, Reply):
            raise Unfaithful(f"expected a watch, got {events.status}: {events.body[:300].decode(errors='replace')}")
        try:
            yield Watching(events)
        finally:
            events.close()

    def until(self, condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Wait for background work. Raises Unfaithful when `condition` is not true within `patience_s`."""
        end = self.arm.now() + patience_s
        while not condition():
            if self.arm.now() >= end:
                raise Unfaithful(f"expected {what} within {patience_s:g} s")
            self.arm.sleep(POLL_S)

    def until_gone(self, resource: Resource, name: str) -> None:
        self.until(lambda: self.get(resource, name).status == 404, f"{resource.plural}/{name} to be gone")

    def open(self) -> None:
        """The body's namespace, with what every namespace has before pods can be made in it."""
        made = self.ask("POST", NAMESPACES.path(""), NAMESPACES.named({"metadata": {"generateName": f"{self.run}-"}}))
        self.namespace = str(made.obj(201)["metadata"]["name"])

    def close(self) -> None:
        """Ask for the removal of whatever the body made; a cluster does it after we are gone."""
        for resource, name in reversed(self._made):
            self.delete(resource, name)
        if self.namespace:
            equal(self.delete(NAMESPACES, self.namespace).status, 200, f"deleting namespace {self.namespace}")

    def need(self, feature: str) -> None:
        if feature not in self.arm.features:
            raise NotHere(f"needs {feature}")
