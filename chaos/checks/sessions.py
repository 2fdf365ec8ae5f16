"""Session guarantees: who has seen a value never sees an older one again. Read your writes, monotonic reads, and writes that
follow reads are this one rule.

Older is what causality says, not a clock: a write knows which value it replaced (it read before it wrote), so values form
chains. Values that were written more than once are left out: seeing one again may mean its second writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.checks.writes import WRITES, key_of, written
from chaos.scenario.workload import READS, shared_part

NAME = "session-guarantees"

Older = Mapping[tuple[str, str], frozenset[str]]
"""(path, value) -> every value of that path that it replaced, directly or through others."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """In the session of `process`, the call `id` showed or wrote `value` at `path`, some time from `begin` to `end`."""

    id: str
    process: str
    path: str
    value: str
    begin: float
    end: float


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    older = _chains(evidence, resource)
    sights = sorted(_sights(evidence, resource), key=lambda sight: sight.begin)
    compared = 0
    wrong: list[str] = []
    guilty: list[str] = []
    for number, later in enumerate(sights):
        for before in sights[:number]:
            if not _follows(before, later):
                continue
            compared += 1
            if later.value in older.get((before.path, before.value), ()):
                wrong.append(
                    f"{later.process} saw {later.path}={before.value!r} in {before.id}, and the older {later.value!r} in {later.id}"
                )
                guilty += [before.id, later.id]
    unsure = () if compared else (f"no session met one value of {resource} twice",)
    return judge(NAME, resource, saw=compared, wrong=wrong, unsure=unsure, guilty=dict.fromkeys(guilty))


def _follows(before: _Sight, later: _Sight) -> bool:
    """Calls that begin and end at one instant of virtual time are concurrent."""
    return (before.process, before.path) == (later.process, later.path) and before.end < later.begin


def _chains(evidence: Evidence, resource: str) -> Older:
    """Raises nothing for a circle: a value that was written twice is in no chain."""
    replaced: dict[tuple[str, str], str | None] = {}
    twice: set[tuple[str, str]] = set()
    for call in evidence.history.calls(*WRITES):
        for path, value in written(call, resource):
            if value is not None:
                (twice.add if (path, value) in replaced else lambda _: None)((path, value))
                replaced[path, value] = _seen(call).get(key_of(path))
    return {key: frozenset(_ancestors(key, replaced, twice)) for key in replaced if key not in twice}


def _ancestors(
    key: tuple[str, str], replaced: Mapping[tuple[str, str], str | None], twice: set[tuple[str, str]]
) -> Iterator[str]:
    path, value = key
    while (before := replaced.get((path, value))) is not None and (path, before) not in twice:
        yield before
        value = before


def _seen(call: Call) -> Mapping[str, str | None]:
    seen = call.end.value.get("seen") if call.end is not None else None
    return seen if isinstance(seen, Mapping) else {}


def _sights(evidence: Evidence, resource: str) -> Iterator[_Sight]:
    for call in evidence.history.calls(*WRITES, *READS):
        if call.end is None or not call.acknowledged or shared_part(call.invoke.resource) != resource:
            continue
        shown = call.end.value.get("read")
        values: Mapping[str, object] = shown if isinstance(shown, Mapping) else dict(written(call, resource))
        for path, value in values.items():
            if isinstance(value, str):
                line = call.invoke
                yield _Sight(line.id, line.process, path, value, line.t, call.end.t)
