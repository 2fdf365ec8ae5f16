"""Which sites and links: `all`, a list of names, or a mapping; and how many of those that were selected are picked."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal, TypeVar, cast, get_args

from chaos.scenario.grammar import TEXT, Field, Form, Kind, count, forms, list_of, map_of, number, record
from chaos.scenario.node import Node
from fakekube.meta.selectors import parse_label_selector

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Sites by name, by glob and by label, all that are given; nothing given means all. `excluded` are taken out at the end.

    `labels` are key and value, or a label selector in Kubernetes' words: `region in (nantes, brest), !gateway`.
    """

    sites: tuple[str, ...] | None = None
    match: str | None = None
    labels: Mapping[str, str] | str = field(default_factory=dict)
    excluded: tuple[str, ...] = ()

    def named(self) -> tuple[str, ...]:
        """Every site that is called by name."""
        return (self.sites or ()) + self.excluded

    def selects(self, site: str, labels: Mapping[str, str]) -> bool:
        return (
            (self.sites is None or site in self.sites)
            and (self.match is None or fnmatch.fnmatchcase(site, self.match))
            and self._labelled(labels)
            and site not in self.excluded
        )

    def _labelled(self, labels: Mapping[str, str]) -> bool:
        if isinstance(self.labels, str):
            return parse_label_selector(self.labels).matches(labels)
        return all(labels.get(key) == value for key, value in self.labels.items())


ALL: Final = Selector()


def _all(node: Node) -> Selector:
    if node.value != "all":
        raise node.bad(f"unknown value {node.shown()}: write all, a list such as [{node.text()[:40]}], or a mapping")
    return ALL


def _label_selector(node: Node) -> str:
    try:
        parse_label_selector(node.text())
    except ValueError as error:
        raise node.bad(f"{node.shown()} is no label selector: {' '.join(str(error).split())}") from None
    return node.text()


NAMES: Final = list_of(TEXT)
LABELS: Final[Kind[Mapping[str, str] | str]] = forms(
    Form(dict, map_of(TEXT), lambda value: isinstance(value, Mapping)),
    Form(str, Kind(_label_selector, str, {"type": "string"}), lambda value: isinstance(value, str)),
    otherwise="a mapping of labels, or a label selector such as 'region=nantes'",
)
_MAPPING: Final = record(
    Selector,
    {
        "sites": Field("sites", NAMES, "Names of sites."),
        "match": Field("match", TEXT, "A glob over the names: site-0*."),
        "labels": Field("labels", LABELS, "Labels of sites, as a mapping or in the words of kubectl's -l."),
        "except": Field("excluded", NAMES, "Names of sites that are taken out at the end."),
    },
)
SELECTOR: Final[Kind[Selector]] = forms(
    Form(str, Kind(_all, lambda value: "all", {"const": "all"}), lambda value: value == ALL),
    Form(
        (list, tuple),
        Kind(lambda node: Selector(sites=NAMES.read(node)), lambda value: list(value.sites), NAMES.schema),
        lambda value: value == Selector(sites=getattr(value, "sites", None)),
    ),
    Form(dict, _MAPPING, lambda value: isinstance(value, Selector)),
    otherwise="all, a list such as [site-000], or a mapping",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSelector:
    """Links by name, `a--b` for the way from a to b, or by the class that the topology gave them; both if both are given."""

    names: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None

    def selects(self, origin: str, target: str, link_class: str) -> bool:
        named = self.names is None or f"{origin}--{target}" in self.names
        return named and (self.classes is None or link_class in self.classes)


ANY_LINK: Final = LinkSelector()
LINK_SELECTOR: Final[Kind[LinkSelector]] = forms(
    Form(
        (list, tuple),
        Kind(lambda node: LinkSelector(names=NAMES.read(node)), lambda value: list(value.names), NAMES.schema),
        lambda value: isinstance(value, LinkSelector) and value.classes is None and value.names is not None,
    ),
    Form(
        dict,
        record(
            LinkSelector,
            {
                "names": Field("names", NAMES, "Links as a--b: the way from a to b."),
                "class": Field("classes", NAMES, "Names of link classes."),
            },
        ),
        lambda value: isinstance(value, LinkSelector),
    ),
    otherwise="a list such as [site-000--site-001], or a mapping such as {class: [lte]}",
)

PickMode = Literal["all", "one", "fixed", "fixed-percent", "random-max", "random-max-percent"]
PICK_MODES: Final[tuple[PickMode, ...]] = get_args(PickMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """How many of the selected are hit (the modes are Chaos Mesh's): `value` is a number or a percentage."""

    mode: PickMode = "all"
    value: float = 0

    def __post_init__(self) -> None:
        if self.mode not in PICK_MODES:
            raise ValueError(f"unknown mode {self.mode!r}: one of {', '.join(PICK_MODES)}")

    def of(self, population: Sequence[T], rng: Random) -> tuple[T, ...]:
        """Those that are hit, in their order."""
        most = len(population)
        size = {
            "all": lambda: most,
            "one": lambda: min(1, most),
            "fixed": lambda: min(int(self.value), most),
            "fixed-percent": lambda: _share(most, self.value),
            "random-max": lambda: rng.randint(0, min(int(self.value), most)),
            "random-max-percent": lambda: rng.randint(0, _share(most, self.value)),
        }[self.mode]()
        return tuple(population[index] for index in sorted(rng.sample(range(most), size)))


def _share(most: int, percent: float) -> int:
    """At least one, where there is any and the percentage is none of 0."""
    return math.ceil(most * percent / 100)


PICK_ALL: Final = Pick()
_WORDS: Final = ("all", "one")
_VALUED: Final = {
    "fixed": count(1),
    "fixed-percent": number(0, 100),
    "random-max": count(1),
    "random-max-percent": number(0, 100),
}


def _valued(node: Node) -> Pick:
    members = node.fields(tuple(_VALUED))
    if len(members) != 1:
        raise node.bad(f"must have one of {', '.join(_VALUED)}, not {len(members)}")
    ((mode, member),) = members.items()
    return Pick(mode=cast(PickMode, mode), value=_VALUED[mode].read(member))


PICK: Final[Kind[Pick]] = forms(
    Form(
        str,
        Kind(
            lambda node: Pick(mode=cast(PickMode, node.one_of(_WORDS))),
            lambda value: value.mode,
            {"enum": list(_WORDS)},
        ),
        lambda value: isinstance(value, Pick) and value.mode in _WORDS,
    ),
    Form(
        dict,
        Kind(
            _valued,
            lambda value: {value.mode: value.value},
            {
                "type": "object",
                "properties": {mode: kind.schema for mode, kind in _VALUED.items()},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ),
        lambda value: isinstance(value, Pick),
    ),
    otherwise="all, one, or a mapping such as {fixed: 2} or {fixed-percent: 30}",
)
