"""What a server answered, and the expectations that bodies have of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fakekube.meta.objects import KubeObject


class Unfaithful(AssertionError):
    """A server did something else than a real apiserver; the message says what was expected of it."""


class NotHere(Exception):
    """A body cannot be asked of this server, for a reason that is not the server's fault."""


def equal(found: object, wanted: object, what: str) -> None:
    """Raises Unfaithful when `found` is not `wanted`."""
    if found != wanted:
        raise Unfaithful(f"{what}: expected {wanted!r}, got {found!r}")


def holds(condition: object, what: str) -> None:
    """Raises Unfaithful with `what` was expected, unless `condition` is true."""
    if not condition:
        raise Unfaithful(f"expected {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole answer; header names are in lower case, values that came several times are joined with `, `."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> KubeObject:
        """The JSON object of the body. Raises Unfaithful when there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unfaithful(f"expected a JSON object with status {self.status}, got {self.body[:200]!r}")
        return found

    def obj(self, status: int = 200) -> KubeObject:
        """The object that came with `status`; any other status is Unfaithful, with what the server said."""
        if self.status != status:
            raise Unfaithful(f"expected status {status}, got {self.status}: {self.body[:300].decode(errors='replace')}")
        return self.document()

    def refused(self, status: int, reason: str) -> KubeObject:
        """The `Status` of a refusal."""
        found = self.obj(status)
        equal((found.get("kind"), found.get("status")), ("Status", "Failure"), "the body of a refusal")
        equal(found.get("code"), status, "the code in the Status")
        equal(found.get("reason", ""), reason, "the reason")
        return found


class Events(Protocol):
    """An open watch."""

    def next(self, patience_s: float) -> KubeObject | None:
        """The next event; None when the server ended the watch, or none came within `patience_s`."""

    @property
    def ended(self) -> bool:
        """Whether the server ended the watch."""

    def close(self) -> None: ...
