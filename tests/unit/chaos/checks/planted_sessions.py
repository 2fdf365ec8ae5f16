"""A run of reads and writes as it should have been, for the checks of what one session sees.

At `a` a user writes `red`, then reads it; at `b` somebody sees it and writes `blue` over it; `a` sees that, and removes it;
then a ConfigMap is applied and deleted, and at last nothing of either is left. All the time `a` has one and the same copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chaos.checks.evidence import Evidence, Followed, SiteView
from chaos.checks.history import History, Line, LineType
from chaos.scenario.timeline import Operation, Quieting, Timeline
from tests.unit.chaos.checks.planted import MEMBERS, RECORD, TEAM

SETTINGS = f"{TEAM}/configmaps/settings"


def call(
    t: float,
    process: str,
    f: str,
    id: str,
    *,
    rv: str,
    resource: str = TEAM,
    end: LineType = "ok",
    told: Mapping[str, object] | None = None,
    **asked: object,
) -> list[Line]:
    value = {"resource": resource, **asked}
    return [
        Line(t=t, process=process, type="invoke", f=f, id=id, value=value),
        Line(t=t + 0.1, process=process, type=end, f=f, id=id, value={**value, **(told or {})}, rv=rv),
    ]


LINES: tuple[Line, ...] = (
    *call(0, "a", "create", "w0", rv="1", patch={"crop": "barley"}),
    *call(2, "a", "patch", "w1", rv="5", patch={"roof": "red"}, told={"seen": {"roof": None}}),
    *call(3, "a", "get", "w2", rv="5", told={"read": {"labels/roof": "red", "labels/crop": "barley"}, "uid": "u1"}),
    *call(4, "b", "patch", "w3", rv="7", patch={"roof": "blue"}, told={"seen": {"roof": "red"}}),
    *call(6, "a", "get", "w4", rv="9", told={"read": {"labels/roof": "blue", "labels/crop": "barley"}, "uid": "u1"}),
    *call(8, "a", "patch", "w5", rv="11", patch={"roof": None}, told={"seen": {"roof": "blue"}}),
    *call(9, "b", "apply", "w6", rv="8", resource=SETTINGS, data={"k": "v"}, told={"seen": {"k": None}}),
    *call(12, "b", "delete", "w7", rv="", resource=SETTINGS),
    *call(18, "b", "get", "w9", rv="", resource=SETTINGS, told={"read": None}),
)
FOLLOWED = Followed(watched={TEAM: "11"}, listed={TEAM: "11"}, events=5)

SESSIONS = Evidence(
    timeline=Timeline(
        scenario="sessions",
        seed=1,
        duration_s=60,
        sites=MEMBERS,
        events=(
            Operation(t=0, id="w0", verb="create", on="a", resource=TEAM, scope=MEMBERS, patch={"crop": "barley"}),
            Quieting(t=30, id="quiet", limit_s=30),
        ),
    ),
    history=History(list(LINES)),
    views={site: SiteView(site=site, records=(RECORD,), objects={TEAM: {"labels/crop": "barley"}}) for site in MEMBERS},
    healed_t=30,
    settled_t=33,
    watches=dict.fromkeys(MEMBERS, FOLLOWED),
)


def holding(content: Mapping[str, str], site: str = "c") -> Evidence:
    """The good run, but this is what one site holds at the end."""
    view = replace(SESSIONS.views[site], objects={TEAM: content})
    return replace(SESSIONS, views={**SESSIONS.views, site: view})


def with_end(id: str, *, rv: str | None = None, **told: object) -> Evidence:
    """The good run, but one call ended otherwise."""
    lines = [
        replace(line, rv=rv or line.rv, value={**line.value, **told})
        if line.id == id and line.type != "invoke"
        else line
        for line in LINES
    ]
    return replace(SESSIONS, history=History(lines))


def with_watch(site: str, followed: Followed) -> Evidence:
    return replace(SESSIONS, watches={**SESSIONS.watches, site: followed})


def destroyed(*, back: bool) -> Evidence:
    """The good run, and then the resource is destroyed; `back`: one site has it again."""
    lines = [*LINES, *call(20, "a", "destroy", "w8", rv="")]
    views = {site: SiteView(site=site) for site in MEMBERS}
    left = {"c": SiteView(site="c", objects={TEAM: {}})} if back else {}
    return replace(SESSIONS, history=History(lines), views={**views, **left})
