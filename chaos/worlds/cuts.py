"""Cuts that overlap: each directed link keeps the cuts of several causes, and the strongest holds until it is healed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chaos.scenario.faults import Mode
from chaos.scenario.timeline import LinkCut

_STRENGTH: Final[Mapping[Mode, int]] = {"jam": 0, "drop": 1, "reject": 2}


class Cuts:
    """What is cut now, per way: (origin, target) is what origin sends to target, whoever opened the connection."""

    def __init__(self) -> None:
        self._modes: dict[tuple[str, str], dict[str, Mode]] = {}

    def add(self, cut: LinkCut) -> None:
        self._modes.setdefault((cut.origin, cut.target), {})[cut.id] = cut.mode

    def remove(self, cut: LinkCut) -> None:
        """End this one cut; one that is not there is no error, since everything may have been healed before."""
        self._modes.get((cut.origin, cut.target), {}).pop(cut.id, None)

    def clear(self) -> None:
        self._modes.clear()

    def mode(self, origin: str, target: str) -> Mode | None:
        """The strongest cut of this way, None where everything passes."""
        return max(self._modes.get((origin, target), {}).values(), key=_STRENGTH.__getitem__, default=None)
