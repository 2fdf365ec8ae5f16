"""Precedence by timestamps that only resolve a second: on a tie each site prefers its own."""

from __future__ import annotations

from tests.museum.plain import PlainAgent
from tests.museum.share import Label


class TrustsTheClock(PlainAgent):
    """The later second wins, and what is held where they are equal."""

    def stamp(self, newest: int) -> tuple[int, str]:
        return int(self.now()), self.site

    def is_newer(self, told: Label, held: Label) -> bool:
        return told.stamp[0] > held.stamp[0]
