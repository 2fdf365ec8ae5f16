"""An asyncio event loop whose clock jumps, and the in-memory network on it."""

from chaos.virtual.errors import BlockingClientError, DeadlockError, LivelockError, VirtualWorldError
from chaos.virtual.link import BurstLoss, CutMode, Link, LinkSettings
from chaos.virtual.loop import VirtualLoop
from chaos.virtual.network import Network
from chaos.virtual.run import VirtualRunner, run_virtual
from chaos.virtual.sites import OBSERVER, Life, context_at, current_site, life_context, site_context
from chaos.virtual.trace import Trace, WireChunk

__all__ = [
    "OBSERVER",
    "BlockingClientError",
    "BurstLoss",
    "CutMode",
    "DeadlockError",
    "Life",
    "Link",
    "LinkSettings",
    "LivelockError",
    "Network",
    "Trace",
    "VirtualLoop",
    "VirtualRunner",
    "VirtualWorldError",
    "WireChunk",
    "context_at",
    "current_site",
    "life_context",
    "run_virtual",
    "site_context",
]
