"""What decoding does to a custom resource: unknown fields go, nulls that mean nothing go, defaults come.

Nothing is changed in place. What was strange is reported: `unknown field "spec.x"`, `duplicate field "spec.y"`.
Source: apiextensions-apiserver of Kubernetes 1.37, pkg/apiserver/schema/{pruning,defaulting,objectmeta}, and
unstructuredSchemaCoercer in pkg/apiserver/customresource_handler.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.canonical import STRICT_ERRORS_MAX, DecodeError, Pairs, Repeated, canonicalize_as
from fakekube.registry.crd.structural import Structural
from fakekube.registry.schema import Schema, schema_named
from fakekube.registry.validation.causes import go_value

# Members of every resource, and of embedded ones, that no schema needs to declare.
TYPE_AND_METADATA = ("apiVersion", "kind", "metadata")
_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True)
class Strangeness:
    """What was strange about a body, in the order in which the real server lists it.

    `keeps_nulls`: the body was applied; nulls without a default stay, for validation to refuse.
    """

    keeps_nulls: bool = False

    duplicates: dict[str, None] = field(default_factory=dict)
    metadata: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    @property
    def texts(self) -> tuple[str, ...]:
        """At most as many as Go collects."""
        fields = (*self.metadata, *sorted(self.unknown), *sorted(self.embedded))
        repeated = (f'duplicate field "{path}"' for path in self.duplicates)
        return (*repeated, *(f'unknown field "{path}"' for path in fields))[:STRICT_ERRORS_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coerced:
    """The object as it is kept, and what was strange about it."""

    object: KubeObject
    strict_errors: tuple[str, ...] = ()


@cache
def _object_meta() -> Schema:
    return schema_named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")


def coerced(value: KubeObject, root: Structural, *, keeps_nulls: bool = False) -> Coerced:
    """A custom resource as its schema `root` keeps it: kind and apiVersion first, then metadata, then the rest.

    Raises DecodeError with Go's text for metadata of a wrong type.
    """
    report = Strangeness(keeps_nulls)
    if type(value) is Pairs:
        value = _without_repeats(value, "", report)
    head: KubeObject = {"apiVersion": value.get("apiVersion"), "kind": value.get("kind")}
    if value.get("metadata") is not None:
        head["metadata"] = _metadata(value["metadata"], "metadata", report, report.metadata)
    rest = {name: member for name, member in value.items() if name not in TYPE_AND_METADATA}
    return Coerced(object=head | _members(rest, root, "", report), strict_errors=report.texts)


def body_coerced(obj: KubeObject, root: Structural) -> KubeObject:
    """The same for an object whose kind and metadata are known to be well-formed."""
    head = {name: obj[name] for name in TYPE_AND_METADATA if name in obj}
    rest = {name: member for name, member in obj.items() if name not in head}
    return head | _members(rest, root, "", Strangeness())


def coerced_part(value: Any, node: Structural) -> Any:
    """A part of an object, as its schema keeps it."""
    return _coerced(value, node, "", Strangeness(), skips=False)


def _metadata(value: Any, path: str, report: Strangeness, unknown: list[str]) -> KubeObject:
    canonical = canonicalize_as(value, _object_meta())
    for text in canonical.strict_errors:
        what, _, place = text.partition(" field ")
        named = f"{path}.{place[1:-1]}"
        if what == "unknown":
            unknown.append(named)
        else:
            report.duplicates[named] = None
    return canonical.object


def _coerced(value: Any, node: Structural | None, path: str, report: Strangeness, *, skips: bool) -> Any:
    """`skips`: below a node that preserves unknown fields, where undeclared members stay."""
    kind = type(value)
    if kind is dict:
        if node is None:
            return _raw(value, path, report) if skips else _emptied(value, path, report)
        return _members(value, node, path, report, skips=skips)
    if kind is list:
        inner = None if node is None else node.items
        below = skips or (node is not None and node.preserves)
        if node is not None and node.preserves and inner is None:
            return _raw(value, path, report)
        return [_item(each, inner, f"{path}[{index}]", report, skips=below) for index, each in enumerate(value)]
    if kind is Pairs:
        return _coerced(_without_repeats(value, path, report), node, path, report, skips=skips)
    return _number(value) if kind is int else value


def _item(value: Any, node: Structural | None, path: str, report: Strangeness, *, skips: bool) -> Any:
    if value is None and node is not None and not node.nullable:
        return node.default
    return _coerced(value, node, path, report, skips=skips)


def _members(value: KubeObject, node: Structural, path: str, report: Strangeness, *, skips: bool = False) -> KubeObject:
    """One object: its members one by one, then the defaults of those that are missing."""
    out: KubeObject = {}
    properties, more = node.properties, node.additional
    for name, member in value.items():
        inner = properties.get(name, more)
        if inner is None:
            _undeclared(name, member, node, path, report, out, skips=skips)
        elif member is None:
            if inner.nullable or inner.default is not None or report.keeps_nulls:
                out[name] = None if inner.nullable else inner.default
        else:
            out[name] = _declared(name, member, inner, node, path, report)
    for name, default in node.defaults.items():
        if name not in out:
            out[name] = default
    return out


def _declared(name: str, member: Any, inner: Structural, node: Structural, path: str, report: Strangeness) -> Any:
    kind = type(member)
    if kind is dict or kind is list or kind is Pairs:
        here = f"{path}.{name}" if path else name
        if node.embedded and name in TYPE_AND_METADATA:
            # the metadata of an embedded resource has all members that metadata has, whichever are declared
            return _embedded(name, member, here, report)
        return _coerced(member, inner, here, report, skips=False)
    return _number(member) if kind is int else member


def _undeclared(
    name: str, member: Any, node: Structural, path: str, report: Strangeness, out: KubeObject, *, skips: bool
) -> None:
    """A member that no schema speaks of stays where unknown ones are preserved, and goes elsewhere."""
    here = f"{path}.{name}" if path else name
    if node.embedded and name in TYPE_AND_METADATA:
        out[name] = _embedded(name, member, here, report)
    elif skips or node.preserves:
        out[name] = _raw(member, here, report)
    elif node.keeps_any_name:
        out[name] = _coerced(member, None, here, report, skips=False)
    else:
        report.unknown.append(here)


def _embedded(name: str, member: Any, path: str, report: Strangeness) -> Any:
    """What every embedded resource has must be well-formed."""
    if name == "metadata":
        try:
            return _metadata(member, path, report, report.embedded)
        except DecodeError as error:
            raise DecodeError(f"{path}: Invalid value: {go_value(member)}: {error}") from None
    if not isinstance(member, str):
        raise DecodeError(f"{path}: Invalid value: {go_value(member)}: must be a string")
    return member


def _emptied(value: KubeObject, path: str, report: Strangeness) -> KubeObject:
    """An object where any name is allowed, but nothing below it is declared."""
    report.unknown.extend(f"{path}.{name}" for name in value)
    return {}


def _raw(value: Any, path: str, report: Strangeness) -> Any:
    """A value that no schema speaks of: kept as it is, the last of repeated members counts."""
    kind = type(value)
    if kind is dict:
        return {name: _raw(member, f"{path}.{name}", report) for name, member in value.items()}
    if kind is list:
        return [_raw(each, f"{path}[{index}]", report) for index, each in enumerate(value)]
    if kind is Pairs:
        return _raw(_without_repeats(value, path, report), path, report)
    return _number(value) if kind is int else value


def _without_repeats(value: Pairs, path: str, report: Strangeness) -> KubeObject:
    for name, _ in value.items():
        if type(name) is Repeated:
            report.duplicates[f"{path}.{name}" if path else str(name)] = None
    return {str(name): dict.__getitem__(value, name) for name in dict.keys(value)}


def _number(value: int) -> int | float:
    """Go reads an integer that does not fit into 64 bits as a float."""
    return value if value in _INT64 else float(value)


def printed(value: Any) -> Any:
    """`value` as Go prints it and reads it back: a whole float loses its point, and is an integer from then on."""
    kind = type(value)
    if kind is dict:
        return {name: printed(member) for name, member in value.items()}
    if kind is list:
        return [printed(each) for each in value]
    whole = kind is float and value.is_integer() and abs(value) < 1e21
    # the digits that Go prints: no more than tell the float from its neighbours
    return int(Decimal(repr(value))) if whole else value


def completed(node: Structural) -> Structural:
    """`node` with all that is worked out from the bottom up.

    Every default is pruned, and filled with the defaults below it: what a missing member becomes.
    """
    for inner in (*node.properties.values(), node.additional, node.items):
        if inner is not None:
            node.keyed = completed(inner).keyed or node.keyed
    node.keyed = node.keyed or node.list_type in ("set", "map")
    node.defaults = {name: inner.default for name, inner in node.properties.items() if inner.default is not None}
    if node.default is not None:
        node.default = coerced_part(node.default, node)
    return node
