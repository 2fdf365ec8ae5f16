"""Faults of a scenario. Today one action, the partition, in three modes and three directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from chaos.scenario.node import Node
from chaos.scenario.selector import ALL, Selector, read_selector

Mode = Literal["drop", "reject", "jam"]
Direction = Literal["both", "to", "from"]

MODES = ("drop", "reject", "jam")
DIRECTIONS = ("both", "to", "from")
ACTIONS_LATER = ("toxic", "crash", "pause", "restart", "skew", "latency", "loss", "bandwidth", "apiserver")

_KNOWN = ("at", "duration", "action", "mode", "selector", "target", "direction")
_LATER = ("pick", "type", "stream", "attributes", "restart", "lose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Cuts every link between the sites of `selector` and those of `target`.

    `to` cuts only what flows from selector to target, `from` only what flows back. `duration_s` None: until the quiet
    period, which heals everything.
    """

    at_s: float
    duration_s: float | None = None
    mode: Mode = "drop"
    selector: Selector
    target: Selector = ALL
    direction: Direction = "both"


def read_fault(node: Node) -> Partition:
    """Raises BadScenario for what is no fault, or is one that cannot be run yet."""
    members = node.value if isinstance(node.value, dict) else {}
    if "action" in members:
        Node(node.source, f"{node.path}.action", members["action"]).one_of(("partition",), later=ACTIONS_LATER)
    fields = node.fields(_KNOWN, required=("at", "action", "selector"), later=_LATER)
    return Partition(
        at_s=fields["at"].seconds(),
        duration_s=fields["duration"].seconds() if "duration" in fields else None,
        mode=cast(Mode, fields["mode"].one_of(MODES)) if "mode" in fields else "drop",
        selector=read_selector(fields["selector"]),
        target=read_selector(fields["target"]) if "target" in fields else ALL,
        direction=cast(Direction, fields["direction"].one_of(DIRECTIONS)) if "direction" in fields else "both",
    )


def cut_links(selected: tuple[str, ...], targets: tuple[str, ...], direction: Direction) -> list[tuple[str, str]]:
    """The directed links that the partition cuts, in site order, each once."""
    pairs: dict[tuple[str, str], None] = {}
    for site in selected:
        for other in targets:
            if site == other:
                continue
            if direction != "from":
                pairs[site, other] = None
            if direction != "to":
                pairs[other, site] = None
    return list(pairs)
