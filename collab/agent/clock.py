"""The clock that the agent's timers run by: it goes on steadily, whatever is done to the machine's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def steady(now: Callable[[], float]) -> Callable[[], float]:
    """Epoch seconds as `now` tells them at this moment, and from then on counted by the running loop.

    A wall clock that is set back by an hour would hold everything up that waits for a moment which it had told.
    """
    time = asyncio.get_running_loop().time
    offset = now() - time()
    return lambda: offset + time()
