"""Links to peers: who is dialled, which of two crossing connections stays, who is alive. Knows no record.

A link is DOWN, DIALLING (a Dial is out), HELLO (a channel is open, the peer has not said who it is), then established:
RECONCILE while documents are being compared, LIVE after. Only the record's flows tell the last two apart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

from collab.protocol.actions import Dial, Hangup
from collab.protocol.messages import Message, Ping
from collab.protocol.names import SiteName
from collab.protocol.turn import Turn

BACKOFF_FIRST_S = 0.1
BACKOFF_CAP_S = 30.0
YIELD_S = 0.15
"""The higher site name waits this long before its first dial, so that two sites that want each other open one."""
PING_AFTER_S = 10.0
SILENT_AFTER_S = 30.0
HELLO_WITHIN_S = 10.0
IDLE_AFTER_S = 60.0
TEND_EVERY_S = 2.5
"""Channels are looked after this often, all at once: none of their bounds is finer."""
INFINITY = float("inf")

LinkState = Literal["down", "dialling", "hello", "reconcile", "live"]


@dataclass(slots=True)
class Channel:
    """One WebSocket. `site` is known from the start when we dialled, else from the peer's HELLO."""

    number: int
    dialled: SiteName | None
    opened_at: float
    site: SiteName | None = None
    boot: str = ""
    heard_at: float = 0.0
    sent_at: float = 0.0
    used_at: float = 0.0


@dataclass(slots=True)
class Peer:
    """What is known of one site's agent. `channel` is the established one; `advertised`: what its HELLO said.

    `dialling`: from the Dial until its channel is established, lost or closed; no other is dialled meanwhile.
    """

    site: SiteName
    address: str = ""
    advertised: str = ""
    channel: int | None = None
    dialling: bool = False
    failures: int = 0
    dial_at: float = 0.0
    heard_at: float | None = None
    wanted_by: int = 0
    wanted_until: float = 0.0

    def wanted(self, now: float) -> bool:
        """Is there a reason to be connected: a record (`wanted_by`), or a passing one (`wanted_until`)?"""
        return self.wanted_by > 0 or now < self.wanted_until


@dataclass(slots=True)
class Links:
    """All peers and channels of one site."""

    site: SiteName
    rng: random.Random
    peers: dict[SiteName, Peer] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    due_at: float = INFINITY
    """A lower bound of the next time there is something to do: kept instead of looking at every peer at every step."""
    _tend_at: float = 0.0

    # -- who is wanted ------------------------------------------------------------------------------------------

    def peer(self, site: SiteName) -> Peer:
        """The peer of that name, known from now on."""
        found = self.peers.get(site)
        if found is None:
            found = self.peers[site] = Peer(site=site)
        return found

    def want(self, site: SiteName, address: str, now: float) -> None:
        """Count one more lasting reason to be connected to a site."""
        peer = self._learn(site, address)
        peer.wanted_by += 1
        self._plan_first_dial(peer, now, YIELD_S if self.site > site else 0.0)

    def unwant(self, site: SiteName) -> None:
        """One lasting reason less; the connection stays until it is idle."""
        peer = self.peer(site)
        peer.wanted_by = max(0, peer.wanted_by - 1)

    def want_until(self, site: SiteName, address: str, now: float, until: float) -> None:
        """A passing reason to be connected: an invitation, an anti-entropy round. Dialled without yielding."""
        peer = self._learn(site, address)
        peer.wanted_until = max(peer.wanted_until, until)
        self._plan_first_dial(peer, now, 0.0)

    def _learn(self, site: SiteName, address: str) -> Peer:
        peer = self.peer(site)
        peer.address = address or peer.address
        return peer

    def _plan_first_dial(self, peer: Peer, now: float, delay: float) -> None:
        if peer.channel is not None or peer.dialling:
            return
        if peer.failures == 0 and peer.dial_at <= now:
            peer.dial_at = now + delay
        self.due_at = min(self.due_at, peer.dial_at)

    # -- channels -----------------------------------------------------------------------------------------------

    def opened(self, number: int, dialled: SiteName | None, now: float) -> Channel:
        """A WebSocket is open. The caller sends HELLO on one that we dialled."""
        channel = Channel(number=number, dialled=dialled, opened_at=now, site=dialled, heard_at=now, sent_at=now)
        channel.used_at = now
        self.channels[number] = channel
        self._tend_at = max(self._tend_at, now)
        self.due_at = min(self.due_at, self._tend_at + TEND_EVERY_S)
        return channel

    def closed(self, number: int, now: float) -> SiteName | None:
        """A WebSocket is gone; the site whose established link went with it, if one did."""
        channel = self.channels.pop(number, None)
        if channel is None or channel.site is None:
            return None
        peer = self.peer(channel.site)
        peer.dialling = peer.dialling and channel.dialled is None
        if peer.channel not in (None, number):
            return None
        lost = peer.channel == number
        peer.channel = None
        self._back_off(peer, now)
        return channel.site if lost else None

    def dial_failed(self, site: SiteName, now: float) -> None:
        peer = self.peer(site)
        peer.dialling = False
        self._back_off(peer, now)

    def _back_off(self, peer: Peer, now: float) -> None:
        """Full jitter: anywhere between at once and a bound that doubles with each failure, up to the cap."""
        bound = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2.0 ** min(peer.failures, 20))
        peer.failures += 1
        peer.dial_at = now + self.rng.uniform(0.0, bound)
        self.due_at = min(self.due_at, peer.dial_at)

    def establish(self, channel: Channel, site: SiteName, boot: str, turn: Turn) -> bool:
        """A HELLO says who is behind a channel. False: the channel lost against another one and is being closed.

        A new boot closes the older connection; of two that crossed, the one that the lower site name dialled stays;
        of two by one side, the newer.
        """
        channel.site, channel.boot = site, boot
        peer = self.peer(site)
        old = self.channels.get(peer.channel) if peer.channel is not None else None
        if old is not None and old.number != channel.number:
            if old.boot == boot and not self._replaces(channel, old):
                self.hang_up(channel.number, "the other of two crossing connections stays", turn)
                return False
            self.hang_up(old.number, "replaced by a newer connection", turn)
        peer.channel, peer.failures, peer.heard_at = channel.number, 0, turn.now
        peer.dialling = peer.dialling and channel.dialled is None
        return True

    def _replaces(self, new: Channel, old: Channel) -> bool:
        mine_new, mine_old = new.dialled is not None, old.dialled is not None
        if mine_new == mine_old:
            return new.number > old.number
        lower_is_me = new.site is not None and self.site < new.site
        return mine_new == lower_is_me

    def hang_up(self, number: int, reason: str, turn: Turn) -> None:
        """Close a channel from our side; its ChannelClosed still comes and finds nothing."""
        channel = self.channels.pop(number, None)
        if channel is None:
            return
        turn.add(Hangup(channel=number, reason=reason))
        if channel.site is not None:
            peer = self.peer(channel.site)
            peer.dialling = peer.dialling and channel.dialled is None
            if peer.channel == number:
                peer.channel = None
            if peer.channel is None:
                self._back_off(peer, turn.now)

    # -- traffic ------------------------------------------------------------------------------------------------

    def heard(self, number: int, now: float) -> Channel | None:
        """A frame came in; None when its channel is gone, so that the frame is dropped."""
        channel = self.channels.get(number)
        if channel is not None:
            channel.heard_at = now
            if channel.site is not None:
                self.peer(channel.site).heard_at = now
        return channel

    def connected(self, site: SiteName) -> bool:
        peer = self.peers.get(site)
        return peer is not None and peer.channel is not None

    def send(self, site: SiteName, message: Message, turn: Turn) -> bool:
        """Send to a peer if its link is established; False when it is not."""
        number = self._use(site, turn.now)
        if number is not None:
            turn.send(number, message)
        return number is not None

    def transmit(self, site: SiteName, frame: bytes, turn: Turn) -> bool:
        """As send, for a frame that is encoded already (once, for many peers)."""
        number = self._use(site, turn.now)
        if number is not None:
            turn.transmit(number, frame)
        return number is not None

    def _use(self, site: SiteName, now: float) -> int | None:
        peer = self.peers.get(site)
        if peer is None or peer.channel is None:
            return None
        channel = self.channels[peer.channel]
        channel.sent_at = channel.used_at = now
        return channel.number

    # -- time ---------------------------------------------------------------------------------------------------

    def run_due(self, turn: Turn) -> list[SiteName]:
        """Dial who is wanted and due, keep idle channels alive, close dead ones; the sites whose link was lost."""
        if turn.now < self.due_at:
            return []
        for peer in [self.peers[name] for name in sorted(self.peers)]:
            if self._may_dial(peer, turn.now) and peer.dial_at <= turn.now:
                peer.dialling = True
                turn.add(Dial(site=peer.site, address=peer.address))
        lost: list[SiteName] = []
        if self.channels and turn.now >= self._tend_at:
            lost = [site for channel in list(self.channels.values()) for site in self._tend(channel, turn)]
            self._tend_at = turn.now + TEND_EVERY_S
        self.due_at = self._next_due(turn.now)
        return lost

    def _may_dial(self, peer: Peer, now: float) -> bool:
        return peer.channel is None and not peer.dialling and peer.site != self.site and peer.wanted(now)

    def _tend(self, channel: Channel, turn: Turn) -> list[SiteName]:
        """Look after one channel; names its site when that closed an established link."""
        reason = self._why_close(channel, turn.now)
        if reason:
            established = channel.site is not None and self.peer(channel.site).channel == channel.number
            self.hang_up(channel.number, reason, turn)
            return [channel.site] if established and channel.site is not None else []
        if turn.now >= channel.sent_at + PING_AFTER_S:
            channel.sent_at = turn.now
            turn.send(channel.number, Ping())
        return []

    def _why_close(self, channel: Channel, now: float) -> str:
        if not channel.boot:
            return "no HELLO in time" if now >= channel.opened_at + HELLO_WITHIN_S else ""
        if now >= channel.heard_at + SILENT_AFTER_S:
            return "silent for too long"
        unwanted = channel.site is None or not self.peer(channel.site).wanted(now)
        if channel.dialled and unwanted and now >= channel.used_at + IDLE_AFTER_S:
            return "idle"
        return ""

    def _next_due(self, now: float) -> float:
        dials = (peer.dial_at for peer in self.peers.values() if self._may_dial(peer, now))
        return min([self._tend_at if self.channels else INFINITY, *dials])

    def state(self, site: SiteName) -> LinkState:
        """What `sites` shows of a peer; reconcile and live are told apart by the records."""
        peer = self.peers.get(site)
        if peer is None:
            return "down"
        if peer.channel is not None:
            return "live"
        if any(channel.site == site for channel in self.channels.values()):
            return "hello"
        return "dialling" if peer.dialling else "down"
