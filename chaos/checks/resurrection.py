"""What was removed stays away: no value, object or resource comes back that nobody made again.

A value counts only where exactly one call wrote it: then that it stands after its removal was seen has one explanation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.checks.evidence import Evidence, SiteView
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.checks.members import some, viewed
from chaos.checks.writes import WRITES, key_of, written
from chaos.scenario.workload import shared_part

NAME = "no-resurrection"


@dataclass(frozen=True, slots=True)
class _Gone:
    """The event that removed something, and what must not be seen any more: `value` at `path`, an object with None, or
    the whole resource with neither."""

    id: str
    path: str = ""
    value: str | None = None

    def stands(self, view: SiteView, resource: str) -> bool:
        content = view.objects.get(resource)
        if not self.path:
            return content is not None or view.record_of(resource) is not None
        if content is None:
            return False
        return self.path in content if self.value is None else content.get(self.path) == self.value

    def told(self) -> str:
        return (f"{self.path}={self.value!r}" if self.value is not None else self.path) or "the resource"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    views, unsure = viewed(evidence, evidence.timeline.sites)
    gone = [*_values(evidence, resource), *_objects(evidence, resource), *_whole(evidence, resource)]
    back = [(each, sites) for each in gone if (sites := [s for s, v in views.items() if each.stands(v, resource)])]
    return judge(
        NAME,
        resource,
        saw=len(gone) if views else 0,
        wrong=[f"{each.id} removed {each.told()}, and it is back at {some(sites)}" for each, sites in back],
        unsure=unsure if gone else (f"nothing of {resource} was removed for good",),
        guilty=[each.id for each, _ in back],
    )


def _values(evidence: Evidence, resource: str) -> Iterator[_Gone]:
    """Values that a removal had seen, and that one call alone wrote."""
    calls = list(evidence.history.calls(*WRITES))
    writers: dict[tuple[str, str], int] = {}
    for call in calls:
        for path, value in written(call, resource):
            if value is not None:
                writers[path, value] = writers.get((path, value), 0) + 1
    for call in calls:
        seen = call.end.value.get("seen") if call.acknowledged and call.end is not None else None
        for path, value in written(call, resource):
            before = seen.get(key_of(path)) if isinstance(seen, dict) else None
            if value is None and before is not None and writers.get((path, before)) == 1:
                yield _Gone(call.invoke.id, path, before)


def _objects(evidence: Evidence, resource: str) -> Iterator[_Gone]:
    """ConfigMaps that were deleted, and that nobody applied afterwards or at the same time."""
    for call in _acknowledged(evidence, resource, "delete"):
        name = call.invoke.resource.partition("/configmaps/")[2]
        makers = (one for one in evidence.history.calls("apply") if one.invoke.resource == call.invoke.resource)
        if name and all(_precedes(one, call) for one in makers):
            yield _Gone(call.invoke.id, f"configmaps/{name}")


def _whole(evidence: Evidence, resource: str) -> Iterator[_Gone]:
    """The resource, when it was destroyed and not made again."""
    for call in _acknowledged(evidence, resource, "destroy"):
        makers = (one for one in evidence.history.calls("create") if one.invoke.resource == resource)
        if all(_precedes(one, call) for one in makers):
            yield _Gone(call.invoke.id)


def _acknowledged(evidence: Evidence, resource: str, verb: str) -> Iterator[Call]:
    calls = evidence.history.calls(verb)
    return (call for call in calls if call.acknowledged and shared_part(call.invoke.resource) == resource)


def _precedes(one: Call, other: Call) -> bool:
    """Whether `one` was over, or surely did nothing, before `other` was asked."""
    return one.surely_failed or (one.end is not None and one.answered and one.end.t < other.invoke.t)
