"""Who leaves keeps what it had, unless the step said `exit: delete`: a retract takes no copy away.

A former member's copy must be there, and in it every value that only users of this site wrote: what others wrote too
may have changed until the site left.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaos.checks.evidence import Content, Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.members import Missing, viewed, was_refused
from chaos.checks.writes import WRITES, written
from chaos.scenario.timeline import Operation

NAME = "kept-after-retract"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    leavers, unsure = _leavers(evidence, resource)
    views, unseen = viewed(evidence, list(leavers))
    copies = {site: view.objects[resource] for site, view in views.items() if resource in view.objects}
    wrong = Missing("copy", resource).at(site for site in views if site not in copies)
    for site, copy in copies.items():
        wrong += _lost(site, copy, _own_values(evidence, resource, site))
    unsure += unseen if leavers else [*unseen, f"no site left {resource} and meant to keep it"]
    guilty = [leavers[site] for site in views if site not in copies]
    return judge(NAME, resource, saw=len(copies), wrong=wrong, unsure=unsure, guilty=guilty)


def _leavers(evidence: Evidence, resource: str) -> tuple[dict[str, str], list[str]]:
    """Site -> the retract that took it out for good and let it keep its copy; and a line for each that had no answer."""
    operations = [each for each in evidence.timeline.operations() if each.resource == resource]
    calls = {call.invoke.id: call for call in evidence.history.calls("retract")}
    leavers: dict[str, str] = {}
    unsure: list[str] = []
    for number, operation in enumerate(operations):
        call = calls.get(operation.id)
        if call is None or operation.origin is None or operation.exit == "delete" or was_refused(evidence, call):
            continue
        if not call.answered:
            unsure.append(f"whether {operation.origin} left is open: {operation.id} had no answer")
        elif not _comes_back(operation.origin, operations[number + 1 :]):
            leavers[operation.origin] = operation.id
    return leavers, unsure


def _comes_back(site: str, later: list[Operation]) -> bool:
    return any(site in (*operation.scope, operation.to) for operation in later)


def _own_values(evidence: Evidence, resource: str, site: str) -> dict[str, str | None]:
    """Path -> the last acknowledged value, for the paths that users of `site` wrote and nobody else."""
    values: dict[str, str | None] = {}
    foreign: set[str] = set()
    for call in evidence.history.calls(*WRITES):
        for path, value in written(call, resource):
            if call.invoke.process == site and call.acknowledged:
                values[path] = value
            else:
                foreign.add(path)
    return {path: value for path, value in values.items() if path not in foreign}


def _lost(site: str, copy: Content, own: Mapping[str, str | None]) -> list[str]:
    return [
        f"{path}={value!r}, which {site} wrote, is {copy.get(path)!r} in the copy it kept"
        for path, value in own.items()
        if copy.get(path) != value
    ]
