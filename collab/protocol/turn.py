"""One step's effects, collected, then put in the one order that keeps the promise: on disk before anywhere else."""

from __future__ import annotations

from collab.protocol.actions import Action, Drop, Persist, Rewrite, Transmit
from collab.protocol.codec import encode
from collab.protocol.messages import Message


class Turn:
    """What the core wants done after one fact. Persists come out first, drops last, the rest as it was added.

    A journal that is dropped in the turn is not appended to any more: the marker that replaces it is in another one.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._entries: dict[str, list[bytes]] = {}
        self._rewrites: dict[str, tuple[bytes, ...]] = {}
        self._others: list[Action] = []
        self._drops: dict[str, None] = {}

    def persist(self, journal: str, entry: bytes) -> None:
        """Append an entry; durable before anything else of this turn happens."""
        self._entries.setdefault(journal, []).append(entry)

    def rewrite(self, journal: str, entries: tuple[bytes, ...]) -> None:
        """Replace a journal by its whole present state; entries appended earlier in this turn are part of that."""
        self._entries.pop(journal, None)
        self._rewrites[journal] = entries

    def drop(self, journal: str) -> None:
        self._entries.pop(journal, None)
        self._rewrites.pop(journal, None)
        self._drops[journal] = None

    def add(self, action: Action) -> None:
        self._others.append(action)

    def send(self, channel: int, message: Message) -> None:
        """Encode and transmit to one peer; a message for many is encoded once by its sender (see `transmit`)."""
        self.transmit(channel, encode(message))

    def transmit(self, channel: int, frame: bytes) -> None:
        self._others.append(Transmit(channel=channel, frame=frame))

    def finish(self) -> list[Action]:
        """All actions of the turn, in the order in which they must be carried out."""
        actions: list[Action] = [Rewrite(journal=name, entries=kept) for name, kept in sorted(self._rewrites.items())]
        actions += [Persist(journal=name, entries=tuple(entries)) for name, entries in sorted(self._entries.items())]
        actions += self._others
        actions += [Drop(journal=name) for name in self._drops]
        return actions
