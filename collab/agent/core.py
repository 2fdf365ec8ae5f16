"""What the shell needs of the protocol core: one step at a time, when to wake it, and views that change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from collab.protocol.actions import Action
from collab.protocol.facts import Fact

Json = Mapping[str, object]


class Core(Protocol):
    """A site's core, as `collab.protocol` builds it. The views answer in the JSON of the agent's API."""

    @property
    def wake_at(self) -> float | None: ...

    def step(self, fact: Fact, now: float) -> list[Action]: ...

    def close(self) -> None:
        """Give back what its documents hold; no step follows."""

    def records(self) -> Json: ...

    def conflicts(self) -> Sequence[Json]: ...

    def operations(self) -> Sequence[Json]: ...

    def sites(self) -> Json: ...

    def why(self, resource: str, path: str) -> Json | None: ...
