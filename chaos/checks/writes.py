"""What users wrote: the values of a call, by the paths that views show them under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaos.checks.history import Call

WRITES = ("create", "patch", "update")


def written(call: Call, resource: str) -> Iterator[tuple[str, str | None]]:
    """Each path with its value, None for a removal; nothing for a call about another resource, or one that surely failed."""
    patch = call.invoke.value.get("patch")
    if call.invoke.resource == resource and not call.surely_failed and isinstance(patch, Mapping):
        for key, value in sorted(patch.items()):
            yield f"labels/{key}", value
