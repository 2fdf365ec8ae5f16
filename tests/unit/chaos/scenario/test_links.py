"""Topologies and link classes: who has a link, how good it is, and what a way over several links is worth."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.scenario.graphs import Edge, Graph, edges
from chaos.scenario.links import LinkChange, LinkOverride, LinkQuality, Links, Network, network
from chaos.scenario.selector import Selector
from chaos.scenario.topology import LabelRule, Sites, Topology, topology

FIVE = topology(Sites(count=5, labels=(LabelRule(match="site-00[01]", set={"region": "nantes"}),)))
SHAPES = ("full", "ring", "line", "star", "tree", "grid", "random", "geometric")


def drawn(graph: Graph, where: Topology = FIVE, seed: int = 1) -> list[tuple[int, int]]:
    """Edges as pairs of site numbers."""
    order = {site: number for number, site in enumerate(where.sites)}
    found = edges(graph, where.sites, where.labels, Random(seed), "x.yaml")
    return sorted((min(order[a], order[b]), max(order[a], order[b])) for a, b in (edge.ends for edge in found))


def wired(links: Links, where: Topology = FIVE) -> Network:
    return network(links, where, 1, "x.yaml")


@pytest.mark.parametrize(
    ("graph", "pairs"),
    [
        (Graph(kind="line"), [(0, 1), (1, 2), (2, 3), (3, 4)]),
        (Graph(kind="ring"), [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)]),
        (Graph(kind="star"), [(0, 1), (0, 2), (0, 3), (0, 4)]),
        (Graph(kind="star", center="site-002"), [(0, 2), (1, 2), (2, 3), (2, 4)]),
        (Graph(kind="tree"), [(0, 1), (0, 2), (1, 3), (1, 4)]),
        (Graph(kind="grid", width=3), [(0, 1), (0, 3), (1, 2), (1, 4), (3, 4)]),
        (Graph(kind="regions"), [(0, 1), (0, 2), (2, 3), (2, 4), (3, 4)]),
    ],
    ids=lambda value: value.kind if isinstance(value, Graph) else "",
)
def test_a_shape_has_its_links(graph: Graph, pairs: list[tuple[int, int]]) -> None:
    assert drawn(graph) == pairs


@settings(deadline=None)
@given(kind=st.sampled_from(SHAPES), sites=st.integers(1, 30), seed=st.integers(0, 99))
def test_a_shape_is_connected_and_the_same_for_one_seed(kind: str, sites: int, seed: int) -> None:
    where = topology(Sites(count=sites))
    found = drawn(Graph(kind=kind), where, seed)
    assert found == drawn(Graph(kind=kind), where, seed)
    assert len(set(found)) == len(found)
    reached, waiting = {0}, [0]
    while waiting:
        here = waiting.pop()
        for pair in found:
            if here in pair and not set(pair) <= reached:
                waiting += set(pair) - reached
                reached |= set(pair)
    assert reached == set(range(sites))


def test_a_random_graph_gives_every_site_its_degree() -> None:
    found = drawn(Graph(kind="random", degree=4), topology(Sites(count=20)))
    assert min(sum(number in pair for pair in found) for number in range(20)) >= 4


def test_a_file_names_links_and_classes(tmp_path: Path) -> None:
    (tmp_path / "links.txt").write_text("# who sees whom\nsite-000--site-001 lte\n\nsite-001--site-002  # plain\n")
    found = edges(Graph(kind="file", path="links.txt"), FIVE.sites, {}, Random(0), str(tmp_path / "x.yaml"))
    assert found == [Edge(("site-000", "site-001"), "lte"), Edge(("site-001", "site-002"))]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("site-000--site-009\n", "links.txt:1: no link a--b of two of the 5 sites"),
        ("site-000--site-000\n", "links.txt:1: no link"),
        ("# ok\nsite-000\n", "links.txt:2: no link"),
        (None, "links.txt: No such file or directory; give a file with a line a--b per link"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "links.txt").write_text(content)
    with pytest.raises(ValueError, match=complaint):
        edges(Graph(kind="file", path="links.txt"), FIVE.sites, {}, Random(0), str(tmp_path / "x.yaml"))


def test_ways_over_several_links_add_up() -> None:
    slow = LinkOverride(
        origin=Selector(sites=("site-001",)), target=Selector(sites=("site-002",)), latency_s=0.1, rate_bytes_s=1000
    )
    default = LinkQuality(latency_s=0.01, jitter_s=0.001, loss=0.1)
    found = wired(Links(topology=Graph(kind="line"), default=default, overrides=(slow,)))
    assert found.qualities["site-000", "site-003"] == LinkQuality(
        latency_s=0.12, jitter_s=0.003, loss=0.271, rate_bytes_s=1000
    )
    assert found.qualities["site-003", "site-000"] == LinkQuality(latency_s=0.03, jitter_s=0.003, loss=0.271)


def test_pairs_without_a_link_may_be_cut_for_good() -> None:
    found = wired(Links(topology=Graph(kind="line", unlinked="cut")))
    assert len(found.unlinked) == 12
    assert ("site-000", "site-002") in found.unlinked
    assert found.qualities == {}


def test_classes_are_what_default_and_overrides_begin_from() -> None:
    links = Links(
        classes={"lte": LinkChange(latency_s=0.05, loss=0.01), "fibre": LinkChange(latency_s=0.001)},
        default=LinkChange(link_class="lte", jitter_s=0.01),
        overrides=(LinkOverride(target=Selector(sites=("site-000",)), link_class="fibre"),),
    )
    found = wired(links)
    assert found.default == LinkQuality(latency_s=0.05, jitter_s=0.01, loss=0.01)
    assert found.qualities["site-001", "site-000"].latency_s == 0.001
    assert (found.link_class(("site-001", "site-000")), found.link_class(("site-000", "site-001"))) == ("fibre", "lte")


@pytest.mark.parametrize(
    ("links", "complaint"),
    [
        (Links(default=LinkChange(link_class="lt")), "unknown class 'lt': known are"),
        (Links(classes={"lte": LinkChange()}, default=LinkChange(link_class="ltr")), "did you mean 'lte'?"),
        (Links(topology=Graph(kind="star", center="x")), "unknown site 'x' as center"),
        (Links(topology=Graph(kind="regions", label="zone")), "no site has the label 'zone'"),
        (Links(overrides=(LinkOverride(origin=Selector(sites=("x",))),)), "unknown site 'x': the sites are"),
    ],
)
def test_links_that_cannot_be_are_named(links: Links, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wired(links)


def test_a_topology_of_too_many_sites_is_refused() -> None:
    with pytest.raises(ValueError, match="a topology fits up to 500 sites, not 501"):
        wired(Links(topology=Graph(kind="ring")), topology(Sites(count=501)))
