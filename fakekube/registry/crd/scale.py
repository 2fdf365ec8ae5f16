"""The Scale of a custom resource: replicas and selector where its definition says they are.

Source: apiextensions-apiserver/pkg/registry/customresource/{etcd,validator}.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fakekube.meta.errors import Cause, Details, StatusError, bad_request
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.validation.causes import invalid

_VIEWED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePaths:
    """Where a custom resource keeps its replicas and the selector of its pods: `.spec.replicas`, as it was written."""

    replicas: str
    status_replicas: str
    selector: str = ""


class _Misplaced(ValueError):
    """What stands at a path is of another type; the message is Go's."""


def scale_paths(subresource: KubeObject) -> ScalePaths:
    return ScalePaths(
        replicas=subresource.get("specReplicasPath") or "",
        status_replicas=subresource.get("statusReplicasPath") or "",
        selector=subresource.get("labelSelectorPath") or "",
    )


def _steps(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def _found(obj: KubeObject, path: str, wanted: type, go_type: str) -> Any:
    """The value at the path, None when there is none. Raises _Misplaced for another type."""
    value: Any = obj
    steps = _steps(path)
    for depth, step in enumerate(steps):
        if not isinstance(value, dict):
            shown = f".{'.'.join(steps[: depth + 1])}"
            found, kind = _go_form(value), _go_type(value)
            raise _Misplaced(
                f"{shown} accessor error: {found} is of the type {kind}, expected map[string]interface{{}}"
            )
        if step not in value:
            return None
        value = value[step]
    if type(value) is not wanted:
        shown = f".{'.'.join(steps)}"
        raise _Misplaced(
            f"{shown} accessor error: {_go_form(value)} is of the type {_go_type(value)}, expected {go_type}"
        )
    return value


_GO_TYPES = {bool: "bool", int: "int64", float: "float64", str: "string", list: "[]interface {}"}


def _go_type(value: object) -> str:
    return "<nil>" if value is None else _GO_TYPES.get(type(value), "map[string]interface {}")


def _go_form(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "<nil>" if value is None else str(value)


def _count(obj: KubeObject, path: str) -> int | None:
    found: int | None = _found(obj, path, int, "int64")
    return found


def scale_of(obj: KubeObject, paths: ScalePaths) -> KubeObject:
    """The autoscaling/v1 Scale. 500 when no replicas are set, or something else stands there."""
    try:
        return _view(obj, paths)
    except _Misplaced as error:
        raise StatusError(code=500, reason="", message=str(error)) from None


def _view(obj: KubeObject, paths: ScalePaths) -> KubeObject:
    found = metadata(obj)
    view = {member: found[member] for member in _VIEWED if member in found}
    replicas = _count(obj, paths.replicas)
    status: KubeObject = {"replicas": _count(obj, paths.status_replicas) or 0}
    selector = _found(obj, paths.selector, str, "string") if paths.selector else None
    if selector:
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": view, "spec": spec, "status": status}


def require_replicas(obj: KubeObject, paths: ScalePaths) -> None:
    """500: a Scale is read where replicas are set."""
    if replicas_of(obj, paths) is None:
        why = f'the spec replicas field "{paths.replicas}" does not exist'
        details = Details(causes=[Cause(reason="", message=why)])
        raise StatusError(code=500, reason="InternalError", message=f"Internal error occurred: {why}", details=details)


def scaled(obj: KubeObject, scale: KubeObject, paths: ScalePaths) -> KubeObject:
    """`obj` with the replicas of a written Scale, and the version the write was based on."""
    replicas = (scale.get("spec") or {}).get("replicas")
    if replicas is None and _count(obj, paths.replicas) is None:
        raise bad_request(f'the spec replicas field "{paths.replicas}" cannot be empty')
    changed = with_replicas(obj, paths, replicas or 0)
    given = metadata(scale)
    meta = dict(metadata(obj))
    meta["resourceVersion"] = given.get("resourceVersion") or meta.get("resourceVersion")
    if given.get("uid"):
        meta["uid"] = given["uid"]
    return {**changed, "metadata": meta}


def replicas_of(obj: KubeObject, paths: ScalePaths) -> int | None:
    """The replicas that are wanted, None where none are set. 500 when something else stands there."""
    try:
        return _count(obj, paths.replicas)
    except _Misplaced as error:
        raise StatusError(code=500, reason="", message=str(error)) from None


def with_replicas(obj: KubeObject, paths: ScalePaths, replicas: int) -> KubeObject:
    return _with(obj, _steps(paths.replicas), replicas)


def _with(obj: KubeObject, steps: list[str], value: object) -> KubeObject:
    first, *rest = steps
    inner = obj.get(first)
    return {**obj, first: _with(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


def scale_causes(obj: KubeObject, paths: ScalePaths, *, with_spec: bool = True) -> Iterator[Cause]:
    """What stands at the paths must be what a Scale can show."""
    if with_spec:
        yield from _replicas(obj, paths.replicas)
    yield from _replicas(obj, paths.status_replicas)
    if paths.selector:
        try:
            _found(obj, paths.selector, str, "string")
        except _Misplaced as error:
            yield invalid(paths.selector, "", str(error))


def _replicas(obj: KubeObject, path: str) -> Iterator[Cause]:
    try:
        count = _count(obj, path) or 0
    except _Misplaced as error:
        yield invalid(path, 0, str(error))
        return
    if count < 0:
        yield invalid(path, count, "should be a non-negative integer")
    elif count > _INT32_MAX:
        yield invalid(path, count, f"should be less than or equal to {_INT32_MAX}")
