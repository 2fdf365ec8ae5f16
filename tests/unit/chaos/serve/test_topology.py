"""Which links `fakekube serve` makes: the shapes that scenarios know, both ways, or those of a file as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.scenario.errors import BadScenario
from chaos.serve.topology import pairs

SITES = ("a", "b", "c", "d")


def joined(links: str | None, sites: tuple[str, ...] = SITES) -> list[str]:
    return ["--".join(pair) for pair in pairs(sites, links)]


def test_all_links_without_a_choice() -> None:
    assert joined(None, ("a", "b", "c")) == ["a--b", "a--c", "b--a", "b--c", "c--a", "c--b"]


def test_a_ring_and_a_star_go_both_ways() -> None:
    assert joined("ring") == ["a--b", "a--d", "b--a", "b--c", "c--b", "c--d", "d--a", "d--c"]
    assert joined("star") == ["a--b", "a--c", "a--d", "b--a", "c--a", "d--a"]


@pytest.mark.parametrize("links", ["ring", "star"])
def test_two_sites_have_one_link_each_way_and_one_has_none(links: str) -> None:
    assert joined(links, ("a", "b")) == ["a--b", "b--a"]
    assert joined(links, ("a",)) == []


def test_a_file_says_each_way_itself(tmp_path: Path) -> None:
    path = tmp_path / "links"
    path.write_text("b--a\n")
    assert joined(str(path)) == ["b--a"]


def test_too_many_are_refused_with_the_way_out() -> None:
    with pytest.raises(BadScenario, match="1560 links are more than the 1000"):
        pairs([f"s{number}" for number in range(40)], None)
