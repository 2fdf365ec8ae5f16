"""Leases. Source: pkg/apis/coordination/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, invalid
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.object_meta import not_negative


def _lease(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from not_negative(spec.get("leaseTransitions") or 0, "spec.leaseTransitions")


COORDINATION = {"coordination.k8s.io/v1/leases": Kind(create=_lease)}
