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
from collab.agent.target import Target, read_target
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
            text, raw = split_scope(request.raw_path, request.headers.get(SCOPE_HEADER))
            target = read_target(request.method, raw)
            # discovery, OpenAPI and version are the local site's, also under a scope with a mistake in it: clients
            # ask for them first, and show only what is said of the request itself
            if text is None or not target.resource:
                return await self._pass_through(request, target)
            scoped = read_scoped(text, target, self._knows)
        except ScopeError as error:
            return self._sites.refuse(error.code, str(error))
        return await self._scoped.answer(request, scoped)

    async def _pass_through(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        own = self._sites.own
        local = self._sites.upstream(own)
        outcome: web.StreamResponse | Lost
        if is_upgrade(request):
            outcome = await splice(request, local, target.text)
        else:
            notes = self._notes(target)
            outcome = await relay(self._sites.session, request, local, target.text, add=notes)
        return self._sites.unreachable({own: outcome}) if isinstance(outcome, Lost) else outcome

    def _notes(self, target: Target) -> dict[str, str]:
        """A Warning for who deletes a shared namespace here: the others keep theirs."""
        if target.verb != "delete" or not target.is_namespace:
            return {}
        shared = shared_namespaces(self._core.records()).get(target.name)
        if shared is None:
            return {}
        others = ", ".join(site for site in shared.members if site != self._sites.own)
        text = f"namespace {target.name} is shared with {others or 'nobody else'}: deleted at {self._sites.own} only"
        return dict([warning(text)])
