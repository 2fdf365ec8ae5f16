"""Makes docs/link-model.md: `python tools/link_model.py`. Every figure in the column "measured" is measured by this file, in virtual time.

tests/docs/test_link_model_page.py compares the page with a fresh measurement and looks for the tests it names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from chaos.virtual import BurstLoss, VirtualLoop, run_virtual, site_context
from chaos.virtual.transport import VirtualTransport

PAGE: Final = Path(__file__).parent.parent / "docs" / "link-model.md"
TESTS: Final = "tests/unit/chaos/virtual/test_link_model.py"


class End(asyncio.Protocol):
    """One end of a connection, which notes what arrives and how the connection ends."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.transport: VirtualTransport
        self.arrived: list[tuple[float, int]] = []
        self.lost: tuple[float, int] | None = None
        self.eof_s: float | None = None
        self.throttle: list[tuple[float, str, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, VirtualTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.arrived.append((self.loop.time(), len(data)))

    def eof_received(self) -> bool:
        self.eof_s = self.loop.time()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = (self.loop.time(), exc.errno or 0 if isinstance(exc, OSError) else 0)

    def pause_writing(self) -> None:
        self.throttle.append((self.loop.time(), "pause", self.transport.get_write_buffer_size()))

    def resume_writing(self) -> None:
        self.throttle.append((self.loop.time(), "resume", self.transport.get_write_buffer_size()))


class Bench:
    """paris and rennes, 20 ms apart each way; `joined` gives both ends of a connection and the time at which it stands."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.network = loop.network
        self.accepted: list[End] = []

    async def start(self) -> None:
        self.network.set_default(latency_s=0.020)
        with site_context("rennes"):
            await self.loop.create_server(self._accept, port=80)

    def _accept(self) -> End:
        self.accepted.append(End(self.loop))
        return self.accepted[-1]

    async def connect(self, port: int = 80) -> End:
        with site_context("paris"):
            _, end = await self.loop.create_connection(lambda: End(self.loop), "rennes", port)
        return end

    async def joined(self) -> tuple[End, End]:
        client = await self.connect()
        await asyncio.sleep(1)
        return client, self.accepted[-1]

    async def failed_connect(self, port: int = 80) -> str:
        start = self.loop.time()
        try:
            await self.connect(port)
        except OSError as error:
            return f"errno {error.errno} after {_ms(self.loop.time() - start)}"
        return f"connected after {_ms(self.loop.time() - start)}"

    def cut(self, mode: str) -> None:
        self.network.partition(["paris"], ["rennes"], mode=mode)

    def heal(self) -> None:
        self.network.heal(["paris"], ["rennes"])


Measure = Callable[[Bench], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One point of the model: what is expected, how it is measured, and the test that fails without it."""

    what: str
    expected: str
    measure: Measure
    test: str


def _ms(seconds: float) -> str:
    return f"{round(seconds, 6):.10g} s" if seconds >= 2 else f"{round(seconds * 1000, 3):g} ms"


# 1. connect


async def connect_cost(bench: Bench) -> str:
    bench.network.link("rennes", "paris").set(latency_s=0.070)
    return await bench.failed_connect()


async def refused(bench: Bench) -> str:
    return await bench.failed_connect(port=81)


async def connect_dropped(bench: Bench) -> str:
    bench.cut("drop")
    return await bench.failed_connect()


async def connect_healed(bench: Bench) -> str:
    bench.cut("drop")
    bench.loop.call_at(10, bench.heal)
    return await bench.failed_connect()


async def connect_rejected(bench: Bench) -> str:
    bench.cut("reject")
    return await bench.failed_connect()


# 2. send


async def chunks(bench: Bench) -> str:
    client, server = await bench.joined()
    client.transport.write(b"x" * 100_000)
    await asyncio.sleep(1)
    return ", ".join(str(size) for _, size in server.arrived)


async def jitter(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, jitter_s=0.015)
    delays = await _delays(bench, client, server, count=1000, every_s=0.1)
    return f"{_ms(min(delays))} to {_ms(max(delays))}, mean {_ms(sum(delays) / len(delays))}"


async def order(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, jitter_s=0.015)
    for number in range(1, 1001):
        client.transport.write(b"x" * number)
        await asyncio.sleep(0.001)
    await asyncio.sleep(1)
    return f"{sum(1 for place, (_, size) in enumerate(server.arrived, 1) if place != size)} of 1000 out of place"


async def bandwidth(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, rate_bytes_s=10_000)
    start = bench.loop.time()
    for _ in range(4):
        client.transport.write(b"x" * 5_000)
    await asyncio.sleep(5)
    return ", ".join(_ms(t - start) for t, _ in server.arrived)


async def _delays(bench: Bench, client: End, server: End, *, count: int, every_s: float) -> list[float]:
    delays = []
    for _ in range(count):
        start = bench.loop.time()
        client.transport.write(b"x")
        await asyncio.sleep(every_s)
        delays.append(server.arrived[-1][0] - start)
    return delays


# 3. loss


async def loss(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, loss=0.5)
    delays = [_ms(delay) for delay in await _delays(bench, client, server, count=1000, every_s=300)]
    return ", ".join(f"{ms}: {delays.count(ms) / 10:g} %" for ms in ("20 ms", "220 ms", "620 ms", "1420 ms"))


async def bursts(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, burst=BurstLoss(loss=0.9, enter=0.02, leave=0.1))
    late = [delay > 0.1 for delay in await _delays(bench, client, server, count=3000, every_s=10_000)]
    after = [second for first, second in pairwise(late) if first]
    return f"{_percent(late)} late; after a late one {_percent(after)}"


def _percent(flags: Sequence[bool]) -> str:
    return f"{100 * sum(flags) / len(flags):.1f} %"


# 4. buffers


async def water_marks(bench: Bench) -> str:
    client, _ = await bench.joined()
    bench.network.link("paris", "rennes").set(latency_s=0.020, rate_bytes_s=8_192)
    for _ in range(70):
        client.transport.write(b"x" * 1_024)
    await asyncio.sleep(60)
    return ", ".join(f"{what} at {size} B" for _, what, size in client.throttle[:2])


async def paused_reader(bench: Bench) -> str:
    client, server = await bench.joined()
    server.transport.pause_reading()
    client.transport.write(b"x" * 100_000)
    await asyncio.sleep(3600)
    before, paused = len(server.arrived), client.throttle[-1][1]
    server.transport.resume_reading()
    await asyncio.sleep(1)
    arrived = sum(size for _, size in server.arrived)
    return f"{before} B and writer told to {paused}; then {arrived} B and {client.throttle[-1][1]}"


# 5. cut


async def _held(bench: Bench, mode: str, seconds: float) -> str:
    client, server = await bench.joined()
    client.transport.write(b"before")
    bench.cut(mode)
    client.transport.write(b"during")
    await asyncio.sleep(seconds)
    held = len(server.arrived)
    bench.heal()
    healed = bench.loop.time()
    await asyncio.sleep(10)
    return f"{held} while cut; {', '.join(f'{size} B' for _, size in server.arrived)} after {_ms(server.arrived[0][0] - healed)}"


async def drop(bench: Bench) -> str:
    return await _held(bench, "drop", 60)


async def jam(bench: Bench) -> str:
    return await _held(bench, "jam", 5000)


async def give_up(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.cut("drop")
    start = bench.loop.time()
    client.transport.write(b"lost")
    await asyncio.sleep(5000)
    return _ends(client, server, start)


async def idle(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.cut("drop")
    await asyncio.sleep(100_000)
    bench.heal()
    client.transport.write(b"still here")
    await asyncio.sleep(1)
    return f"{server.arrived[0][1]} B arrive on it"


async def reject(bench: Bench) -> str:
    client, server = await bench.joined()
    client.transport.write(b"lost")
    start = bench.loop.time()
    bench.cut("reject")
    await asyncio.sleep(1)
    return f"{_ends(client, server, start)}; {len(server.arrived)} B arrive"


async def one_way(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.link("paris", "rennes").cut("drop")
    client.transport.write(b"to")
    server.transport.write(b"from")
    await asyncio.sleep(60)
    return f"to: {len(server.arrived)} chunks, from: {len(client.arrived)} chunk"


def _ends(client: End, server: End, start: float) -> str:
    told = [end.lost for end in (client, server)]
    return "; ".join(f"errno {lost[1]} after {_ms(lost[0] - start)}" if lost else "not told" for lost in told)


# 6. close


async def fin(bench: Bench) -> str:
    client, server = await bench.joined()
    start = bench.loop.time()
    client.transport.write(b"last words")
    client.transport.close()
    await asyncio.sleep(1)
    return f"{server.arrived[0][1]} B, then the end, both after {_ms((server.eof_s or 0) - start)}"


async def half_close(bench: Bench) -> str:
    client, server = await bench.joined()
    client.transport.write_eof()
    await asyncio.sleep(1)
    server.transport.write(b"answer")
    await asyncio.sleep(1)
    return f"{client.arrived[0][1]} B arrive after the peer saw the end"


async def abort(bench: Bench) -> str:
    client, server = await bench.joined()
    start = bench.loop.time()
    client.transport.abort()
    await asyncio.sleep(1)
    return f"errno {server.lost[1]} after {_ms(server.lost[0] - start)}" if server.lost else "not told"


async def crash(bench: Bench) -> str:
    client, _ = await bench.joined()
    start = bench.loop.time()
    bench.network.crash("rennes")
    await asyncio.sleep(1)
    told = f"errno {client.lost[1]} after {_ms(client.lost[0] - start)}" if client.lost else "not told"
    return f"{told}; a connect: {await bench.failed_connect()}"


async def crash_behind_a_cut(bench: Bench) -> str:
    client, _ = await bench.joined()
    bench.cut("drop")
    bench.network.crash("rennes")
    await asyncio.sleep(100)
    bench.heal()
    await asyncio.sleep(5000)
    told = "told" if client.lost else "not told"
    start = bench.loop.time()
    client.transport.write(b"are you there?")
    await asyncio.sleep(1)
    return f"{told}; after a write: errno {client.lost[1]} after {_ms(client.lost[0] - start)}" if client.lost else told


# Sites


async def pause(bench: Bench) -> str:
    client, server = await bench.joined()
    bench.network.pause("rennes")
    client.transport.write(b"wait")
    await asyncio.sleep(600)
    before, resumed = len(server.arrived), bench.loop.time()
    bench.network.resume("rennes")
    await asyncio.sleep(1)
    return f"{before} B while paused; {server.arrived[0][1]} B after {_ms(server.arrived[0][0] - resumed)}"


async def connect_to_paused(bench: Bench) -> str:
    bench.network.pause("rennes")
    return await bench.failed_connect()


async def skew(bench: Bench) -> str:
    bench.network.set_skew("rennes", -3600)

    async def look() -> tuple[float, float]:
        start = bench.loop.time()
        await asyncio.sleep(10)
        return bench.loop.now(), bench.loop.time() - start

    with site_context("rennes"):
        there, slept_s = await bench.loop.create_task(look())
    return f"{there - bench.loop.now():g} s on the wall; a sleep of 10 s takes {_ms(slept_s)}"


async def names(bench: Bench) -> str:
    bench.network.fail_names("paris")
    return await bench.failed_connect()


# 7, 8. draws and deliveries


async def draws(bench: Bench) -> str:
    bench.network.set_default(latency_s=0.020, jitter_s=0.010)
    client, server = await bench.joined()
    return f"first draw of connection 1: {_ms((await _delays(bench, client, server, count=1, every_s=1))[0])}"


async def delivery(bench: Bench) -> str:
    lines: list[str] = []
    bench.network.trace.on_line = lines.append
    client, _ = await bench.joined()
    client.transport.write(b"ping")
    await asyncio.sleep(1)
    return f"`{lines[-1].strip()}`"


SECTIONS: Final[Sequence[tuple[str, Sequence[Row]]]] = (
    (
        "Connect",
        (
            Row(what="latency 20 ms there, 70 ms back", expected="both together", measure=connect_cost, test="test_connecting_costs_one_round_trip"),
            Row(what="nobody listens", expected="errno 111 after a round trip", measure=refused, test="test_nobody_listening_is_refused_after_one_round_trip"),
            Row(what="cut, mode drop", expected="waits; errno 110 after 130 s", measure=connect_dropped, test="test_a_dropped_connect_gives_up_by_itself_after_130_s"),
            Row(what="cut, mode drop, healed after 10 s", expected="one RTO (200 ms) after the heal, then the way back", measure=connect_healed, test="test_a_dropped_connect_goes_through_one_rto_after_the_heal"),
            Row(what="cut, mode reject", expected="errno 111 at once", measure=connect_rejected, test="test_a_rejected_connect_is_refused_at_once"),
        ),
    ),
    (
        "Send",
        (
            Row(what="one write of 100,000 B", expected="chunks of at most 32 KiB", measure=chunks, test="test_data_is_cut_into_chunks_of_32_kib"),
            Row(what="latency 20 ms, jitter 15 ms", expected="5 to 35 ms, evenly", measure=jitter, test="test_jitter_spreads_chunks_and_never_reorders_them"),
            Row(what="1000 chunks a millisecond apart, jitter 15 ms", expected="never reordered", measure=order, test="test_jitter_spreads_chunks_and_never_reorders_them"),
            Row(what="four writes of 5,000 B at 10,000 B/s", expected="500 ms each, one after the other, plus 20 ms", measure=bandwidth, test="test_bandwidth_is_shared_out_chunk_after_chunk"),
        ),
    ),
    (
        "Loss",
        (Row(what="loss 0.5", expected="late by the RTO, which doubles: half, a quarter, ...", measure=loss, test="test_a_lost_chunk_is_late_by_the_rto_which_doubles"),),
    ),
    (
        "Loss in bursts",
        (Row(what="loss 0.9 while bad; turns bad 2 %, good 10 %", expected="15 % late, in runs: after a late one 81 %", measure=bursts, test="test_loss_in_bursts_comes_in_runs"),),
    ),
    (
        "Buffers",
        (
            Row(what="a writer faster than its link", expected="paused above 65536 B queued, resumed at 16384 B", measure=water_marks, test="test_a_slow_link_holds_the_writer_back_above_64_kib_and_lets_go_below_16"),
            Row(what="a reader that pauses for an hour", expected="bytes stay in the link, the far writer is paused", measure=paused_reader, test="test_a_reader_that_pauses_holds_the_far_writer_back_in_virtual_time"),
        ),
    ),
    (
        "Cut",
        (
            Row(what="drop, healed after 60 s", expected="held; delivered one RTO (200 ms) after the heal", measure=drop, test="test_bytes_in_flight_are_held_and_arrive_one_rto_after_the_heal"),
            Row(what="drop, never healed", expected="both ends: errno 104 after 924.6 s", measure=give_up, test="test_tcp_gives_up_on_a_link_that_stays_cut"),
            Row(what="drop for 100,000 s, connection idle", expected="the connection lives on", measure=idle, test="test_an_idle_connection_outlives_any_cut"),
            Row(what="reject", expected="both ends: errno 104 at once, data lost", measure=reject, test="test_reject_resets_both_ends_at_once_and_loses_what_was_in_flight"),
            Row(what="jam, healed after 5000 s", expected="held; delivered at the heal", measure=jam, test="test_jam_holds_for_any_time_and_delivers_on_the_heal"),
            Row(what="drop, one way", expected="the other way is untouched", measure=one_way, test="test_a_one_way_cut_leaves_the_other_way_alone"),
        ),
    ),
    (
        "Close",
        (
            Row(what="close", expected="FIN behind the data", measure=fin, test="test_fin_queues_behind_the_data"),
            Row(what="write_eof", expected="half-close: the other direction goes on", measure=half_close, test="test_write_eof_is_a_half_close"),
            Row(what="abort", expected="errno 104 at the peer after one latency", measure=abort, test="test_abort_resets_the_peer_after_one_latency_and_loses_the_data"),
            Row(what="crash of a site", expected="the same, and nobody listens", measure=crash, test="test_a_crash_resets_the_peers_and_the_listeners_are_gone"),
            Row(what="crash behind a cut", expected="learned by the next write, or never", measure=crash_behind_a_cut, test="test_behind_a_cut_a_crash_is_learned_by_the_next_write_or_never"),
        ),
    ),
    (
        "Sites",
        (
            Row(what="pause for 600 s", expected="nothing runs there; at the resume what has waited, in order", measure=pause, test="test_a_paused_site_runs_nothing_and_catches_up_in_order"),
            Row(what="connect to a paused site", expected="its kernel answers", measure=connect_to_paused, test="test_the_kernel_of_a_paused_site_completes_connections_but_nobody_accepts"),
            Row(what="wall clock an hour behind", expected="timers are right", measure=skew, test="test_the_wall_clock_of_a_site_may_be_wrong_and_its_timers_are_not"),
            Row(what="names fail", expected="EAI_AGAIN (-3) at once", measure=names, test="test_a_site_without_names_reaches_itself_and_keeps_its_connections"),
        ),
    ),
    (
        "Chance and trace",
        (
            Row(what="draws", expected="from seed, ends, connection number and purpose alone", measure=draws, test="test_a_further_connection_or_link_leaves_the_draws_of_others_alone"),
            Row(what="a delivery", expected="time in ns, ends, connection, byte count", measure=delivery, test="test_deliveries_are_traced_and_tapped"),
        ),
    ),
)  # fmt: skip

HEAD: Final = f"""\
# The link model of the virtual world

How a directed link treats what travels on it, point by point. One direction of one connection is one queue with one timer; time is an integer count of nanoseconds. The figures are measured by `python tools/link_model.py`, which wrote this page; each row names the test (in `{TESTS}`) that fails without it.

The bench: paris dials rennes, 20 ms each way unless a row says otherwise. Within one site connections cost nothing and are never cut.
"""

TAIL: Final = """\
## Toxics

`network.toxics("paris", "rennes").add("bandwidth", stream="upstream", rate=10)` puts one of Toxiproxy's toxics on the connections that paris opens to rennes: latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data. They run the code of the built-in Toxiproxy, at the sender's end, and the link's own latency and bandwidth come on top. They act on connections that stand, never on connecting. Each has its test in `tests/unit/chaos/virtual/test_toxics.py`.

## Where this is simpler than TCP

- No congestion window and no slow start: what is sent is on its way at once, at the link's rate. Each connection has the rate for itself.
- No acknowledgements: when only the way back is cut, the sender does not notice, and nothing sent gives up for it.
- `reject` in one direction resets the connections of both ways at once; a connect from the other side then hangs, since its SYN passes and the answer does not.
- `abort` always resets the peer. asyncio on a real socket closes it, which is a FIN unless unread bytes wait. Everything else a protocol is told is compared with asyncio's own transport in `tests/unit/chaos/virtual/test_like_asyncio.py`.
- A peer that closed still takes what was on the wire; it answers data with a reset, as a kernel does.
"""


def measured(row: Row) -> str:
    """The row's figure, from a run of its own."""

    async def main(loop: VirtualLoop) -> str:
        bench = Bench(loop)
        await bench.start()
        return await row.measure(bench)

    return run_virtual(main)


def page() -> str:
    """The whole page, freshly measured."""
    lines = [HEAD]
    for title, rows in SECTIONS:
        lines += [f"## {title}\n", "| what | expected | measured | test |", "|---|---|---|---|"]
        lines += [f"| {row.what} | {row.expected} | {measured(row)} | `{row.test}` |" for row in rows]
        lines.append("")
    return "\n".join([*lines, TAIL])


if __name__ == "__main__":
    PAGE.write_text(page())
