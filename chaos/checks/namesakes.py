"""Two resources that share only their name stay two: neither side's values show up in the other's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.checks.evidence import Content, Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, viewed
from chaos.checks.writes import WRITES, written

NAME = "namesakes-kept-apart"

Values = Mapping[str, set[str | None]]
"""Path -> all values that may stand there."""


@dataclass(frozen=True, slots=True)
class _Namesake:
    """One of several resources of a name: the event that made it, and the sites it was made at."""

    id: str
    sites: tuple[str, ...]


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    namesakes, unsure = _namesakes(evidence, resource)
    if len(namesakes) < 2:
        return judge(NAME, resource, saw=0, unsure=[*unsure, f"no two of {resource} were made apart"])
    wrong: list[str] = []
    saw = 0
    for namesake in namesakes:
        views, unseen = viewed(evidence, namesake.sites)
        unsure += unseen
        copies = {site: view.objects[resource] for site, view in views.items() if resource in view.objects}
        saw += len(copies)
        wrong += Missing("copy", resource).at(site for site in views if site not in copies)
        own = _values(evidence, resource, namesake.sites)
        wrong += [text for site, copy in copies.items() for text in _foreign(site, copy, own)]
    return judge(NAME, resource, saw=saw, wrong=wrong, unsure=unsure)


def _namesakes(evidence: Evidence, resource: str) -> tuple[list[_Namesake], list[str]]:
    """The creates of that name which were acknowledged, at sites that no other create names."""
    scopes = {each.id: each.scope for each in evidence.timeline.operations() if each.verb == "create"}
    calls = [call for call in evidence.history.calls("create") if call.invoke.resource == resource]
    made = [_Namesake(call.invoke.id, scopes.get(call.invoke.id, ())) for call in calls if call.acknowledged]
    unsure = [f"{call.invoke.id} had no answer" for call in calls if not call.answered]
    return [each for each in made if _stands_alone(each, made)], unsure


def _stands_alone(namesake: _Namesake, made: Sequence[_Namesake]) -> bool:
    return not any(set(namesake.sites) & set(other.sites) for other in made if other.id != namesake.id)


def _values(evidence: Evidence, resource: str, sites: tuple[str, ...]) -> Values:
    """What users of `sites` wrote, or may have written."""
    values: dict[str, set[str | None]] = {}
    for call in evidence.history.calls(*WRITES):
        if call.invoke.process in sites:
            for path, value in written(call, resource):
                values.setdefault(path, set()).add(value)
    return values


def _foreign(site: str, copy: Content, own: Values) -> Iterator[str]:
    for path in sorted({*copy, *own}):
        value = copy.get(path)
        if value not in own.get(path, {None}):
            yield f"{path}={value!r} at {site} is none of its side's own values"
