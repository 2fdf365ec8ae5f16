"""Requests under a scope: planned first, then carried out at one alternative, or at the first that can be reached.

No call is made outside the alternative that is being tried. What cannot be done yet is refused with 501.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from collab.agent.answers import OUTCOME_HEADER, UNREACHABLE_HEADER, json_answer, json_bytes, status_answer, warning
from collab.agent.api import BODY_MAX, read_whole
from collab.agent.config import AgentConfig
from collab.agent.core import Core
from collab.agent.gather import SiteAnswer, merge, reached
from collab.agent.kube import parse_object
from collab.agent.link import ANSWER_S, Answered, Lost, Outcome, exchange
from collab.agent.manifest import BadManifest, read_manifest, stamped
from collab.agent.operations import Operations
from collab.agent.passing import SCOPE_HEADER, Upstream, answer_expectation, end_to_end, relay, request_headers
from collab.agent.scoping import OPERATION_ANNOTATION, SCOPE_ANNOTATION, ScopedRequest
from collab.agent.sharing import Shared, shared_namespaces, shared_of
from collab.agent.upgrade import is_upgrade, splice
from collab.protocol.names import SiteName, check_resource
from collab.protocol.operations import DEFAULT_TIMEOUT_S, Operation, OperationResult, draw_operation_id
from collab.scope import Alternative
from fakekube.meta.objects import KubeObject, name_of

FORWARD_S = 30.0  # for the head of a forwarded answer; its body may go on for as long as a watch does
RECORDS_PATH = "/collab/v1/records"
# what a client shows its own apiserver is not for other sites
_CREDENTIALS = ("Authorization", "Cookie")

_Carry: TypeAlias = Callable[[web.BaseRequest, ScopedRequest], Awaitable[web.StreamResponse]]


class Scoped:
    """Carries out scoped requests for one site's proxy."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        core: Core,
        session: aiohttp.ClientSession,
        local: Upstream,
        operations: Operations,
        rng: random.Random,
        now: Callable[[], float],
    ) -> None:
        self._config = config
        self._site = SiteName(config.site)
        self._core = core
        self._session = session
        self._local = local
        self._operations = operations
        self._rng = rng
        self._now = now
        self._everywhere: dict[str, _Carry] = {
            "get": self._read,
            "list": self._read,
            "create": self._create,
            "update": self._write,
            "patch": self._write,
            "delete": self._delete,
        }
        self._first: dict[str, _Carry] = {"get": self._read, "list": self._read, "create": self._create_at_first}

    async def answer(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """The answer to one scoped request for a resource."""
        if site := scoped.one_site:
            return await self._forward(request, scoped, site)
        carries = self._everywhere if len(scoped.alternatives) == 1 else self._first
        carry = carries.get(scoped.target.verb)
        if carry is None or (scoped.target.subresource and scoped.target.verb != "get"):
            what = " ".join(filter(None, (scoped.target.verb, scoped.target.resource, scoped.target.subresource)))
            return self._refuse(
                501, f"{what} under scope {scoped.text!r} is not supported yet; use a scope of one site"
            )
        return await carry(request, scoped)

    # -- one site -----------------------------------------------------------------------------------------------

    async def _forward(self, request: web.BaseRequest, scoped: ScopedRequest, site: SiteName) -> web.StreamResponse:
        """Act there as a plain request, a watch or an upgrade included."""
        upstream = self._upstream(site)
        outcome: web.StreamResponse | Lost
        if is_upgrade(request):
            outcome = await splice(request, upstream, scoped.target.text)
        else:
            drop = () if site == self._site else _CREDENTIALS
            outcome = await relay(self._session, request, upstream, scoped.target.text, drop=drop, answer_s=FORWARD_S)
        return self._unreachable({site: outcome}) if isinstance(outcome, Lost) else outcome

    # -- reads --------------------------------------------------------------------------------------------------

    async def _read(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """The first alternative of which a site answers; what was passed over is named in Warnings."""
        passed: dict[SiteName, Outcome] = {}
        for sites in scoped.alternatives:
            answers = await self._ask(request, scoped, sites)
            if any(answer.reached for answer in answers):
                return self._merged(answers, scoped, passed)
            passed.update({answer.site: answer.outcome for answer in answers})
        return self._unreachable(passed)

    async def _ask(self, request: web.BaseRequest, scoped: ScopedRequest, sites: Alternative) -> list[SiteAnswer]:
        """Every site of the alternative at once. Pages are not asked for: a continue token is one site's own."""
        target = scoped.target.without("limit", "continue") if len(sites) > 1 else scoped.target.text
        headers = _plain_json(request)
        return list(await asyncio.gather(*(self._ask_one(site, target, headers, len(sites) > 1) for site in sites)))

    async def _ask_one(self, site: SiteName, target: str, headers: CIMultiDict[str], with_records: bool) -> SiteAnswer:
        asked = self._call("GET", site, target, headers)
        if not with_records:
            return SiteAnswer(site=site, outcome=await asked, shared={})
        outcome, shared = await asyncio.gather(asked, self._shared_at(site))
        return SiteAnswer(site=site, outcome=outcome, shared=shared)

    async def _shared_at(self, site: SiteName) -> dict[str, Shared]:
        if site == self._site:
            return shared_namespaces(self._core.records())
        outcome = await self._call("GET", site, RECORDS_PATH, CIMultiDict())
        return shared_namespaces(parse_object(outcome.body)) if isinstance(outcome, Answered) else {}

    def _merged(
        self, answers: list[SiteAnswer], scoped: ScopedRequest, passed: Mapping[SiteName, Outcome]
    ) -> web.StreamResponse:
        warnings = [warning(f"site {site}: {_why(outcome)}") for site, outcome in passed.items()]
        if len(answers) == 1 and isinstance(answers[0].outcome, Answered):
            return _handed_on(answers[0].outcome, warnings)
        if not any(answer.succeeded for answer in answers):
            refusal = next(answer.outcome for answer in answers if answer.reached)
            assert isinstance(refusal, Answered), "a site that was reached has answered"
            return _handed_on(refusal, warnings)
        gathered = merge(answers, scoped.target)
        return json_answer(200, gathered.body, self._now(), [*warnings, *map(warning, gathered.warnings)])

    # -- writes at every site -----------------------------------------------------------------------------------

    async def _create(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """A namespace becomes a record whose members are the sites; content of a shared one is a local write."""
        if not scoped.target.is_namespace:
            return await self._write(request, scoped)
        try:
            manifest = stamped(await self._manifest(request), {SCOPE_ANNOTATION: scoped.text})
        except BadManifest as error:
            return self._refuse(error.code, str(error))
        resource = f"namespaces/{name_of(manifest)}"
        if problem := check_resource(resource):
            return self._refuse(400, problem)
        operation = Operation(
            id=draw_operation_id(self._rng),
            verb="create",
            resource=resource,
            members=scoped.alternatives[0],
            scope=scoped.text,
            manifest=manifest,
            timeout_s=DEFAULT_TIMEOUT_S,
            dry_run="dryRun" in scoped.target.query,
        )
        return self._created(await self._operations.issue(operation))

    def _created(self, result: OperationResult) -> web.StreamResponse:
        headers = _outcome_headers(result.outcomes)
        if result.state == "refused":
            return status_answer(result.code, result.message, self._now(), headers)
        if "applied" in result.outcomes.values() and result.manifest is not None:
            return json_answer(201, result.manifest, self._now(), headers)
        return status_answer(202, f"{result.message} (operation {result.id}, pending)", self._now(), headers)

    async def _delete(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """Under the full scope a DELETE of the namespace is one everywhere."""
        refusal = await self._refusal(request, scoped)
        if refusal is not None:
            return refusal
        if not scoped.target.is_namespace:
            what = f"deleting {scoped.target.resource} at several sites"
            return self._refuse(501, f"{what} is not supported yet; delete it at one site that shares it")
        operation = Operation(
            id=draw_operation_id(self._rng),
            verb="destroy",
            resource=f"namespaces/{scoped.target.name}",
            scope=scoped.text,
            dry_run="dryRun" in scoped.target.query,
        )
        result = await self._operations.issue(operation)
        headers = _outcome_headers(result.outcomes)
        if result.state == "done":
            return json_answer(200, _success(scoped), self._now(), headers)
        return status_answer(result.code, f"{result.message} (operation {result.id})", self._now(), headers)

    async def _write(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """A write to a shared object: done here, and carried to the other members by the record."""
        refusal = await self._refusal(request, scoped)
        if refusal is not None:
            return refusal
        body = await self._body(request)
        outcome = await self._call(
            request.method, self._site, scoped.target.text, request_headers(request), body, FORWARD_S
        )
        if isinstance(outcome, Lost):
            return self._unreachable({self._site: outcome})
        if outcome.status >= 300:
            return _handed_on(outcome, [])
        elsewhere = {site: "pending" for site in scoped.alternatives[0] if site != self._site}
        return _handed_on(outcome, _outcome_headers({self._site: "applied", **elsewhere}))

    async def _refusal(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse | None:
        """Why this write cannot be done under this scope; or the answer of a member, when this site is none."""
        sites = scoped.alternatives[0]
        if self._site not in sites:
            return await self._hand_over(request, scoped)
        shared = shared_of(scoped.target, shared_namespaces(self._core.records()))
        what = f"namespaces/{scoped.target.namespace or scoped.target.name}"
        if shared is None:
            return self._refuse(
                409,
                f"{scoped.target.resource} of {what} are not shared here; share them first: "
                f"collab extend {what} --to {next(site for site in sites if site != self._site)}",
            )
        if set(shared.members) != set(sites):
            members = " & ".join(shared.members)
            return self._refuse(
                409,
                f"{what} is shared by {members!r}, the scope names {scoped.text!r}; use the scope {members!r}, "
                f"or change the members with collab extend or collab retract",
            )
        return None

    async def _hand_over(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """This site is not in the scope: a site that is acts as the ingress. A try is over once bytes were sent."""
        passed: dict[SiteName, Outcome] = {}
        body = await self._body(request)
        headers = _without(request_headers(request), _CREDENTIALS)
        headers[SCOPE_HEADER] = scoped.text
        for site in scoped.alternatives[0]:
            outcome = await self._call(request.method, site, scoped.target.text, headers, body, FORWARD_S)
            if isinstance(outcome, Answered):
                return _handed_on(outcome, [])
            passed[site] = outcome
            if outcome.sent:
                break
        return self._unreachable(passed)

    # -- the first site that can be reached ---------------------------------------------------------------------

    async def _create_at_first(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """Falls through on unreachable only. A try that may have arrived is named: its copy may turn up."""
        if any(len(sites) > 1 for sites in scoped.alternatives):
            return self._refuse(501, f"create under {scoped.text!r} is not supported yet; use 'a & b' or 'a | b'")
        operation = draw_operation_id(self._rng)
        try:
            notes = {SCOPE_ANNOTATION: scoped.text, OPERATION_ANNOTATION: operation}
            manifest = stamped(await self._manifest(request), notes)
        except BadManifest as error:
            return self._refuse(error.code, str(error))
        headers = _plain_json(request)
        passed: dict[SiteName, Outcome] = {}
        for (site,) in scoped.alternatives:
            outcome = await self._post(site, scoped, manifest, headers)
            if reached(outcome):
                assert isinstance(outcome, Answered), "a site that was reached has answered"
                return _handed_on(outcome, self._first_headers(site, outcome, passed, operation))
            passed[site] = outcome
        return self._unreachable(passed, f"operation {operation}")

    async def _post(
        self, site: SiteName, scoped: ScopedRequest, manifest: KubeObject, headers: CIMultiDict[str]
    ) -> Outcome:
        sent = CIMultiDict(headers)
        sent["Content-Type"] = "application/json"
        return await self._call("POST", site, scoped.target.text, sent, json_bytes(manifest))

    def _first_headers(
        self, site: SiteName, outcome: Answered, passed: Mapping[SiteName, Outcome], operation: str
    ) -> list[tuple[str, str]]:
        said = "applied" if outcome.status < 300 else f"rejected:{outcome.status}"
        maybe = {other: "pending" for other, lost in passed.items() if _may_have_arrived(lost)}
        headers = [(OUTCOME_HEADER, _outcomes({**maybe, site: said}))]
        for other, lost in passed.items():
            text = f"site {other}: {_why(lost)}"
            if other in maybe:
                text += f"; a copy made by operation {operation} may turn up there"
            headers.append(warning(text))
        return headers

    # -- calls --------------------------------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        site: SiteName,
        target: str,
        headers: CIMultiDict[str],
        body: bytes | None = None,
        answer_s: float | None = None,
    ) -> Outcome:
        upstream = self._upstream(site)
        sent = headers if site == self._site else _without(headers, _CREDENTIALS)
        return await exchange(
            self._session,
            method,
            upstream.at(target),
            headers=sent,
            body=body,
            tls=upstream.tls,
            answer_s=answer_s or ANSWER_S,
        )

    def _upstream(self, site: SiteName) -> Upstream:
        """The local apiserver, or another site's agent."""
        return self._local if site == self._site else Upstream(url=self._config.resolve(site, ""))

    async def _body(self, request: web.BaseRequest) -> bytes:
        await answer_expectation(request)
        return await read_whole(request, BODY_MAX) or b""

    async def _manifest(self, request: web.BaseRequest) -> KubeObject:
        return read_manifest(await self._body(request), request.headers.get("Content-Type", ""))

    def _refuse(self, code: int, message: str) -> web.StreamResponse:
        return status_answer(code, message, self._now())

    def _unreachable(self, passed: Mapping[SiteName, Outcome], about: str = "") -> web.StreamResponse:
        """Nobody answered: 502 when surely nothing was done, 504 when something may have been."""
        maybe = any(_may_have_arrived(outcome) for outcome in passed.values())
        text = "; ".join(f"site {site} cannot be reached: {_why(outcome)}" for site, outcome in passed.items())
        message = f"{text} ({about})" if about else text
        headers = [(UNREACHABLE_HEADER, "unknown" if maybe else "not-sent")]
        return status_answer(504 if maybe else 502, message, self._now(), headers)


def _handed_on(outcome: Answered, headers: list[tuple[str, str]]) -> web.StreamResponse:
    """Another's answer, with headers of ours added."""
    kept = end_to_end(outcome.headers)
    kept.popall("Content-Length", None)
    for name, value in headers:
        kept.add(name, value)
    return web.Response(status=outcome.status, reason=outcome.reason, body=outcome.body, headers=kept)


def _plain_json(request: web.BaseRequest) -> CIMultiDict[str]:
    """The client's headers for a body that will be read here: JSON, uncompressed, and no body's own."""
    headers = _without(request_headers(request), ("Accept-Encoding", "Content-Length", "Content-Type"))
    wanted = [part.strip() for part in headers.get("Accept", "").split(",")]
    json_only = [part for part in wanted if part.startswith("application/json")]
    headers["Accept"] = ",".join(json_only) or "application/json"
    return headers


def _without(headers: CIMultiDict[str], names: tuple[str, ...]) -> CIMultiDict[str]:
    left_out = {name.lower() for name in names}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def _may_have_arrived(outcome: Outcome) -> bool:
    """Whether a request that was not answered may have been carried out all the same."""
    if isinstance(outcome, Lost):
        return outcome.sent
    return outcome.header(UNREACHABLE_HEADER) != "not-sent"


def _why(outcome: Outcome) -> str:
    if isinstance(outcome, Lost):
        return outcome.why
    return str(parse_object(outcome.body).get("message") or f"{outcome.status} {outcome.reason}")


def _outcome_headers(outcomes: Mapping[SiteName, str]) -> list[tuple[str, str]]:
    """X-Collab-Outcome, and a Warning for each site where it is not done."""
    if not outcomes:
        return []
    warnings = [warning(f"site {site}: {said}") for site, said in sorted(outcomes.items()) if said != "applied"]
    return [(OUTCOME_HEADER, _outcomes(outcomes)), *warnings]


def _outcomes(outcomes: Mapping[SiteName, str]) -> str:
    return ", ".join(f"{site}={said}" for site, said in sorted(outcomes.items()))


def _success(scoped: ScopedRequest) -> KubeObject:
    details = {"name": scoped.target.name, "kind": scoped.target.resource}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
