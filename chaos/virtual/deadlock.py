"""What to say when virtual time can go nowhere: which tasks wait, and where."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from chaos.virtual.sites import site_of

_SHOWN: Final = 20


def describe_deadlock(loop: asyncio.AbstractEventLoop, paused: Sequence[str] = ()) -> str:
    """The tasks of a loop that has nothing left to do, in the order in which they were made."""
    tasks = sorted((task for task in asyncio.all_tasks(loop) if not task.done()), key=_age)
    lines = [_describe_task(task) for task in tasks[:_SHOWN]]
    if len(tasks) > _SHOWN:
        lines.append(f"  ... and {len(tasks) - _SHOWN} more")
    if paused:
        lines.append(f"  sites that are paused: {', '.join(paused)}")
    return "\n".join(
        [
            f"deadlock at virtual time {loop.time():.6f} s: no callback is ready, no timer is set, and {len(tasks)} tasks wait."
            " A thread's result cannot arrive here (executors run inline).",
            *lines,
        ]
    )


def describe_livelock(loop: asyncio.AbstractEventLoop, turns: int, ready: Sequence[asyncio.Handle]) -> str:
    """The callbacks that keep a loop busy at one instant."""
    lines = [f"  {handle!r}" for handle in ready[:_SHOWN]]
    return "\n".join(
        [
            f"livelock at virtual time {loop.time():.6f} s: {turns} turns of the loop and time did not move."
            " Something polls without sleeping; a sleep of any length lets time pass. Ready now:",
            *lines,
        ]
    )


def _age(task: asyncio.Task[object]) -> tuple[int, str]:
    name = task.get_name()
    return len(name), name


def _describe_task(task: asyncio.Task[object]) -> str:
    frames = task.get_stack(limit=1)
    where = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "not started"
    coro = task.get_coro()
    return f"  {task.get_name()}{_at_site(task)}: {getattr(coro, '__qualname__', coro)} waits in {where}"


def _at_site(task: asyncio.Task[object]) -> str:
    context = getattr(task, "get_context", None)  # public since Python 3.12
    return f" at site {site_of(context())}" if context is not None else ""
