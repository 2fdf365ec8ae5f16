"""The life of `fakekube serve`: check, start, say what answers, wait for a signal, stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from chaos.serve import folder, sites
from chaos.serve.options import ServeOptions, check
from chaos.serve.sites import Federation

DONE, INTERRUPTED = 0, 130
STOP_LIMIT_S = 1.8
"""A run that was told to stop is gone within two seconds, whatever its clients hold open."""
GARBAGE_THRESHOLDS = (20_000, 20, 100)


def serve(**options: Any) -> int:
    """Serve until SIGTERM (gives 0) or SIGINT (gives 130); the arguments are those of ServeOptions.

    Raises BadScenario for an option that cannot be had, before anything is served.
    """
    asked = ServeOptions(**options)
    check(asked)
    return asyncio.run(_run(asked))


async def _run(options: ServeOptions) -> int:
    started = time.monotonic()
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_signals(told)
    stack = AsyncExitStack()
    try:
        sites.clear(options)
        served = await sites.start(options, stack)
        ready = folder.write(options, served)
        _announce(options, served, ready, time.monotonic() - started)
        with _collecting_rarely():
            return INTERRUPTED if await told == signal.SIGINT else DONE
    finally:
        (options.out / "ready.json").unlink(missing_ok=True)
        await _stop(stack)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """What an apiserver makes it mostly keeps: looking at all of it for garbage every 700 objects is a tenth of a CREATE."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _on_signals(told: asyncio.Future[int]) -> None:
    loop = asyncio.get_running_loop()

    def answer(number: int) -> None:
        if not told.done():
            told.set_result(number)

    def tell(number: int, _: object) -> None:
        loop.call_soon_threadsafe(answer, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)  # not every platform's loop has add_signal_handler


async def _stop(stack: AsyncExitStack) -> None:
    """What does not end in time ends with the process."""
    try:
        await asyncio.wait_for(stack.aclose(), STOP_LIMIT_S)
    except TimeoutError:
        print("some connections did not close in time and were dropped", file=sys.stderr)


def _announce(options: ServeOptions, served: Federation, ready: Path, seconds: float) -> None:
    first = options.names[0]
    shown = options.out if options.out.is_absolute() else Path(".") / options.out
    lines = [
        f"{len(options.names)} site{'s' * (len(options.names) > 1)} ready in {seconds:.2f} s, described in {shown / 'ready.json'}"
    ]
    lines += [f"  {name}  {served.entry(name)}" for name in options.names[:5]]
    lines += [f"  ... and {len(options.names) - 5} more"] * (len(options.names) > 5)
    lines += [f"  Toxiproxy API  {served.toxiproxy}  ({len(served.links)} links)"] * (served.toxiproxy is not None)
    lines += ["", f"  kubectl --kubeconfig {shown / first}.kubeconfig get namespaces", "", "Ctrl-C stops them."]
    print("\n".join(lines), file=sys.stderr, flush=True)
