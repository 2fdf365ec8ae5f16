"""One direction of one connection: a FIFO of bytes and signals that arrive when the link lets them. It has one timer, for its first item."""

from __future__ import annotations

import random
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Final

from chaos.virtual.link import CutMode

if TYPE_CHECKING:
    import asyncio

    from chaos.toxiproxy.pipe import Pipe
    from chaos.virtual.connection import Connection
    from chaos.virtual.endpoint import Endpoint
    from chaos.virtual.link import Link
    from chaos.virtual.network import Network

CHUNK_BYTES: Final = 32 * 1024


class Signal(Enum):
    """What TCP sends beside data."""

    SYN = "syn"
    SYN_ACK = "syn-ack"
    REFUSED = "refused"
    ACK = "ack"
    FIN = "fin"
    RST = "rst"


Item = bytes | Signal


class Stream:
    """Carries what `writer` sends to `reader`. `link` is None within one site: such streams cost no time and cannot be cut."""

    __slots__ = (
        "_draws", "_give_up", "_last_due_ns", "_network", "_purpose", "_queue", "_timer",
        "busy_until_ns", "connection", "done", "fin_sent", "held", "in_burst", "label", "link",
        "pipe", "queued_bytes", "reader", "resets_when_ended", "writer",
    )  # fmt: skip

    def __init__(
        self, network: Network, connection: Connection, link: Link | None, *, purpose: str, label: str
    ) -> None:
        self.connection = connection
        self.link = link
        self.label = label
        self.reader: Endpoint
        self.writer: Endpoint
        self.queued_bytes = 0
        self.fin_sent = False
        self.done = False  # the FIN has arrived
        self.busy_until_ns = 0  # the link's bandwidth is taken until then
        self.pipe: Pipe | None = None  # of toxics; most streams have none
        self.held = False  # a toxic has enough for now
        self.resets_when_ended = False
        self.in_burst = False  # the link is bad for it now
        self._network = network
        self._purpose = purpose
        self._queue: deque[tuple[int, Item]] = deque()
        self._last_due_ns = 0
        self._timer: asyncio.Handle | None = None
        self._give_up: asyncio.TimerHandle | None = None
        self._draws: dict[str, random.Random] = {}
        self._register()

    def draws(self, what: str) -> random.Random:
        """The source of chance for one purpose of this direction, so that one draw more elsewhere changes nothing here."""
        rng = self._draws.get(what)
        if rng is None:
            rng = self._draws[what] = self._network.draws(self.connection, f"{self._purpose}.{what}")
        return rng

    # Sending

    def send(self, data: bytes) -> None:
        """Queue bytes behind what is under way."""
        if self.pipe is not None:
            self.pipe.receive(data)
        elif len(data) <= CHUNK_BYTES:
            self._put(data, len(data))
        else:
            for start in range(0, len(data), CHUNK_BYTES):
                chunk = data[start : start + CHUNK_BYTES]
                self._put(chunk, len(chunk))

    def signal(self, signal: Signal) -> None:
        """Queue a signal behind what is under way."""
        self._put(signal, 0)

    def fin(self) -> None:
        """Say, once, that no more is sent."""
        if not self.fin_sent:
            self.fin_sent = True
            if self.pipe is not None:
                self.pipe.receive_end()
            else:
                self._put(Signal.FIN, 0)

    def reset(self) -> None:
        """Forget what is under way and send a RST in its place. Nobody repeats a RST: on a link that drops, it is lost."""
        self._clear()
        self._lose_pipe()
        if self.link is not None and self.link.mode is CutMode.DROP:
            self.connection.reset_lost(self)
        else:
            self._register()
            self._put(Signal.RST, 0)

    def is_empty(self) -> bool:
        """Nothing is under way."""
        end_waits_in_pipe = self.pipe is not None and not self.pipe.finished and self.fin_sent
        return not self._queue and not end_waits_in_pipe

    def _put(self, item: Item, size: int) -> None:
        now_ns = self._network.loop.now_ns
        due_ns = now_ns if self.link is None else self.link.due_ns(self, now_ns, size)
        self._last_due_ns = due_ns = max(due_ns, self._last_due_ns)
        self._queue.append((due_ns, item))
        self.queued_bytes += size
        if self.link is not None and self.link.mode is not None:
            self._hold(self.link.mode)
        elif self._timer is None:
            self._arm()

    # What comes out of the toxics

    def write(self, data: bytes) -> None:
        """A toxic let bytes through."""
        self._put(data, len(data))

    def finish(self) -> None:
        """The toxics let the end through, or brought it about: then the whole connection ends, as with a proxy in between."""
        if self.fin_sent:
            self._put(Signal.FIN, 0)
        else:
            self.connection.ended_by_toxic(reset=self.resets_when_ended)

    def hold(self, held: bool) -> None:
        """A toxic has enough, or wants more."""
        self.held = held
        if not held and self.writer.throttled:
            self.writer.drained(self.queued_bytes)

    def hang_up(self) -> None:
        """Send FIN behind what is already on the wire, whatever else there is to send."""
        self._lose_pipe()
        if not self.done and not self.fin_sent:
            self._put(Signal.FIN, 0)
        self.fin_sent = True

    def _lose_pipe(self) -> None:
        if self.pipe is not None:
            self.pipe.lose(failed=True)

    # Arriving

    def resume(self) -> None:
        """The reader reads again."""
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        """Set the timer for the first item, if it may move."""
        if not self._queue or (self.link is not None and self.link.mode is not None) or not self._readable():
            return
        loop, due_ns = self._network.loop, self._queue[0][0]
        if due_ns <= loop.now_ns:
            self._timer = loop.call_soon(self._deliver, context=self.reader.context)
        else:
            self._timer = loop.call_at_ns(due_ns, self._deliver, context=self.reader.context)

    def _readable(self) -> bool:
        """A paused reader leaves bytes in the link, which is what back-pressure is; a RST passes."""
        return self.reader.reading or self._queue[0][1] is Signal.RST

    def _deliver(self) -> None:
        """Runs in the reader's context, so that what it starts stands at the reader's site."""
        timer, queue, now_ns = self._timer, self._queue, self._network.loop.now_ns
        while queue and queue[0][0] <= now_ns and self._timer is timer and self._readable():
            item = queue.popleft()[1]
            if isinstance(item, bytes):
                self._data_arrives(item)
            else:
                self._signal_arrives(item)
        if self._timer is timer:
            self._timer = None
            self._arm()

    def _data_arrives(self, data: bytes) -> None:
        size = len(data)
        self.queued_bytes -= size
        if self.link is not None and self._network.loses_next():
            self.connection.break_off()  # a byte stream that lost bytes for good is no more
            return
        self._network.delivered(self, data, size)
        if self.writer.throttled:
            self.writer.drained(self.queued_bytes)
        self.reader.data_arrived(data)

    def _signal_arrives(self, signal: Signal) -> None:
        self._network.trace.add(self._network.loop.now_ns, self.label, signal.value, 0)
        if signal is Signal.FIN:
            self.done = True
            self.close()
        self.connection.signal_arrived(self, signal)

    # Cuts

    def link_changed(self, before: CutMode | None, mode: CutMode | None) -> None:
        """The link was cut or healed."""
        match mode:
            case CutMode.REJECT:
                self.connection.break_off()
            case CutMode.DROP | CutMode.JAM:
                self._hold(mode)
            case None:
                self._release(self.link.rto_ns() if before is CutMode.DROP and self.link is not None else 0)

    def _hold(self, mode: CutMode) -> None:
        """Keep what is in flight. On a link that drops, TCP gives up after a while, and a RST is lost."""
        self._stop_timer()
        if mode is CutMode.DROP:
            if self._queue and self._queue[0][1] is Signal.RST:
                self._clear()
                if self.done:
                    self.close()
                self.connection.reset_lost(self)
            if self._queue and self._give_up is None:
                loop = self._network.loop
                self._give_up = loop.call_at_ns(
                    loop.now_ns + self._network.tcp_give_up_ns, self.connection.give_up, context=self._network.kernel
                )
        else:
            self._stop_giving_up()

    def _release(self, late_ns: int) -> None:
        """Let what was held arrive, at the earliest `late_ns` from now."""
        self._stop_giving_up()
        earliest_ns = self._network.loop.now_ns + late_ns
        self._queue = deque((max(due_ns, earliest_ns), item) for due_ns, item in self._queue)
        if self._queue:
            self._last_due_ns = self._queue[-1][0]
        self._arm()

    # The end

    def close(self) -> None:
        """Nothing travels here any more."""
        self._clear()
        self._lose_pipe()
        self._stop_giving_up()
        if self.link is not None:
            self.link.streams.pop(self, None)

    def _register(self) -> None:
        if self.link is not None:
            self.link.streams[self] = None

    def _clear(self) -> None:
        self._stop_timer()
        self._queue.clear()
        self.queued_bytes = 0
        self._last_due_ns = 0

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_giving_up(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
