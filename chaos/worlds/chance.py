"""Chance that libraries draw from Python's own generator: aiohttp shuffles those who wait for a connection, for one.

Code of ours never does. Code under test may, so a run seeds that generator, and gives it back as it was.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ambient_chance(seed: int | str) -> Iterator[None]:
    """Inside, `random`'s module functions repeat with `seed`; afterwards they go on as if nothing had been drawn."""
    state = random.getstate()
    random.seed(f"{seed}/ambient")
    try:
        yield
    finally:
        random.setstate(state)
