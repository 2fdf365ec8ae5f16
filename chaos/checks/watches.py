"""A watch tells the same as a list: at rest, what a client built up from events is what a list of that moment shows."""

from __future__ import annotations

from chaos.checks.evidence import Evidence
from chaos.checks.finding import Finding, judge
from chaos.checks.members import members_of

NAME = "watch-equals-list"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    wrong: list[str] = []
    unsure: list[str] = []
    saw = 0
    for site in members_of(evidence, resource):
        followed = evidence.watches.get(site)
        if followed is None or followed.problem:
            unsure.append(f"{site} was not watched: {followed.problem if followed else 'nobody did'}")
            continue
        watched = {name: rv for name, rv in followed.watched.items() if _belongs(name, resource)}
        listed = {name: rv for name, rv in followed.listed.items() if _belongs(name, resource)}
        saw += followed.events if listed else 0
        wrong += [
            f"{name} at {site}: the watch ended at {watched.get(name)}, the list shows {listed.get(name)}"
            for name in sorted({*watched, *listed})
            if watched.get(name) != listed.get(name)
        ]
    return judge(NAME, resource, saw=saw, wrong=wrong, unsure=unsure)


def _belongs(name: str, resource: str) -> bool:
    return name == resource or name.startswith(f"{resource}/")
