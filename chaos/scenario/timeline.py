"""A compiled scenario as it runs, replays and travels: JSON lines, a header first, then one event a line in the order of
their times. The values themselves are in events.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast, get_args

import msgspec

from chaos.scenario.claims import PHASES, Claim
from chaos.scenario.errors import BadScenario, Source
from chaos.scenario.events import (
    EVENTS_MAX,
    FAULT_EVENTS,
    ApiserverTrouble,
    ClockSkew,
    Event,
    FaultEvent,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    Operation,
    Quieting,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.scenario.faults import MODES, ApiserverKind, Lost, Stream
from chaos.scenario.grammar import TEXT, TRUTH, Field, Kind, count, list_of, map_of, number, one_of, or_null, record
from chaos.scenario.links import Distribution, LinkQuality
from chaos.scenario.node import Node
from chaos.scenario.workload import VERBS

__all__ = [
    "EVENTS_MAX",
    "FAULT_EVENTS",
    "ApiserverTrouble",
    "ClockSkew",
    "Event",
    "FaultEvent",
    "LinkCut",
    "LinkDegraded",
    "LinkToxic",
    "NamesLost",
    "Operation",
    "Quieting",
    "SiteCrash",
    "SitePause",
    "Timeline",
    "dump_timeline",
    "line_of",
    "load_timeline",
]

VERSION: Final = 1

_SECONDS: Final = number(0, math.inf)
_TEXTS: Final = list_of(TEXT)
_HEAD: Final = {
    "t": Field("t", _SECONDS, required=True),
    "id": Field("id", TEXT, required=True),
}
_UNTIL: Final = {"until": Field("until", _SECONDS, required=True)}
_ENDS: Final = {"from": Field("origin", TEXT, required=True), "to": Field("target", TEXT, required=True)}
_SITE: Final = {"on": Field("site", TEXT, required=True)}


def _word(words: tuple[str, ...]) -> Kind[str]:
    return one_of(words)


_LINK_EVENTS: Final[Mapping[str, tuple[type[Event], Mapping[str, Field]]]] = {
    "partition": (LinkCut, {"mode": Field("mode", _word(MODES), required=True)}),
    "degrade": (
        LinkDegraded,
        {
            "latency": Field("latency_s", _SECONDS),
            "jitter": Field("jitter_s", _SECONDS),
            "rate": Field("rate_bytes_s", _SECONDS),
            "loss": Field("loss", number(0, 1)),
        },
    ),
    "toxic": (
        LinkToxic,
        {
            "type": Field("type", TEXT, required=True),
            "stream": Field("stream", _word(get_args(Stream)), required=True),
            "attributes": Field("attributes", map_of(count(0))),
        },
    ),
}
_SITE_EVENTS: Final[Mapping[str, tuple[type[Event], Mapping[str, Field]]]] = {
    "site.crash": (
        SiteCrash,
        {"lose": Field("lose", _word(get_args(Lost)), required=True)},
    ),
    "site.pause": (SitePause, {}),
    "site.skew": (ClockSkew, {"by": Field("by_s", number(-math.inf, math.inf), required=True)}),
    "site.no-names": (NamesLost, {}),
    "apiserver.set": (
        ApiserverTrouble,
        {
            "kind": Field("kind", _word(get_args(ApiserverKind)), required=True),
            "verbs": Field("verbs", _TEXTS),
            "resource": Field("resource", TEXT),
            "namespace": Field("namespace", TEXT),
            "name": Field("name", TEXT),
            "times": Field("times", count(1)),
            "status": Field("status", count(400, 599)),
            "retry-after": Field("retry_after_s", _SECONDS),
            "revisions": Field("revisions", count(1)),
            "delay": Field("delay_s", _SECONDS),
        },
    ),
}
_OPERATION: Final = {
    "on": Field("on", TEXT, required=True),
    "resource": Field("resource", TEXT, required=True),
    "scope": Field("scope", _TEXTS),
    "patch": Field("patch", map_of(or_null(TEXT))),
    "data": Field("data", map_of(or_null(TEXT))),
    "with": Field("kinds", _TEXTS),
    "to": Field("to", TEXT),
    "from": Field("origin", TEXT),
    "role": Field("role", TEXT),
    "exit": Field("exit", TEXT),
    "force": Field("force", TRUTH),
    "function": Field("function", TEXT),
    "arguments": Field("arguments", map_of(TEXT)),
}


def _operation(verb: str) -> Kind[Event]:
    def make(**given: object) -> Operation:
        return Operation(verb=verb, **given)  # type: ignore[arg-type]  # the fields' kinds have judged them

    return record(make, {**_HEAD, **_OPERATION})


_QUIET: Final = record(Quieting, {**_HEAD, "for": Field("limit_s", _SECONDS, required=True)})
_LINKS: Final[Mapping[str, Kind[Event]]] = {
    effect: record(made, {**_HEAD, **_ENDS, **own, **_UNTIL}) for effect, (made, own) in _LINK_EVENTS.items()
}
_OTHERS: Final[Mapping[str, Kind[Event]]] = {
    "quiet": _QUIET,
    **{op: record(made, {**_HEAD, **_SITE, **own, **_UNTIL}) for op, (made, own) in _SITE_EVENTS.items()},
    **{verb: _operation(verb) for verb in VERBS},
}
_OPS: Final = ("link.set", *_OTHERS)
_WORDS: Final[Mapping[type, tuple[str, str | None]]] = {
    **{made: ("link.set", effect) for effect, (made, _) in _LINK_EVENTS.items()},
    **{made: (op, None) for op, (made, _) in _SITE_EVENTS.items()},
    Quieting: ("quiet", None),
}

_QUALITY: Final = {
    "latency": Field("latency_s", _SECONDS, required=True),
    "jitter": Field("jitter_s", _SECONDS, required=True),
    "distribution": Field("distribution", _word(get_args(Distribution))),
    "rate": Field("rate_bytes_s", _SECONDS),
    "loss": Field("loss", number(0, 1)),
}
_LINK_QUALITY: Final = record(LinkQuality, _QUALITY)
_CLAIM: Final = record(
    Claim,
    {
        "name": Field("name", TEXT, required=True),
        "phase": Field("phase", one_of(PHASES), required=True),
        "resource": Field("resource", TEXT),
        "within": Field("within_s", _SECONDS),
    },
)
_CLAIMS: Final = list_of(_CLAIM)


# --- writing


def dump_timeline(timeline: Timeline) -> str:
    """JSON lines; `load_timeline` gives the same value back."""
    lines = [_header(timeline), *(line_of(event) for event in timeline.events)]
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def _header(timeline: Timeline) -> dict[str, object]:
    header: dict[str, object] = {
        "timeline": VERSION,
        "scenario": timeline.scenario,
        "seed": timeline.seed,
        "duration": timeline.duration_s,
        "sites": list(timeline.sites),
        "link": _LINK_QUALITY.write(timeline.link),
        "links": [
            {"from": origin, "to": target, **cast("dict[str, object]", _LINK_QUALITY.write(quality))}
            for (origin, target), quality in sorted(timeline.links.items())
        ],
        "check": _CLAIMS.write(timeline.claims),
    }
    unlinked = {"unlinked": [list(pair) for pair in timeline.unlinked]} if timeline.unlinked else {}
    return {**header, **unlinked}


def line_of(event: Event) -> dict[str, object]:
    """An event as a line holds it: when, which, what, and then the rest."""
    if isinstance(event, Operation):
        op, effect = event.verb, None
    else:
        op, effect = _WORDS[type(event)]
    kind = _OTHERS[op] if effect is None else _LINKS[effect]
    written = cast("dict[str, object]", kind.write(event))
    head = {"t": written.pop("t"), "id": written.pop("id"), "op": op}
    if effect is None:
        return {**head, **written}
    ends = {"from": written.pop("from"), "to": written.pop("to")}
    return {**head, **ends, "effect": effect, **written}


# --- reading


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
    sites = frozenset(timeline.sites)
    events = tuple(_read_event(_read_line(line, source, number), sites) for number, line in enumerate(lines[1:], 2))
    return replace(timeline, events=events)


def _read_line(line: str, source: str, number: int) -> Node:
    try:
        return Node(Source(source), f"line {number}", msgspec.json.decode(line))
    except msgspec.DecodeError as error:
        raise BadScenario(source, f"line {number}", f"is no JSON ({error}): compile the timeline again") from None


def _read_header(header: Node) -> Timeline:
    names = ("timeline", "scenario", "seed", "duration", "sites", "link", "links", "check")
    fields = header.fields((*names, "unlinked"), required=names)
    sites = _TEXTS.read(fields["sites"])
    known = frozenset(sites)
    pairs = [_read_pair(item, known) for item in fields["unlinked"].items()] if "unlinked" in fields else []
    return Timeline(
        scenario=fields["scenario"].text(),
        seed=fields["seed"].count(0),
        duration_s=_SECONDS.read(fields["duration"]),
        sites=sites,
        link=_LINK_QUALITY.read(fields["link"]),
        links=dict(_read_link(item, known) for item in fields["links"].items()),
        unlinked=tuple(pairs),
        claims=_CLAIMS.read(fields["check"]),
        source=header.source.name,
    )


def _read_pair(node: Node, sites: frozenset[str]) -> tuple[str, str]:
    names = [_site(item, sites) for item in node.items()]
    if len(names) != 2:
        raise node.bad(f"must be two sites, not {node.shown()}")
    return names[0], names[1]


def _read_link(node: Node, sites: frozenset[str]) -> tuple[tuple[str, str], LinkQuality]:
    fields = node.fields(("from", "to", *_QUALITY), required=("from", "to"))
    quality = {name: member.value for name, member in fields.items() if name in _QUALITY}
    pair = (_site(fields["from"], sites), _site(fields["to"], sites))
    return pair, _LINK_QUALITY.read(Node(node.source, node.path, quality))


def _read_event(node: Node, sites: frozenset[str]) -> Event:
    members = node.members()
    if "op" not in members:
        raise node.bad("op is missing: add it")
    op = members["op"].one_of(_OPS)
    tags = {"op"}
    kind: Kind[Event]
    if op == "link.set":
        if "effect" not in members:
            raise node.bad("effect is missing: add it")
        kind, tags = _LINKS[members["effect"].one_of(tuple(_LINKS))], {"op", "effect"}
    else:
        kind = _OTHERS[op]
    event = kind.read(Node(node.source, node.path, {name: m.value for name, m in members.items() if name not in tags}))
    _check_sites(members, sites)
    return event


def _check_sites(members: Mapping[str, Node], sites: frozenset[str]) -> None:
    for name in ("on", "to", "from"):
        if name in members:
            _site(members[name], sites)
    if "scope" in members:
        for item in members["scope"].items():
            _site(item, sites)


def _site(node: Node, sites: frozenset[str]) -> str:
    name = node.text()
    if name not in sites:
        raise node.bad(f"unknown site {name!r}: the header lists {len(sites)} sites, this is none of them")
    return name
