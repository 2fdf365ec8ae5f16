"""What each world can do. A timeline that asks for more is refused before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SITES_MAX_VIRTUAL = 2000
SITES_MAX_PROXY = 250
"""A record of 200 members uses some 4,600 links within a minute, each a proxy with two descriptors a connection; more
sites do not fit into the descriptors and ports of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """`able` are the needs of events (chaos.scenario.compile.event_needs); `approximate` says how some are only near."""

    world: str
    able: frozenset[str]
    approximate: Mapping[str, str] = field(default_factory=dict)
    sites_max: int

    def refusal(self, need: str) -> str:
        return f"the {self.world} world has no {need}: leave it out, or --world virtual"

    def size_refusal(self, sites: int) -> str:
        return f"{sites} sites do not fit into the {self.world} world: at most {self.sites_max}, or --world virtual"


_CUTS = frozenset({"operations", "heal", "partition/drop", "partition/reject", "partition/jam"})
_WORSE_LINKS = frozenset({"link/latency", "link/jitter", "link/bandwidth", "link/loss", "toxic"})
_LINKS = frozenset({"links/bandwidth", "links/loss", "links/distribution", "links/unlinked"})
_CRASHES = frozenset({"crash/memory", "crash/disk"})
_SITES = frozenset({"site/pause", "site/skew", "site/no-names"})
_APISERVERS = frozenset(
    f"apiserver/{kind}"
    for kind in ("refuse", "lose-reply", "stale-list", "slow-events", "repeat-events", "restore", "restart")
)

VIRTUAL = Capabilities(
    world="virtual",
    able=_CUTS | _WORSE_LINKS | _LINKS | _CRASHES | _SITES | _APISERVERS,
    sites_max=SITES_MAX_VIRTUAL,
)
PROXY = Capabilities(
    world="proxy",
    able=_CUTS | _WORSE_LINKS | _APISERVERS | {"links/bandwidth", "links/loss", "links/unlinked"},
    approximate={
        "link/loss": "a share of the connections is late by a retransmission (toxic latency with toxicity)",
        "links/loss": "a share of the connections is late by a retransmission (toxic latency with toxicity)",
        "partition/drop": "the connect succeeds, then nothing passes (toxic timeout 0)",
        "partition/jam": "bytes queue in the proxy (toxic bandwidth 0)",
    },
    sites_max=SITES_MAX_PROXY,
)
WORLDS: Mapping[str, Capabilities] = {"virtual": VIRTUAL, "proxy": PROXY}
