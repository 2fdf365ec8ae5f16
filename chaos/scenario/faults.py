"""What breaks in a scenario: partitions, toxics and worse links, sites that crash or pause, clocks, apiservers.

Each action is a frozen value and a row of ACTIONS. Who is hit is drawn when the scenario compiles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from chaos.scenario.grammar import (
    DURATION,
    RATE,
    SHARE,
    TEXT,
    Field,
    Kind,
    count,
    list_of,
    map_of,
    one_of,
    record,
    tagged,
)
from chaos.scenario.node import Node
from chaos.scenario.selector import (
    ALL,
    ANY_LINK,
    LINK_SELECTOR,
    PICK,
    PICK_ALL,
    SELECTOR,
    LinkSelector,
    Pick,
    Selector,
)
from chaos.scenario.spans import OFFSET_SPAN, SPAN, Span
from chaos.toxiproxy.errors import ApiError
from chaos.toxiproxy.gojson import decode
from chaos.toxiproxy.toxics import TYPES as TOXIC_TYPES
from chaos.toxiproxy.toxics import parse_toxic

Mode = Literal["drop", "reject", "jam"]
Direction = Literal["both", "to", "from"]
Stream = Literal["upstream", "downstream"]
Lost = Literal["memory", "disk"]

MODES: Final[tuple[Mode, ...]] = get_args(Mode)
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
STATUSES: Final = (409, 410, 429, 500, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Begins at `at_s` and ends after `duration_s` (None: with the quiet period, which heals everything). With `every_s`
    it comes again until `until_s`, each time up to `jitter_s` later and with a draw of its own.

    `selector` and `pick` say which sites are hit.
    """

    at_s: float = 0.0
    duration_s: Span | None = None
    every_s: float | None = None
    jitter_s: float = 0.0
    until_s: float | None = None
    selector: Selector = ALL
    pick: Pick = PICK_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFault(Fault):
    """Hits the links between the sites of `selector` and those of `target`, of them those in `links`: `to` only what
    flows from selector to target, `from` only what flows back."""

    target: Selector = ALL
    direction: Direction = "both"
    links: LinkSelector = ANY_LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition(LinkFault):
    """Cuts links. `pick` draws of the sites in `selector`."""

    mode: Mode = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping(Partition):
    """A partition that comes and goes: `down_s`, then `up_s`, again and again."""

    down_s: Span = 2.0
    up_s: Span = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwizzleClog(Partition):
    """Cuts the picked sites from all others, one after another at random times of the first half, and heals them in
    another random order in the second half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degrade(LinkFault):
    """Links are slower, narrower or lose more while it lasts. `pick` draws of the links. Where several hold, the worst counts."""

    latency_s: float | None = None
    link_jitter_s: float | None = None
    rate_bytes_s: float | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic(LinkFault):
    """A toxic of Toxiproxy on the connections that the sites of `selector` open to those of `target`. `pick` draws of the links."""

    type: str
    stream: Stream = "downstream"
    attributes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Fault):
    """Apiserver, agent and programs of a site die, and start again after `duration_s`. What is in memory is lost; with `lose`
    disk, the disks too, and the site comes back as another one."""

    lose: Lost = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Fault):
    """The programs of a site stand still, as after SIGSTOP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew(Fault):
    """The wall clock of a site is ahead by `by_s`, or behind."""

    by_s: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NoNames(Fault):
    """At a site no name resolves."""


ApiserverKind = Literal["refuse", "lose-reply", "stale-list", "slow-events", "repeat-events", "restore", "restart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiserverFault(Fault):
    """An apiserver misbehaves towards its clients; at most `times` requests are met (None: all while it lasts).

    `refuse` answers `status`, `lose-reply` carries a write out and closes the connection, `stale-list` shows the state
    `revisions` writes ago, `slow-events` delays watch events by `delay_s`, `repeat-events` sends each twice. `verbs`,
    `resource` (the plural), `namespace` and `name` say which requests are meant. Two concern the whole server: `restore`
    takes a backup when it begins and goes back to it when it ends, `restart` ends all watches and skips `revisions`.
    """

    kind: ApiserverKind
    verbs: tuple[str, ...] = ()
    resource: str = ""
    namespace: str = ""
    name: str = ""
    times: int | None = None
    status: int = 503
    retry_after_s: float = 0.0
    revisions: int = 1
    delay_s: float = 1.0


AnyFault = Partition | Flapping | SwizzleClog | Degrade | Toxic | Crash | Pause | Skew | NoNames | ApiserverFault

# --- the text form

Fields = Mapping[str, Field]

WHEN: Final[Fields] = {
    "at": Field("at_s", DURATION, "When it begins.", required=True),
    "duration": Field("duration_s", SPAN, "How long it lasts; default: until the quiet period."),
    "every": Field("every_s", DURATION, "It comes again."),
    "jitter": Field("jitter_s", DURATION, "Each occurrence comes up to so much later."),
    "until": Field("until_s", DURATION, "No occurrence begins after this."),
}
_SITES: Final[Fields] = {
    "selector": Field("selector", SELECTOR, "Sites that are hit.", required=True),
    "pick": Field("pick", PICK, "How many of them."),
}
_LINKS: Final[Fields] = {
    "selector": Field("selector", SELECTOR, "Sites at one end.", required=True),
    "target": Field("target", SELECTOR, "Sites at the other end; default all."),
    "direction": Field("direction", one_of(DIRECTIONS), "to: only what flows from selector to target."),
    "links": Field("links", LINK_SELECTOR, "Of the links between the two, only these."),
    "pick": Field("pick", PICK, "How many: of the selector's sites (partitions), of the links (all else)."),
}
_MODE: Final[Fields] = {"mode": Field("mode", one_of(MODES), "drop: silence. reject: refused and reset. jam: held.")}
_LINK_JITTER: Final = Field("link_jitter_s", DURATION, "Jitter around the latency.")
_LATENCY: Final = "Latency of one way while it lasts."
_RATE: Final = "Of each connection: 64kbit/s, 2MB/s."
_LOSS: Final = "Chance that a chunk is lost and sent again: 1%."


def _status(node: Node) -> int:
    if node.value not in STATUSES or isinstance(node.value, bool | float):
        raise node.bad(f"{node.shown()} is no status to refuse with: one of {', '.join(map(str, STATUSES))}")
    return node.count(0)


EFFECTS: Final[Mapping[str, tuple[type, Fields]]] = {
    "partition": (Partition, _MODE),
    "flapping": (
        Flapping,
        {
            **_MODE,
            "down": Field("down_s", SPAN, "How long it is cut; default 2s."),
            "up": Field("up_s", SPAN, "How long it is whole; default 3s."),
        },
    ),
    "swizzle-clog": (SwizzleClog, _MODE),
    "latency": (
        Degrade,
        {"latency": Field("latency_s", DURATION, _LATENCY, required=True), "link-jitter": _LINK_JITTER},
    ),
    "bandwidth": (Degrade, {"bandwidth": Field("rate_bytes_s", RATE, _RATE, required=True)}),
    "loss": (Degrade, {"loss": Field("loss", SHARE, _LOSS, required=True)}),
    "degrade": (
        Degrade,
        {
            "latency": Field("latency_s", DURATION, _LATENCY),
            "link-jitter": _LINK_JITTER,
            "bandwidth": Field("rate_bytes_s", RATE, _RATE),
            "loss": Field("loss", SHARE, _LOSS),
        },
    ),
    "toxic": (
        Toxic,
        {
            "type": Field("type", one_of(tuple(TOXIC_TYPES)), "Of Toxiproxy.", required=True),
            "stream": Field("stream", one_of(get_args(Stream)), "downstream (default): what the opener receives."),
            "attributes": Field("attributes", map_of(count(0)), "In Toxiproxy's names and units."),
        },
    ),
    "crash": (
        Crash,
        {"lose": Field("lose", one_of(get_args(Lost)), "memory (default), or disk: memory and disks.")},
    ),
    "pause": (Pause, {}),
    "skew": (Skew, {"by": Field("by_s", OFFSET_SPAN, "How far ahead the clock is; -1h: behind.", required=True)}),
    "no-names": (NoNames, {}),
    "apiserver": (
        ApiserverFault,
        {
            "kind": Field("kind", one_of(get_args(ApiserverKind)), "What it does.", required=True),
            "verbs": Field("verbs", list_of(one_of(VERBS)), "Of the requests that are meant; default all."),
            "resource": Field("resource", TEXT, "The plural: configmaps."),
            "namespace": Field("namespace", TEXT),
            "name": Field("name", TEXT),
            "times": Field("times", count(1), "Requests that are met; default all."),
            "status": Field("status", Kind(_status, int, {"enum": list(STATUSES)}), "Of refuse."),
            "retry-after": Field("retry_after_s", DURATION, "Of refuse."),
            "revisions": Field(
                "revisions", count(1), "Of stale-list: so many writes ago. Of restart: so many are skipped."
            ),
            "delay": Field("delay_s", DURATION, "Of slow-events."),
        },
    ),
}
"""Action -> what it makes, and the fields that are its own."""


def whom(made: type) -> Fields:
    """The fields that say who is hit."""
    return _LINKS if issubclass(made, LinkFault) else _SITES


def _fields(made: type, own: Fields) -> Fields:
    return {**WHEN, **whom(made), **own}


def check_times(value: Fault, nodes: Mapping[str, Node]) -> None:
    """What belongs together, of a fault and of a step alike."""
    if value.every_s == 0:
        raise nodes["every"].bad("0s would repeat for ever: give a longer interval")
    for name in ("jitter", "until"):
        if name in nodes and value.every_s is None:
            raise nodes[name].bad(f"{name} has a meaning only beside every: add every, or leave it out")
    if value.until_s is not None and value.until_s < value.at_s:
        raise nodes["until"].bad(f"ends before it begins at {value.at_s:g}s: make it later")
    if isinstance(value, Toxic):
        check_toxic(value, nodes)


def check_toxic(value: Toxic, nodes: Mapping[str, Node]) -> None:
    """Toxiproxy's own rules, in its own words."""
    known = TOXIC_TYPES[value.type].attributes
    node = nodes.get("attributes", nodes[""])
    for name in value.attributes:
        if name not in known:
            raise node.bad(f"{value.type} has no attribute {name!r}: it has {', '.join(known) or 'none'}")
    try:
        body = {"type": value.type, "stream": value.stream, "attributes": dict(value.attributes)}
        parse_toxic(decode(json.dumps(body).encode()), ())
    except ApiError as refused:
        raise node.bad(f"{refused.message}: see the attributes of {value.type} in docs/toxiproxy.md") from None


def action_of(value: object) -> str:
    """The word of a fault's text form: the shortest that says all of it."""
    if not isinstance(value, Degrade):
        return next((word for word, (made, _) in EFFECTS.items() if type(value) is made), repr(value))
    held = {
        "latency": value.latency_s if value.latency_s is not None else value.link_jitter_s,
        "bandwidth": value.rate_bytes_s,
        "loss": value.loss,
    }
    given = [word for word, what in held.items() if what is not None]
    return given[0] if len(given) == 1 and (given[0] != "latency" or value.latency_s is not None) else "degrade"


ACTIONS: Final[Mapping[str, Kind[Fault]]] = {
    word: record(made, _fields(made, own), check=check_times) for word, (made, own) in EFFECTS.items()
}
FAULT: Final[Kind[Fault]] = tagged("action", ACTIONS, action_of)
