"""The overlay of a record: everybody knows few, and nobody is far."""

from collections import deque

import pytest

from collab.record.overlay import neighbours

GID = "site-000~x.1"


def sites(count: int) -> list[str]:
    return [f"site-{number:03}" for number in range(count)]


def farthest(start: str, links: dict[str, tuple[str, ...]]) -> int:
    distance, queue = {start: 0}, deque([start])
    while queue:
        site = queue.popleft()
        for other in links[site]:
            if other not in distance:
                distance[other] = distance[site] + 1
                queue.append(other)
    assert len(distance) == len(links), f"{start} does not reach everybody"
    return max(distance.values())


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_a_small_record_is_a_mesh(count: int) -> None:
    members = sites(count)
    for site in members:
        assert neighbours(GID, members, site) == tuple(other for other in members if other != site)


@pytest.mark.parametrize("count", [9, 10, 16, 17, 33, 200])
def test_a_large_record_is_symmetric_and_connected(count: int) -> None:
    members = sites(count)
    links = {site: neighbours(GID, members, site) for site in members}
    assert all(site in links[other] for site in members for other in links[site])
    assert all(site not in links[site] for site in members)
    farthest(members[0], links)


def test_two_hundred_members_have_few_links_and_a_short_way() -> None:
    members = sites(200)
    links = {site: neighbours(GID, members, site) for site in members}
    assert max(map(len, links.values())) <= 14
    assert sum(map(len, links.values())) // 2 <= 1500
    assert max(farthest(site, links) for site in members) <= 4


def test_the_order_the_members_are_named_in_does_not_matter_but_the_record_does() -> None:
    members = sites(20)
    assert neighbours(GID, members, "site-003") == neighbours(GID, list(reversed(members)), "site-003")
    assert any(neighbours(GID, members, site) != neighbours("site-001~y.1", members, site) for site in members)


def test_a_site_that_is_no_member_has_no_neighbours() -> None:
    assert neighbours(GID, sites(20), "elsewhere") == ()
