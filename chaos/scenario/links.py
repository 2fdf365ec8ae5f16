"""How good the links between sites are: classes, overrides, and what a way over several links is worth."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Final, Literal, get_args

from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.grammar import (
    DURATION,
    RATE,
    SHARE,
    TEXT,
    Field,
    Form,
    Kind,
    forms,
    list_of,
    map_of,
    one_of,
    record,
)
from chaos.scenario.graphs import FULL, GRAPH, Edge, Graph, Pair, both_ways, edges
from chaos.scenario.node import Node, nearest
from chaos.scenario.selector import ALL, LABELS, SELECTOR, Selector
from chaos.scenario.topology import Topology

Distribution = Literal["uniform", "normal", "pareto"]
ROUTED_MAX: Final = 500
"""Sites of a topology whose pairs are told one by one: 500 have a quarter of a million directed links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuality:
    """One way: every chunk is late by `latency_s`, give or take up to `jitter_s`, and now and then lost and sent again;
    each connection carries `rate_bytes_s` at most."""

    latency_s: float = 0.02
    jitter_s: float = 0.0
    distribution: Distribution = "uniform"
    rate_bytes_s: float | None = None
    loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """What is to be different about a link; `None` keeps what it had. `link_class` names a class to begin from."""

    latency_s: float | None = None
    jitter_s: float | None = None
    distribution: Distribution | None = None
    rate_bytes_s: float | None = None
    loss: float | None = None
    link_class: str | None = None

    def over(self, quality: LinkQuality, classes: Mapping[str, LinkChange]) -> LinkQuality:
        """Raises ValueError for an unknown class."""
        if self.link_class is not None:
            if self.link_class not in classes:
                raise ValueError(f"unknown class {self.link_class!r}: {nearest(self.link_class, sorted(classes))}")
            quality = replace(classes[self.link_class], link_class=None).over(quality, classes)
        given = {one.name: getattr(self, one.name) for one in fields(quality)}
        return replace(quality, **{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOverride(LinkChange):
    """A change of the links from `origin` to `target`."""

    origin: Selector = ALL
    target: Selector = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Which links there are, and how good; later overrides win over earlier ones, and all of them over classes."""

    topology: Graph = FULL
    classes: Mapping[str, LinkChange] = field(default_factory=dict)
    default: LinkQuality | LinkChange = field(default_factory=LinkQuality)
    overrides: tuple[LinkOverride, ...] = ()


# --- the text form

CHANGES: Final = {
    "latency": Field("latency_s", DURATION, "Of one way."),
    "jitter": Field("jitter_s", DURATION, "Around the latency, or the deviation of a normal one."),
    "distribution": Field("distribution", one_of(get_args(Distribution)), "Of the jitter."),
    "bandwidth": Field("rate_bytes_s", RATE, "Of each connection: 64kbit/s, 2MB/s."),
    "loss": Field("loss", SHARE, "Chance that a chunk is lost and sent again: 1%."),
}
_CLASS: Final = Field("link_class", TEXT, "A class of `classes` to begin from.")


def _end(node: Node) -> Selector:
    """An end of a link: a selector, or bare labels such as `{region: nantes}`."""
    if isinstance(node.value, dict) and not {"sites", "labels", "except", "match"} & set(node.value):
        return Selector(labels=LABELS.read(node))
    return SELECTOR.read(node)


END: Final[Kind[Selector]] = Kind(
    _end, SELECTOR.write, {"anyOf": [SELECTOR.schema, {"type": "object", "additionalProperties": {"type": "string"}}]}
)
CLASS: Final = record(LinkChange, CHANGES)
_FROM_CLASS: Final = record(LinkChange, {**CHANGES, "class": _CLASS})
_QUALITY: Final = record(LinkQuality, CHANGES)


def _quality_or_change(change: LinkChange) -> LinkQuality | LinkChange:
    """Without a class nothing is left open."""
    return change if change.link_class is not None else change.over(LinkQuality(), {})


DEFAULT: Final[Kind[LinkQuality | LinkChange]] = forms(
    Form(
        str,
        Kind(lambda node: LinkChange(link_class=node.text()), lambda value: value.link_class, TEXT.schema),
        lambda value: value == LinkChange(link_class=getattr(value, "link_class", None)),
    ),
    Form(
        dict,
        Kind(
            lambda node: _quality_or_change(_FROM_CLASS.read(node)),
            lambda value: (_FROM_CLASS if isinstance(value, LinkChange) else _QUALITY).write(value),
            _FROM_CLASS.schema,
        ),
        lambda value: isinstance(value, LinkQuality | LinkChange),
    ),
    otherwise="a class, or a mapping such as {latency: 20ms, jitter: 5ms}",
)
LINKS: Final = record(
    Links,
    {
        "topology": Field("topology", GRAPH, "Which sites have a link between them; default full."),
        "classes": Field("classes", map_of(CLASS), "Qualities by name, for `default`, overrides and topology files."),
        "default": Field("default", DEFAULT, "Of every link that nothing else is said about; latency 20ms."),
        "overrides": Field(
            "overrides",
            list_of(
                record(
                    LinkOverride,
                    {
                        "from": Field("origin", END, "Where the links begin."),
                        "to": Field("target", END, "Where they lead."),
                        **CHANGES,
                        "class": _CLASS,
                    },
                )
            ),
            "Links that differ; later ones win.",
        ),
    },
)


# --- compiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Every directed link: the common quality, those that differ, and the pairs that cannot reach each other.

    `classes` tells the class of links that a topology file, an override or the default gave one.
    """

    default: LinkQuality
    qualities: Mapping[Pair, LinkQuality] = field(default_factory=dict)
    unlinked: frozenset[Pair] = frozenset()
    classes: Mapping[Pair, str] = field(default_factory=dict)
    default_class: str = ""

    def link_class(self, pair: Pair) -> str:
        return self.classes.get(pair, self.default_class)


def network(links: Links, where: Topology, seed: int, source: str) -> Network:
    """Raises ValueError for an unknown site or class, a shape that these sites cannot have, or too many sites for it."""
    default = _common(links)
    name = links.default.link_class if isinstance(links.default, LinkChange) else None
    if links.topology.kind in ("full", "mesh"):
        qualities, classes = _overridden(links, where, {}, default)
        return _told(default, qualities, classes, frozenset(), name)
    if len(where.sites) > ROUTED_MAX:
        raise ValueError(
            f"a topology fits up to {ROUTED_MAX} sites, not {len(where.sites)}: leave it out, or take fewer"
        )
    drawn = edges(links.topology, where.sites, where.labels, Random(f"{seed}/topology"), source)
    direct = {pair: _quality_of(edge, links, default) for pair, edge in both_ways(drawn)}
    classes_drawn = {pair: edge.link_class for pair, edge in both_ways(drawn) if edge.link_class}
    qualities, classes = _overridden(links, where, direct, default)
    direct = {pair: qualities.get(pair, quality) for pair, quality in direct.items()}
    classes = {**classes_drawn, **classes}
    if links.topology.unlinked == "cut":
        pairs = {(a, b) for a in where.sites for b in where.sites if a != b}
        return _told(default, direct, classes, frozenset(pairs - set(direct)), name)
    return _told(default, _routed(where, direct), classes, frozenset(), name)


def _common(links: Links) -> LinkQuality:
    return links.default if isinstance(links.default, LinkQuality) else links.default.over(LinkQuality(), links.classes)


def _quality_of(edge: Edge, links: Links, default: LinkQuality) -> LinkQuality:
    quality = LinkChange(link_class=edge.link_class or None).over(default, links.classes)
    return replace(quality, latency_s=round(quality.latency_s * edge.length, NANOSECOND_DIGITS))


def _overridden(
    links: Links, where: Topology, direct: Mapping[Pair, LinkQuality], default: LinkQuality
) -> tuple[dict[Pair, LinkQuality], dict[Pair, str]]:
    qualities: dict[Pair, LinkQuality] = {}
    classes: dict[Pair, str] = {}
    for override in links.overrides:
        targets = where.resolve(override.target)
        for origin in where.resolve(override.origin):
            for target in targets:
                pair = (origin, target)
                if origin != target and (not direct or pair in direct):
                    before = qualities.get(pair, direct.get(pair, default))
                    qualities[pair] = override.over(before, links.classes)
                    if override.link_class is not None:
                        classes[pair] = override.link_class
    return qualities, classes


def _routed(where: Topology, direct: Mapping[Pair, LinkQuality]) -> dict[Pair, LinkQuality]:
    """Every pair over its quickest way (Dijkstra). Raises ValueError when a site reaches nobody."""
    neighbours: dict[str, dict[str, LinkQuality]] = {site: {} for site in where.sites}
    for (origin, target), quality in direct.items():
        neighbours[origin][target] = quality
    ways: dict[Pair, LinkQuality] = {}
    for origin in where.sites:
        reached = _ways_from(origin, neighbours)
        if missing := [site for site in where.sites if site not in reached]:
            raise ValueError(f"no way leads from {origin} to {missing[0]}: add a link, or write unlinked: cut")
        ways |= {(origin, target): quality for target, quality in reached.items() if target != origin}
    return ways


def _ways_from(origin: str, neighbours: Mapping[str, Mapping[str, LinkQuality]]) -> dict[str, LinkQuality]:
    best: dict[str, LinkQuality] = {}
    waiting: list[tuple[float, int, str, LinkQuality]] = [(0.0, 0, origin, LinkQuality(latency_s=0))]
    pushed = 0
    while waiting:
        _, _, site, quality = heapq.heappop(waiting)
        if site in best:
            continue
        best[site] = quality
        for target, link in neighbours[site].items():
            if target not in best:
                pushed += 1  # ties go to who was there first, so that a run repeats
                way = _joined(quality, link) if site != origin else link
                heapq.heappush(waiting, (way.latency_s, pushed, target, way))
    return best


def _joined(first: LinkQuality, then: LinkQuality) -> LinkQuality:
    """Latencies and jitters add up, the slower link bounds the rate, and a chunk must get through both."""
    rates = [rate for rate in (first.rate_bytes_s, then.rate_bytes_s) if rate is not None]
    return LinkQuality(
        latency_s=round(first.latency_s + then.latency_s, NANOSECOND_DIGITS),
        jitter_s=round(first.jitter_s + then.jitter_s, NANOSECOND_DIGITS),
        distribution=first.distribution,
        rate_bytes_s=min(rates, default=None),
        loss=round(1 - (1 - first.loss) * (1 - then.loss), 12),
    )


def _told(
    default: LinkQuality,
    qualities: Mapping[Pair, LinkQuality],
    classes: Mapping[Pair, str],
    unlinked: frozenset[Pair],
    default_class: str | None,
) -> Network:
    return Network(
        default=default,
        qualities={pair: quality for pair, quality in qualities.items() if quality != default},
        unlinked=unlinked,
        classes=classes,
        default_class=default_class or "",
    )
