"""Create under `a | b`: at the first site that can be reached, once, with one operation id for all tries."""

from __future__ import annotations

import random
from collections.abc import Mapping

from aiohttp import web

from collab.agent.answers import OUTCOME_HEADER, json_bytes, warning
from collab.agent.gather import reached
from collab.agent.leftovers import Leftover, Leftovers
from collab.agent.link import Answered, Outcome
from collab.agent.manifest import BadManifest, stamped
from collab.agent.scoping import OPERATION_ANNOTATION, SCOPE_ANNOTATION, ScopedRequest
from collab.agent.sites import Sites, handed_on, may_have_arrived, outcomes_text, plain_json, why
from collab.agent.target import segment
from collab.agent.writing import read_body_manifest
from collab.protocol.names import SiteName
from collab.protocol.operations import draw_operation_id
from fakekube.meta.objects import KubeObject, name_of


class Placing:
    """Falls through on unreachable only, never on an answer.

    A try that may have arrived leaves a Leftover: its copy, should it turn up, is removed again.
    """

    def __init__(self, sites: Sites, leftovers: Leftovers, rng: random.Random) -> None:
        self._sites = sites
        self._leftovers = leftovers
        self._rng = rng

    async def create(self, request: web.BaseRequest, scoped: ScopedRequest) -> web.StreamResponse:
        if any(len(sites) > 1 for sites in scoped.alternatives):
            return self._sites.refuse(
                501, f"create under {scoped.text!r} is not supported yet; use a scope such as 'a & b' or 'a | b'"
            )
        operation = draw_operation_id(self._rng)
        try:
            notes = {SCOPE_ANNOTATION: scoped.text, OPERATION_ANNOTATION: operation}
            manifest = stamped(await read_body_manifest(request), notes)
        except BadManifest as error:
            return self._sites.refuse(error.code, str(error))
        headers = plain_json(request)
        headers["Content-Type"] = "application/json"
        passed: dict[SiteName, Outcome] = {}
        for (site,) in scoped.alternatives:
            outcome = await self._sites.call("POST", site, scoped.target.text, headers, json_bytes(manifest))
            if reached(outcome):
                assert isinstance(outcome, Answered), "a site that was reached has answered"
                self._leave(scoped, passed, manifest, operation)
                return handed_on(outcome, _headers(site, outcome, passed, operation))
            passed[site] = outcome
        # nobody said yes, so a copy that turns up is what the client asked for
        return self._sites.unreachable(passed, f"operation {operation}")

    def _leave(
        self, scoped: ScopedRequest, passed: Mapping[SiteName, Outcome], manifest: KubeObject, operation: str
    ) -> None:
        """What may turn up where it is not wanted any more; durable before the client has its answer."""
        path = f"{scoped.target.path}/{segment(name_of(manifest))}"
        for site, outcome in passed.items():
            if may_have_arrived(outcome):
                self._leftovers.add(Leftover(operation=operation, site=site, path=path, manifest=manifest))


def _headers(
    site: SiteName, outcome: Answered, passed: Mapping[SiteName, Outcome], operation: str
) -> list[tuple[str, str]]:
    said = "applied" if outcome.status < 300 else f"rejected:{outcome.status}"
    maybe = {other: "pending" for other, lost in passed.items() if may_have_arrived(lost)}
    headers = [(OUTCOME_HEADER, outcomes_text({**maybe, site: said}))]
    for other, lost in passed.items():
        text = f"site {other}: {why(lost)}"
        if other in maybe:
            text += f"; a copy made by operation {operation} may turn up there and is removed again"
        headers.append(warning(text))
    return headers
