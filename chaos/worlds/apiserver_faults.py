"""A timeline's trouble with an apiserver as a fault of the apiserver itself: the same in every world that runs ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from fakekube.apiserver.faults import WRITES, Fault, LoseReply, Match, Refuse, RepeatEvents, SlowEvents, StaleList

if TYPE_CHECKING:
    from chaos.scenario.events import ApiserverTrouble
    from fakekube.apiserver.faults import Injected
    from fakekube.apiserver.server import Apiserver

_KINDS: Final[Mapping[str, Callable[[ApiserverTrouble, Match], Fault]]] = {
    "refuse": lambda event, match: Refuse(match=match, status=event.status, retry_after_s=round(event.retry_after_s)),
    "lose-reply": lambda event, match: LoseReply(match=match),
    "stale-list": lambda event, match: StaleList(match=match, revisions=event.revisions),
    "slow-events": lambda event, match: SlowEvents(match=match, delay_s=event.delay_s),
    "repeat-events": lambda event, match: RepeatEvents(match=match),
}


def inject(apiserver: Apiserver, event: ApiserverTrouble) -> Injected:
    """From now on, until it is removed or has met so many requests as it may."""
    verbs = frozenset(event.verbs) or (WRITES if event.kind == "lose-reply" else frozenset())
    match = Match(verbs=verbs, resource=event.resource, namespace=event.namespace, name=event.name)
    return apiserver.faults.inject(_KINDS[event.kind](event, match), times=event.times)
