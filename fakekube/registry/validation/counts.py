"""Counts: plain ones, counts or percentages, and the counters of a status. Source: pkg/apis/apps/validation."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, invalid
from fakekube.registry.validation.names import percent
from fakekube.registry.validation.object_meta import not_negative


def counts(obj: KubeObject, path: str, names: Sequence[str]) -> Causes:
    """None of these members is negative."""
    for name in names:
        yield from not_negative(obj.get(name) or 0, f"{path}.{name}")


def count_or_percent(value: int | str | None, path: str) -> Causes:
    if isinstance(value, str):
        yield from all_invalid(path, value, percent(value))
    else:
        yield from not_negative(value or 0, path)


def at_most_all(value: int | str | None, path: str) -> Causes:
    if isinstance(value, str) and not percent(value) and amount(value) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def amount(value: int | str | None) -> int:
    """The number of a count or of a percentage; what is neither is none."""
    if isinstance(value, str):
        number = value if percent(value) else value[:-1]
        return int(number) if number.lstrip("+-").isdigit() else 0
    return value or 0


def not_above(status: KubeObject, names: Sequence[str], bound: str, shown: str) -> Causes:
    """None of these counters exceeds the counter `bound`, which messages call `shown`."""
    most = status.get(bound) or 0
    for name in names:
        if (status.get(name) or 0) > most:
            yield invalid(f"status.{name}", status.get(name) or 0, f"cannot be greater than {shown}")


def not_decremented(obj: KubeObject, held: KubeObject, name: str) -> Causes:
    """A counter of the status that never shrinks."""
    before, now = ((each.get("status") or {}).get(name) for each in (held, obj))
    if before is not None and (now or 0) < before:
        yield invalid(f"status.{name}", now or 0, "cannot be decremented")
