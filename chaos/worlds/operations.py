"""The operations of a timeline as what users of a site do: the same in every world.

Shared by all worlds, so a world brings only its clock, its addresses and its client sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from chaos.checks.history import History, Line, LineType
from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.events import Operation
from chaos.worlds.client import Answer, Client, Unsent, problem_of
from chaos.worlds.objects import OBJECT_VERBS, act_on_object
from chaos.worlds.visits import Function, Visit, call_function

CLIENT_TIMEOUT_S: Final = 30.0
"""How long a user waits for an answer; after it the operation is `info`: it may have happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """The users of all sites. `now` gives seconds since the start; `agent_url` a site's agent, as its users reach it."""

    history: History
    now: Callable[[], float]
    agent_url: Callable[[str], str]
    session: Callable[[str], aiohttp.ClientSession]
    functions: Mapping[str, Function] = field(default_factory=dict)

    async def perform(self, operation: Operation) -> None:
        """Do `operation` and write both its ends into the history. Never raises for what a server or a link does."""
        value: dict[str, object] = {"resource": operation.resource, **_arguments(operation)}
        self._write("invoke", operation, value)
        answer = await self._answer(operation)
        if answer.seen is not None:
            value["seen"] = dict(answer.seen)
        if answer.overrode:
            value["overrode"] = dict(answer.overrode)
        self._write(answer.type, operation, {**value, **answer.detail}, answer)

    def _write(
        self, kind: LineType, operation: Operation, value: dict[str, object], answer: Answer | None = None
    ) -> None:
        self.history.add(
            Line(
                t=round(self.now(), NANOSECOND_DIGITS),
                process=operation.on,
                type=kind,
                f=operation.verb,
                id=operation.id,
                value=dict(value),
                rv=None if answer is None else answer.rv,
                code=None if answer is None else answer.code,
            )
        )

    async def _answer(self, operation: Operation) -> Answer:
        client = Client(self.session(operation.on), self.agent_url(operation.on))
        try:
            if operation.verb == "call":
                return await call_function(self.functions[operation.function], self._visit(operation, client))
            if operation.verb in OBJECT_VERBS:
                return await act_on_object(client, operation)
            if operation.verb in ("patch", "update"):
                return await client.write(operation)
            return await client.command(operation)
        except Unsent as error:
            return Answer("fail", detail={"problem": str(error)})
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            return Answer("info", detail={"problem": problem_of(error)})

    def _visit(self, operation: Operation, client: Client) -> Visit:
        return Visit(
            site=operation.on,
            url=client.url,
            session=client.session,
            now=self.now,
            resource=operation.resource,
            arguments=operation.arguments,
        )


def _arguments(operation: Operation) -> dict[str, object]:
    """What the history shows of an operation, beside its resource."""
    members: dict[str, object] = {
        "patch": dict(operation.patch),
        "data": dict(operation.data),
        "arguments": dict(operation.arguments),
        "function": operation.function,
        "scope": list(operation.scope),
        "to": operation.to,
        "from": operation.origin,
    }
    return {name: value for name, value in members.items() if value}
