"""The link model, point by point (docs/link-model.md): what a protocol at one site sees of what a protocol at another does."""

from __future__ import annotations

import asyncio
import errno
import socket
from itertools import pairwise
from typing import Any

import pytest

from chaos.virtual import BurstLoss, CutMode, DeadlockError, VirtualLoop, WireChunk, run_virtual, site_context
from tests.unit.chaos.virtual.pair import Pair, Recorder, at, in_pair

# 1. connect


def test_connecting_costs_one_round_trip() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.link("rennes", "paris").set(latency_s=0.070)
        client = await pair.connect()
        assert client.seen == [(0.090, "made", None)]
        await asyncio.sleep(1)
        assert pair.servers[0].seen == [(0.110, "made", None)]

    in_pair(story)


def test_nobody_listening_is_refused_after_one_round_trip() -> None:
    async def story(pair: Pair) -> None:
        with pytest.raises(ConnectionRefusedError) as caught:
            await pair.connect(port=81)
        assert caught.value.errno == errno.ECONNREFUSED == 111
        assert pair.loop.time() == 0.040

    in_pair(story)


def test_a_listener_on_localhost_is_for_its_own_site() -> None:
    async def story(pair: Pair) -> None:
        with site_context("rennes"):
            await pair.loop.create_server(lambda: Recorder(pair.loop), "127.0.0.1", 8001)
        await pair.connect(src="rennes", host="localhost", port=8001)
        with pytest.raises(ConnectionRefusedError):
            await pair.connect(port=8001)

    in_pair(story)


def test_a_dropped_connect_hangs_until_the_caller_gives_up() -> None:
    async def story(pair: Pair) -> None:
        pair.cut("drop")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await pair.connect()
        assert pair.loop.time() == 30
        assert not pair.loop.network.link("paris", "rennes").streams

    in_pair(story)


@pytest.mark.parametrize("direction", ["both", "to", "from"])
def test_a_dropped_connect_gives_up_by_itself_after_130_s(direction: str) -> None:
    async def story(pair: Pair) -> None:
        pair.cut("drop", direction)
        with pytest.raises(TimeoutError) as caught:
            await pair.connect()
        assert caught.value.errno == errno.ETIMEDOUT == 110
        assert pair.loop.time() == 130

    in_pair(story)


def test_a_dropped_connect_goes_through_one_rto_after_the_heal() -> None:
    async def story(pair: Pair) -> None:
        pair.cut("drop")
        pair.loop.call_at(10, pair.heal)
        client = await pair.connect()
        assert client.seen == [(10.220, "made", None)]

    in_pair(story)


def test_a_rejected_connect_is_refused_at_once() -> None:
    async def story(pair: Pair) -> None:
        pair.cut("reject")
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()
        assert pair.loop.time() == 0

    in_pair(story)


def test_a_connect_under_way_is_refused_when_the_link_begins_to_reject() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.call_at(0.030, pair.cut, "reject")
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()
        assert pair.loop.time() == 0.030

    in_pair(story)


# 2. send


def test_a_chunk_takes_the_latency_of_its_direction() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.link("rennes", "paris").set(latency_s=0.070)
        client, server = await pair.joined()
        start = pair.loop.time()
        client.transport.write(b"ping")
        await asyncio.sleep(0.5)
        server.transport.write(b"pong")
        await asyncio.sleep(0.5)
        assert server.told("data") == [(at(start + 0.020), b"ping")]
        assert client.told("data") == [(at(start + 0.570), b"pong")]

    in_pair(story)


def test_data_is_cut_into_chunks_of_32_kib() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        client.transport.write(b"x" * 100_000)
        await asyncio.sleep(1)
        assert [detail for _, detail in server.told("data")] == [32_768, 32_768, 32_768, 1_696]

    in_pair(story)


def test_jitter_spreads_chunks_and_never_reorders_them() -> None:
    async def story(pair: Pair) -> list[float]:
        pair.loop.network.link("paris", "rennes").set(latency_s=0.020, jitter_s=0.015)
        client, server = await pair.joined()
        delays = []
        for number in range(200):
            start = pair.loop.time()
            client.transport.write(b"%d" % number)
            await asyncio.sleep(0.1)
            delays.append(round(server.told("data")[-1][0] - start, 9))
        for number in range(50):
            client.transport.write(b"-%d" % number)
            await asyncio.sleep(0.001)
        await asyncio.sleep(1)
        assert [detail for _, detail in server.told("data")[200:]] == [b"-%d" % number for number in range(50)]
        return delays

    delays = in_pair(story)
    assert all(0.005 <= delay <= 0.035 for delay in delays)
    assert min(delays) < 0.007
    assert max(delays) > 0.033
    assert in_pair(story) == delays
    assert in_pair(story, seed=1) != delays


def test_bandwidth_is_shared_out_chunk_after_chunk() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.link("paris", "rennes").set(latency_s=0.020, rate_bytes_s=10_000)
        client, server = await pair.joined()
        start = pair.loop.time()
        for _ in range(4):
            client.transport.write(b"x" * 5_000)
        await asyncio.sleep(5)
        times = [round(t - start, 6) for t, _ in server.told("data")]
        assert times == [0.52, 1.02, 1.52, 2.02]

    in_pair(story)


def test_new_settings_hold_for_what_is_sent_from_then_on() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        start = pair.loop.time()
        client.transport.write(b"old")
        pair.loop.network.link("paris", "rennes").set(latency_s=0.001)
        client.transport.write(b"new")
        await asyncio.sleep(1)
        client.transport.write(b"later")
        await asyncio.sleep(1)
        times = [(round(t - start, 6), data) for t, data in server.told("data")]
        assert times == [(0.020, b"old"), (0.020, b"new"), (1.001, b"later")]

    in_pair(story)


# 3. loss


def test_a_lost_chunk_is_late_by_the_rto_which_doubles() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.link("paris", "rennes").set(latency_s=0.020, loss=0.5)
        client, server = await pair.joined()
        delays = []
        for _ in range(300):
            start = pair.loop.time()
            client.transport.write(b"x")
            await asyncio.sleep(300)
            delays.append(round(server.told("data")[-1][0] - start, 3))
        assert set(delays) >= {0.020, 0.220, 0.620, 1.420}
        assert 110 < delays.count(0.020) < 190

    in_pair(story)


def _late(delays: list[float]) -> list[bool]:
    return [delay > 0.2 for delay in delays]


async def _delays(pair: Pair, count: int) -> list[float]:
    client, server = await pair.joined()
    delays = []
    for _ in range(count):
        start = pair.loop.time()
        client.transport.write(b"x")
        await asyncio.sleep(10_000)  # fifteen doublings of the RTO
        delays.append(round(server.told("data")[-1][0] - start, 9))
    return delays


def test_loss_in_bursts_comes_in_runs() -> None:
    async def story(pair: Pair) -> list[bool]:
        burst = BurstLoss(loss=0.9, enter=0.02, leave=0.1)
        pair.loop.network.link("paris", "rennes").set(latency_s=0.020, burst=burst)
        return _late(await _delays(pair, 2000))

    late = in_pair(story)
    followed = [after for before, after in pairwise(late) if before]
    assert 0.10 < sum(late) / len(late) < 0.22  # a sixth of the time bad, nine tenths lost then
    assert sum(followed) / len(followed) > 0.7
    assert in_pair(story) == late


@pytest.mark.parametrize(
    ("distribution", "low_s", "middle_s", "high_s"), [("normal", 0.03, 0.1, 0.17), ("pareto", 0.1, 0.103, 0.13)]
)
def test_jitter_may_be_normal_or_have_a_long_tail(
    distribution: Any, low_s: float, middle_s: float, high_s: float
) -> None:
    async def story(pair: Pair) -> list[float]:
        link = pair.loop.network.link("paris", "rennes")
        link.set(latency_s=0.1, jitter_s=0.030, distribution=distribution)
        return await _delays(pair, 1000)

    delays = sorted(in_pair(story))
    assert delays[10] == pytest.approx(low_s, abs=0.02)
    assert delays[500] == pytest.approx(middle_s, abs=0.004)
    assert delays[900 if distribution == "pareto" else 990] == pytest.approx(high_s, abs=0.02)
    assert delays[0] >= 0


def test_the_rto_of_a_slow_link_is_two_round_trips() -> None:
    async def story(pair: Pair) -> None:
        link = pair.loop.network.link("paris", "rennes")
        assert link.rto_ns() == 200_000_000
        link.set(latency_s=0.300)
        assert link.rto_ns() == link.back.rto_ns() == 640_000_000

    in_pair(story)


# 4. buffers


def test_a_slow_link_holds_the_writer_back_above_64_kib_and_lets_go_below_16() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.link("paris", "rennes").set(latency_s=0.020, rate_bytes_s=32_768)
        client, _ = await pair.joined()
        client.transport.write(b"x" * 65_536)
        assert not client.paused()
        client.transport.write(b"x")
        assert client.paused()
        assert client.transport.get_write_buffer_size() == 65_537
        start = pair.loop.time()
        await asyncio.sleep(10)
        assert [round(t - start, 3) for t, _ in client.told("resume_writing")] == [2.020]

    in_pair(story)


def test_a_reader_that_pauses_holds_the_far_writer_back_in_virtual_time() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        server.transport.pause_reading()
        assert not server.transport.is_reading()
        for _ in range(5):
            client.transport.write(b"x" * 20_000)
        await asyncio.sleep(3600)
        assert client.paused()
        assert server.told("data") == []
        server.transport.resume_reading()
        await asyncio.sleep(1)
        assert not client.paused()
        assert sum(int(str(size)) for _, size in server.told("data")) == 100_000

    in_pair(story)


def test_the_limits_of_the_buffer_can_be_set() -> None:
    async def story(pair: Pair) -> None:
        client, _ = await pair.joined()
        assert client.transport.get_write_buffer_limits() == (16_384, 65_536)
        client.transport.set_write_buffer_limits(high=100)
        assert client.transport.get_write_buffer_limits() == (25, 100)
        client.transport.write(b"x" * 101)
        assert client.paused()
        with pytest.raises(ValueError, match="must be >= low"):
            client.transport.set_write_buffer_limits(high=1, low=2)

    in_pair(story)


# 5. cut


def test_bytes_in_flight_are_held_and_arrive_one_rto_after_the_heal() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        client.transport.write(b"before")
        await asyncio.sleep(0.010)
        pair.cut("drop")
        client.transport.write(b"during")
        await asyncio.sleep(60)
        assert server.told("data") == []
        pair.heal()
        healed = pair.loop.time()
        await asyncio.sleep(1)
        assert server.told("data") == [
            (at(healed + 0.2), b"before"),
            (at(healed + 0.2), b"during"),
        ]

    in_pair(story)


def test_tcp_gives_up_on_a_link_that_stays_cut() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        start = pair.loop.time()
        pair.cut("drop")
        client.transport.write(b"lost")
        await asyncio.sleep(2000)
        assert client.told("lost") == server.told("lost") == [(at(start + 924.6), errno.ECONNRESET)]
        pair.heal()
        await asyncio.sleep(10)
        assert server.told("data") == []
        assert not pair.loop.network.link("paris", "rennes").streams

    in_pair(story)


def test_an_idle_connection_outlives_any_cut() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.cut("drop")
        await asyncio.sleep(100_000)
        pair.heal()
        client.transport.write(b"still here")
        await asyncio.sleep(1)
        assert [data for _, data in server.told("data")] == [b"still here"]

    in_pair(story)


def test_a_heal_within_the_give_up_saves_the_connection() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        for number in range(3):
            pair.cut("drop")
            client.transport.write(b"%d" % number)
            await asyncio.sleep(900)
            pair.heal()
            await asyncio.sleep(1)
        assert [data for _, data in server.told("data")] == [b"0", b"1", b"2"]
        assert client.told("lost") == []

    in_pair(story)


def test_reject_resets_both_ends_at_once_and_loses_what_was_in_flight() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        client.transport.write(b"lost")
        pair.cut("reject")
        now = pair.loop.time()
        await asyncio.sleep(1)
        assert client.told("lost") == server.told("lost") == [(now, errno.ECONNRESET)]
        assert server.told("data") == []

    in_pair(story)


def test_jam_holds_for_any_time_and_delivers_on_the_heal() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.cut("jam")
        client.transport.write(b"patience")
        await asyncio.sleep(5000)
        pair.heal()
        now = pair.loop.time()
        await asyncio.sleep(1)
        assert server.told("data") == [(now, b"patience")]

    in_pair(story)


def test_a_one_way_cut_leaves_the_other_way_alone() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.cut("drop", "to")
        client.transport.write(b"held")
        server.transport.write(b"passes")
        await asyncio.sleep(1)
        assert server.told("data") == []
        assert [data for _, data in client.told("data")] == [b"passes"]

    in_pair(story)


def test_cuts_of_several_causes_overlap_and_the_strongest_holds() -> None:
    async def story(pair: Pair) -> list[CutMode | None]:
        link = pair.loop.network.link("paris", "rennes")
        modes = []
        link.cut("jam", cause="f1")
        modes.append(link.mode)
        link.cut("drop", cause="f2")
        modes.append(link.mode)
        link.heal(cause="f1")
        link.heal(cause="unknown")
        modes.append(link.mode)
        link.heal(cause="f2")
        modes.append(link.mode)
        link.cut("drop", cause="f3")
        link.heal()
        modes.append(link.mode)
        return modes

    assert in_pair(story) == [CutMode.JAM, CutMode.DROP, CutMode.DROP, None, None]


def test_a_partition_cuts_every_link_between_two_groups_in_the_direction_asked() -> None:
    async def main(loop: VirtualLoop) -> None:
        network = loop.network
        network.partition(["a", "b"], ["c", "b"], mode="jam", direction="to")
        cut = {(x, y) for x in "abc" for y in "abc" if x != y and network.link(x, y).mode is not None}
        assert cut == {("a", "c"), ("a", "b"), ("b", "c")}
        network.heal("a", ["b", "c"])
        assert network.link("b", "c").mode is CutMode.JAM
        network.heal_all()
        assert network.link("b", "c").mode is None

    run_virtual(main)


def test_connections_within_a_site_cost_nothing_and_are_never_cut() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.set_default(latency_s=5)
        pair.loop.network.partition(["paris", "rennes"], ["paris", "rennes"])
        client = await pair.connect(src="rennes", host="localhost")
        client.transport.write(b"hello")
        for _ in range(5):
            await asyncio.sleep(0)
        assert pair.servers[0].seen == [(0, "made", None), (0, "data", b"hello")]
        with pytest.raises(ValueError, match="a link needs two sites"):
            pair.loop.network.link("rennes", "rennes")

    in_pair(story)


def test_the_observer_reaches_every_site_whatever_is_cut() -> None:
    async def story(pair: Pair) -> None:
        pair.cut("drop")
        client = await pair.connect(src="observer")
        client.transport.write(b"looking")
        await asyncio.sleep(0.001)
        assert pair.servers[0].seen == [(0, "made", None), (0, "data", b"looking")]

    in_pair(story)


# 6. close


def test_fin_queues_behind_the_data() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        start = pair.loop.time()
        client.transport.write(b"last words")
        client.transport.close()
        client.transport.write(b"never sent")
        await asyncio.sleep(1)
        then = at(start + 0.020)
        assert server.seen[1:] == [(then, "data", b"last words"), (then, "eof", None), (then, "lost", None)]
        assert client.told("lost") == [(start, None)]
        assert not pair.loop.network.link("paris", "rennes").streams
        assert not pair.loop.network.link("rennes", "paris").streams

    in_pair(story)


def test_write_eof_is_a_half_close() -> None:
    async def story(pair: Pair) -> None:
        pair.keeps_open = True
        client, server = await pair.joined()
        assert client.transport.can_write_eof()
        client.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            client.transport.write(b"too late")
        await asyncio.sleep(1)
        server.transport.write(b"answer")
        server.transport.close()
        await asyncio.sleep(1)
        assert [kind for _, kind, _ in server.seen] == ["made", "eof", "lost"]
        assert [kind for _, kind, _ in client.seen] == ["made", "data", "eof", "lost"]

    in_pair(story)


def test_abort_resets_the_peer_after_one_latency_and_loses_the_data() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        start = pair.loop.time()
        client.transport.write(b"lost")
        client.transport.abort()
        await asyncio.sleep(1)
        assert server.seen[1:] == [(at(start + 0.020), "lost", errno.ECONNRESET)]
        assert client.told("lost") == [(start, None)]

    in_pair(story)


def test_data_for_a_closed_end_is_answered_by_a_reset() -> None:
    async def story(pair: Pair) -> None:
        pair.keeps_open = True
        client, server = await pair.joined()
        client.transport.close()
        await asyncio.sleep(1)
        start = pair.loop.time()
        server.transport.write(b"anybody there?")
        await asyncio.sleep(1)
        assert server.told("lost") == [(at(start + 0.040), errno.ECONNRESET)]

    in_pair(story)


def test_a_crash_resets_the_peers_and_the_listeners_are_gone() -> None:
    async def story(pair: Pair) -> None:
        network = pair.loop.network
        client, server = await pair.joined()
        start = pair.loop.time()
        network.crash("rennes")
        await asyncio.sleep(1)
        assert client.seen[1:] == [(at(start + 0.020), "lost", errno.ECONNRESET)]
        assert server.told("lost") == [(start, errno.ECONNRESET)]
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()
        with pytest.raises(OSError, match="Network is down"):
            await pair.connect(src="rennes", host="paris")
        network.restart("rennes")
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()
        await pair.start()
        await pair.connect()

    in_pair(story)


def test_behind_a_cut_a_crash_is_learned_by_the_next_write_or_never() -> None:
    async def story(pair: Pair) -> None:
        client, _ = await pair.joined()
        pair.cut("drop")
        pair.loop.network.crash("rennes")
        await asyncio.sleep(100)
        pair.heal()
        await asyncio.sleep(5000)
        assert client.told("lost") == []
        start = pair.loop.time()
        client.transport.write(b"are you there?")
        await asyncio.sleep(1)
        assert client.told("lost") == [(at(start + 0.040), errno.ECONNRESET)]

    in_pair(story)


def test_a_reset_that_is_cut_off_on_its_way_is_lost() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        server.transport.abort()
        await asyncio.sleep(0.010)
        pair.cut("drop")
        pair.loop.call_later(5, pair.heal)
        await asyncio.sleep(100)
        assert client.told("lost") == []

    in_pair(story)


def test_a_crash_of_a_paused_site_ends_the_pause() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.loop.network.pause("rennes")
        pair.loop.network.crash("rennes")
        await asyncio.sleep(1)
        assert client.told("lost")
        assert server.told("lost")

    in_pair(story)


def test_a_crash_ends_the_connects_of_the_site() -> None:
    async def story(pair: Pair) -> None:
        pair.cut("drop")
        pair.loop.call_at(3, pair.loop.network.crash, "paris")
        with pytest.raises(ConnectionAbortedError):
            await pair.connect()
        assert pair.loop.time() == 3

    in_pair(story)


# 7. draws


def test_a_further_connection_or_link_leaves_the_draws_of_others_alone() -> None:
    def run(*, disturbed: bool) -> list[tuple[float, object]]:
        async def story(pair: Pair) -> list[tuple[float, object]]:
            pair.loop.network.set_default(latency_s=0.020, jitter_s=0.010, loss=0.1)
            client, server = await pair.joined()
            await asyncio.sleep(5)
            if disturbed:
                other = await pair.connect(src="brest")
                other.transport.write(b"x" * 100_000)
            await asyncio.sleep(100 - pair.loop.time())
            for number in range(20):
                client.transport.write(b"%d" % number)
                await asyncio.sleep(1)
            return server.told("data")

        return in_pair(story)

    assert run(disturbed=True) == run(disturbed=False)


# 8. delivery


def test_callbacks_run_at_the_site_of_their_end() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        assert (client.site, server.site) == ("paris", "rennes")
        assert client.transport.get_extra_info("peername") == ("rennes", 80)
        assert server.transport.get_extra_info("peername")[0] == "paris"

    in_pair(story)


def test_deliveries_are_traced_and_tapped() -> None:
    async def story(pair: Pair) -> tuple[list[WireChunk], list[str], str]:
        chunks: list[WireChunk] = []
        lines: list[str] = []
        pair.loop.network.tap = chunks.append
        pair.loop.network.trace.on_line = lines.append
        client, server = await pair.joined()
        client.transport.write(b"ping")
        await asyncio.sleep(0.1)
        server.transport.write(b"pong")
        await asyncio.sleep(0.1)
        assert pair.loop.network.trace.data_bytes == 8
        return chunks, lines, pair.loop.network.trace.hexdigest()

    chunks, lines, digest = in_pair(story)
    assert [(chunk.t_s, *chunk[1:]) for chunk in chunks] == [
        (0.08, "paris", "rennes", 1, "paris", b"ping"),
        (0.18, "rennes", "paris", 1, "paris", b"pong"),
    ]
    assert lines == [
        "20000000 paris>rennes paris#1 syn\n",
        "40000000 rennes>paris paris#1 syn-ack\n",
        "60000000 paris>rennes paris#1 ack\n",
        "80000000 paris>rennes paris#1 4\n",
        "180000000 rennes>paris paris#1 4\n",
    ]
    assert in_pair(story)[2] == digest


# Names, ports and misuse


def test_names_that_no_site_has_do_not_resolve() -> None:
    async def story(pair: Pair) -> None:
        with pytest.raises(
            socket.gaierror, match=r"'brest' is no site of this virtual network \(sites: paris, rennes\)"
        ):
            await pair.loop.getaddrinfo("brest", 80)
        pair.loop.network.add_alias("rennes.example", "rennes")
        assert (await pair.loop.getaddrinfo(b"rennes.example", "http"))[0][4] == ("rennes", 80)
        await pair.connect(host="rennes.example")

    in_pair(story)


def test_a_port_in_use_is_an_error_and_port_zero_finds_a_free_one() -> None:
    async def story(pair: Pair) -> None:
        with site_context("rennes"):
            with pytest.raises(OSError, match="already in use") as caught:
                await pair.loop.create_server(lambda: Recorder(pair.loop), port=80)
            assert caught.value.errno == errno.EADDRINUSE
            first = await pair.loop.create_server(lambda: Recorder(pair.loop), port=0)
            second = await pair.loop.create_server(lambda: Recorder(pair.loop), port=0)
        ports = [server.sockets[0].getsockname()[1] for server in (first, second)]
        assert ports == [32768, 32769]
        await pair.connect(port=ports[1])
        second.close()
        await second.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await pair.connect(port=ports[1])

    in_pair(story)


def test_a_real_socket_is_refused_with_a_reason() -> None:
    async def story(pair: Pair) -> None:
        with socket.socket() as real:
            with pytest.raises(ValueError, match="give host and port"):
                await pair.loop.create_connection(lambda: Recorder(pair.loop), sock=real)
            with pytest.raises(ValueError, match="give host and port"):
                await pair.loop.create_server(lambda: Recorder(pair.loop), sock=real)

    in_pair(story)


def test_what_the_virtual_loop_cannot_do_is_told() -> None:
    async def story(pair: Pair) -> None:
        with pytest.raises(NotImplementedError, match="no descriptors"):
            pair.loop.add_reader(0, print)
        with pytest.raises(NotImplementedError, match="no descriptors"):
            pair.loop.add_writer(0, print)
        with pytest.raises(NotImplementedError, match="no datagrams"):
            await pair.loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("rennes", 53))
        for start in (asyncio.create_subprocess_exec, asyncio.create_subprocess_shell):
            with pytest.raises(NotImplementedError, match="real time"):
                await start("true")

    in_pair(story)


def test_settings_that_make_no_sense_are_refused() -> None:
    async def story(pair: Pair) -> None:
        link = pair.loop.network.link("paris", "rennes")
        with pytest.raises(ValueError, match="must not be negative"):
            link.set(latency_s=-1)
        with pytest.raises(ValueError, match="cut it with mode 'jam'"):
            link.set(rate_bytes_s=0)
        with pytest.raises(ValueError, match="cut the link"):
            link.set(loss=1)
        with pytest.raises(ValueError, match="none of uniform, normal, pareto"):
            link.set(distribution="square")  # type: ignore[arg-type]  # the mistake under test
        with pytest.raises(ValueError, match="each is a chance"):
            BurstLoss(loss=1, enter=0.1, leave=0.1)
        with pytest.raises(ValueError, match="'sever' is not a valid CutMode"):
            link.cut("sever")

    in_pair(story)


def test_a_protocol_that_raises_loses_its_connection_and_is_reported() -> None:
    async def story(pair: Pair) -> None:
        reports: list[dict[str, object]] = []
        pair.loop.set_exception_handler(lambda _, context: reports.append(context))
        client, server = await pair.joined()
        client.data_received = lambda data: 1 / 0  # type: ignore[assignment, method-assign]  # a broken protocol
        server.transport.write(b"boom")
        await asyncio.sleep(1)
        assert isinstance(client.told("lost")[0][1], ZeroDivisionError)
        assert server.told("lost")[0][1] == errno.ECONNRESET
        assert [str(report["message"]) for report in reports] == ["Fatal error: protocol.data_received() failed"]

    in_pair(story)


def test_streams_of_asyncio_work_with_their_flow_control() -> None:
    async def story(pair: Pair) -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(10_000):
                writer.write(data)
                await writer.drain()
            writer.close()

        with site_context("rennes"):
            await asyncio.start_server(echo, port=7)
        with site_context("paris"):
            reader, writer = await asyncio.open_connection("rennes", 7)

            async def send() -> None:
                for _ in range(30):
                    writer.write(b"y" * 20_000)
                    await writer.drain()
                writer.write_eof()

            sending = pair.loop.create_task(send())
            data = await reader.read()
            await sending
            writer.close()
            await writer.wait_closed()
        return data

    assert in_pair(story) == b"y" * 600_000


def test_a_mesh_of_200_sites_makes_no_link_until_one_is_used() -> None:
    async def main(loop: VirtualLoop) -> int:
        for number in range(200):
            loop.network.add_site(f"site-{number:03}")
        loop.network.set_default(latency_s=0.02)
        before = len(loop.network._links)
        loop.network.link("site-000", "site-199").cut("drop")
        return len(loop.network._links) - before

    assert run_virtual(main) == 2


# Pause, skew, names


def test_a_paused_site_runs_nothing_and_catches_up_in_order() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                ticks.append(pair.loop.time())

        with site_context("rennes"):
            ticking = pair.loop.create_task(tick())
        await asyncio.sleep(0.5)
        pair.loop.network.pause("rennes")
        client.transport.write(b"one")
        await asyncio.sleep(5)
        client.transport.write(b"two")
        await asyncio.sleep(5)
        assert (server.told("data"), ticks) == ([], [])
        pair.loop.network.resume("rennes")
        resumed = pair.loop.time()
        await asyncio.sleep(1.5)
        assert server.told("data") == [(at(resumed), b"one"), (at(resumed), b"two")]
        assert ticks == [pytest.approx(resumed), pytest.approx(resumed + 1)]
        ticking.cancel()

    in_pair(story)


def test_the_kernel_of_a_paused_site_completes_connections_but_nobody_accepts() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.pause("rennes")
        client = await pair.connect()
        assert client.seen == [(0.04, "made", None)]
        await asyncio.sleep(60)
        assert pair.servers == []
        pair.loop.network.resume("rennes")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [server.seen for server in pair.servers] == [[(at(60.04), "made", None)]]

    in_pair(story)


def test_tcp_gives_up_for_a_paused_site_as_well() -> None:
    async def story(pair: Pair) -> None:
        client, _ = await pair.joined()
        with site_context("paris"):
            pair.loop.call_later(1, client.transport.write, b"lost")
        await asyncio.sleep(2)
        pair.cut("drop")
        client.transport.write(b"more")
        pair.loop.network.pause("paris")
        await asyncio.sleep(1000)
        pair.loop.network.resume("paris")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert client.told("lost") == [(pair.loop.time(), errno.ECONNRESET)]

    in_pair(story)


def test_a_deadlock_names_the_sites_that_are_paused() -> None:
    async def story(pair: Pair) -> None:
        async def nap() -> None:
            await asyncio.sleep(1)

        with site_context("rennes"):
            napping = pair.loop.create_task(nap())
        pair.loop.network.pause("rennes")
        await napping

    with pytest.raises(DeadlockError, match="paused: rennes"):
        in_pair(story)


def test_a_run_may_end_while_a_site_is_paused() -> None:
    ended: list[str] = []

    async def story(pair: Pair) -> str:
        async def nap() -> None:
            try:
                await asyncio.sleep(1)
            finally:
                ended.append("nap")

        with site_context("rennes"):
            napping = pair.loop.create_task(nap())
        await asyncio.sleep(0.5)
        pair.loop.network.pause("rennes")
        await asyncio.sleep(60)
        assert not napping.done()
        return "over"

    assert in_pair(story) == "over"
    assert ended == ["nap"]


def test_the_wall_clock_of_a_site_may_be_wrong_and_its_timers_are_not() -> None:
    async def story(pair: Pair) -> None:
        pair.loop.network.set_skew("rennes", -3600)

        async def look() -> tuple[float, float]:
            before = pair.loop.now()
            await asyncio.sleep(10)
            return before, pair.loop.now()

        right = pair.loop.now()
        with site_context("rennes"):
            assert await pair.loop.create_task(look()) == (right - 3600, right - 3590)
        assert pair.loop.now() == right + 10

    in_pair(story)


def test_a_site_without_names_reaches_itself_and_keeps_its_connections() -> None:
    async def story(pair: Pair) -> None:
        client, server = await pair.joined()
        pair.loop.network.fail_names("paris")
        with pytest.raises(socket.gaierror, match="Temporary failure in name resolution"):
            await pair.connect()
        await pair.connect(src="rennes")
        with site_context("paris"):
            await pair.loop.create_server(lambda: Recorder(pair.loop), port=80)
        await pair.connect(host="paris")
        client.transport.write(b"still")
        await asyncio.sleep(1)
        assert [data for _, data in server.told("data")] == [b"still"]
        pair.loop.network.restore_names("paris")
        await pair.connect()

    in_pair(story)
