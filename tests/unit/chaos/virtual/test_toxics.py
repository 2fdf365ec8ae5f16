"""Toxics on virtual links, with Toxiproxy's names, units and ways; times are exact here."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from tests.unit.chaos.virtual.pair import Pair, Recorder, in_pair


def _times(pair: Pair, end: Recorder, start: float) -> list[float]:
    return [round(t - start, 6) for t, _ in end.told("data")]


async def _send(pair: Pair, end: Recorder, *sizes: int, then_s: float = 60) -> float:
    start = pair.loop.time()
    for size in sizes:
        end.transport.write(b"x" * size)
    await asyncio.sleep(then_s)
    return start


def test_latency_comes_on_top_of_the_links_own_in_one_direction() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.loop.network.toxics("paris", "rennes").add("latency", stream="upstream", latency=1000)
        start = await _send(pair, client, 1, 1)
        assert _times(pair, server, start) == [1.02, 1.02]
        start = await _send(pair, server, 1)
        assert _times(pair, client, start) == [0.02]

    in_pair(story)


def test_jitter_is_drawn_by_the_seed() -> None:
    async def story(pair: Pair) -> list[float]:
        pair.loop.network.toxics("paris", "rennes").add("latency", stream="upstream", latency=100, jitter=50)
        client, server = await pair.joined()
        delays = []
        for _ in range(50):
            start = await _send(pair, client, 1, then_s=1)
            delays.append(_times(pair, server, start)[-1])
        return delays

    delays = in_pair(story)
    assert min(delays) >= 0.07
    assert max(delays) < 0.17
    assert len(set(delays)) > 20
    assert in_pair(story) == delays
    assert in_pair(story, seed=1) != delays


def test_bandwidth_meters_out_and_holds_the_writer_back() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.loop.network.toxics("paris", "rennes").add("bandwidth", stream="upstream", rate=100)
        start = await _send(pair, client, *[20_000] * 10)
        assert [what for _, what, _ in client.seen if what != "made"] == ["pause_writing", "resume_writing"]
        assert _times(pair, server, start)[-1] == pytest.approx(2.02)

    in_pair(story)


def test_bandwidth_zero_stalls_data_and_end_until_it_is_taken_away() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        toxics = pair.loop.network.toxics("paris", "rennes")
        toxics.add("bandwidth", stream="upstream", rate=0)
        client.transport.write(b"held")
        client.transport.close()
        await asyncio.sleep(1000)
        assert [what for _, what, _ in server.seen] == ["made"]
        toxics.remove("bandwidth_upstream")
        await asyncio.sleep(1)
        assert [what for _, what, _ in server.seen] == ["made", "data", "eof", "lost"]
        assert not pair.loop.network.link("paris", "rennes").streams

    in_pair(story)


def test_slow_close_delays_the_end_alone() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add("slow_close", stream="upstream", delay=5000)
        client, server = await pair.joined()
        start = pair.loop.time()
        client.transport.write(b"words")
        client.transport.close()
        await asyncio.sleep(60)
        assert _times(pair, server, start) == [0.02]
        assert [round(t - start, 6) for t, _ in server.told("eof")] == [5.02]

    in_pair(story)


def test_timeout_drops_and_closes_after_the_last_chunk() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add("timeout", stream="upstream", timeout=500)
        client, server = await pair.joined()
        for _ in range(3):
            client.transport.write(b"dropped")
            await asyncio.sleep(0.3)
        last = pair.loop.time() - 0.3
        await asyncio.sleep(60)
        assert server.told("data") == []
        assert [round(t - last, 6) for t, _ in server.told("eof")] == [0.52]
        assert [what for _, what, _ in client.seen] == ["made", "eof", "lost"]

    in_pair(story)


def test_taking_a_timeout_away_closes_the_connections_it_robbed() -> None:
    async def story(pair: Pair) -> None:
        toxics = pair.loop.network.toxics("paris", "rennes")
        toxics.add("timeout", stream="downstream", timeout=0)
        client, server = await pair.joined()
        server.transport.write(b"dropped")
        await asyncio.sleep(1000)
        assert client.told("data") == []
        toxics.remove("timeout_downstream")
        await asyncio.sleep(1)
        assert [what for _, what, _ in client.seen] == ["made", "eof", "lost"]
        assert server.told("lost")

    in_pair(story)


def test_reset_peer_waits_for_the_first_chunk() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add("reset_peer", stream="upstream", timeout=2000)
        client, server = await pair.joined()
        await asyncio.sleep(100)
        start = await _send(pair, client, 10)
        for end in (client, server):
            assert [(round(t - start, 6), what) for t, what in end.told("lost")] == [(2.0, errno.ECONNRESET)]
        assert server.told("data") == []

    in_pair(story)


def test_slicer_cuts_and_delays() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add(
            "slicer", stream="upstream", average_size=10, size_variation=0, delay=1_000_000
        )
        client, server = await pair.joined()
        start = await _send(pair, client, 40)
        assert _times(pair, server, start) == [0.02, 1.02, 2.02, 3.02]
        assert b"".join(data for _, data in server.told("data") if isinstance(data, bytes)) == b"x" * 40

    in_pair(story)


def test_limit_data_passes_exactly_so_many_bytes_and_ends() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add("limit_data", stream="downstream", bytes=25)
        client, server = await pair.joined()
        await _send(pair, server, 10, 10, 10)
        assert sum(len(data) for _, data in client.told("data") if isinstance(data, bytes)) == 25
        assert client.told("eof")
        assert server.told("lost")

    in_pair(story)


@pytest.mark.parametrize(("toxicity", "delay_s"), [(0.0, 0.02), (1.0, 1.02)])
def test_the_dice_are_thrown_once_for_a_connection(toxicity: float, delay_s: float) -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("paris", "rennes").add("latency", stream="upstream", latency=1000, toxicity=toxicity)
        client, server = await pair.joined()
        start = await _send(pair, client, 1)
        assert _times(pair, server, start) == [delay_s]

    in_pair(story)


def test_a_change_acts_on_open_connections() -> None:
    async def story(pair: Pair) -> None:
        toxics = pair.loop.network.toxics("paris", "rennes")
        name = toxics.add("latency", stream="upstream", name="slow", latency=1000)
        client, server = await pair.joined()
        toxics.change(name, latency=3000)
        start = await _send(pair, client, 1)
        toxics.clear()
        assert toxics.names == ()
        later = await _send(pair, client, 1)
        assert _times(pair, server, start)[0] == 3.02
        assert _times(pair, server, later)[-1] == 0.02

    in_pair(story)


def test_connections_opened_by_the_other_side_are_not_meant() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.toxics("rennes", "paris").add("timeout", stream="upstream", timeout=0)
        pair.loop.network.toxics("rennes", "paris").add("timeout", stream="downstream", timeout=0)
        client, server = await pair.joined()
        start = await _send(pair, client, 1)
        assert _times(pair, server, start) == [0.02]

    in_pair(story)


def test_toxics_work_on_for_a_paused_site() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.loop.network.toxics("paris", "rennes").add("latency", stream="upstream", latency=1000)
        client.transport.write(b"under way")
        start = pair.loop.time()
        pair.loop.network.pause("paris")
        await asyncio.sleep(60)
        assert _times(pair, server, start) == [1.02]

    in_pair(story)


@pytest.mark.parametrize(
    ("type", "arguments", "message"),
    [
        ("lag", {}, "invalid toxic type"),
        ("slicer", {"average_size": 0}, "average_size must be at least 1"),
        ("bandwidth", {"rate": -1}, "rate must be 0 or more"),
        ("latency", {"latency": 1.5}, "cannot unmarshal number 1.5"),
    ],
)
def test_what_toxiproxy_refuses_is_refused(type: str, arguments: dict[str, Any], message: str) -> None:
    async def story(pair: Pair) -> None:
        toxics = pair.loop.network.toxics("paris", "rennes")
        with pytest.raises(ValueError, match=message):
            toxics.add(type, **arguments)
        toxics.add("noop", name="once")
        with pytest.raises(ValueError, match="toxic already exists"):
            toxics.add("noop", name="once")

    in_pair(story)
