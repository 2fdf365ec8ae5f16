"""Requests under a scope: planned first, then carried out at one alternative, or at the first that can be reached.

No call is made outside the alternative that is being tried. What cannot be done yet is refused with 501.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from collab.agent.link import Lost
from collab.agent.passing import relay
from collab.agent.placing import Placing
from collab.agent.reading import Reading
from collab.agent.scoping import ScopedRequest
from collab.agent.sites import CREDENTIALS, Sites
from collab.agent.upgrade import is_upgrade, splice
from collab.agent.writing import Writing
from collab.protocol.names import SiteName

FORWARD_S = 30.0  # for the head of a forwarded answer; its body may go on for as long as a watch does

_Carry: TypeAlias = Callable[[web.BaseRequest, ScopedRequest], Awaitable[web.StreamResponse]]


class Scoped:
    """Sends each scoped request to what carries it out."""

    def __init__(self, sites: Sites, *, reading: Reading, writing: Writing, placing: Placing) -> None:
        self._sites = sites
        self._everywhere: dict[str, _Carry] = {
            "get": reading.read,
            "list": reading.read,
            "create": writing.create,
            "update": writing.write,
            "patch": writing.write,
            "delete": writing.delete,
        }
        self._at_first: dict[str, _Carry] = {"get": reading.read, "list": reading.read, "create": placing.create}

    async def answer(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """The answer to one scoped request for a resource."""
        if site := scoped.one_site:
            return await self._forward(request, scoped, site)
        target = scoped.target
        carries = self._everywhere if len(scoped.alternatives) == 1 else self._at_first
        carry = carries.get(target.verb)
        if carry is None or (target.subresource and target.verb != "get"):
            what = " ".join(filter(None, (target.verb, target.resource, target.subresource)))
            why = f"{what} under scope {scoped.text!r} is not supported yet; use a scope of one site"
            return self._sites.refuse(501, why)
        return await carry(request, scoped)

    async def _forward(self, request: web.BaseRequest, scoped: ScopedRequest, site: SiteName) -> web.StreamResponse:
        """Act there as a plain request, a watch or an upgrade included."""
        upstream, target = self._sites.upstream(site), scoped.target.text
        drop = () if site == self._sites.own else CREDENTIALS
        outcome: web.StreamResponse | Lost
        if is_upgrade(request):
            outcome = await splice(request, upstream, target, drop=drop)
        else:
            outcome = await relay(self._sites.session, request, upstream, target, drop=drop, answer_s=FORWARD_S)
        return self._sites.unreachable({site: outcome}) if isinstance(outcome, Lost) else outcome
