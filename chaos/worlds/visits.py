"""The step `call`: a Python function that acts as a user of a site.

    async def mow(visit: Visit) -> dict[str, object]:
        async with visit.session.get(visit.url + "/api/v1/nodes") as response:
            return {"nodes": len((await response.json())["items"])}

What it returns stands in the history. It raises Failed for what surely did not happen; a time-out or a lost connection is
`info`: it may have. Anything else it raises is a mistake in the function and ends the run.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from chaos.scenario.errors import BadScenario
from chaos.scenario.events import Timeline
from chaos.worlds.client import Answer


class Failed(Exception):
    """The call surely changed nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where the function acts: `url` is what users of `site` talk to, `session` stands there, `now` gives seconds since
    the start. `resource` and `arguments` are the step's."""

    site: str
    url: str
    session: aiohttp.ClientSession
    now: Callable[[], float]
    resource: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


Function = Callable[[Visit], Awaitable[Mapping[str, object] | None]]


async def call_function(function: Function, visit: Visit) -> Answer:
    try:
        told = await function(visit)
    except Failed as failed:
        return Answer("fail", detail={"problem": str(failed)})
    return Answer("ok", detail=dict(told or {}))


def functions_of(timeline: Timeline) -> dict[str, Function]:
    """The functions that the timeline calls, by name. Raises BadScenario, with the way out, before anything runs.

    The current folder counts, as it does for `python -m`.
    """
    calls = {operation.function: operation for operation in timeline.operations() if operation.verb == "call"}
    found: dict[str, Function] = {}
    for name, operation in calls.items():
        try:
            found[name] = _load(name)
        except (ImportError, AttributeError, TypeError) as error:
            where = f"event {operation.id} at {operation.t:g}s"
            raise BadScenario(timeline.source, where, f"{name!r} cannot be called: {error}") from None
    return found


def _load(name: str) -> Function:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    if not inspect.iscoroutinefunction(function):
        raise TypeError("write it as `async def`")
    return function
