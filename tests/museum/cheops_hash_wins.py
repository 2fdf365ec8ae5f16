"""Between two revisions the greater hash wins, also where one was written by somebody who had seen the other."""

from __future__ import annotations

from hashlib import sha256

from tests.museum.plain import PlainAgent
from tests.museum.share import Label


class GreaterHashWins(PlainAgent):
    """Looks at the values alone."""

    def is_newer(self, told: Label, held: Label) -> bool:
        return _revision(told) > _revision(held)


def _revision(label: Label) -> str:
    return sha256(str(label.value).encode()).hexdigest()
