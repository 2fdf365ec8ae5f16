"""The links of the proxy world: made when dialled, shaped and cut as the timeline says, and told when they cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from chaos.scenario.errors import BadScenario, Unsupported
from chaos.scenario.events import (
    ClockSkew,
    Event,
    LinkCut,
    LinkDegraded,
    LinkToxic,
    NamesLost,
    SiteCrash,
    SitePause,
    Timeline,
)
from chaos.scenario.faults import Mode
from chaos.scenario.links import LinkQuality
from chaos.toxiproxy.driver import Api, ToxiproxyError, Unreachable
from chaos.toxiproxy.thread import ThreadedToxiproxy
from chaos.worlds import proxy
from chaos.worlds.proxy import Wiring, play_proxied
from chaos.worlds.virtual import AGENT_PORT

SITES = ("a", "b", "c")


@pytest.fixture
def toxiproxy() -> Iterator[ThreadedToxiproxy]:
    server = ThreadedToxiproxy()
    yield server
    server.stop()


@pytest.fixture
def url(toxiproxy: ThreadedToxiproxy) -> str:
    return toxiproxy.start()


FLAT = LinkQuality(latency_s=0, jitter_s=0)


def wiring(url: str, link: LinkQuality = FLAT, links: Mapping[tuple[str, str], LinkQuality] | None = None) -> Wiring:
    found = Wiring(Timeline(scenario="test", seed=1, duration_s=1, sites=SITES, link=link, links=links or {}), url)
    for site in SITES:
        found.addresses.bind(site, AGENT_PORT, 1)
    return found


def cut(origin: str, target: str, mode: Mode = "drop", cause: str = "f0") -> LinkCut:
    return LinkCut(t=0, id=cause, origin=origin, target=target, mode=mode, until=1)


def proxies(url: str) -> dict[str, dict[str, object]]:
    found = Api(url).get("/proxies")
    assert isinstance(found, dict)
    return found


def toxics(url: str, link: str) -> list[tuple[str, dict[str, int]]]:
    found = Api(url).get(f"/proxies/{link}/toxics")
    assert isinstance(found, list)
    return [(toxic["name"], toxic["attributes"]) for toxic in found]


def test_only_links_that_are_dialled_are_made(url: str) -> None:
    wires = wiring(url)

    async def dial() -> tuple[str, str, str]:
        return await asyncio.gather(wires.address("a", "b"), wires.address("c", "a"), wires.address("a", "b"))

    addresses = asyncio.run(dial())
    assert addresses[0] == addresses[2] != addresses[1]
    assert wires.made == 2
    assert {name: found["upstream"] for name, found in proxies(url).items()} == {
        "a--b": f"{wires.addresses.ip('b')}:1",
        "c--a": f"{wires.addresses.ip('a')}:1",
    }


def test_a_link_has_the_quality_of_each_way(url: str) -> None:
    better = {("b", "a"): LinkQuality(latency_s=0.004, jitter_s=0)}
    wires = wiring(url, LinkQuality(latency_s=0.020, jitter_s=0.005), better)
    asyncio.run(wires.address("a", "b"))
    assert toxics(url, "a--b") == [
        ("latency_upstream", {"latency": 20, "jitter": 5}),
        ("latency_downstream", {"latency": 4, "jitter": 0}),
    ]


def test_a_cut_lowers_to_the_links_that_either_site_opens(url: str) -> None:
    wires = wiring(url)

    async def program() -> None:
        await wires.address("a", "b")
        await wires.cut(cut("a", "b"))
        await wires.settled()
        await wires.address("b", "a")  # made under the cut

    asyncio.run(program())
    assert toxics(url, "a--b") == [("cut_upstream", {"timeout": 0})]
    assert toxics(url, "b--a") == [("cut_downstream", {"timeout": 0})]


def test_reject_disables_both_links_and_beats_other_cuts(url: str) -> None:
    wires = wiring(url)
    states = []

    async def program() -> None:
        await asyncio.gather(wires.address("a", "b"), wires.address("b", "a"))
        for change in (
            wires.cut(cut("a", "b", "reject", "f0")),
            wires.cut(cut("a", "b", "jam", "f1")),
            wires.heal(cut("a", "b", "reject", "f0")),
            wires.heal(cut("a", "b", "jam", "f1")),
        ):
            await change
            await wires.settled()
            states.append(await asyncio.to_thread(state, url))

    asyncio.run(program())
    jammed = ({"a--b": True, "b--a": True}, [("cut_upstream", {"rate": 0})])
    assert states == [
        ({"a--b": False, "b--a": False}, []),
        ({"a--b": False, "b--a": False}, []),
        jammed,
        ({"a--b": True, "b--a": True}, []),
    ]


def state(url: str) -> tuple[dict[str, object], list[tuple[str, dict[str, int]]]]:
    return {name: found["enabled"] for name, found in sorted(proxies(url).items())}, toxics(url, "a--b")


def test_healing_all_ends_what_was_cut_and_what_is_being_cut(url: str) -> None:
    wires = wiring(url)

    async def program() -> None:
        await asyncio.gather(*(wires.address(one, other) for one in SITES for other in SITES if one != other))
        for target in ("b", "c"):
            await wires.cut(cut("a", target))
        await wires.heal_all()

    asyncio.run(program())
    assert [toxics(url, name) for name in proxies(url)] == [[]] * 6


def test_closing_leaves_no_proxy_behind(url: str) -> None:
    wires = wiring(url)
    asyncio.run(wires.address("a", "b"))
    wires.close()
    assert proxies(url) == {}


def test_a_toxiproxy_that_goes_away_fails_the_dial_and_the_run(toxiproxy: ThreadedToxiproxy) -> None:
    wires = wiring(toxiproxy.start())
    wires.check()
    toxiproxy.stop()
    with pytest.raises(ConnectionRefusedError, match="no Toxiproxy answers"):
        asyncio.run(wires.address("a", "b"))
    with pytest.raises(Unreachable):
        wires.check()


def test_a_cut_that_is_refused_fails_the_run(url: str) -> None:
    wires = wiring(url)

    async def program() -> None:
        await wires.address("a", "b")
        await asyncio.to_thread(Api(url).delete, "/proxies/a--b")  # somebody else's doing
        await wires.cut(cut("a", "b"))
        await wires.settled()

    asyncio.run(program())
    with pytest.raises(ToxiproxyError, match="proxy not found"):
        wires.check()


def test_an_absent_toxiproxy_is_told_before_anything_runs(toxiproxy: ThreadedToxiproxy) -> None:
    url = toxiproxy.start()
    toxiproxy.stop()
    with pytest.raises(Unreachable, match=url):
        play_proxied(Timeline(scenario="test", seed=1, duration_s=1, sites=SITES), toxiproxy_url=url)


def test_too_few_descriptors_are_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "raised_descriptor_limit", lambda: 64)
    with pytest.raises(Unsupported, match="ulimit -n"):
        play_proxied(Timeline(scenario="test", seed=1, duration_s=1, sites=SITES))


def test_a_url_that_is_none_is_told_with_the_option() -> None:
    timeline = Timeline(scenario="test", seed=1, duration_s=1, sites=SITES)
    with pytest.raises(BadScenario, match="--toxiproxy-url: a Toxiproxy is named as http://HOST:PORT, not 'nonsense'"):
        play_proxied(timeline, toxiproxy_url="nonsense")


def test_a_worse_link_is_worse_both_where_it_exists_and_where_it_is_made_later(url: str) -> None:
    wires = wiring(url)
    worse = LinkDegraded(t=0, id="f0", origin="a", target="b", until=1, latency_s=0.03, rate_bytes_s=64_400, loss=0.25)

    async def program() -> None:
        await wires.address("a", "b")
        wires.degrade(worse)
        await wires.settled()
        await wires.address("b", "a")

    asyncio.run(program())
    upstream = [
        ("latency_upstream", {"latency": 30, "jitter": 0}),
        ("bandwidth_upstream", {"rate": 64}),
        ("loss_upstream", {"latency": 200, "jitter": 0}),
    ]
    assert toxics(url, "a--b") == upstream
    assert toxics(url, "b--a") == [(name.replace("up", "down"), attributes) for name, attributes in upstream]

    async def heal() -> None:
        wires.restore(worse)
        await wires.settled()

    asyncio.run(heal())
    assert toxics(url, "a--b") == toxics(url, "b--a") == []


def test_a_toxic_of_a_timeline_is_on_its_link_until_it_ends(url: str) -> None:
    wires = wiring(url)
    slow = LinkToxic(t=0, id="f1", origin="a", target="b", until=1, type="slow_close", stream="upstream")
    states = []

    async def program() -> None:
        await wires.address("a", "b")
        for change in (wires.poison, wires.cure):
            change(slow)
            await wires.settled()
            states.append(await asyncio.to_thread(toxics, url, "a--b"))

    asyncio.run(program())
    assert states == [[("f1-a-b-slow_close-upstream", {"delay": 0})], []]


def test_where_the_topology_has_no_link_nobody_connects(url: str) -> None:
    timeline = Timeline(scenario="test", seed=1, duration_s=1, sites=SITES, link=FLAT, links={}, unlinked=(("a", "b"),))
    with pytest.raises(ConnectionRefusedError, match="no link from a to b"):
        asyncio.run(Wiring(timeline, url).address("a", "b"))


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (SiteCrash(t=1, id="f7", site="a", until=2, lose="disk"), "crash/disk"),
        (SitePause(t=1, id="f7", site="a", until=2), "site/pause"),
        (ClockSkew(t=1, id="f7", site="a", until=2, by_s=60), "site/skew"),
        (NamesLost(t=1, id="f7", site="a", until=2), "site/no-names"),
    ],
)
def test_what_sockets_cannot_play_is_refused_by_its_name(event: Event, name: str) -> None:
    timeline = Timeline(scenario="test", seed=1, duration_s=1, sites=SITES, link=FLAT, links={}, events=(event,))
    with pytest.raises(Unsupported, match=rf"event f7 at 1s: the proxy world has no {name}: leave it out, or --world"):
        play_proxied(timeline)
