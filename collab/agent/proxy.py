"""The proxy in front of one apiserver: unscoped requests pass through untouched, scoped ones go where they belong."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from collab.agent.answers import warning
from collab.agent.core import Core
from collab.agent.link import Lost
from collab.agent.passing import SCOPE_HEADER, relay
from collab.agent.scoped import Scoped
from collab.agent.scoping import read_scoped, split_scope
from collab.agent.sharing import shared_namespaces
from collab.agent.sites import Sites
from collab.agent.target import read_target
from collab.agent.upgrade import is_upgrade, splice
from collab.scope import ScopeError


class Proxy:
    """Answers every request that is not the agent's own. Unscoped ones are never refused."""

    def __init__(self, sites: Sites, scoped: Scoped, *, core: Core, knows: Callable[[str], bool]) -> None:
        self._sites = sites
        self._scoped = scoped
        self._core = core
        self._knows = knows

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            text, target = split_scope(request.raw_path, request.headers.get(SCOPE_HEADER))
            if text is None:
                return await self._pass_through(request, target)
            scoped = read_scoped(text, request.method, target, self._knows)
        except ScopeError as error:
            return self._sites.refuse(error.code, str(error))
        if not scoped.target.resource:
            # discovery, OpenAPI and version under a scope are the local site's
            return await self._pass_through(request, target)
        return await self._scoped.answer(request, scoped)

    async def _pass_through(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        own = self._sites.own
        local = self._sites.upstream(own)
        outcome: web.StreamResponse | Lost
        if is_upgrade(request):
            outcome = await splice(request, local, target)
        else:
            outcome = await relay(self._sites.session, request, local, target, add=self._notes(request, target))
        return self._sites.unreachable({own: outcome}) if isinstance(outcome, Lost) else outcome

    def _notes(self, request: web.BaseRequest, target: str) -> dict[str, str]:
        """A Warning for who deletes a shared namespace here: the others keep theirs."""
        if request.method != "DELETE":
            return {}
        read = read_target(request.method, target)
        shared = shared_namespaces(self._core.records()).get(read.name) if read.is_namespace else None
        if shared is None:
            return {}
        others = ", ".join(site for site in shared.members if site != self._sites.own)
        text = f"namespace {read.name} is shared with {others or 'nobody else'}: deleted at {self._sites.own} only"
        return dict([warning(text)])
