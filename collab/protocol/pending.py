"""Operations in progress: accepted durably, tried until they are done or refused, answered within their bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import msgspec

from collab.protocol.entries import BadEntryError, entry
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import Operation, OperationResult, OperationState, Verb

KEPT_RESULTS = 1000
NO_RECORD = RecordId("")

Passed = Literal["trying", "sent", "begun", "refused"]
"""How an operation stands at a site that it was passed on to: `trying` it for the first time; `sent`, so that it may be
carried out there; `begun` there before it was withdrawn; `refused` for good."""


@dataclass(slots=True)
class Pending:
    """One operation. `given` and `gid`: whom an ingress named owner of which record (never two for one gid), `reached`: it may have
    heard of it, so that nobody else is named any more; `inv`:
    the invitation or offer it made; `codes`: sites that refused, with the code. `passed`: the sites it was passed on to;
    `aim`: the invitation of the site it is about as it was known when it was asked, "" for none; `withdrawn`: it is not to
    be begun any more. `busy`: a call or forward is out for it."""

    operation: Operation
    answer_at: float
    gid: RecordId = NO_RECORD
    given: SiteName | None = None
    reached: bool = False
    inv: str = ""
    codes: dict[SiteName, int] = field(default_factory=dict)
    outcomes: dict[SiteName, str] = field(default_factory=dict)
    manifest: Mapping[str, object] | None = None
    passed: dict[SiteName, Passed] = field(default_factory=dict)
    aim: str | None = None
    withdrawn: bool = False
    tries: int = 0
    busy: bool = False
    waits_until: float = 0.0
    answered: bool = False
    result: OperationResult | None = None

    @property
    def id(self) -> str:
        return self.operation.id

    @property
    def begun(self) -> bool:
        """Has this site begun to carry it out? Then it goes on to its end."""
        return bool(self.inv)

    def overtaken(self, inv: str) -> bool:
        """Has a site that this was passed on to carried it out meanwhile, as the new invitation `inv` shows?"""
        return bool(self.passed) and self.aim is not None and inv != self.aim

    @property
    def taken_back(self) -> bool:
        """Withdrawn before it was begun here: it is begun no more."""
        return self.withdrawn and not self.begun

    def entry(self) -> bytes:
        """The journal entry; the newest of an id counts."""
        fields: dict[str, object] = {
            "operation": self.operation.to_json(),
            "gid": self.gid,
            "given": self.given or "",
            "inv": self.inv,
            "codes": self.codes,
            "passed": self.passed,
            "aim": self.aim,
            "withdrawn": self.withdrawn,
            "result": self.result.to_json() if self.result else None,
        }
        return entry("operation", fields)

    def finished(self, state: OperationState, code: int, message: str) -> OperationResult:
        """The result with everything known about it."""
        return OperationResult(
            id=self.id,
            verb=self.operation.verb,
            resource=self.operation.resource,
            state=state,
            code=code,
            message=message,
            gid=self.gid,
            outcomes=dict(self.outcomes),
            manifest=self.manifest,
        )

    def snapshot(self) -> OperationResult:
        """What it is now: the result, or that it is pending."""
        return self.result or self.finished("pending", 202, "accepted; carried out when it can be")


def read_result(body: Mapping[str, object]) -> OperationResult:
    """A result from JSON, another site's answer or our journal. Raises BadEntryError."""
    try:
        stored = msgspec.convert(body, _Stored)
    except msgspec.ValidationError as error:
        raise BadEntryError(f"operation result: {error}") from error
    return OperationResult(
        id=stored.id,
        verb=cast(Verb, stored.verb),
        resource=stored.resource,
        state=cast(OperationState, stored.state),
        code=stored.code,
        message=stored.message,
        gid=stored.gid,
        outcomes={SiteName(site): outcome for site, outcome in stored.outcomes.items()},
        manifest=stored.manifest,
    )


class _Stored(msgspec.Struct):
    id: str
    verb: str
    resource: str
    state: str
    code: int
    message: str
    gid: str = ""
    outcomes: dict[str, str] = {}
    manifest: dict[str, object] | None = msgspec.field(default=None, name="object")
