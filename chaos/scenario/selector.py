"""Which sites: `all`, a list of names, or a mapping with `sites`, `labels` and `except`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.scenario.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Sites by name and by label, both if both are given; neither means all. `excluded` are taken out at the end."""

    sites: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()

    def named(self) -> tuple[str, ...]:
        """Every site that is called by name."""
        return (self.sites or ()) + self.excluded


ALL = Selector()


def read_selector(node: Node) -> Selector:
    match node.value:
        case "all":
            return ALL
        case str():
            raise node.bad(f"unknown value {node.value!r}: write all, a list such as [{node.value}], or a mapping")
        case list() | tuple():
            return Selector(sites=_names(node))
    fields = node.fields(("sites", "labels", "except"))
    return Selector(
        sites=_names(fields["sites"]) if "sites" in fields else None,
        labels=fields["labels"].texts_by_name() if "labels" in fields else {},
        excluded=_names(fields["except"]) if "except" in fields else (),
    )


def _names(node: Node) -> tuple[str, ...]:
    return tuple(item.text() for item in node.items())
