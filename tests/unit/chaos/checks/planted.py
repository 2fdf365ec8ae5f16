"""Runs as they should have been, built by hand, for tests that plant one bug in them.

The story: a namespace at three of four sites, made at `a`; `c` is cut off from 10 s to 30 s; at 15 s `a` and `c` both
change one label; `a` wins, `c`'s value is shown as a conflict. `d` is outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chaos.checks.evidence import Evidence, LosingValue, RecordView, SiteView
from chaos.checks.history import History, Line
from chaos.scenario.timeline import LinkCut, Operation, Quieting, Timeline

TEAM = "namespaces/team"
MEMBERS = ("a", "b", "c")

TIMELINE = Timeline(
    scenario="planted",
    seed=1,
    duration_s=60,
    sites=("a", "b", "c", "d"),
    events=(
        Operation(t=0, id="w0", verb="create", on="a", resource=TEAM, scope=MEMBERS, patch={"crop": "barley"}),
        LinkCut(t=10, id="f0", origin="c", target="a", mode="drop", until=30),
        LinkCut(t=10, id="f0", origin="a", target="c", mode="drop", until=30),
        Operation(t=15, id="w1", verb="patch", on="a", resource=TEAM, patch={"crop": "oats"}),
        Operation(t=15, id="w2", verb="patch", on="c", resource=TEAM, patch={"crop": "wheat"}),
        Quieting(t=30, id="quiet", limit_s=30),
    ),
)

LINES = (
    Line(t=0, process="a", type="invoke", f="create", id="w0", value={"resource": TEAM, "patch": {"crop": "barley"}}),
    Line(
        t=0.1,
        process="a",
        type="ok",
        f="create",
        id="w0",
        value={"resource": TEAM, "patch": {"crop": "barley"}},
        code=200,
    ),
    Line(t=15, process="a", type="invoke", f="patch", id="w1", value={"resource": TEAM, "patch": {"crop": "oats"}}),
    Line(
        t=15.01,
        process="a",
        type="ok",
        f="patch",
        id="w1",
        value={"resource": TEAM, "patch": {"crop": "oats"}, "seen": {"crop": "barley"}},
        code=200,
    ),
    Line(t=15, process="c", type="invoke", f="patch", id="w2", value={"resource": TEAM, "patch": {"crop": "wheat"}}),
    Line(
        t=15.02,
        process="c",
        type="ok",
        f="patch",
        id="w2",
        value={"resource": TEAM, "patch": {"crop": "wheat"}, "seen": {"crop": "barley"}},
        code=200,
    ),
)

RECORD = RecordView(
    gid="a~1.1",
    resource=TEAM,
    state="member",
    owner="a",
    acting=False,
    members=dict.fromkeys(MEMBERS, "member"),
    digest="d1",
    value_digest="v1",
)
LOSER = LosingValue(resource=TEAM, path="labels/crop", value="wheat")

VIEWS: Mapping[str, SiteView] = {
    site: SiteView(
        site=site,
        records=(replace(RECORD, acting=site == "a"),),
        losers=(LOSER,),
        objects={TEAM: {"labels/crop": "oats"}},
    )
    for site in MEMBERS
} | {"d": SiteView(site="d")}


@dataclass(frozen=True, slots=True)
class Heard:
    """Bytes that reached a site."""

    content: bytes
    complete: bool = True

    def find(self, needle: bytes) -> str | None:
        return "from somewhere" if needle in self.content else None


HEARD: Mapping[str, Heard] = {site: Heard(b"INVITE a~1.1 namespaces/team") for site in MEMBERS} | {
    "d": Heard(b"HELLO a")
}

GOOD = Evidence(
    timeline=TIMELINE,
    history=History(list(LINES)),
    views=VIEWS,
    healed_t=30,
    settled_t=33,
    wire=HEARD,
    disks=HEARD,
)


def with_view(site: str, **changes: object) -> Evidence:
    """The good run, but one site looks different at the end."""
    return replace(GOOD, views={**VIEWS, site: replace(VIEWS[site], **changes)})  # type: ignore[arg-type]  # by name


def with_record(site: str, **changes: object) -> Evidence:
    record = replace(VIEWS[site].records[0], **changes)  # type: ignore[arg-type]  # by name
    return with_view(site, records=(record,))


def with_line(number: int, **changes: object) -> Evidence:
    """The good run, but one line of its history reads differently."""
    lines = list(LINES)
    lines[number] = replace(lines[number], **changes)  # type: ignore[arg-type]  # by name
    return replace(GOOD, history=History(lines))


def unseen(site: str) -> Evidence:
    """The good run, but one site could not be looked at."""
    return replace(GOOD, views={**VIEWS, site: SiteView(site=site, problem="TimeoutError")})
