"""The operations that were accepted at this site: each is written down, tried until it is done or refused, and answered in
time."""

from __future__ import annotations

from typing import Protocol

from collab.protocol import forwarding, verbs
from collab.protocol.actions import Answer
from collab.protocol.facts import ForwardFinished
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import Operation, OperationResult, Verb
from collab.protocol.pending import KEPT_RESULTS, Pending
from collab.protocol.rules import Records
from collab.protocol.snapshots import Json
from collab.protocol.turn import Turn


class LedgerHost(Records, Protocol):
    """What the ledger needs of its site's core, beside what the verbs need."""

    def persist_site(self, data: bytes, turn: Turn) -> None:
        """Append an entry to the site's journal."""


class Ledger:
    """By their ids, in the order they came; of the finished ones KEPT_RESULTS are kept."""

    def __init__(self, host: LedgerHost) -> None:
        self._host = host
        self._known: dict[str, Pending] = {}

    def all(self) -> list[Pending]:
        return list(self._known.values())

    def snapshots(self) -> list[Json]:
        return [pending.snapshot().to_json() for pending in self._known.values()]

    def poked(self, gids: dict[RecordId, None], turn: Turn) -> None:
        """Something changed about these records that operations may wait for."""
        for pending in [one for one in self._known.values() if one.result is None and one.gid in gids]:
            self._advance(pending, turn)

    def refused(self, gid: RecordId, site: SiteName, code: int) -> None:
        """An invited site said no."""
        for pending in self._known.values():
            if pending.gid == gid and pending.result is None:
                pending.codes[site] = code

    def accept(self, operation: Operation, turn: Turn) -> None:
        """An id acts once: the same again is told how the first one stands (S8)."""
        pending = self._known.get(operation.id)
        if pending is None:
            pending = Pending(
                operation=operation, answer_at=turn.now + operation.timeout_s, withdrawn=operation.withdraw
            )
            self._known[operation.id] = pending
            self.keep(pending, turn)
            self._forget_old_results()
        elif operation.withdraw:
            forwarding.withdraw(self._host, pending, turn)
        pending.answered = False
        pending.answer_at = turn.now + operation.timeout_s
        if pending.result is not None:
            self._answer(pending, turn)
            return
        self._host.site.timers.set(("answer", pending.id), pending.answer_at)
        self._advance(pending, turn)

    def resume(self, pending: Pending, turn: Turn) -> None:
        self._known[pending.id] = pending
        pending.answered = True  # whoever asked is gone
        if pending.result is None:
            self._host.site.timers.set(("operation", pending.id), turn.now)

    def unfinished(self, verb: Verb) -> list[Pending]:
        found = (pending for pending in self._known.values() if pending.operation.verb == verb)
        return [pending for pending in found if pending.result is None]

    def keep(self, pending: Pending, turn: Turn) -> None:
        self._host.persist_site(pending.entry(), turn)

    def again(self, pending: Pending, at: float) -> None:
        self._host.site.timers.set(("operation", pending.id), at)

    def forwarded(self, fact: ForwardFinished, turn: Turn) -> None:
        pending = self._known.get(fact.operation)
        if pending is not None and pending.result is None:
            self._conclude(pending, verbs.forward_finished(self._host, pending, fact, turn), turn)

    def due(self, operation: str, turn: Turn) -> None:
        pending = self._known.get(operation)
        if pending is not None and not (pending.answered and pending.result):
            self._advance(pending, turn)

    def answer_due(self, operation: str, turn: Turn) -> None:
        pending = self._known.get(operation)
        if pending is not None and not pending.answered:
            self._answer(pending, turn)

    def _advance(self, pending: Pending, turn: Turn) -> None:
        self._conclude(pending, verbs.advance(self._host, pending, turn), turn)

    def _conclude(self, pending: Pending, result: OperationResult | None, turn: Turn) -> None:
        if result is not None and not (pending.answered and pending.result is result):
            pending.result = result
            self.keep(pending, turn)
            self._host.site.timers.cancel(("operation", pending.id))
            self._answer(pending, turn)

    def _answer(self, pending: Pending, turn: Turn) -> None:
        pending.answered = True
        self._host.site.timers.cancel(("answer", pending.id))
        turn.add(Answer(operation=pending.id, result=pending.snapshot()))

    def _forget_old_results(self) -> None:
        finished = [one.id for one in self._known.values() if one.result is not None]
        for old in finished[: max(0, len(finished) - KEPT_RESULTS)]:
            del self._known[old]
