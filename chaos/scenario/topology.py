"""The sites of a scenario, their labels, and how good the links between them are."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chaos.scenario.node import Node
from chaos.scenario.selector import ALL, Selector, read_selector
from fakekube.meta.names import site_name

SITES_MAX = 2000
NAME_PATTERN = "site-{i:03}"
_PATTERN = re.compile(r"[^{}]*(\{i(:0?\d{1,2})?\})?[^{}]*")

TOPOLOGIES_LATER = ("ring", "star", "grid", "tree", "random", "regions")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """Sites whose name matches the glob `match` get the labels `set`."""

    match: str
    set: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """`count` sites; `name` is a format string with `{i}`, the number from 0."""

    count: int
    name: str = NAME_PATTERN
    labels: tuple[LabelRule, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Raises ValueError when the pattern gives no valid names, or one name twice."""
        names = tuple(site_name(self.name.format(i=number)) for number in range(self.count))
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name!r} gives one name to several sites: put {{i}} or {{i:03}} into it")
        return names


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuality:
    """One way: every chunk is late by `latency_s`, give or take up to `jitter_s`."""

    latency_s: float = 0.02
    jitter_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOverride:
    """`None` keeps what the links had before."""

    origin: Selector = ALL
    target: Selector = ALL
    latency_s: float | None = None
    jitter_s: float | None = None

    def over(self, quality: LinkQuality) -> LinkQuality:
        return LinkQuality(
            latency_s=quality.latency_s if self.latency_s is None else self.latency_s,
            jitter_s=quality.jitter_s if self.jitter_s is None else self.jitter_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """A full mesh; later overrides win over earlier ones."""

    default: LinkQuality = field(default_factory=LinkQuality)
    overrides: tuple[LinkOverride, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Site names in their order, with their labels."""

    sites: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def resolve(self, selector: Selector) -> tuple[str, ...]:
        """The selected sites, in site order. Raises ValueError, naming it, for a site that does not exist."""
        for name in selector.named():
            if name not in self.labels:
                raise ValueError(f"unknown site {name!r}: the sites are {self.span()}")
        return tuple(site for site in self.sites if self._selected(site, selector))

    def _selected(self, site: str, selector: Selector) -> bool:
        named = selector.sites is None or site in selector.sites
        labelled = all(self.labels[site].get(key) == value for key, value in selector.labels.items())
        return named and labelled and site not in selector.excluded

    def span(self) -> str:
        return f"{self.sites[0]} to {self.sites[-1]}" if len(self.sites) > 1 else self.sites[0]


def topology(sites: Sites) -> Topology:
    """The sites by name. Raises ValueError as `Sites.names` does."""
    names = sites.names()
    return Topology(sites=names, labels={name: _labels(name, sites.labels) for name in names})


def _labels(name: str, rules: tuple[LabelRule, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for rule in rules:
        if fnmatch.fnmatchcase(name, rule.match):
            labels.update(rule.set)
    return labels


def link_qualities(links: Links, sites: Topology) -> dict[tuple[str, str], LinkQuality]:
    """The directed links that differ from the default. Raises ValueError for an unknown site."""
    qualities: dict[tuple[str, str], LinkQuality] = {}
    for override in links.overrides:
        for origin in sites.resolve(override.origin):
            for target in sites.resolve(override.target):
                if origin != target:
                    qualities[origin, target] = override.over(qualities.get((origin, target), links.default))
    return {pair: quality for pair, quality in qualities.items() if quality != links.default}


def read_sites(node: Node) -> Sites:
    fields = node.fields(("count", "name", "labels"), required=("count",))
    sites = Sites(
        count=fields["count"].count(1),
        name=_read_pattern(fields["name"]) if "name" in fields else NAME_PATTERN,
        labels=tuple(_read_rule(item) for item in fields["labels"].items()) if "labels" in fields else (),
    )
    if sites.count > SITES_MAX:
        raise fields["count"].bad(f"{sites.count} is too large: at most {SITES_MAX}")
    try:
        sites.names()
    except ValueError as error:
        raise fields.get("name", node).bad(str(error)) from None
    return sites


def _read_pattern(node: Node) -> str:
    if _PATTERN.fullmatch(node.text()) is None:
        raise node.bad(f"{node.shown()} is no name pattern: one {{i}} or {{i:03}}, and no other brace")
    return node.text()


def _read_rule(node: Node) -> LabelRule:
    fields = node.fields(("match", "set"), required=("match", "set"))
    return LabelRule(match=fields["match"].text(), set=fields["set"].texts_by_name())


def read_links(node: Node) -> Links:
    fields = node.fields(("topology", "default", "overrides"))
    if "topology" in fields:
        kind = fields["topology"].fields(("kind",), required=("kind",))["kind"]
        kind.one_of(("full",), later=TOPOLOGIES_LATER)
    default = _read_override(fields["default"], ()).over(LinkQuality()) if "default" in fields else LinkQuality()
    overrides = fields["overrides"].items() if "overrides" in fields else []
    return Links(default=default, overrides=tuple(_read_override(item, ("from", "to")) for item in overrides))


def _read_override(node: Node, ends: tuple[str, ...]) -> LinkOverride:
    fields = node.fields(("latency", "jitter", *ends), later=("loss", "rate", "distribution"))
    override = LinkOverride(
        latency_s=fields["latency"].seconds() if "latency" in fields else None,
        jitter_s=fields["jitter"].seconds() if "jitter" in fields else None,
    )
    return replace(override, origin=_read_end(fields.get("from")), target=_read_end(fields.get("to")))


def _read_end(node: Node | None) -> Selector:
    """An end of a link: a selector, or bare labels such as `{region: nantes}`."""
    if node is None:
        return ALL
    if isinstance(node.value, dict) and not {"sites", "labels", "except"} & set(node.value):
        return Selector(labels=node.texts_by_name())
    return read_selector(node)
