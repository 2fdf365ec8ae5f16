"""A compiled scenario: every instant, link and number resolved, and nothing left to chance but the jitter of links.

It is what runs, replays and travels: JSON lines, a header first, then one event a line in the order of their times.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import msgspec

from chaos.scenario.errors import BadScenario
from chaos.scenario.faults import MODES, Mode
from chaos.scenario.model import Claim, Phase
from chaos.scenario.node import Node
from chaos.scenario.topology import LinkQuality
from chaos.scenario.workload import VERBS

VERSION = 1
EVENTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCut:
    """The directed link is cut from `t` until `until` (seconds since the start)."""

    t: float
    id: str
    origin: str
    target: str
    mode: Mode
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A user of site `on` does `verb`. `scope` lists the members of a created resource, in site order."""

    t: float
    id: str
    verb: str
    on: str
    resource: str
    scope: tuple[str, ...] = ()
    patch: Mapping[str, str | None] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    to: str | None = None
    origin: str | None = None
    role: str | None = None
    exit: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quieting:
    """Everything heals at `t`; the sites have `limit_s` to come to rest."""

    t: float
    id: str
    limit_s: float


Event = LinkCut | Operation | Quieting


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`links` holds the directed links that differ from `link`. `source` is the name for complaints."""

    scenario: str
    seed: int
    duration_s: float
    sites: tuple[str, ...]
    link: LinkQuality = field(default_factory=LinkQuality)
    links: Mapping[tuple[str, str], LinkQuality] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    events: tuple[Event, ...] = ()
    source: str = ""

    def members(self, *, without: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
        """Resource -> the sites that the workload makes members, in site order; retracted ones are out.

        `without` names events that did not happen.
        """
        wanted: dict[str, set[str]] = {}
        for event in self.events:
            if isinstance(event, Operation) and event.id not in without:
                _enrol(wanted.setdefault(event.resource, set()), event)
        return {name: tuple(site for site in self.sites if site in sites) for name, sites in wanted.items()}

    def cuts(self) -> tuple[LinkCut, ...]:
        return tuple(event for event in self.events if isinstance(event, LinkCut))

    def operations(self) -> tuple[Operation, ...]:
        return tuple(event for event in self.events if isinstance(event, Operation))


def _enrol(sites: set[str], operation: Operation) -> None:
    match operation.verb:
        case "create":
            sites.update(operation.scope)
        case "extend" if operation.to is not None:
            sites.add(operation.to)
        case "retract" if operation.origin is not None:
            sites.discard(operation.origin)
        case "destroy":
            sites.clear()


def dump_timeline(timeline: Timeline) -> str:
    """JSON lines; `load_timeline` gives the same value back."""
    lines = [_header(timeline), *(_line(event) for event in timeline.events)]
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def _header(timeline: Timeline) -> dict[str, object]:
    return {
        "timeline": VERSION,
        "scenario": timeline.scenario,
        "seed": timeline.seed,
        "duration": timeline.duration_s,
        "sites": list(timeline.sites),
        "link": _quality(timeline.link),
        "links": [
            {"from": origin, "to": target, **_quality(quality)}
            for (origin, target), quality in sorted(timeline.links.items())
        ],
        "check": [_claim(claim) for claim in timeline.claims],
    }


def _quality(quality: LinkQuality) -> dict[str, object]:
    return {"latency": quality.latency_s, "jitter": quality.jitter_s}


def _claim(claim: Claim) -> dict[str, object]:
    return _present({"name": claim.name, "phase": claim.phase, "resource": claim.resource, "within": claim.within_s})


def _present(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in (None, (), {}, False)}


def _line(event: Event) -> dict[str, object]:
    match event:
        case LinkCut():
            return {
                "t": event.t,
                "id": event.id,
                "op": "link.set",
                "from": event.origin,
                "to": event.target,
                "effect": "partition",
                "mode": event.mode,
                "until": event.until,
            }
        case Operation():
            optional: dict[str, object] = {
                "scope": event.scope,
                "patch": event.patch,
                "with": event.kinds,
                "to": event.to,
                "from": event.origin,
                "role": event.role,
                "exit": event.exit,
                "force": event.force,
            }
            head: dict[str, object] = {
                "t": event.t,
                "id": event.id,
                "op": event.verb,
                "on": event.on,
                "resource": event.resource,
            }
            return {**head, **_present(optional)}
        case Quieting():
            return {"t": event.t, "id": event.id, "op": "quiet", "for": event.limit_s}


def load_timeline(text: str, source: str) -> Timeline:
    """Raises BadScenario, naming the line, for what `dump_timeline` would not write (a cut file, for one)."""
    lines = text.splitlines()
    if not lines or not text.endswith("\n"):
        raise BadScenario(source, f"line {max(len(lines), 1)}", "the file ends in the middle: compile it again")
    header = _read_line(lines[0], source, 1)
    if not isinstance(header.value, dict) or header.value.get("timeline") != VERSION:
        raise header.bad(f"is no timeline of version {VERSION}: make one with `fakekube compile`")
    if len(lines) > EVENTS_MAX:
        raise BadScenario(source, "", f"more than {EVENTS_MAX} events")
    timeline = _read_header(header)
    events = tuple(_read_event(_read_line(line, source, number), timeline) for number, line in enumerate(lines[1:], 2))
    return replace(timeline, events=events)


def _read_line(line: str, source: str, number: int) -> Node:
    try:
        return Node(source, f"line {number}", msgspec.json.decode(line))
    except msgspec.DecodeError as error:
        raise BadScenario(source, f"line {number}", f"is no JSON ({error}): compile the timeline again") from None


def _read_header(header: Node) -> Timeline:
    names = ("timeline", "scenario", "seed", "duration", "sites", "link", "links", "check")
    fields = header.fields(names, required=names)
    sites = tuple(item.text() for item in fields["sites"].items())
    links = [
        item.fields(("from", "to", "latency", "jitter"), required=("from", "to")) for item in fields["links"].items()
    ]
    return Timeline(
        scenario=fields["scenario"].text(),
        seed=fields["seed"].count(0),
        duration_s=fields["duration"].number(),
        sites=sites,
        link=_read_quality(fields["link"].fields(("latency", "jitter"))),
        links={(_site(link["from"], sites), _site(link["to"], sites)): _read_quality(link) for link in links},
        claims=tuple(_read_claim(item) for item in fields["check"].items()),
        source=header.source,
    )


def _read_quality(fields: Mapping[str, Node]) -> LinkQuality:
    return LinkQuality(latency_s=fields["latency"].number(), jitter_s=fields["jitter"].number())


def _read_claim(node: Node) -> Claim:
    fields = node.fields(("name", "phase", "resource", "within"), required=("name", "phase"))
    return Claim(
        name=fields["name"].text(),
        phase=cast(Phase, fields["phase"].one_of(("always", "eventually"))),
        resource=_text(fields, "resource"),
        within_s=fields["within"].number() if "within" in fields else None,
    )


def _read_event(node: Node, timeline: Timeline) -> Event:
    op = node.fields(_EVENT_FIELDS, required=("t", "id", "op"))["op"].one_of(("link.set", "quiet", *VERBS))
    match op:
        case "link.set":
            return _read_cut(node, timeline.sites)
        case "quiet":
            fields = node.fields(("t", "id", "op", "for"), required=("for",))
            return Quieting(t=fields["t"].number(), id=fields["id"].text(), limit_s=fields["for"].number())
        case _:
            return _read_operation(node, op, timeline.sites)


def _read_cut(node: Node, sites: tuple[str, ...]) -> LinkCut:
    names = ("t", "id", "op", "from", "to", "effect", "mode", "until")
    fields = node.fields(names, required=names)
    fields["effect"].one_of(("partition",))
    return LinkCut(
        t=fields["t"].number(),
        id=fields["id"].text(),
        origin=_site(fields["from"], sites),
        target=_site(fields["to"], sites),
        mode=cast(Mode, fields["mode"].one_of(MODES)),
        until=fields["until"].number(),
    )


def _read_operation(node: Node, verb: str, sites: tuple[str, ...]) -> Operation:
    fields = node.fields(_OPERATION_FIELDS, required=("on", "resource"))
    patch = fields["patch"].value if "patch" in fields else {}
    return Operation(
        t=fields["t"].number(),
        id=fields["id"].text(),
        verb=verb,
        on=_site(fields["on"], sites),
        resource=fields["resource"].text(),
        scope=tuple(_site(item, sites) for item in fields["scope"].items()) if "scope" in fields else (),
        patch=cast(Mapping[str, str | None], patch),
        kinds=tuple(item.text() for item in fields["with"].items()) if "with" in fields else (),
        to=_site(fields["to"], sites) if "to" in fields else None,
        origin=_site(fields["from"], sites) if "from" in fields else None,
        role=_text(fields, "role"),
        exit=_text(fields, "exit"),
        force=fields["force"].truth() if "force" in fields else False,
    )


_OPERATION_FIELDS = ("t", "id", "op", "on", "resource", "scope", "patch", "with", "to", "from", "role", "exit", "force")
_EVENT_FIELDS = (*_OPERATION_FIELDS, "effect", "mode", "until", "for")


def _text(fields: Mapping[str, Node], name: str) -> str | None:
    return fields[name].text() if name in fields else None


def _site(node: Node, sites: tuple[str, ...]) -> str:
    name = node.text()
    if name not in sites:
        raise node.bad(f"unknown site {name!r}: the header lists {len(sites)} sites, this is none of them")
    return name
