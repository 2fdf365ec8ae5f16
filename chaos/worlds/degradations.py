"""Links that are worse for a while: each directed link keeps what several causes say, and the worst of it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from chaos.scenario.events import LinkDegraded
from chaos.scenario.links import LinkQuality

_Given = tuple[float | None, float | None, float | None, float | None]
"""Latency, jitter, loss and bandwidth, as far as a cause gives them."""


class Degradations:
    """`quality(origin, target)` is what holds now, given what the link is at its best."""

    def __init__(self, default: LinkQuality, links: Mapping[tuple[str, str], LinkQuality]) -> None:
        self._default = default
        self._links = links
        self._causes: dict[tuple[str, str], dict[str, LinkDegraded]] = {}

    def add(self, event: LinkDegraded) -> None:
        self._causes.setdefault((event.origin, event.target), {})[event.id] = event

    def remove(self, event: LinkDegraded) -> None:
        """End this one; one that is not there is no error, since everything may have been healed before."""
        self._causes.get((event.origin, event.target), {}).pop(event.id, None)

    def quality(self, origin: str, target: str) -> LinkQuality:
        best = self._links.get((origin, target), self._default)
        causes = self._causes.get((origin, target))
        if not causes:
            return best
        return _worsened(
            best,
            tuple((cause.latency_s, cause.jitter_s, cause.loss, cause.rate_bytes_s) for cause in causes.values()),
        )


@lru_cache(maxsize=1024)  # one fault worsens tens of thousands of links alike
def _worsened(best: LinkQuality, causes: tuple[_Given, ...]) -> LinkQuality:
    latencies, jitters, losses, rates = zip(*causes, strict=True)
    return replace(
        best,
        latency_s=_worst(best.latency_s, latencies),
        jitter_s=_worst(best.jitter_s, jitters),
        loss=_worst(best.loss, losses),
        rate_bytes_s=_narrowest([best.rate_bytes_s, *rates]),
    )


def _worst(best: float, others: Iterable[float | None]) -> float:
    return max([best, *(other for other in others if other is not None)])


def _narrowest(rates: Iterable[float | None]) -> float | None:
    return min((rate for rate in rates if rate is not None), default=None)
