"""Each toxic on a clock turned by hand: what comes out, when, and what a change or a removal does."""

from __future__ import annotations

import itertools
import random

import pytest

from chaos.toxiproxy.behaviours import CHUNK_BYTES, slices
from tests.unit.chaos.toxiproxy.hand_clock import Bench, toxic


def test_without_toxics_bytes_pass_at_once_and_the_end_behind_them() -> None:
    bench = Bench()
    bench.pipe.receive(b"data")
    bench.pipe.receive_end()
    assert bench.arrivals == [(0, b"data"), (0, "end")]
    assert bench.ends.totals == {"received": 4, "sent": 4}


def test_latency_keeps_the_spacing_of_chunks() -> None:
    bench = Bench(toxic("latency", latency=1000))
    bench.pipe.receive(b"a")
    bench.clock.pass_s(0.3)
    bench.pipe.receive(b"b")
    bench.pipe.receive_end()
    bench.clock.pass_s(5)
    assert bench.arrivals == [(1.0, b"a"), (1.3, b"b"), (1.3, "end")]


def test_latencies_add_up() -> None:
    bench = Bench(toxic("latency", name="one", latency=200), toxic("latency", name="two", latency=300))
    bench.pipe.receive(b"a")
    bench.clock.pass_s(1)
    assert bench.arrivals == [(0.5, b"a")]


def test_jitter_stays_in_its_bounds_and_never_reorders() -> None:
    bench = Bench(toxic("latency", latency=100, jitter=50))
    for number in range(200):
        bench.pipe.receive(bytes([number]))
        bench.clock.pass_s(0.2)
    delays = [at - 0.2 * number for number, (at, _) in enumerate(bench.arrivals)]
    assert [data for _, data in bench.arrivals] == [bytes([number]) for number in range(200)]
    assert min(delays) == pytest.approx(0.05)
    assert max(delays) == pytest.approx(0.149, abs=0.002)


def test_jitter_beyond_latency_never_delivers_before_the_arrival() -> None:
    bench = Bench(toxic("latency", latency=10, jitter=500))
    for _ in range(50):
        before = bench.clock.time()
        bench.pipe.receive(b"x")
        bench.clock.pass_s(1)
        assert bench.arrivals[-1][0] >= round(before - 1000, 6)


def test_changed_latency_delivers_what_it_held_and_acts_anew_on_the_rest() -> None:
    slow = toxic("latency", latency=1000)
    bench = Bench(slow)
    bench.pipe.receive(b"a")
    bench.pipe.receive(b"b")
    bench.clock.pass_s(0.1)
    slow.attributes["latency"] = 500
    bench.pipe.change(slow)
    bench.clock.pass_s(1)
    assert bench.arrivals == [(0.1, b"a"), (0.5, b"b")]


def test_removed_latency_delivers_all_in_order() -> None:
    slow = toxic("latency", latency=1000)
    bench = Bench(slow)
    for data in (b"a", b"b", b"c"):
        bench.pipe.receive(data)
    bench.pipe.receive_end()
    bench.pipe.remove(slow)
    assert bench.arrivals == [(0, b"a"), (0, b"b"), (0, b"c"), (0, "end")]
    assert bench.pipe.stages == []


def test_a_toxic_from_the_middle_of_the_chain_can_go() -> None:
    chain = [toxic("latency", name=name, latency=100) for name in ("one", "two", "three")]
    bench = Bench(*chain)
    bench.pipe.remove(chain[1])
    bench.pipe.receive(b"a")
    bench.clock.pass_s(1)
    assert bench.arrivals == [(0.2, b"a")]


def test_latency_holds_the_sender_only_past_its_1024_chunks() -> None:
    bench = Bench(toxic("latency", latency=60_000))
    for _ in range(1025):
        bench.pipe.receive(b"x")
    assert not bench.held()
    bench.pipe.receive(b"x")
    assert bench.held()
    bench.clock.pass_s(61)
    assert not bench.held()


def test_bandwidth_sends_a_step_each_tenth_of_a_second() -> None:
    bench = Bench(toxic("bandwidth", rate=10))
    bench.pipe.receive(bytes(2500))
    bench.clock.pass_s(5)
    assert [(at, len(data)) for at, data in bench.arrivals] == [(0.1, 1000), (0.2, 1000), (0.25, 500)]


def test_bandwidth_zero_holds_everything_and_the_end_until_it_goes() -> None:
    jam = toxic("bandwidth", rate=0)
    bench = Bench(jam)
    for _ in range(3):
        bench.pipe.receive(b"x")
    bench.pipe.receive_end()
    bench.clock.pass_s(3600)
    assert bench.arrivals == []
    assert bench.held()
    bench.pipe.remove(jam)
    assert bench.arrivals == [(3600, b"x")] * 3 + [(3600, "end")]


def test_changed_bandwidth_delivers_the_chunk_it_held() -> None:
    narrow = toxic("bandwidth", rate=1)
    bench = Bench(narrow)
    bench.pipe.receive(bytes(1000))
    bench.clock.pass_s(0.15)
    narrow.attributes["rate"] = 1000
    bench.pipe.change(narrow)
    assert [(at, len(data)) for at, data in bench.arrivals] == [(0.1, 100), (0.15, 900)]


def test_slow_close_delays_the_end_and_starts_again_when_changed() -> None:
    slow = toxic("slow_close", delay=1000)
    bench = Bench(slow)
    bench.pipe.receive(b"a")
    bench.pipe.receive_end()
    bench.clock.pass_s(0.9)
    bench.pipe.change(slow)
    bench.clock.pass_s(5)
    assert bench.arrivals == [(0, b"a"), (1.9, "end")]


def test_timeout_counts_from_the_last_chunk_and_drops_all() -> None:
    bench = Bench(toxic("timeout", timeout=500))
    for _ in range(4):
        bench.clock.pass_s(0.3)
        bench.pipe.receive(b"lost")
    bench.clock.pass_s(5)
    assert bench.arrivals == [(1.7, "end")]
    assert bench.ends.totals["sent"] == 0


@pytest.mark.parametrize("timeout", [0, -1])
def test_timeout_without_a_time_never_ends_but_lets_the_end_pass(timeout: int) -> None:
    bench = Bench(toxic("timeout", timeout=timeout))
    bench.pipe.receive(b"lost")
    bench.clock.pass_s(86_400)
    assert bench.arrivals == []
    bench.pipe.receive_end()
    assert bench.arrivals == [(86_400, "end")]


@pytest.mark.parametrize("toxicity", [0, 1])
def test_timeout_removed_ends_the_stream_even_if_it_never_acted(toxicity: float) -> None:
    silence = toxic("timeout", timeout=0, toxicity=toxicity)
    bench = Bench(silence)
    bench.pipe.remove(silence)
    assert bench.arrivals == [(0, "end")]


def test_reset_peer_ends_after_the_first_chunk_although_it_is_removed() -> None:
    reset = toxic("reset_peer", timeout=2900)
    bench = Bench(reset)
    bench.pipe.receive(b"lost")
    bench.pipe.remove(reset)
    bench.pipe.receive(b"lost too")
    bench.clock.pass_s(5)
    assert bench.arrivals == [(2.9, "end")]


def test_reset_peer_that_saw_nothing_can_go() -> None:
    reset = toxic("reset_peer", timeout=0)
    bench = Bench(reset)
    bench.pipe.remove(reset)
    bench.pipe.receive(b"a")
    assert bench.arrivals == [(0, b"a")]


def test_slicer_waits_after_every_slice_and_hands_on_the_rest_when_removed() -> None:
    knife = toxic("slicer", average_size=2, delay=100_000)
    bench = Bench(knife)
    bench.pipe.receive(b"abcdefgh")
    bench.clock.pass_s(0.1)
    assert bench.arrivals == [(0, b"ab"), (0.1, b"cd")]
    bench.pipe.remove(knife)
    assert bench.arrivals[2:] == [(0.1, b"efgh")]


@pytest.mark.parametrize(("average", "variation"), [(1, 0), (1, 1), (7, 7), (100, 30), (5000, 0)])
def test_slices_cover_the_data_once_and_in_order(average: int, variation: int) -> None:
    for seed in range(50):
        found = slices(3000, {"average_size": average, "size_variation": variation}, random.Random(seed))
        assert found[0][0] == 0
        assert found[-1][1] == 3000
        assert all(left[1] == right[0] for left, right in itertools.pairwise(found))
        assert all(0 <= stop - start <= average + variation for start, stop in found if average < 3000)


def test_limit_data_ends_at_exactly_its_bytes() -> None:
    bench = Bench(toxic("limit_data", bytes=10))
    bench.pipe.receive(b"0123456789")
    assert bench.arrivals == [(0, b"0123456789"), (0, "end")]


def test_limit_data_lowered_below_what_passed_ends_at_the_next_byte() -> None:
    limit = toxic("limit_data", bytes=10)
    bench = Bench(limit)
    bench.pipe.receive(b"012345")
    limit.attributes["bytes"] = 3
    bench.pipe.change(limit)
    bench.pipe.receive(b"6")
    assert bench.arrivals == [(0, b"012345"), (0, "end")]


def test_toxicity_is_thrown_once_and_a_neighbour_does_not_throw_it_again() -> None:
    half = toxic("timeout", timeout=0, toxicity=0.5)
    bench = Bench(half)
    acting = bench.pipe.stages[0].acts
    for number in range(20):
        neighbour = toxic("noop", name=str(number))
        bench.pipe.add(neighbour)
        bench.pipe.remove(neighbour)
    bench.pipe.change(half)
    assert bench.pipe.stages[0].acts is acting


def test_large_data_is_cut_into_chunks() -> None:
    bench = Bench()
    bench.pipe.receive(bytes(2 * CHUNK_BYTES + 1))
    assert [len(data) for _, data in bench.arrivals] == [CHUNK_BYTES, CHUNK_BYTES, 1]


def test_a_busy_destination_holds_the_source() -> None:
    bench = Bench()
    bench.pipe.destination_busy(True)
    assert bench.held()
    bench.pipe.destination_busy(False)
    assert not bench.held()


def test_a_lost_destination_drops_what_waits_and_reads_no_more() -> None:
    bench = Bench(toxic("latency", latency=1000))
    bench.pipe.receive(b"waits")
    bench.pipe.lose(failed=True)
    bench.pipe.receive(b"late")
    bench.clock.pass_s(5)
    assert bench.arrivals == []
    assert bench.held()
    assert bench.ends.totals == {"sent": 0}
