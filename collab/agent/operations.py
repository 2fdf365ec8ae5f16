"""Operations that wait for their answer here, and those forwarded to other agents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiohttp

from collab.agent.kube import parse_object
from collab.agent.link import Answered, Outcome, exchange, target_url
from collab.agent.peers import Resolve
from collab.agent.tasks import Tasks
from collab.protocol.actions import Answer, Forward
from collab.protocol.facts import CommandIssued, Fact, ForwardFinished
from collab.protocol.operations import Operation, OperationResult

OPERATIONS_PATH = "/collab/v1/operations"
GRACE_S = 2.0  # the core answers within the operation's time-out; this is for its answer to come through


class Operations:
    """Issues operations to the core and waits for their answers; carries out Forwards."""

    def __init__(
        self, *, session: aiohttp.ClientSession, tasks: Tasks, resolve: Resolve, tell: Callable[[Fact], None]
    ) -> None:
        self._session = session
        self._tasks = tasks
        self._resolve = resolve
        self._tell = tell
        self._waiting: dict[str, list[asyncio.Future[OperationResult]]] = {}

    async def issue(self, operation: Operation) -> OperationResult:
        """The core's first answer; pending when none comes in the operation's time and a little more."""
        answer: asyncio.Future[OperationResult] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(operation.id, []).append(answer)
        self._tell(CommandIssued(operation=operation))
        try:
            async with asyncio.timeout(operation.timeout_s + GRACE_S):
                return await answer
        except TimeoutError:
            return _unanswered(operation)
        finally:
            self._forget(operation.id, answer)

    def answer(self, action: Answer) -> None:
        """Hand the result to all who wait for it."""
        for answer in self._waiting.pop(action.operation, []):
            if not answer.done():
                answer.set_result(action.result)

    def forward(self, action: Forward) -> None:
        """POST the operation to another site's agent; ends in one ForwardFinished."""
        self._tasks.begin(self._forward(action))

    async def _forward(self, action: Forward) -> None:
        url = target_url(self._resolve(action.site, action.address), OPERATIONS_PATH)
        body = json.dumps(action.operation.to_json()).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        outcome = await exchange(
            self._session, "POST", url, headers=headers, body=body, answer_s=max(action.timeout_s, 0.0)
        )
        self._tell(_finished(action, outcome))

    def _forget(self, operation: str, answer: asyncio.Future[OperationResult]) -> None:
        waiting = self._waiting.get(operation, [])
        if answer in waiting:
            waiting.remove(answer)
        if not waiting:
            self._waiting.pop(operation, None)


def _finished(action: Forward, outcome: Outcome) -> ForwardFinished:
    operation = action.operation.id
    if isinstance(outcome, Answered):
        body = parse_object(outcome.body)
        return ForwardFinished(
            operation=operation, site=action.site, outcome="answered", code=outcome.status, body=body
        )
    return ForwardFinished(operation=operation, site=action.site, outcome="unknown" if outcome.sent else "not-sent")


def _unanswered(operation: Operation) -> OperationResult:
    return OperationResult(
        id=operation.id,
        verb=operation.verb,
        resource=operation.resource,
        state="pending",
        code=202,
        message=f"operation {operation.id} is under way",
        gid=operation.gid,
    )
