"""ObjectMeta: names, labels, annotations, owners, finalizers, and what an update may not change.

Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go, and recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fakekube.meta.objects import KubeObject, group_of
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    forbidden,
    invalid,
    quoted,
    required,
    too_long,
    unsupported,
)
from fakekube.registry.validation.names import (
    NameCheck,
    dns_label,
    label_value,
    path_segment,
    prefix_of,
    qualified_name,
)

ANNOTATIONS_MAX = 256 * 1024
IMMUTABLE = "field is immutable"
_MANAGER_MAX = 128
_STANDARD_FINALIZERS = frozenset(["kubernetes", "orphan", "foregroundDeletion"])
_IMMUTABLE_MEMBERS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def created(
    meta: KubeObject, namespaced: bool, name_check: NameCheck, path: str = "metadata", *, own: bool = True
) -> Causes:
    generate, name = meta.get("generateName") or "", meta.get("name") or ""
    if generate:
        yield from all_invalid(f"{path}.generateName", generate, prefix_of(name_check)(generate))
    if not name:
        yield required(f"{path}.name", "name or generateName is required")
    else:
        yield from all_invalid(f"{path}.name", name, name_check(name))
    yield from _namespace(meta, namespaced, path)
    yield from formed(meta, path, own=own)


def names_in_paths(meta: KubeObject, path: str = "metadata") -> Causes:
    """What no kind may be named: it stands in a URL."""
    for member in ("generateName", "name"):
        name = meta.get(member) or ""
        yield from all_invalid(f"{path}.{member}", name, path_segment(name))


def _namespace(meta: KubeObject, namespaced: bool, path: str) -> Causes:
    namespace = meta.get("namespace") or ""
    if namespaced and not namespace:
        yield required(f"{path}.namespace")
    elif namespaced:
        yield from all_invalid(f"{path}.namespace", namespace, dns_label(namespace))
    elif namespace:
        yield forbidden(f"{path}.namespace", "not allowed on this type")


def formed(meta: KubeObject, path: str = "metadata", *, own: bool = True) -> Causes:
    """What creates and updates check alike; `own` kinds of Kubernetes want qualified finalizers."""
    for member, rules in _MEMBER_RULES.items():
        if meta.get(member):
            yield from rules(meta[member], f"{path}.{member}")
    if own and meta.get("finalizers"):
        yield from unqualified_finalizers(meta, path)


def not_negative(number: int, path: str) -> Causes:
    if number < 0:
        yield invalid(path, number, "must be greater than or equal to 0")


def labels(values: Mapping[str, str], path: str) -> Causes:
    for key, value in values.items():
        yield from all_invalid(path, key, qualified_name(key))
        yield from all_invalid(path, value, label_value(value))


def annotation_rules(values: Mapping[str, str], path: str) -> Causes:
    for key in values:
        yield from all_invalid(path, key, qualified_name(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > ANNOTATIONS_MAX:
        yield too_long(path, ANNOTATIONS_MAX)


def _owners(references: Sequence[KubeObject], path: str) -> Causes:
    controller = ""
    for index, reference in enumerate(references):
        yield from _owner(reference, f"{path}[{index}]")
        if not reference.get("controller"):
            continue
        named = f"{reference.get('kind', '')}/{reference.get('name', '')}"
        if controller:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{controller} and {named}"
            )
            yield invalid(path, list(references), detail)
        controller = controller or named


def _owner(reference: KubeObject, path: str) -> Causes:
    api_version = reference.get("apiVersion") or ""
    group, version = group_of(api_version)
    if not api_version:
        yield required(f"{path}.apiVersion", "must not be empty")
    elif "/" in group or not version:
        yield invalid(f"{path}.apiVersion", api_version, "must be <group>/<version> or <version>")
    for member in ("kind", "name", "uid"):
        if not reference.get(member):
            yield required(f"{path}.{member}", "must not be empty")
    if api_version == "v1" and reference.get("kind") == "Event":
        yield invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner")


def _finalizers(finalizers: Sequence[str], path: str) -> Causes:
    for finalizer in finalizers:
        yield from all_invalid(path, finalizer, qualified_name(finalizer))
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield invalid(path, list(finalizers), "finalizer orphan and foregroundDeletion cannot be both set")


def unqualified_finalizers(meta: KubeObject, path: str = "metadata") -> Causes:
    """Kubernetes' own kinds want finalizers with a prefix, or standard ones."""
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        yield from _unqualified(finalizer, f"{path}.finalizers[{index}]")


def finalizer(name: str, path: str) -> Causes:
    """A finalizer of Kubernetes' own kinds."""
    yield from all_invalid(path, name, qualified_name(name))
    yield from _unqualified(name, path)


def _unqualified(name: str, path: str) -> Causes:
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        yield invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")


def _managed_fields(entries: Sequence[KubeObject], path: str) -> Causes:
    for index, entry in enumerate(entries):
        here = f"{path}[{index}]"
        operation, form, manager = (entry.get(n) or "" for n in ("operation", "fieldsType", "manager"))
        if not operation:
            yield required(f"{here}.operation", "must not be empty")
        elif operation not in ("Apply", "Update"):
            yield unsupported(f"{here}.operation", operation, ("Apply", "Update"))
        if form and form != "FieldsV1":
            yield invalid(f"{here}.fieldsType", form, "must be `FieldsV1`")
        yield from field_manager(manager, f"{here}.manager")


def field_manager(manager: str, path: str) -> Causes:
    if len(manager) > _MANAGER_MAX:
        yield too_long(path, _MANAGER_MAX)
    if not manager.isprintable():
        bad = next(char for char in manager if not char.isprintable())
        yield invalid(path, manager, f"invalid character {ord(bad):#x} (at position {manager.index(bad)})")


# What creates and updates check alike, in this order; an absent or empty member breaks no rule.
_MEMBER_RULES: Mapping[str, Callable[[Any, str], Causes]] = {
    "generation": not_negative,
    "labels": labels,
    "annotations": annotation_rules,
    "ownerReferences": _owners,
    "finalizers": _finalizers,
    "managedFields": _managed_fields,
}


def updated(
    meta: KubeObject, held: KubeObject, path: str = "metadata", *, unconditional: bool = True, own: bool = True
) -> Causes:
    """What an update of `held` to `meta` breaks."""
    if held.get("deletionTimestamp"):
        added = sorted(set(meta.get("finalizers") or ()) - set(held.get("finalizers") or ()))
        if added:
            listed = ", ".join(quoted(each) for each in added)
            yield forbidden(
                f"{path}.finalizers",
                f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}",
            )
    if not meta.get("resourceVersion") and not unconditional:
        yield invalid(f"{path}.resourceVersion", "", "must be specified for an update")
    if (meta.get("generation") or 0) < (held.get("generation") or 0):
        yield invalid(f"{path}.generation", meta.get("generation") or 0, "must not be decremented")
    for member in _IMMUTABLE_MEMBERS:
        yield from immutable(
            meta.get(member),
            held.get(member),
            f"{path}.{member}",
            zero="" if member in ("name", "namespace", "uid") else None,
        )
    yield from formed(meta, path, own=own)


def immutable(value: Any, held: Any, path: str, *, zero: Any = None) -> Causes:
    """`value` is what it was."""
    if value != held:
        yield invalid(path, zero if value is None else value, IMMUTABLE)


def is_go_identifier(text: str) -> bool:
    return re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", text) is not None
