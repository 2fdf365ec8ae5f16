"""Events of both groups. Source: pkg/apis/core/validation/events.go of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, invalid, required
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import dns_subdomain, path_segment, qualified_name
from fakekube.registry.validation.object_meta import immutable

_TEXT_MAX = 128
_NOTE_MAX = 1024
_TYPES = ("Normal", "Warning")
_HOME_NAMESPACES = ("default", "kube-system")
# What the new group calls its members, and what messages call them.
_UNSET = (
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("deprecatedSource", "source"),
)
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_INTERNAL = ("Kind", "Namespace", "Name", "UID", "APIVersion", "ResourceVersion", "FieldPath")


def _namespace(obj: KubeObject) -> str:
    namespace: str = (obj.get("metadata") or {}).get("namespace") or ""
    return namespace


def _not_its(namespace: str) -> Causes:
    yield invalid("involvedObject.namespace", namespace, "does not match event.namespace")


def _old_event(obj: KubeObject) -> Causes:
    """An event of the core group; one with an eventTime is of the new kind, in the old form."""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if obj.get("eventTime"):
        yield from _reported(obj, about, "reportingComponent", obj.get("message") or "")
    elif about != _namespace(obj) and (about or _namespace(obj) != "default"):
        yield from _not_its(about)


def _reported(obj: KubeObject, about: str, controller_member: str, note: str) -> Causes:
    if not about and _namespace(obj) not in _HOME_NAMESPACES:
        yield from _not_its(about)
    controller = obj.get(controller_member) or ""
    if not controller:
        yield required(controller_member)
    yield from all_invalid(controller_member, controller, qualified_name(controller))
    for member in ("reportingInstance", "action", "reason"):
        text = obj.get(member) or ""
        if not text:
            yield required(member)
        if len(text.encode()) > _TEXT_MAX:
            yield invalid(member, "", f"can have at most {_TEXT_MAX} characters")
    if len(note.encode()) > _NOTE_MAX:
        yield invalid("message", "", f"can have at most {_NOTE_MAX} characters")


def _new_event(obj: KubeObject) -> Causes:
    yield from _series(obj)
    if not obj.get("eventTime"):
        yield required("eventTime")
    kind = obj.get("type") or ""
    if kind not in _TYPES:
        yield invalid("type", "", f"has invalid value: {kind}")
    for member, shown in _UNSET:
        if obj.get(member):
            yield invalid(shown, "", "needs to be unset")


def _new_event_first(obj: KubeObject) -> Causes:
    yield from _timed(obj, (obj.get("regarding") or {}).get("namespace") or "")


def _timed(obj: KubeObject, about: str) -> Causes:
    if obj.get("eventTime"):
        yield from _reported(obj, about, "reportingController", obj.get("note") or "")
    elif about != _namespace(obj) and (about or _namespace(obj) != "default"):
        yield from _not_its(about)


def _series(obj: KubeObject) -> Causes:
    series = obj.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")


def _updated_event(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _timed(obj, (obj.get("regarding") or {}).get("namespace") or "")
    if obj.get("series") != held.get("series"):
        yield from _series(obj)
    yield from immutable(_internal(obj.get("regarding")), _internal(held.get("regarding")), "involvedObject")
    for member, shown in (("reason", "reason"), ("note", "message"), *_UNSET[-1:], *_UNSET[:-1], ("type", "type")):
        yield from immutable(obj.get(member), held.get(member), shown, zero="")
    yield from immutable(obj.get("eventTime"), held.get("eventTime"), "eventTime")
    yield from immutable(obj.get("action"), held.get("action"), "action", zero="")
    yield from immutable(_internal(obj.get("related")), _internal(held.get("related")), "related")
    for member in ("reportingController", "reportingInstance"):
        yield from immutable(obj.get(member), held.get(member), member, zero="")


def _internal(reference: KubeObject | None) -> KubeObject | None:
    """A reference in its internal form."""
    if reference is None:
        return None
    return {shown: reference.get(member) or "" for member, shown in zip(_REFERENCE, _INTERNAL, strict=True)}


EVENTS: Mapping[str, Kind] = {
    "v1/events": Kind(name=path_segment, create=_old_event),
    "events.k8s.io/v1/events": Kind(
        name=dns_subdomain,
        first=_new_event_first,
        create=_new_event,
        update=_updated_event,
        update_repeats_create=False,
    ),
}
