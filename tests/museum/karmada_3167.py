"""After a fail-over the old owner comes back and goes on as before: two of them run."""

from __future__ import annotations

from tests.museum.plain import PlainAgent
from tests.museum.share import Share


class NeverStandsDown(PlainAgent):
    """Acts as owner of what it made, whoever owns it since."""

    def acts(self, share: Share) -> bool:
        return super().acts(share) or share.gid.startswith(f"{self.site}~")
