"""A directed link: what happens to everything that travels from one site to another, whoever opened the connection.

Units: seconds and bytes per second outside, whole nanoseconds inside.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypedDict, Unpack

if TYPE_CHECKING:
    from chaos.virtual.stream import Stream

NS_PER_S: Final = 1_000_000_000
MIN_RTO_NS: Final = 200_000_000  # Linux's TCP_RTO_MIN
_MOST_RETRIES: Final = 15  # Linux's tcp_retries2


class CutMode(StrEnum):
    """How a link is cut. `drop`: packets vanish in silence. `reject`: connections are reset and refused. `jam`: bytes wait for the heal."""

    DROP = "drop"
    REJECT = "reject"
    JAM = "jam"


_STRONGEST_FIRST: Final = (CutMode.REJECT, CutMode.DROP, CutMode.JAM)


Distribution = Literal["uniform", "normal", "pareto"]
"""Of the jitter: evenly in +-jitter_s; normal with jitter_s as its deviation; or a long tail above the latency, a tenth of it beyond jitter_s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstLoss:
    """Loss in bursts (Gilbert-Elliott): before each chunk a good link turns bad with chance `enter`, a bad one good with chance `leave`; while bad it loses `loss`."""

    loss: float
    enter: float
    leave: float

    def __post_init__(self) -> None:
        if not (0 <= self.loss < 1 and 0 <= self.enter <= 1 and 0 < self.leave <= 1):
            raise ValueError(f"{self}: each is a chance; loss is below 1, and leave above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Latency of one way, jitter around it, bandwidth of each connection (None: endless), chance that a chunk is lost and sent again."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    distribution: Distribution = "uniform"
    rate_bytes_s: float | None = None
    loss: float = 0.0
    burst: BurstLoss | None = None

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.jitter_s < 0:
            raise ValueError(f"latency_s={self.latency_s} and jitter_s={self.jitter_s} must not be negative")
        if self.distribution not in _JITTER:
            raise ValueError(f"distribution={self.distribution!r} is none of {', '.join(_JITTER)}")
        if self.rate_bytes_s is not None and self.rate_bytes_s <= 0:
            raise ValueError(
                f"rate_bytes_s={self.rate_bytes_s} must be positive; to stop a link, cut it with mode 'jam'"
            )
        if not 0 <= self.loss < 1:
            raise ValueError(f"loss={self.loss} must be at least 0 and below 1; to lose everything, cut the link")


class LinkChanges(TypedDict, total=False):
    """The fields of LinkSettings, as arguments. What is not named has its default."""

    latency_s: float
    jitter_s: float
    distribution: Distribution
    rate_bytes_s: float | None
    loss: float
    burst: BurstLoss | None


# How jitter is drawn: nanoseconds to add to the latency.
_JITTER: Final[Mapping[str, Callable[[random.Random, int], int]]] = {
    "uniform": lambda rng, jitter_ns: rng.randint(-jitter_ns, jitter_ns),
    "normal": lambda rng, jitter_ns: round(rng.gauss(0, jitter_ns)),
    "pareto": lambda rng, jitter_ns: round(jitter_ns * (rng.paretovariate(1) - 1) / 9),
}


class Link:
    """The way from src to dst. `cut`, `heal` and `set` act at once on what is in flight."""

    __slots__ = (
        "_cuts",
        "_jitter_ns",
        "_latency_ns",
        "_loses",
        "_ns_per_byte",
        "_own",
        "back",
        "dst",
        "mode",
        "settings",
        "src",
        "streams",
    )

    def __init__(self, src: str, dst: str, settings: LinkSettings) -> None:
        self.src = src
        self.dst = dst
        self.mode: CutMode | None = None
        self.back: Link  # the way from dst to src; set by the network, which makes both
        self.streams: dict[Stream, None] = {}  # a dict, for its order
        self._cuts: dict[str, CutMode] = {}
        self._own: LinkSettings | None = None
        self.follow(settings)

    # Settings

    def set(self, **settings: Unpack[LinkChanges]) -> None:
        """Give this link settings of its own, for chunks that are sent from now on. Those in flight keep their due time."""
        self.adopt(LinkSettings(**settings))

    def adopt(self, settings: LinkSettings) -> None:
        """`set` for settings that many links share."""
        self._own = settings
        self._take(settings)

    def follow(self, default: LinkSettings) -> None:
        """Take the network's default, unless the link has settings of its own."""
        if self._own is None:
            self._take(default)

    def _take(self, settings: LinkSettings) -> None:
        self.settings = settings
        self._latency_ns = round(settings.latency_s * NS_PER_S)
        self._jitter_ns = round(settings.jitter_s * NS_PER_S)
        self._ns_per_byte = NS_PER_S / settings.rate_bytes_s if settings.rate_bytes_s else 0.0
        self._loses = bool(settings.loss or settings.burst)

    # Time

    def due_ns(self, stream: Stream, now_ns: int, size: int) -> int:
        """When a chunk of `size` bytes that is sent now arrives, were it the first of its stream."""
        if self._ns_per_byte:
            now_ns = stream.busy_until_ns = max(now_ns, stream.busy_until_ns) + round(size * self._ns_per_byte)
        due_ns = now_ns + self._latency_ns
        if self._jitter_ns:
            jitter_ns = _JITTER[self.settings.distribution](stream.draws("jitter"), self._jitter_ns)
            due_ns += max(jitter_ns, -self._latency_ns)
        if self._loses:
            due_ns += self._retransmission_ns(self._loss_of(stream), stream.draws("loss"))
        return due_ns

    def _loss_of(self, stream: Stream) -> float:
        """The chance that the next chunk is lost, once the link has turned good or bad for it."""
        burst = self.settings.burst
        if burst is None:
            return self.settings.loss
        if stream.draws("burst").random() < (burst.leave if stream.in_burst else burst.enter):
            stream.in_burst = not stream.in_burst
        return burst.loss if stream.in_burst else self.settings.loss

    def rto_ns(self) -> int:
        """TCP's time-out before it sends again."""
        return max(MIN_RTO_NS, 2 * (self._latency_ns + self.back._latency_ns))

    def _retransmission_ns(self, loss: float, rng: random.Random) -> int:
        late_ns, rto_ns = 0, self.rto_ns()
        for _ in range(_MOST_RETRIES):
            if rng.random() >= loss:
                break
            late_ns, rto_ns = late_ns + rto_ns, 2 * rto_ns
        return late_ns

    # Cuts

    def cut(self, mode: CutMode | str = CutMode.DROP, *, cause: str = "") -> None:
        """Cut the way from src to dst. Cuts of several causes overlap: the strongest holds (reject, drop, jam) until all are healed."""
        self._cuts[cause] = CutMode(mode)
        self._mode_changed()

    def heal(self, *, cause: str | None = None) -> None:
        """End the cut of one cause, or all of them. Healing what is not cut does nothing."""
        if cause is None:
            self._cuts.clear()
        else:
            self._cuts.pop(cause, None)
        self._mode_changed()

    def _mode_changed(self) -> None:
        before, self.mode = self.mode, next((mode for mode in _STRONGEST_FIRST if mode in self._cuts.values()), None)
        if self.mode is before:
            return
        for stream in list(self.streams):
            stream.link_changed(before, self.mode)
