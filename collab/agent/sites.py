"""Calls to any site's apiserver: the local one directly, others through their agents. One way to name who is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from collab.agent.answers import OUTCOME_HEADER, UNREACHABLE_HEADER, status_answer, warning
from collab.agent.config import AgentConfig
from collab.agent.kube import parse_object
from collab.agent.link import ANSWER_S, Answered, Lost, Outcome, exchange
from collab.agent.passing import Upstream, end_to_end, request_headers
from collab.protocol.names import SiteName

# what a client shows its own apiserver is not for other sites
CREDENTIALS = ("Authorization", "Cookie")


class Sites:
    """Every site a scope may name, as seen from this one."""

    def __init__(
        self, config: AgentConfig, *, session: aiohttp.ClientSession, local: Upstream, now: Callable[[], float]
    ) -> None:
        self.own = SiteName(config.site)
        self.session = session
        self.now = now
        self._config = config
        self._local = local

    def upstream(self, site: SiteName) -> Upstream:
        """The local apiserver, or another site's agent."""
        return self._local if site == self.own else Upstream(url=self._config.resolve(site, ""))

    async def call(
        self,
        method: str,
        site: SiteName,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        answer_s: float | None = None,
    ) -> Outcome:
        """One whole request, within `answer_s` (default: ANSWER_S) seconds."""
        upstream = self.upstream(site)
        sent = headers if site == self.own else without(headers, CREDENTIALS)
        bound = answer_s or ANSWER_S
        url = upstream.at(target)
        return await exchange(self.session, method, url, headers=sent, body=body, tls=upstream.tls, answer_s=bound)

    def refuse(self, code: int, message: str) -> web.StreamResponse:
        return status_answer(code, message, self.now())

    def unreachable(self, passed: Mapping[SiteName, Outcome], about: str = "") -> web.StreamResponse:
        """Nobody answered: 502 when surely nothing was done, 504 when something may have been."""
        maybe = any(map(may_have_arrived, passed.values()))
        text = "; ".join(f"site {site} cannot be reached: {why(outcome)}" for site, outcome in passed.items())
        message = f"{text} ({about})" if about else text
        headers = [(UNREACHABLE_HEADER, "unknown" if maybe else "not-sent")]
        return status_answer(504 if maybe else 502, message, self.now(), headers)


def handed_on(outcome: Answered, headers: list[tuple[str, str]]) -> web.StreamResponse:
    """Another's answer, with headers of ours added."""
    kept = end_to_end(outcome.headers)
    kept.popall("Content-Length", None)
    for name, value in headers:
        kept.add(name, value)
    return web.Response(status=outcome.status, reason=outcome.reason, body=outcome.body, headers=kept)


def plain_json(request: web.BaseRequest) -> CIMultiDict[str]:
    """The client's headers for an answer that will be read here: JSON, uncompressed, and no body's own."""
    headers = without(request_headers(request), ("Accept-Encoding", "Content-Length", "Content-Type"))
    wanted = [part.strip() for part in headers.get("Accept", "").split(",")]
    json_only = [part for part in wanted if part.startswith("application/json")]
    headers["Accept"] = ",".join(json_only) or "application/json"
    return headers


def without(headers: Mapping[str, str], names: tuple[str, ...]) -> CIMultiDict[str]:
    left_out = {name.lower() for name in names}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def may_have_arrived(outcome: Outcome) -> bool:
    """Whether a request that was not answered may have been carried out all the same."""
    if isinstance(outcome, Lost):
        return outcome.sent
    return outcome.header(UNREACHABLE_HEADER) != "not-sent"


def why(outcome: Outcome) -> str:
    """Why a site is passed over, in a few words."""
    if isinstance(outcome, Lost):
        return outcome.why
    return str(parse_object(outcome.body).get("message") or f"{outcome.status} {outcome.reason}")


def outcome_headers(outcomes: Mapping[SiteName, str]) -> list[tuple[str, str]]:
    """X-Collab-Outcome, and a Warning for each site where it is not done."""
    if not outcomes:
        return []
    warnings = [warning(f"site {site}: {said}") for site, said in sorted(outcomes.items()) if said != "applied"]
    return [(OUTCOME_HEADER, outcomes_text(outcomes)), *warnings]


def outcomes_text(outcomes: Mapping[SiteName, str]) -> str:
    return ", ".join(f"{site}={said}" for site, said in sorted(outcomes.items()))
