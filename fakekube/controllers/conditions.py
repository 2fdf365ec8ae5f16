"""Conditions in a status: found, set and taken out by their type. Lists are never changed in place."""

from __future__ import annotations

from collections.abc import Iterable

from fakekube.meta.objects import KubeObject
from fakekube.registry.metadata import timestamp


def conditions_of(obj: KubeObject) -> list[KubeObject]:
    found: list[KubeObject] = (obj.get("status") or {}).get("conditions") or []
    return found


def find(conditions: Iterable[KubeObject], kind: str) -> KubeObject | None:
    return next((each for each in conditions if each["type"] == kind), None)


def without(conditions: Iterable[KubeObject], kind: str) -> list[KubeObject]:
    return [each for each in conditions if each["type"] != kind]


def is_true(obj: KubeObject, kind: str) -> bool:
    condition = find(conditions_of(obj), kind)
    return condition is not None and condition["status"] == "True"


def condition(kind: str, status: str, reason: str, message: str, now: float) -> KubeObject:
    """One that has changed just now."""
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": timestamp(now),
        "reason": reason,
        "message": message,
    }
