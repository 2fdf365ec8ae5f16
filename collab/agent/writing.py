"""Writes at every site of a scope `a & b`: a namespace is made as a record, later writes go by the record."""

from __future__ import annotations

import random

from aiohttp import web

from collab.agent.answers import json_answer, status_answer
from collab.agent.api import BODY_MAX, read_whole
from collab.agent.core import Core
from collab.agent.link import Answered, Lost, Outcome
from collab.agent.manifest import BadManifest, read_manifest, stamped, unmarked
from collab.agent.operations import Operations
from collab.agent.passing import SCOPE_HEADER, answer_expectation, request_headers
from collab.agent.scoping import SCOPE_ANNOTATION, ScopedRequest
from collab.agent.sharing import Shared, shared_namespaces
from collab.agent.sites import CREDENTIALS, Sites, handed_on, outcome_headers, without
from collab.protocol.names import SiteName, check_resource
from collab.protocol.operations import DEFAULT_TIMEOUT_S, Operation, OperationResult, draw_operation_id
from fakekube.meta.objects import KubeObject, name_of

HANDED_HEADER = "X-Collab-Handed-By"
WRITE_S = 30.0  # as long as the apiserver itself gives a request


class Writing:
    """Writes under a scope with one alternative of several sites."""

    def __init__(self, sites: Sites, core: Core, operations: Operations, rng: random.Random) -> None:
        self._sites = sites
        self._core = core
        self._operations = operations
        self._rng = rng

    async def create(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """A namespace becomes a record whose members are the sites; content of a shared one is a local write."""
        if not scoped.target.is_namespace:
            return await self.write(request, scoped)
        try:
            manifest = stamped(await read_body_manifest(request), {SCOPE_ANNOTATION: scoped.text})
        except BadManifest as error:
            return self._sites.refuse(error.code, str(error))
        resource = f"namespaces/{name_of(manifest)}"
        if problem := check_resource(resource):
            return self._sites.refuse(400, problem)
        operation = Operation(
            id=draw_operation_id(self._rng),
            verb="create",
            resource=resource,
            members=scoped.alternatives[0],
            scope=scoped.text,
            manifest=manifest,
            timeout_s=scoped.target.timeout_s or DEFAULT_TIMEOUT_S,
            dry_run="dryRun" in scoped.target.query,
        )
        return self._created(await self._operations.issue(operation))

    def _created(self, result: OperationResult) -> web.StreamResponse:
        headers = outcome_headers(result.outcomes)
        if result.state == "refused":
            return status_answer(result.code, result.message, self._sites.now(), headers)
        if "applied" in result.outcomes.values() and result.manifest is not None:
            return json_answer(201, result.manifest, self._sites.now(), headers)
        return status_answer(202, f"{result.message} (operation {result.id}, pending)", self._sites.now(), headers)

    async def delete(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """Under the full scope a DELETE of the namespace is one everywhere."""
        settled = await self._settled_elsewhere(request, scoped)
        if settled is not None:
            return settled
        if not scoped.target.is_namespace:
            what = f"deleting {scoped.target.resource} at several sites"
            return self._sites.refuse(501, f"{what} is not supported yet; delete it at one site that shares it")
        operation = Operation(
            id=draw_operation_id(self._rng),
            verb="destroy",
            resource=f"namespaces/{scoped.target.name}",
            scope=scoped.text,
            timeout_s=scoped.target.timeout_s or DEFAULT_TIMEOUT_S,
            dry_run="dryRun" in scoped.target.query,
        )
        result = await self._operations.issue(operation)
        headers = outcome_headers(result.outcomes)
        if result.state == "done":
            return json_answer(200, _success(scoped), self._sites.now(), headers)
        return status_answer(result.code, f"{result.message} (operation {result.id})", self._sites.now(), headers)

    async def write(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """A write to a shared object: done here, and carried to the other members by the record."""
        settled = await self._settled_elsewhere(request, scoped)
        if settled is not None:
            return settled
        own, headers = self._sites.own, without(request_headers(request), ("Content-Length",))
        body = unmarked(await read_body(request), request.headers.get("Content-Type", ""))
        outcome = await self._sites.call(request.method, own, scoped.target.text, headers, body, WRITE_S)
        if isinstance(outcome, Lost):
            return self._sites.unreachable({own: outcome})
        if outcome.status >= 300:
            return handed_on(outcome, [])
        elsewhere = {site: "pending" for site in scoped.alternatives[0] if site != own}
        return handed_on(outcome, outcome_headers({own: "applied", **elsewhere}))

    async def _settled_elsewhere(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse | None:
        """The answer when this write is not this site's to do: a member's, or a refusal; None when it is."""
        sites, own = scoped.alternatives[0], self._sites.own
        shared = shared_namespaces(self._core.records()).get(scoped.target.namespace or scoped.target.name)
        if own not in sites or (shared is None and HANDED_HEADER not in request.headers):
            others = [site for site in sites if site != own]
            answer, passed = await self._hand_over(request, scoped, others)
            if answer is not None or own not in sites:
                return answer or self._sites.unreachable(passed)
        why = self._why_not(scoped, shared)
        return self._sites.refuse(409, why) if why else None

    def _why_not(self, scoped: ScopedRequest, shared: Shared | None) -> str:
        """Why the scope does not fit the record, with the way out; "" when it does."""
        sites, target = scoped.alternatives[0], scoped.target
        what = f"namespaces/{target.namespace or target.name}"
        if shared is None:
            other = next(site for site in sites if site != self._sites.own)
            return f"{what} is not shared at site {self._sites.own}; share it first: collab extend {what} --to {other}"
        if not shared.covers(target):
            kinds = ", ".join(sorted(shared.kinds)) or "no content"
            return (
                f"{target.resource} of {what} are not shared ({kinds} is); write them at one site, "
                f"or name them when it is extended: --with {target.resource}"
            )
        if set(shared.members) != set(sites):
            members = " & ".join(shared.members)
            return (
                f"{what} is shared by {members!r}, the scope names {scoped.text!r}; use the scope {members!r}, "
                f"or change the members with collab extend or collab retract"
            )
        return ""

    async def _hand_over(
        self, request: web.BaseRequest, scoped: ScopedRequest, others: list[SiteName]
    ) -> tuple[web.StreamResponse | None, dict[SiteName, Outcome]]:
        """The answer of the first of `others` that gives one: it acts as the ingress, and hands over no further.

        Without an answer, who was tried; a try is the last once bytes were sent.
        """
        passed: dict[SiteName, Outcome] = {}
        body = await read_body(request)
        headers = without(request_headers(request), CREDENTIALS)
        headers[SCOPE_HEADER], headers[HANDED_HEADER] = scoped.text, self._sites.own
        for site in others:
            outcome = await self._sites.call(request.method, site, scoped.target.text, headers, body, WRITE_S)
            if isinstance(outcome, Answered):
                return handed_on(outcome, []), passed
            passed[site] = outcome
            if outcome.sent:
                break
        return None, passed


async def read_body(request: web.BaseRequest) -> bytes:
    """The request's body; what is longer than BODY_MAX is as good as none, and refused as such by the server."""
    await answer_expectation(request)
    return await read_whole(request, BODY_MAX) or b""


async def read_body_manifest(request: web.BaseRequest) -> KubeObject:
    """The object to create. Raises BadManifest."""
    return read_manifest(await read_body(request), request.headers.get("Content-Type", ""))


def _success(scoped: ScopedRequest) -> KubeObject:
    details = {"name": scoped.target.name, "kind": scoped.target.resource}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
