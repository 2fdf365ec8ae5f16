"""GET and LIST at several sites: all of an alternative are asked at once, their answers merged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web
from multidict import CIMultiDict

from collab.agent.answers import json_answer, warning
from collab.agent.core import Core
from collab.agent.gather import SiteAnswer, merge
from collab.agent.kube import parse_object
from collab.agent.link import Answered, Outcome
from collab.agent.scoping import ScopedRequest
from collab.agent.sharing import Shared, shared_namespaces
from collab.agent.sites import Sites, handed_on, plain_json, why
from collab.protocol.names import SiteName
from collab.scope import Alternative

RECORDS_PATH = "/collab/v1/records"


class Reading:
    """Reads under a scope of more than one site."""

    def __init__(self, sites: Sites, core: Core) -> None:
        self._sites = sites
        self._core = core

    async def read(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        """The first alternative of which a site answers; what was passed over is named in Warnings."""
        passed: dict[SiteName, Outcome] = {}
        for sites in scoped.alternatives:
            answers = await self._ask(request, scoped, sites)
            if any(answer.reached for answer in answers):
                return self._merged(answers, scoped, passed)
            passed.update({answer.site: answer.outcome for answer in answers})
        return self._sites.unreachable(passed)

    async def _ask(self, request: web.BaseRequest, scoped: ScopedRequest, sites: Alternative) -> list[SiteAnswer]:
        """Every site of the alternative at once."""
        headers = plain_json(request)
        if len(sites) == 1:
            outcome = await self._sites.call("GET", sites[0], scoped.target.text, headers)
            return [SiteAnswer(site=sites[0], outcome=outcome, shared={})]
        # pages are not asked for: a continue token is one site's own
        target = scoped.target.without("limit", "continue")
        return list(await asyncio.gather(*(self._ask_one(site, target, headers) for site in sites)))

    async def _ask_one(self, site: SiteName, target: str, headers: CIMultiDict[str]) -> SiteAnswer:
        asked = self._sites.call("GET", site, target, headers)
        outcome, shared = await asyncio.gather(asked, self._shared_at(site))
        return SiteAnswer(site=site, outcome=outcome, shared=shared)

    async def _shared_at(self, site: SiteName) -> dict[str, Shared]:
        """What the site shares, so that twins can be told from unrelated objects of one name."""
        if site == self._sites.own:
            return shared_namespaces(self._core.records())
        outcome = await self._sites.call("GET", site, RECORDS_PATH, {})
        return shared_namespaces(parse_object(outcome.body)) if isinstance(outcome, Answered) else {}

    def _merged(
        self, answers: list[SiteAnswer], scoped: ScopedRequest, passed: Mapping[SiteName, Outcome]
    ) -> web.StreamResponse:
        warnings = [warning(f"site {site}: {why(outcome)}") for site, outcome in passed.items()]
        if len(answers) == 1 or not any(answer.succeeded for answer in answers):
            outcome = next(answer.outcome for answer in answers if answer.reached)
            assert isinstance(outcome, Answered), "a site that was reached has answered"
            return handed_on(outcome, warnings)
        gathered = merge(answers, scoped.target, self._sites.own)
        return json_answer(200, gathered.body, self._sites.now(), [*warnings, *map(warning, gathered.warnings)])
