"""What all records of one site share: its name and boot, chance, links, timers, and calls to the local apiserver."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from collab.protocol.actions import Method, ReadLocal, Reported, WriteLocal
from collab.protocol.facts import CallFinished
from collab.protocol.links import BACKOFF_CAP_S, BACKOFF_FIRST_S, Links
from collab.protocol.names import RecordId, SiteName
from collab.protocol.timers import Timers
from collab.protocol.turn import Turn

Then = Callable[[CallFinished, Turn], None]

_JSON = msgspec.json.Encoder(order="deterministic")


@dataclass(slots=True)
class Site:
    """One site while its agent runs. `journal_id` names the disk: drawn when the site's journal was created, and
    again by a boot with `--recovered`; `boot` names this run."""

    name: SiteName
    rng: random.Random
    links: Links
    timers: Timers = field(default_factory=Timers)
    uid: str = ""
    address: str = ""
    boot: str = ""
    journal_id: str = ""
    known: frozenset[SiteName] | None = None
    allow: frozenset[SiteName] | None = None
    uids: dict[SiteName, str] = field(default_factory=dict)
    _calls: dict[int, Then] = field(default_factory=dict)
    _last_call: int = 0
    _records_made: int = 0

    # -- names drawn from chance --------------------------------------------------------------------------------

    def token(self) -> str:
        """64 bits of the injected chance, as text."""
        return f"{self.rng.getrandbits(64):016x}"

    def new_writer(self) -> str:
        """A writer for one document: new at every boot and every join, so that no lost disk can reuse one."""
        return f"{self.name}~{self.token()}"

    def new_gid(self) -> RecordId:
        """The id of a new record, `<writer>.<n>`."""
        self._records_made += 1
        return RecordId(f"{self.new_writer()}.{self._records_made}")

    def jitter(self, period_s: float) -> float:
        """A period, give or take half of it."""
        return period_s * self.rng.uniform(0.5, 1.5)

    def backoff(self, failures: int) -> float:
        """Full jitter, as for links; at least a few milliseconds, so that a loop never spins."""
        bound = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2.0 ** min(failures, 20))
        return float(self.rng.uniform(0.005, bound))

    def knows(self, site: SiteName) -> bool:
        """May a scope or a verb name this site?"""
        return self.known is None or site == self.name or site in self.known

    def allows(self, site: SiteName) -> bool:
        """May this site invite us?"""
        return self.allow is None or site in self.allow

    # -- the local apiserver ------------------------------------------------------------------------------------

    def read(self, path: str, turn: Turn, then: Then) -> None:
        """GET an object; `then` gets the end of the call, once, unless the site restarts before."""
        turn.add(ReadLocal(call=self._next_call(then), path=path))

    def write(
        self, method: Method, path: str, body: object, turn: Turn, then: Then, content_type: str = "application/json"
    ) -> None:
        """Send a request; `body` None for none. `then` as in `read`."""
        data = b"" if body is None else _JSON.encode(body)
        turn.add(WriteLocal(call=self._next_call(then), method=method, path=path, body=data, content_type=content_type))

    def finish_call(self, fact: CallFinished, turn: Turn) -> None:
        """Hand the end of a call to who waits for it; an unknown number is an old run's and means nothing."""
        then = self._calls.pop(fact.call, None)
        if then is not None:
            then(fact, turn)

    def _next_call(self, then: Then) -> int:
        self._last_call += 1
        self._calls[self._last_call] = then
        return self._last_call

    def report(self, turn: Turn, type_: str, message: str, gid: str = "", site: SiteName | None = None) -> None:
        """Tell a person."""
        turn.add(Reported(type=type_, message=message, gid=gid, site=site))
