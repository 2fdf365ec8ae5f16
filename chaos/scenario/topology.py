"""The sites of a scenario and their labels."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chaos.scenario.grammar import TEXT, Field, Kind, count, list_of, map_of, record
from chaos.scenario.node import Node
from chaos.scenario.selector import Selector
from fakekube.meta.names import site_name

SITES_MAX: Final = 2000
NAME_PATTERN: Final = "site-{i:03}"
_PATTERN = r"[^{}]*(\{i(:0?[0-9]{1,2})?\})?[^{}]*"


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
class Topology:
    """Site names in their order, with their labels. `hint` is what a complaint about an unknown site adds."""

    sites: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hint: str = ""

    def resolve(self, selector: Selector) -> tuple[str, ...]:
        """The selected sites, in site order. Raises ValueError, naming it, for a site that does not exist."""
        for name in selector.named():
            if name not in self.labels:
                raise ValueError(f"unknown site {name!r}: the sites are {self.span()}{self.hint}")
        return tuple(site for site in self.sites if selector.selects(site, self.labels[site]))

    def span(self) -> str:
        return f"{self.sites[0]} to {self.sites[-1]}" if len(self.sites) > 1 else f"{self.sites[0]} alone"


def topology(sites: Sites, hint: str = "") -> Topology:
    """The sites by name. Raises ValueError as `Sites.names` does."""
    names = sites.names()
    return Topology(sites=names, labels={name: _labels(name, sites.labels) for name in names}, hint=hint)


def _labels(name: str, rules: tuple[LabelRule, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for rule in rules:
        if fnmatch.fnmatchcase(name, rule.match):
            labels.update(rule.set)
    return labels


def _pattern(node: Node) -> str:
    if re.fullmatch(_PATTERN, node.text()) is None:
        raise node.bad(f"{node.shown()} is no name pattern: one {{i}} or {{i:03}}, and no other brace")
    return node.text()


def _named(sites: Sites, nodes: Mapping[str, Node]) -> None:
    try:
        sites.names()
    except ValueError as error:
        raise nodes.get("name", nodes[""]).bad(str(error)) from None


SITES: Final = record(
    Sites,
    {
        "count": Field("count", count(1, SITES_MAX), "How many sites.", required=True),
        "name": Field(
            "name", Kind(_pattern, str, {"type": "string", "pattern": f"^{_PATTERN}$"}), "Pattern with the number {i}."
        ),
        "labels": Field(
            "labels",
            list_of(
                record(
                    LabelRule,
                    {
                        "match": Field("match", TEXT, "A glob over site names.", required=True),
                        "set": Field("set", map_of(TEXT), "Labels that these sites get.", required=True),
                    },
                )
            ),
            "Labels by name; later rules win.",
        ),
    },
    check=_named,
)
