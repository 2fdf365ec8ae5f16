"""No acknowledged write is lost: it stands, or a write that had seen it replaced it, or it is shown as a conflict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.checks.members import members_of, viewed
from chaos.checks.writes import WRITES, key_of, written

NAME = "no-lost-acknowledged-write"


@dataclass(frozen=True, slots=True)
class _Write:
    """One value written to one path. `replaced` is what the writer had seen there: the value it read (writers read, then
    write on that very resourceVersion), and those that its site showed as losers of a conflict."""

    id: str
    site: str
    path: str
    value: str | None
    replaced: tuple[str | None, ...]
    acknowledged: bool


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    views, unsure = viewed(evidence, members_of(evidence, resource))
    shared = (call for call in evidence.history.calls(*WRITES) if not _after_leaving(evidence, call, resource))
    writes = [write for call in shared for write in _writes(call, resource)]
    acknowledged = [write for write in writes if write.acknowledged]
    lost = [write for write in acknowledged if views and not _accounted_for(write, writes, views, resource)]
    if evidence.history.truncated:
        unsure.append(f"the history was cut after {evidence.history.limit} lines")
    return judge(
        NAME,
        resource,
        saw=len(acknowledged),
        wrong=[f"{write.id}: {write.path}={write.value!r} written at {write.site} is nowhere" for write in lost],
        unsure=unsure if views else [*unsure, "no member was looked at"],
        guilty=[write.id for write in lost],
    )


def _after_leaving(evidence: Evidence, call: Call, resource: str) -> bool:
    """Whether the write's site had left by its own word, and nobody has taken it in since: then it wrote to a namespace
    of its own, or to one on its way out."""
    site = call.invoke.process
    turns = [
        (turn.invoke.f, turn.end.t)
        for turn in evidence.history.calls("retract", "extend")
        if turn.invoke.resource == resource and turn.end is not None and _turns(turn, site)
    ]
    before = [verb for verb, t in turns if t <= call.invoke.t]
    return before[-1:] == ["retract"]


def _turns(turn: Call, site: str) -> bool:
    """Whether it takes the site in, perhaps, or out, for sure."""
    if turn.invoke.f == "extend":
        return turn.invoke.value.get("to") == site
    return turn.acknowledged and turn.invoke.value.get("from") == turn.invoke.process == site


def _writes(call: Call, resource: str) -> Iterator[_Write]:
    """What the call wrote, or may have written."""
    for path, value in written(call, resource):
        replaced = _replaced(call, key_of(path))
        yield _Write(call.invoke.id, call.invoke.process, path, value, replaced, call.acknowledged)


def _replaced(call: Call, key: str) -> tuple[str | None, ...]:
    """Nothing is known of a write without an end, and a create replaces nothing."""
    told = call.end.value if call.end is not None else {}
    seen, overrode = told.get("seen"), told.get("overrode")
    values = [seen[key]] if isinstance(seen, Mapping) and key in seen else []
    losers = overrode.get(key, ()) if isinstance(overrode, Mapping) else ()
    return (*values, *losers)


def _accounted_for(write: _Write, writes: list[_Write], views: Mapping[str, SiteView], resource: str) -> bool:
    return (
        all(_stands(write, view, resource) for view in views.values())
        or any(_replaces(other, write) for other in writes)
        or any(_shown_as_loser(write, view, resource) for view in views.values())
    )


def _stands(write: _Write, view: SiteView, resource: str) -> bool:
    return resource in view.objects and view.objects[resource].get(write.path) == write.value


def _replaces(other: _Write, write: _Write) -> bool:
    return other is not write and other.path == write.path and write.value in other.replaced and other.id != write.id


def _shown_as_loser(write: _Write, view: SiteView, resource: str) -> bool:
    return any(
        (loser.resource, loser.path, loser.value) == (resource, write.path, write.value) for loser in view.losers
    )
