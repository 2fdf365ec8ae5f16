"""Resources embedded in custom ones: they have a kind and an apiVersion, and metadata that could be an object's.

Source: apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.structural import Structural
from fakekube.registry.validation import object_meta
from fakekube.registry.validation.causes import invalid, required
from fakekube.registry.validation.names import dns_1035_label, path_segment


def has_embedded(node: Structural) -> bool:
    """Whether the structure embeds a resource anywhere."""
    inner = (*node.properties.values(), node.additional, node.items)
    return node.embedded or any(each is not None and has_embedded(each) for each in inner)


def embedded_causes(value: Any, node: Structural, path: str = "") -> Iterator[Cause]:
    """What is wrong with the embedded resources of a value."""
    if isinstance(value, list):
        if node.items is not None:
            for index, item in enumerate(value):
                yield from embedded_causes(item, node.items, f"{path}[{index}]")
        return
    if not isinstance(value, dict):
        return
    if node.embedded:
        yield from _resource(value, path)
    for name, member in value.items():
        inner = node.below(name)
        if inner is not None:
            yield from embedded_causes(member, inner, _below(path, name, is_declared=name in node.properties))


def _below(path: str, name: str, *, is_declared: bool) -> str:
    if not is_declared:
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _resource(value: KubeObject, path: str) -> Iterator[Cause]:
    for member in ("apiVersion", "kind"):
        if member not in value:
            yield required(f"{path}.{member}")
    api_version, kind, meta = value.get("apiVersion"), value.get("kind"), value.get("metadata")
    if isinstance(api_version, str):
        yield from _api_version(api_version, f"{path}.apiVersion")
    if isinstance(kind, str):
        yield from _kind(kind, f"{path}.kind")
    if isinstance(meta, dict):
        named = meta if meta.get("name") else {**meta, "name": "fakename"}
        yield from object_meta.created(named, bool(meta.get("namespace")), path_segment, f"{path}.metadata", own=False)


def _api_version(text: str, path: str) -> Iterator[Cause]:
    if not text:
        yield invalid(path, text, "must not be empty")
    elif text.count("/") > 1:
        yield invalid(path, text, f"unexpected GroupVersion string: {text}")


def _kind(text: str, path: str) -> Iterator[Cause]:
    faults = dns_1035_label(text.lower()) if text else []
    if not text:
        yield invalid(path, text, "must not be empty")
    elif faults:
        yield invalid(path, text, f"may have mixed case, but should otherwise match: {','.join(faults)}")
