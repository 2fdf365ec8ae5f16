"""A timeline's trouble with an apiserver as a fault of the apiserver itself: the same in every world that runs ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from fakekube.apiserver.faults import WRITES, Fault, LoseReply, Match, Refuse, RepeatEvents, SlowEvents, StaleList

if TYPE_CHECKING:
    from chaos.scenario.events import ApiserverTrouble
    from fakekube.apiserver.server import Apiserver
    from fakekube.storage.store import Snapshot

_KINDS: Final[Mapping[str, Callable[[ApiserverTrouble, Match], Fault]]] = {
    "refuse": lambda event, match: Refuse(match=match, status=event.status, retry_after_s=round(event.retry_after_s)),
    "lose-reply": lambda event, match: LoseReply(match=match),
    "stale-list": lambda event, match: StaleList(match=match, revisions=event.revisions),
    "slow-events": lambda event, match: SlowEvents(match=match, delay_s=event.delay_s),
    "repeat-events": lambda event, match: RepeatEvents(match=match),
}


class Trouble(Protocol):
    """What was begun, and can be ended."""

    def remove(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Restore:
    """A backup; at the end the apiserver goes back to it."""

    apiserver: Apiserver
    backup: Snapshot

    def remove(self) -> None:
        self.apiserver.restore(self.backup)


@dataclass(frozen=True, slots=True)
class Restart:
    """It has happened already."""

    def remove(self) -> None:
        pass


def inject(apiserver: Apiserver, event: ApiserverTrouble) -> Trouble:
    """From now on, until it is removed or has met so many requests as it may."""
    if event.kind == "restore":
        return Restore(apiserver, apiserver.snapshot())
    if event.kind == "restart":
        apiserver.restart(revisions=event.revisions)
        return Restart()
    verbs = frozenset(event.verbs) or (WRITES if event.kind == "lose-reply" else frozenset())
    match = Match(verbs=verbs, resource=event.resource, namespace=event.namespace, name=event.name)
    return apiserver.faults.inject(_KINDS[event.kind](event, match), times=event.times)
