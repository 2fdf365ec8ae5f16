"""What was asked of the sites and what they answered, in the shape that Jepsen's checkers read.

A time-out is `info` (it may have happened), never `fail` (it surely did not).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

LINES_MAX = 200_000

LineType = Literal["invoke", "ok", "fail", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`process` is the site whose user acts, `id` the event of the timeline, `t` seconds since the start.

    `value` holds the resource and, for writes, the patch; a completed write adds `seen`, what stood there before.
    `rv` is the resourceVersion, `code` the HTTP status of the answer.
    """

    t: float
    process: str
    type: LineType
    f: str
    id: str
    value: Mapping[str, object] = field(default_factory=dict)
    rv: str | None = None
    code: int | None = None

    @property
    def resource(self) -> str:
        return str(self.value.get("resource", ""))


@dataclass(frozen=True, slots=True)
class Call:
    """An invocation with its completion; None when the run ended first."""

    invoke: Line
    end: Line | None

    @property
    def acknowledged(self) -> bool:
        return self.end is not None and self.end.type == "ok"

    @property
    def answered(self) -> bool:
        """A server said what became of it, were it only that it is pending."""
        return self.end is not None and (self.end.type != "info" or self.end.value.get("state") == "pending")

    @property
    def surely_failed(self) -> bool:
        return self.end is not None and self.end.type == "fail"


@dataclass(slots=True)
class History:
    """Lines in the order of their times. Past `limit` lines are dropped and `truncated` says so: no check of
    a truncated history can say valid."""

    lines: list[Line] = field(default_factory=list)
    limit: int = LINES_MAX
    truncated: bool = False

    def add(self, line: Line) -> None:
        if len(self.lines) >= self.limit:
            self.truncated = True
            return
        self.lines.append(line)

    def calls(self, *verbs: str) -> Iterator[Call]:
        """Invocations of these verbs with their completions, in the order of invocation."""
        ends = {(line.id, line.process): line for line in self.lines if line.type != "invoke"}
        for line in self.lines:
            if line.type == "invoke" and (not verbs or line.f in verbs):
                yield Call(line, ends.get((line.id, line.process)))

    def dump(self) -> str:
        """JSON lines; members without a value are left out."""
        return "".join(msgspec.json.encode(_plain(line)).decode() + "\n" for line in self.lines)


def _plain(line: Line) -> dict[str, object]:
    members = {
        "t": line.t,
        "process": line.process,
        "type": line.type,
        "f": line.f,
        "id": line.id,
        "value": dict(line.value),
        "rv": line.rv,
        "code": line.code,
    }
    return {name: value for name, value in members.items() if value is not None}
