"""The proxy in front of one apiserver: unscoped requests pass through untouched, scoped ones go where they belong."""

from __future__ import annotations

import random
from collections.abc import Callable

import aiohttp
from aiohttp import web

from collab.agent.answers import UNREACHABLE_HEADER, status_answer, warning
from collab.agent.config import AgentConfig
from collab.agent.core import Core
from collab.agent.kube import LocalApiserver
from collab.agent.link import Lost
from collab.agent.operations import Operations
from collab.agent.passing import SCOPE_HEADER, Upstream, relay
from collab.agent.scoped import Scoped
from collab.agent.scoping import read_scoped, split_scope
from collab.agent.sharing import shared_namespaces
from collab.agent.target import read_target
from collab.agent.upgrade import is_upgrade, splice
from collab.scope import ScopeError


class Proxy:
    """Answers every request that is not the agent's own. Unscoped ones are never refused."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        core: Core,
        session: aiohttp.ClientSession,
        local: LocalApiserver,
        operations: Operations,
        rng: random.Random,
        now: Callable[[], float],
    ) -> None:
        self._site = config.site
        self._knows = config.knows
        self._core = core
        self._session = session
        self._local = Upstream(url=local.url, tls=local.tls)
        self._now = now
        self._scoped = Scoped(
            config, core=core, session=session, local=self._local, operations=operations, rng=rng, now=now
        )

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            text, target = split_scope(request.raw_path, request.headers.get(SCOPE_HEADER))
            if text is None:
                return await self._pass_through(request, target)
            scoped = read_scoped(text, request.method, target, self._knows)
        except ScopeError as error:
            return status_answer(error.code, str(error), self._now())
        if not scoped.target.resource:
            # discovery, OpenAPI and version under a scope are the local site's
            return await self._pass_through(request, target)
        return await self._scoped.answer(request, scoped)

    async def _pass_through(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        if is_upgrade(request):
            outcome = await splice(request, self._local, target)
        else:
            outcome = await relay(self._session, request, self._local, target, add=self._notes(request, target))
        if isinstance(outcome, Lost):
            return unreachable(self._site, outcome, self._now())
        return outcome

    def _notes(self, request: web.BaseRequest, target: str) -> dict[str, str]:
        """A Warning for who deletes a shared namespace here: the others keep theirs."""
        if request.method != "DELETE":
            return {}
        read = read_target(request.method, target)
        shared = shared_namespaces(self._core.records()).get(read.name) if read.is_namespace else None
        if shared is None:
            return {}
        others = ", ".join(site for site in shared.members if site != self._site)
        text = f"namespace {read.name} is shared with {others or 'nobody else'}: deleted at {self._site} only"
        return dict([warning(text)])


def unreachable(site: str, lost: Lost, now: float) -> web.Response:
    """502 when the request surely was not sent, 504 when it may have been; the header says which for other agents."""
    code, sent = (504, "unknown") if lost.sent else (502, "not-sent")
    message = f"site {site} cannot be reached: {lost.why}"
    return status_answer(code, message, now, [(UNREACHABLE_HEADER, sent)])
