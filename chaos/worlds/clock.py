"""aiohttp ages idle connections and name look-ups by `time.monotonic`, whatever clock the loop has.

In virtual time that makes a run depend on how fast the machine is: after 15 s of the machine's time a kept connection was
closed, and the traces of two runs differed. An ordinary loop's `time()` is `time.monotonic()`, so reading the running loop
instead changes nothing elsewhere.
"""

from __future__ import annotations

import asyncio
from time import monotonic as machine_monotonic  # noqa: TID251 - outside of every loop there is no other clock

import aiohttp.connector


def age_by_loop() -> None:
    """From now on aiohttp's connectors read the clock of the loop that runs them. Once is enough for a process."""
    vars(aiohttp.connector)["monotonic"] = loop_time


def loop_time() -> float:
    """Seconds of the running loop; of the machine where none runs (a connector that is closed late)."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return machine_monotonic()
