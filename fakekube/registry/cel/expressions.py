"""Expressions of admission: match conditions of webhooks, and what policies consist of; and those that select devices.

They are checked when their objects are created; `admission.py` runs those of webhooks and validating policies.
Source: k8s.io/apiserver/pkg/admission/plugin/cel (compile.go, composition.go) of 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fakekube.registry.cel.celtypes import (
    ANY,
    BOOL,
    DYN,
    INT,
    QUANTITY,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    struct,
)
from fakekube.registry.cel.check import Checked, Scope
from fakekube.registry.cel.declarations import named_type
from fakekube.registry.cel.literals import constant_fault
from fakekube.registry.cel.mutations import RESULTS, MutationObjects
from fakekube.registry.cel.rules import Uncompilable, checked_expression

_STRINGS = list_of(STRING)
_TEXTS = map_of(STRING, STRING)
_KIND, _RESOURCE = struct("kubernetes.GroupVersionKind"), struct("kubernetes.GroupVersionResource")
_VARIABLES = struct("kubernetes.variables")

# Name of an object type -> its fields.
_FIELDS: Mapping[str, Mapping[str, Type]] = {
    "kubernetes.GroupVersionKind": dict.fromkeys(("group", "version", "kind"), STRING),
    "kubernetes.GroupVersionResource": dict.fromkeys(("group", "version", "resource"), STRING),
    "kubernetes.UserInfo": {
        "username": STRING,
        "uid": STRING,
        "groups": _STRINGS,
        "extra": map_of(STRING, _STRINGS),
    },
    "kubernetes.AdmissionRequest": {
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": STRING,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": struct("kubernetes.UserInfo"),
        "dryRun": BOOL,
        "options": DYN,
    },
    "kubernetes.NamespaceSpec": {"finalizers": _STRINGS},
    "kubernetes.NamespaceCondition": {
        **dict.fromkeys(("status", "type", "message", "reason"), STRING),
        "lastTransitionTime": TIMESTAMP,
    },
    "kubernetes.NamespaceStatus": {"conditions": list_of(struct("kubernetes.NamespaceCondition")), "phase": STRING},
    "kubernetes.NamespaceMetadata": {
        **dict.fromkeys(("name", "generateName", "namespace", "UID", "resourceVersion"), STRING),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), TIMESTAMP),
        **dict.fromkeys(("deletionGracePeriodSeconds", "generation"), INT),
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": _STRINGS,
    },
    "kubernetes.Namespace": {
        "metadata": struct("kubernetes.NamespaceMetadata"),
        "spec": struct("kubernetes.NamespaceSpec"),
        "status": struct("kubernetes.NamespaceStatus"),
    },
}
_ALWAYS: Mapping[str, Type] = {
    "object": DYN,
    "oldObject": DYN,
    "namespaceObject": struct("kubernetes.Namespace"),
    "request": struct("kubernetes.AdmissionRequest"),
}
_AUTHORIZER: Mapping[str, Type] = {
    "authorizer": struct("kubernetes.authorization.Authorizer"),
    "authorizer.requestResource": struct("kubernetes.authorization.ResourceCheck"),
}


@dataclass(slots=True, kw_only=True)
class AdmissionExpressions:
    """What the expressions of one webhook or policy may name. A policy's variables are added as they are compiled."""

    has_params: bool = False
    variables: dict[str, Type] | None = None
    """Name -> type; None where there are none, as in match conditions."""

    def fault(self, expression: str, wanted: str, *, authorizer: bool = True) -> str | None:
        """Why an expression is refused. `wanted` is the type it must have, or several: `string|null_type`."""
        types = [named_type(each) for each in wanted.split("|")]
        try:
            checked = checked_expression(expression, self._scope(authorizer=authorizer))
        except Uncompilable as error:
            return f"compilation failed: {error}"
        return _type_fault(checked, types)

    def checked(self, expression: str, *, authorizer: bool = True) -> Checked:
        """An expression that is to be run. Raises Uncompilable."""
        return checked_expression(expression, self._scope(authorizer=authorizer))

    def mutation_fault(self, expression: str, member: str) -> str | None:
        """Why the expression of a mutation is refused; `member` holds it, applyConfiguration or jsonPatch."""
        scope = replace(self._scope(authorizer=True), made=MutationObjects())
        try:
            checked = checked_expression(expression, scope)
        except Uncompilable as error:
            return f"compilation failed: {error}"
        return _type_fault(checked, [RESULTS[member]])

    def add_variable(self, name: str, expression: str) -> str | None:
        """Why a variable's expression is refused; its type is known to what comes after."""
        try:
            checked = checked_expression(expression, self._scope(authorizer=True))
        except Uncompilable as error:
            return f"compilation failed: {error}"
        if self.variables is not None:
            self.variables[name] = checked.type
        return _constant_fault(checked)

    def _scope(self, *, authorizer: bool) -> Scope:
        names = {**_ALWAYS, **(_AUTHORIZER if authorizer else {})}
        if self.has_params:
            names["params"] = DYN
        if self.variables is None:
            return Scope(variables=names, fields=_FIELDS)
        return Scope(variables={**names, "variables": _VARIABLES}, fields={**_FIELDS, _VARIABLES.name: self.variables})


def _type_fault(checked: Checked, wanted: list[Type]) -> str | None:
    if checked.type not in wanted:
        allowed = _shown(wanted[0]) if len(wanted) == 1 else f"one of [{' '.join(map(_shown, wanted))}]"
        return f"must evaluate to {allowed} but got {_shown(checked.type)}"
    return _constant_fault(checked)


def _constant_fault(checked: Checked) -> str | None:
    found = constant_fault(checked)
    return None if found is None else f"program instantiation failed: {found}"


def _shown(kind: Type) -> str:
    """A type by its declared names."""
    return f"{kind.name}({', '.join(map(_shown, kind.params))})" if kind.params else kind.name


_DEVICE = struct("kubernetes.DRADevice")
# Source: k8s.io/dynamic-resource-allocation/cel of 1.37.
_DEVICE_FIELDS: Mapping[str, Type] = {
    "driver": STRING,
    "attributes": map_of(STRING, map_of(STRING, ANY)),
    "capacity": map_of(STRING, map_of(STRING, QUANTITY)),
    "allowMultipleAllocations": BOOL,
}


def selector_fault(expression: str) -> str | None:
    """Why an expression that selects devices is refused; None when it compiles. What it costs is not estimated."""
    scope = Scope(variables={"device": _DEVICE}, fields={_DEVICE.name: _DEVICE_FIELDS}, binds=True)
    try:
        checked = checked_expression(expression, scope)
    except Uncompilable as error:
        return f"compilation failed: {error}"
    if checked.type not in (BOOL, ANY):
        return f"must evaluate to bool or the unknown type, not {_shown(checked.type)}"
    return _constant_fault(checked)


def fault(expression: str, variables: Mapping[str, str], wanted: str) -> str | None:
    """Why an expression over these variables is refused; None when it compiles."""
    scope = Scope(variables={name: named_type(kind) for name, kind in variables.items()})
    try:
        checked = checked_expression(expression, scope)
    except Uncompilable as error:
        return f"compilation failed: {error}"
    return _type_fault(checked, [named_type(each) for each in wanted.split("|")])
