"""Which sites have a link between them: the shapes of networks, each a function from site names to undirected edges.

Sites without a link of their own reach each other over others (`routed`), or not at all (`cut`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product
from pathlib import Path
from random import Random
from typing import Final, Literal, get_args

from chaos.scenario.grammar import TEXT, Field, Kind, count, number, one_of, record, tagged

Pair = tuple[str, str]
Unlinked = Literal["routed", "cut"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A link between two sites. `link_class` names its quality; `length` counts in units of the usual latency."""

    ends: Pair
    link_class: str = ""
    length: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The shape of a network. Each kind uses the fields it needs:

    `center` the middle of a star (default: the first site); `branches` the children of a tree's node; `width` of a grid;
    `degree` the least number of links per site of a random graph; `radius` how far links reach in the unit square of a
    geometric one, where latency grows with length; `label` by which regions are told apart, each with its first site as
    gateway; `path` a file with a line `a--b [class]` per link.
    """

    kind: str = "full"
    unlinked: Unlinked = "routed"
    center: str | None = None
    branches: int = 2
    width: int | None = None
    degree: int = 3
    radius: float = 0.3
    label: str = "region"
    path: str | None = None


FULL: Final = Graph()
_SHARED: Final = {
    "unlinked": Field(
        "unlinked",
        one_of(get_args(Unlinked)),
        "Sites without a link of their own: routed over the shortest way (default), or cut from each other.",
    )
}


def _kind(kind: str, fields: Mapping[str, Field], doc: str) -> Kind[Graph]:
    def make(**given: object) -> Graph:
        return replace(Graph(kind=kind), **given)  # type: ignore[arg-type]  # the fields' kinds have judged them

    return record(make, {**fields, **_SHARED}, doc=doc)


GRAPH: Final[Kind[Graph]] = tagged(
    "kind",
    {
        "full": record(lambda: FULL, {}, doc="A link between any two sites."),
        "mesh": record(lambda: Graph(kind="mesh"), {}, doc="The same as full."),
        "ring": _kind("ring", {}, "Each site with the next, the last with the first."),
        "line": _kind("line", {}, "Each site with the next."),
        "star": _kind("star", {"center": Field("center", TEXT, "Default: the first site.")}, "All with one."),
        "tree": _kind("tree", {"branches": Field("branches", count(1), "Children of a site; default 2.")}, "A tree."),
        "grid": _kind(
            "grid", {"width": Field("width", count(1), "Default: as square as it gets.")}, "Rows and columns."
        ),
        "random": _kind(
            "random",
            {"degree": Field("degree", count(1), "Links per site, at least; default 3.")},
            "Drawn by the seed.",
        ),
        "geometric": _kind(
            "geometric",
            {"radius": Field("radius", number(0, 2), "Reach of a link in the unit square; default 0.3.")},
            "Sites at random places; near ones are linked, and latency grows with distance.",
        ),
        "regions": _kind(
            "regions",
            {"label": Field("label", TEXT, "The label that tells regions apart; default region.")},
            "A full mesh within each region, and between the first sites of the regions.",
        ),
        "file": _kind(
            "file",
            {"path": Field("path", TEXT, "A file of lines `a--b [class]`.", required=True)},
            "Links from a file.",
        ),
    },
    lambda graph: graph.kind if isinstance(graph, Graph) else repr(graph),
)


def edges(
    graph: Graph, sites: Sequence[str], labels: Mapping[str, Mapping[str, str]], rng: Random, source: str
) -> list[Edge]:
    """The links, each once. Raises ValueError, with the way out, for a shape that these sites cannot have."""
    return list(_SHAPES[graph.kind](_Ground(graph, sites, labels, rng, source)))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a shape is drawn on."""

    graph: Graph
    sites: Sequence[str]
    labels: Mapping[str, Mapping[str, str]]
    rng: Random
    source: str


def _full(ground: _Ground) -> Iterator[Edge]:
    return (Edge(pair) for pair in combinations(ground.sites, 2))


def _line(ground: _Ground) -> Iterator[Edge]:
    return (Edge(pair) for pair in pairwise(ground.sites))


def _ring(ground: _Ground) -> Iterator[Edge]:
    yield from _line(ground)
    if len(ground.sites) > 2:
        yield Edge((ground.sites[-1], ground.sites[0]))


def _star(ground: _Ground) -> Iterator[Edge]:
    center = ground.graph.center or ground.sites[0]
    if center not in ground.sites:
        raise ValueError(f"unknown site {center!r} as center: name one of the sites")
    return (Edge((center, site)) for site in ground.sites if site != center)


def _tree(ground: _Ground) -> Iterator[Edge]:
    branches = ground.graph.branches
    return (
        Edge((ground.sites[(number - 1) // branches], ground.sites[number])) for number in range(1, len(ground.sites))
    )


def _grid(ground: _Ground) -> Iterator[Edge]:
    sites, width = ground.sites, ground.graph.width or math.ceil(math.sqrt(len(ground.sites)))
    for index, site in enumerate(sites):
        if (index + 1) % width and index + 1 < len(sites):
            yield Edge((site, sites[index + 1]))
        if index + width < len(sites):
            yield Edge((site, sites[index + width]))


def _random(ground: _Ground) -> Iterator[Edge]:
    """A random tree first, so that all are connected; then more until each site has its degree, as far as there are others."""
    sites, rng = ground.sites, ground.rng
    found: dict[Pair, None] = {(sites[rng.randrange(number)], sites[number]): None for number in range(1, len(sites))}
    degrees = dict.fromkeys(sites, 0)
    for pair in found:
        for site in pair:
            degrees[site] += 1
    order = {site: number for number, site in enumerate(sites)}
    for site in sites:
        others = [other for other in sites if other != site and _ordered(site, other, order) not in found]
        rng.shuffle(others)
        for other in others[: max(0, ground.graph.degree - degrees[site])]:
            found[_ordered(site, other, order)] = None
            degrees[site] += 1
            degrees[other] += 1
    return (Edge(pair) for pair in found)


def _ordered(one: str, other: str, order: Mapping[str, int]) -> Pair:
    return (one, other) if order[one] < order[other] else (other, one)


def _geometric(ground: _Ground) -> Iterator[Edge]:
    """Links within the radius, and the shortest ones that join what would fall apart."""
    rng, radius = ground.rng, ground.graph.radius
    places = {site: (rng.random(), rng.random()) for site in ground.sites}
    distances = {pair: math.dist(places[pair[0]], places[pair[1]]) for pair in combinations(ground.sites, 2)}
    groups = {site: site for site in ground.sites}
    for pair in sorted(distances, key=lambda pair: (distances[pair], pair)):
        joins = _root(groups, pair[0]) != _root(groups, pair[1])
        if distances[pair] <= radius or joins:
            groups[_root(groups, pair[0])] = _root(groups, pair[1])
            yield Edge(pair, length=round(distances[pair] / (radius or 1), 6))


def _root(groups: Mapping[str, str], site: str) -> str:
    while groups[site] != site:
        site = groups[site]
    return site


def _regions(ground: _Ground) -> Iterator[Edge]:
    label, regions = ground.graph.label, dict[str, list[str]]()
    for site in ground.sites:
        regions.setdefault(ground.labels[site].get(label, ""), []).append(site)
    if list(regions) == [""]:
        raise ValueError(f"no site has the label {label!r}: give labels under $.spec.sites, or another label")
    for members in regions.values():
        yield from (Edge(pair) for pair in combinations(members, 2))
    yield from (Edge(pair) for pair in combinations([members[0] for members in regions.values()], 2))


LINES_MAX: Final = 1_000_000


def _file(ground: _Ground) -> Iterator[Edge]:
    """Relative to the scenario's own file."""
    path = Path(ground.source).parent / (ground.graph.path or "")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise ValueError(f"{path}: {reason}; give a file with a line a--b per link") from None
    if len(lines) > LINES_MAX:
        raise ValueError(f"{path}: more than {LINES_MAX} lines")
    known = frozenset(ground.sites)
    return iter(
        [_edge(path, number, line, known) for number, line in enumerate(lines, 1) if line.split("#")[0].strip()]
    )


def _edge(path: Path, number: int, line: str, known: frozenset[str]) -> Edge:
    words = line.split("#")[0].split()
    origin, _, target = words[0].partition("--")
    if len(words) > 2 or not {origin, target} <= known or origin == target:
        raise ValueError(
            f"{path}:{number}: no link a--b of two of the {len(known)} sites, with or without a class behind it"
        )
    return Edge((origin, target), link_class=words[1] if len(words) > 1 else "")


_SHAPES: Final[Mapping[str, Callable[[_Ground], Iterator[Edge]]]] = {
    "full": _full,
    "mesh": _full,
    "ring": _ring,
    "line": _line,
    "star": _star,
    "tree": _tree,
    "grid": _grid,
    "random": _random,
    "geometric": _geometric,
    "regions": _regions,
    "file": _file,
}


def both_ways(some: Sequence[Edge]) -> Iterator[tuple[Pair, Edge]]:
    """Each edge as two directed links."""
    for edge, back in product(some, (False, True)):
        yield (edge.ends[::-1] if back else edge.ends), edge
