"""Something is left behind after a delete: who is still to be told is forgotten in a restart."""

from __future__ import annotations

from tests.museum.plain import PlainAgent


class ForgetsItsDebts(PlainAgent):
    """Remembers what it shares, and not who has to hear of it."""

    def remember(self) -> None:
        super().remember()
        self.owed.clear()
