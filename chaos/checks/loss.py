"""No acknowledged write is lost: it stands, or a write that had seen it replaced it, or it is shown as a conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.checks.members import members_of, viewed, was_refused
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


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    views, unsure = viewed(evidence, members_of(evidence, resource))
    shared = [call for call in evidence.history.calls(*WRITES) if not _out(evidence, call, resource, _is_done)]
    writes = [write for call in shared for write in _writes(call, resource)]
    judged = [call for call in shared if call.acknowledged and not _out(evidence, call, resource, _is_promised)]
    acknowledged = [write for call in judged for write in _writes(call, resource)]
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


Ended = Callable[[Evidence, Call, float], bool]


def _out(evidence: Evidence, call: Call, resource: str, ended: Ended) -> bool:
    """Whether something that takes the write's site out had `ended` so by then, and nobody has taken it in since: then
    the site wrote to a namespace of its own, or to one on its way out."""
    site, t = call.invoke.process, call.invoke.t
    turns = evidence.history.calls("retract", "delete", "extend")
    last = ""
    for turn in turns:
        if turn.invoke.resource == resource and turn.invoke.t <= t and _subject(turn) == site:
            last = turn.invoke.f if turn.invoke.f == "extend" or ended(evidence, turn, t) else last
    return last in ("retract", "delete")


def _subject(turn: Call) -> object:
    told = turn.invoke.value
    return {"extend": told.get("to"), "retract": told.get("from"), "delete": turn.invoke.process}[turn.invoke.f]


def _is_done(_: Evidence, turn: Call, t: float) -> bool:
    return turn.acknowledged and turn.end is not None and turn.end.t <= t


def _is_promised(evidence: Evidence, turn: Call, _: float) -> bool:
    """When a promise is kept, and whether a request without an answer was heard, the site alone knows."""
    return not was_refused(evidence, turn)


def _writes(call: Call, resource: str) -> Iterator[_Write]:
    """What the call wrote, or may have written."""
    for path, value in written(call, resource):
        replaced = _replaced(call, key_of(path))
        yield _Write(call.invoke.id, call.invoke.process, path, value, replaced)


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
