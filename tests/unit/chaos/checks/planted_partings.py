"""Two more runs as they should have been: a member that leaves while it is cut off, and two resources of one name.

`PARTED`: the namespace of `planted`, at `a`, `b` and `c`. `c` is cut off, paints its roof, and leaves at 15 s, all by
itself; it keeps its copy, and after the heal the others know. `APART`: `a` and `b` share a namespace, and `d` has
another one of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chaos.checks.evidence import Content, Evidence, RecordView, SiteView
from chaos.checks.history import History, Line, LineType
from chaos.scenario.timeline import LinkCut, Operation, Quieting, Timeline
from tests.unit.chaos.checks.planted import MEMBERS, RECORD, TEAM


def call(
    t: float,
    process: str,
    f: str,
    id: str,
    *,
    end: LineType = "ok",
    took: float = 0.01,
    origin: str = "",
    **value: object,
) -> tuple[Line, Line]:
    """An invocation and its completion. `origin` is the site that a retract takes out."""
    told = {"resource": TEAM, **({"from": origin} if origin else {}), **value}
    return (
        Line(t=t, process=process, type="invoke", f=f, id=id, value=told),
        Line(t=t + took, process=process, type=end, f=f, id=id, value=told),
    )


CREATED = call(0, "a", "create", "w0", patch={"crop": "barley"})
PAINTED = call(12, "c", "patch", "w1", patch={"roof": "red"})
LEFT = call(15, "c", "retract", "w2", origin="c")

PARTED = Evidence(
    timeline=Timeline(
        scenario="parted",
        seed=1,
        duration_s=60,
        sites=("a", "b", "c"),
        events=(
            Operation(t=0, id="w0", verb="create", on="a", resource=TEAM, scope=MEMBERS, patch={"crop": "barley"}),
            LinkCut(t=10, id="f0", origin="c", target="a", mode="drop", until=30),
            LinkCut(t=10, id="f0", origin="a", target="c", mode="drop", until=30),
            Operation(t=12, id="w1", verb="patch", on="c", resource=TEAM, patch={"roof": "red"}),
            Operation(t=15, id="w2", verb="retract", on="c", resource=TEAM, origin="c"),
            Quieting(t=30, id="quiet", limit_s=30),
        ),
    ),
    history=History([*CREATED, *PAINTED, *LEFT]),
    views={
        "a": SiteView(site="a", records=(replace(RECORD, members={"a": "member", "b": "member", "c": "left"}),)),
        "b": SiteView(site="b", records=(replace(RECORD, members={"a": "member", "b": "member"}),)),
        "c": SiteView(site="c", objects={TEAM: {"labels/crop": "barley", "labels/roof": "red"}}),
    },
    healed_t=30,
    settled_t=33,
)


def parted_copy(copy: Content | None) -> Evidence:
    """The good run, but this is what the leaver kept."""
    objects = {} if copy is None else {TEAM: copy}
    return replace(PARTED, views={**PARTED.views, "c": SiteView(site="c", objects=objects)})


def parted_record(site: str, record: RecordView) -> Evidence:
    return replace(PARTED, views={**PARTED.views, site: SiteView(site=site, records=(record,))})


def parted_as(end: LineType, took: float = 0.01, **value: object) -> Evidence:
    """The good run, but the retract ended otherwise."""
    left = call(15, "c", "retract", "w2", end=end, took=took, origin="c", **value)
    return replace(PARTED, history=History([*CREATED, *PAINTED, *left]))


APART_COPIES: Mapping[str, Content] = {
    "a": {"labels/crop": "barley", "labels/roof": "red"},
    "b": {"labels/crop": "barley", "labels/roof": "red"},
    "d": {"labels/crop": "poppy"},
}

APART = Evidence(
    timeline=Timeline(
        scenario="apart",
        seed=1,
        duration_s=60,
        sites=("a", "b", "d"),
        events=(
            Operation(t=0, id="w0", verb="create", on="a", resource=TEAM, scope=("a", "b"), patch={"crop": "barley"}),
            Operation(t=1, id="w1", verb="create", on="d", resource=TEAM, scope=("d",), patch={"crop": "poppy"}),
            Operation(t=9, id="w2", verb="patch", on="b", resource=TEAM, patch={"roof": "red"}),
            Quieting(t=30, id="quiet", limit_s=30),
        ),
    ),
    history=History(
        [
            *call(0, "a", "create", "w0", patch={"crop": "barley"}),
            *call(1, "d", "create", "w1", patch={"crop": "poppy"}),
            *call(9, "b", "patch", "w2", patch={"roof": "red"}),
        ]
    ),
    views={site: SiteView(site=site, objects={TEAM: copy}) for site, copy in APART_COPIES.items()},
    healed_t=30,
    settled_t=33,
)


def apart_with(site: str, copy: Content | None) -> Evidence:
    """The good run, but this is what `site` shows."""
    objects = {} if copy is None else {TEAM: copy}
    return replace(APART, views={**APART.views, site: SiteView(site=site, objects=objects)})
