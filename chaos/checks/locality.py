"""Nothing about a resource reaches a site outside its members: neither its name nor its record's id, on wire or disk.

The check first shows that it finds both at the members. A search that finds nothing anywhere has proven nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaos.checks.evidence import Evidence, Searchable
from chaos.checks.finding import Finding, judge
from chaos.checks.members import members_of, some

NAME = "no-leak-outside-scope"


def check(evidence: Evidence, resource: str, _within_s: float | None) -> Finding:
    members = members_of(evidence, resource)
    outsiders = _outsiders(evidence, resource, members)
    needles = _needles(evidence, resource, members)
    places = {"wire": evidence.wire, "disk": evidence.disks}
    shown = {
        (kind, what): [site for site in members if site in place and place[site].find(needle)]
        for kind, place in places.items()
        for what, needle in needles.items()
    }
    return judge(
        NAME,
        resource,
        saw=sum(len(sites) for sites in shown.values()) if outsiders else 0,
        wrong=[leak for kind, place in places.items() for leak in _leaks(kind, place, outsiders, needles)],
        unsure=[*_not_shown(shown, members), *_doubts(evidence, outsiders, needles)],
    )


def _outsiders(evidence: Evidence, resource: str, members: tuple[str, ...]) -> list[str]:
    """Sites that must know nothing: no member at any time, and no user there ever asked for the resource."""
    insiders = set(members)
    for operation in evidence.timeline.operations():
        if operation.resource == resource:
            insiders |= {operation.on, *operation.scope, operation.to or "", operation.origin or ""}
    return [site for site in evidence.timeline.sites if site not in insiders]


def _needles(evidence: Evidence, resource: str, members: tuple[str, ...]) -> dict[str, bytes]:
    """The name, and the id of every record of the resource that a member tells of."""
    records = [record for site in members if site in evidence.views for record in evidence.views[site].records]
    gids = sorted({record.gid for record in records if record.resource == resource and record.gid})
    name = resource.rpartition("/")[2]
    return {f"name {name}": name.encode()} | {f"gid {gid}": gid.encode() for gid in gids}


def _leaks(
    kind: str, place: Mapping[str, Searchable], outsiders: list[str], needles: Mapping[str, bytes]
) -> Iterator[str]:
    for site in outsiders:
        for what, needle in needles.items():
            if site in place and (where := place[site].find(needle)):
                yield f"{what} reached {site}, which is outside the scope ({kind}, {where})"


def _not_shown(shown: Mapping[tuple[str, str], list[str]], members: tuple[str, ...]) -> list[str]:
    return [
        f"{what} was not found on the {kind} of {some([site for site in members if site not in sites])}: the search is blind"
        for (kind, what), sites in shown.items()
        if len(sites) < len(members)
    ]


def _doubts(evidence: Evidence, outsiders: list[str], needles: Mapping[str, bytes]) -> list[str]:
    doubts = [] if outsiders else ["every site is a member: there is nobody to leak to"]
    if len(needles) < 2:
        doubts.append("no member tells the record's id")
    partial = [
        site
        for place in (evidence.wire, evidence.disks)
        for site in outsiders
        if site not in place or not place[site].complete
    ]
    return [*doubts, f"not all that reached {some(partial)} was kept"] if partial else doubts
