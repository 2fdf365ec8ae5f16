"""What users wrote: the values of a call, by the paths that views show them under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaos.checks.history import Call
from chaos.scenario.workload import shared_part

WRITES = ("create", "patch", "update", "apply")


def written(call: Call, resource: str) -> Iterator[tuple[str, str | None]]:
    """Each path with its value, None for a removal; nothing for a call about another resource, or one that surely failed."""
    if shared_part(call.invoke.resource) != resource or call.surely_failed:
        return
    for member, prefix in (("patch", "labels/"), ("data", data_prefix(call.invoke.resource))):
        values = call.invoke.value.get(member)
        if isinstance(values, Mapping):
            yield from ((f"{prefix}{key}", value) for key, value in sorted(values.items()))


def data_prefix(resource: str) -> str:
    """`configmaps/settings/data/` of `namespaces/shared/configmaps/settings`."""
    name = resource.partition("/configmaps/")[2]
    return f"configmaps/{name}/data/" if name else "data/"


def key_of(path: str) -> str:
    """The key that a path ends in, as a call names it: keys of labels may hold a slash, those of data may not."""
    return path.removeprefix("labels/") if path.startswith("labels/") else path.rpartition("/")[2]
