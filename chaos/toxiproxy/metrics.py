"""The bytes that went through each proxy, as Prometheus text with the names and labels of the real server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from chaos.toxiproxy.toxics import Stream

Kind = Literal["received", "sent"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Labels:
    direction: Stream
    listener: str
    proxy: str
    upstream: str

    def text(self) -> str:
        pairs = (
            ("direction", self.direction),
            ("listener", self.listener),
            ("proxy", self.proxy),
            ("upstream", self.upstream),
        )
        return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class Metrics:
    """Totals per proxy and direction. A connection counts when its stream has ended: an open watch counts 0."""

    def __init__(self) -> None:
        self._totals: dict[Kind, Counter[Labels]] = {"received": Counter(), "sent": Counter()}

    def tally(self, labels: Labels) -> StreamTally:
        return StreamTally(self, labels)

    def add(self, kind: Kind, labels: Labels, count: int) -> None:
        self._totals[kind][labels] += count

    def text(self) -> str:
        return "".join(self._family(kind) for kind in sorted(self._totals))

    def _family(self, kind: Kind) -> str:
        totals = self._totals[kind]
        if not totals:
            return ""
        name = f"toxiproxy_proxy_{kind}_bytes_total"
        lines = [f"# HELP {name} ", f"# TYPE {name} counter"]
        lines += [f"{name}{{{labels.text()}}} {totals[labels]}" for labels in sorted(totals)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class StreamTally:
    """What one stream of one connection adds."""

    metrics: Metrics
    labels: Labels

    def received(self, count: int) -> None:
        self.metrics.add("received", self.labels, count)

    def sent(self, count: int) -> None:
        self.metrics.add("sent", self.labels, count)
