"""Which objects go gracefully: pods, and how long they may take. Source: pkg/registry/core/pod/strategy.go."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.registry.strategies import Served

_FINISHED = frozenset(["Failed", "Succeeded"])


def grace_of(served: Served, obj: KubeObject, asked_s: int | None) -> int | None:
    """Seconds the object gets between its mark and its end; None for what has no grace period.

    A pod that runs nowhere, or has finished, gets none of the time it asks for.
    """
    if served.type.qualified != "pods":
        return None
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in _FINISHED:
        return 0
    if asked_s is None:
        asked_s = spec.get("terminationGracePeriodSeconds") or 0
    return max(asked_s, 1) if asked_s < 0 else asked_s
