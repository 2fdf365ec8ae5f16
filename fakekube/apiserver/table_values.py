"""The small texts that table cells are made of: ages, label lists, selectors, shortened lists.

Source: k8s.io/apimachinery/pkg/util/duration and pkg/printers/internalversion of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fakekube.meta.objects import KubeObject

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def at(obj: Any, path: str, default: Any = None) -> Any:
    """The member at the dotted `path`, `default` where it or something above it is missing or null."""
    value = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return default
    return value


def human_duration(seconds: float) -> str:
    """`5m30s`, `3h`, `2d4h`: two units at most. A little below zero counts as now; more is `<invalid>`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    for limit, unit, letter, rest, small in _STEPS:
        if whole < limit:
            count, left = divmod(whole, unit)
            part = left // rest if rest else 0
            return f"{count}{letter}{part}{small}" if part else f"{count}{letter}"
    return f"{whole // _DAY // 365}y"


# up to this many seconds: the unit and its letter, the smaller unit beside it and its letter
_STEPS = (
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * 365 * _DAY, _DAY, "d", 0, ""),
    (8 * 365 * _DAY, 365 * _DAY, "y", _DAY, "d"),
)


@lru_cache(maxsize=4096)
def seconds_of(timestamp: str) -> float:
    """An RFC 3339 time in epoch seconds."""
    moment = datetime.fromisoformat(timestamp)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages as seen at `now` (epoch seconds)."""

    now: float

    def since(self, timestamp: str | None) -> str:
        return human_duration(self.now - seconds_of(timestamp)) if timestamp else UNKNOWN

    def of(self, obj: KubeObject) -> str:
        return self.since(at(obj, "metadata.creationTimestamp"))


def listed(texts: Sequence[str], most: int = 3, empty: str = UNSET) -> str:
    """`a,b,c + 2 more...`"""
    if len(texts) > most:
        return f"{','.join(texts[:most])} + {len(texts) - most} more..."
    return ",".join(texts) or empty


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, sorted."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: KubeObject | None) -> str:
    """A LabelSelector as labels.Selector prints it; empty when it selects everything or nothing."""
    requirements = [(key, f"{key}={value}") for key, value in at(selector, "matchLabels", {}).items()]
    requirements += [(each["key"], _expression(each)) for each in at(selector, "matchExpressions", [])]
    return ",".join(text for _, text in sorted(requirements, key=lambda requirement: requirement[0]))


def _expression(expression: KubeObject) -> str:
    key: str = expression["key"]
    values = ",".join(sorted(expression.get("values") or ()))
    forms = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return forms.get(expression["operator"], "")


def formatted_selector(selector: KubeObject | None) -> str:
    return selector_text(selector) or NONE


def containers_text(pod_spec: KubeObject | None) -> tuple[str, str]:
    """Names and images of the containers."""
    containers = at(pod_spec, "containers", [])
    return ",".join(c.get("name", "") for c in containers), ",".join(c.get("image", "") for c in containers)


def condition(obj: KubeObject, kind: str) -> KubeObject | None:
    """The status condition of that type."""
    return next((each for each in at(obj, "status.conditions", []) if each.get("type") == kind), None)


def is_true(obj: KubeObject, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def boolean(value: bool | None) -> str:
    """A bool behind a Go pointer."""
    return UNSET if value is None else "True" if value else "False"


def either(texts: Iterable[str | None]) -> str:
    """The first that is not empty."""
    return next((text for text in texts if text), "")
