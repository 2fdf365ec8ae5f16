"""The Scale of a workload: a view of its replicas, and writes through that view.

Source: pkg/registry/apps/*/storage (ScaleREST) of Kubernetes 1.37.
"""

from __future__ import annotations

from fakekube.meta.errors import Cause, invalid
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.strategies import Served

_VIEWED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
# These two select by a plain map, the others by a LabelSelector.
_PLAIN_SELECTORS = frozenset(["ReplicationController"])


def scale_of(served: Served, obj: KubeObject) -> KubeObject:
    """The autoscaling/v1 Scale of a workload."""
    found, spec, status = metadata(obj), obj.get("spec") or {}, obj.get("status") or {}
    view = {member: found[member] for member in _VIEWED if member in found}
    scale: KubeObject = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": view, "spec": {}, "status": {}}
    if spec.get("replicas"):
        scale["spec"]["replicas"] = spec["replicas"]
    scale["status"]["replicas"] = status.get("replicas") or 0
    if selector := selector_text(served, spec.get("selector") or {}):
        scale["status"]["selector"] = selector
    return scale


def selector_text(served: Served, selector: KubeObject) -> str:
    """The selector in the form of a query: `app=x,tier in (a,b)`."""
    if served.type.kind in _PLAIN_SELECTORS:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    terms += [_expression(each) for each in selector.get("matchExpressions") or []]
    return ",".join(sorted(terms))


def _expression(expression: KubeObject) -> str:
    key, values = expression["key"], ",".join(sorted(expression.get("values") or []))
    match expression["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"


def scaled(obj: KubeObject, scale: KubeObject) -> KubeObject:
    """`obj` as the written Scale wants it: its replicas, and the version the write was based on. 422 below zero."""
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        cause = Cause(
            reason="FieldValueInvalid",
            message=f"Invalid value: {replicas}: must be greater than or equal to 0",
            field="spec.replicas",
        )
        raise invalid("Scale", "autoscaling", metadata(scale).get("name") or "", [cause])
    given = metadata(scale)
    found = {**metadata(obj), "resourceVersion": given.get("resourceVersion") or ""}
    if given.get("uid"):
        found["uid"] = given["uid"]
    return {**obj, "metadata": found, "spec": {**(obj.get("spec") or {}), "replicas": replicas}}
