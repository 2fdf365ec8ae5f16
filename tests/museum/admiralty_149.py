"""Taking a site out removes it from the record only: its copy stays, and nobody tracks it any more."""

from __future__ import annotations

from tests.museum.plain import PlainAgent
from tests.museum.share import Share


class ForgetsWhoLeft(PlainAgent):
    """Tells only those that are members after the change."""

    def audience(self, before: Share, after: Share) -> list[str]:
        return sorted({*after.joined()} - {self.site})
