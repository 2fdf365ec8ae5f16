"""A copy stays the same object: no site makes its copy anew that nobody took away.

Values may be right while the object is another one: whoever holds on to its uid, as owner references do, has then lost it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.history import Call
from chaos.scenario.workload import shared_part

NAME: Final = "copies-not-remade"

TAKES_AWAY: Final = ("delete", "retract", "destroy")


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    """Compares the uids that `get` steps met at one site, one after another."""
    pairs = list(_pairs(evidence, resource))
    remade = [(before, after) for before, after in pairs if _uid(before) != _uid(after)]
    return judge(
        NAME,
        resource,
        saw=len(pairs),
        wrong=[
            f"the copy at {after.invoke.process} that {before.invoke.id} saw had been made anew when {after.invoke.id} looked"
            for before, after in remade
        ],
        unsure=() if pairs else (f"nobody looked at one copy of {resource} twice",),
        guilty=[after.invoke.id for _, after in remade],
    )


def _pairs(evidence: Evidence, resource: str) -> Iterator[tuple[Call, Call]]:
    """Reads of one object at one site that follow each other, with nothing between them that takes the object away."""
    last: dict[tuple[str, str], Call] = {}
    for call in evidence.history.calls("get", *TAKES_AWAY):
        if shared_part(call.invoke.resource) != resource:
            continue
        if call.invoke.f in TAKES_AWAY:
            last.clear()
            continue
        place = (call.invoke.process, call.invoke.resource)
        if _uid(call) is None:
            continue
        if place in last:
            yield last[place], call
        last[place] = call


def _uid(call: Call) -> object:
    return call.end.value.get("uid") if call.acknowledged and call.end is not None else None
