"""What a run looked like over time, for people: messages, what each site held, whom it took for the owner.

Filming changes nothing: no request is made, and the trace of a filmed run is that of an unfilmed one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from chaos.virtual.trace import Tap, WireChunk

if TYPE_CHECKING:
    from chaos.worlds.virtual import World

MESSAGES_MAX: Final = 20_000
"""Messages are drawn; more than this nobody can see. Chunks of one direction within TICK_S are one message."""
TICK_S: Final = 0.05
LOOK_EVERY_S: Final = 0.5
OWNERS_MAX_SITES: Final = 20
"""Up to so many sites each is asked whom it takes for the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`size` bytes from `src` arrived at `dst` at `t` (seconds)."""

    t: float
    src: str
    dst: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """From `t` on, `site` held these labels of a namespace; None: it did not have it."""

    t: float
    site: str
    resource: str
    labels: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """From `t` on, `site` took `owner` for the owner; `acting`: it acted as owner itself."""

    t: float
    site: str
    resource: str
    owner: str | None
    acting: bool


@dataclass(slots=True)
class Film:
    """Collected while a world runs. `complete` is false when messages were left out."""

    resources: tuple[str, ...]
    messages: list[Message] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    owned: list[Owned] = field(default_factory=list)
    complete: bool = True
    _open: dict[tuple[str, str], Message] = field(default_factory=dict)
    _last: dict[tuple[type, str, str], object] = field(default_factory=dict)

    def tap(self, start_s: float, other: Tap | None) -> Tap:
        """A network tap that films, and lets `other` see each chunk too."""

        def seen(chunk: WireChunk) -> None:
            if other is not None:
                other(chunk)
            if chunk.src != chunk.dst:
                self._message(chunk.t_s - start_s, chunk.src, chunk.dst, len(chunk.data))

        return seen

    def _message(self, t: float, src: str, dst: str, size: int) -> None:
        before = self._open.get((src, dst))
        if before is not None and t - before.t < TICK_S:
            self._open[src, dst] = Message(t=before.t, src=src, dst=dst, size=before.size + size)
            return
        if before is not None:
            self._close(before)
        self._open[src, dst] = Message(t=t, src=src, dst=dst, size=size)

    def _close(self, message: Message) -> None:
        if len(self.messages) < MESSAGES_MAX:
            self.messages.append(message)
        else:
            self.complete = False

    async def watch(self, world: World, now: Callable[[], float]) -> None:
        """Look at every site again and again, until cancelled."""
        while True:
            self.look(world, round(now(), 3))
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self, world: World, t: float) -> None:
        for site, apiserver in world.apiservers.items():
            for resource in self.resources:
                item = apiserver.site.store.get("namespaces", "", resource.partition("/")[2])
                labels = None if item is None else _labels(item.obj)
                self._note(Held(t=t, site=site, resource=resource, labels=labels), labels)
        if len(world.agents) <= OWNERS_MAX_SITES:
            for site, agent in world.agents.items():
                self._owners(t, site, getattr(agent, "list_records", None))

    def _owners(self, t: float, site: str, records: Callable[[], Mapping[str, Any]] | None) -> None:
        """Agents of other projects need not tell."""
        for record in records()["records"] if records is not None else ():
            if record["state"] == "member":
                known = (record["owner"], record["acting"])
                owned = Owned(t=t, site=site, resource=record["resource"], owner=known[0], acting=known[1])
                self._note(owned, known)

    def _note(self, value: Held | Owned, state: object) -> None:
        """Only changes are kept."""
        key = (type(value), value.site, value.resource)
        if key in self._last and self._last[key] == state:
            return
        self._last[key] = state
        if isinstance(value, Held):
            self.held.append(value)
        else:
            self.owned.append(value)

    def finish(self) -> None:
        for key in sorted(self._open):
            self._close(self._open[key])
        self._open.clear()
        self.messages.sort(key=lambda message: message.t)


def _labels(obj: Mapping[str, Any]) -> dict[str, str]:
    labels = obj.get("metadata", {}).get("labels") or {}
    return {key: value for key, value in sorted(labels.items()) if not key.partition("/")[0].endswith("kubernetes.io")}
