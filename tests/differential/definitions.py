"""Custom resources for stories: definitions that use all that definitions may say, and objects of them, fit and unfit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from tests.recordings.conversation import Conversation, Step

GROUP = "stories.example.com"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_TEXT: Mapping[str, Any] = {"type": "string"}
_WHOLE: Mapping[str, Any] = {"type": "integer"}

_GADGET_SPEC: Mapping[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0, "multipleOf": 0.5},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "code": {"type": "string", "pattern": "^[a-z]{2,4}$", "minLength": 2, "maxLength": 6},
        "when": {"type": "string", "format": "date-time"},
        "port": {"x-kubernetes-int-or-string": True},
        "paused": {"type": "boolean", "nullable": True},
        "replicas": {"type": "integer", "format": "int32", "default": 1},
        "fixed": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed stays"}],
        },
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "maxItems": 3, "items": _TEXT},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "kind"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": _TEXT,
                    "kind": {"type": "string", "default": "plain"},
                    "count": {"type": "integer", "minimum": 0},
                },
            },
        },
        "limits": {"type": "object", "additionalProperties": {"type": "integer", "maximum": 5}, "maxProperties": 2},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": _WHOLE, "b": _WHOLE}},
    },
    "x-kubernetes-validations": [
        {
            "rule": "!has(self.ratio) || self.ratio <= self.size",
            "messageExpression": "'ratio ' + 'above size'",
            "fieldPath": ".ratio",
            "reason": "FieldValueForbidden",
        }
    ],
}
_GADGET_STATUS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "minimum": 0},
        "selector": _TEXT,
        "phase": {"enum": ["a", "b"], **_TEXT},
    },
}
_GADGET_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"spec": _GADGET_SPEC, "status": _GADGET_STATUS},
}


def _gadget_version(name: str, **members: Any) -> KubeObject:
    return {
        "name": name,
        "served": True,
        "storage": False,
        "schema": {"openAPIV3Schema": _GADGET_SCHEMA},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "selectableFields": [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}],
        **members,
    }


_COLUMNS: list[KubeObject] = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
    {"name": "Tags", "type": "string", "jsonPath": ".spec.tags[*]"},
    {"name": "When", "type": "date", "jsonPath": ".spec.when"},
]


def _definition(plural: str, kind: str, scope: str, versions: list[KubeObject]) -> KubeObject:
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": versions},
    }


_SHELF_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["rows"],
    "properties": {
        "rows": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "width": {"type": "string", "default": "1m"},
                    "books": {"type": "array", "x-kubernetes-list-type": "atomic", "items": _TEXT},
                },
            },
        },
        "either": {
            "type": "object",
            "properties": {"left": _TEXT, "right": _TEXT},
            "oneOf": [{"required": ["left"]}, {"required": ["right"]}],
        },
        "held": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}

DEFINITIONS: tuple[KubeObject, ...] = (
    _definition(
        "gadgets",
        "Gadget",
        "Namespaced",
        [
            _gadget_version("v1", storage=True, additionalPrinterColumns=_COLUMNS),
            _gadget_version("v1beta1", deprecated=True, deprecationWarning="gadgets are v1 now"),
        ],
    ),
    _definition(
        "shelves",
        "Shelf",
        "Cluster",
        [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SHELF_SCHEMA}}],
    ),
)

_GADGETS: tuple[KubeObject, ...] = (
    {"spec": {"size": 1}},
    {"spec": {"size": 2, "ratio": 1.5, "color": "green", "code": "abc", "when": "2026-01-02T03:04:05Z", "port": 80}},
    {"spec": {"size": 3, "port": "http", "tags": ["a", "b"], "parts": [{"name": "x"}, {"name": "x", "kind": "odd"}]}},
    {"spec": {"size": 4, "limits": {"a": 1, "b": 5}, "free": {"x": {"y": [1, None]}}, "whole": {"a": 1, "b": 2}}},
    {"spec": {"size": 5, "paused": None, "replicas": 3, "fixed": "once"}, "status": {"replicas": 2, "phase": "a"}},
    {"spec": {"size": 6, "paused": True, "fixed": "twice", "parts": [{"name": "y", "count": 1}], "bogus": 1}},
    {"spec": {"size": 1, "ratio": 7.5, "tags": ["a", "a"]}},
    {"spec": {"size": 12, "color": "blue", "code": "A", "when": "soon", "limits": {"a": 9, "b": 1, "c": 2}}},
    {"spec": {"parts": [{"name": "z"}, {"name": "z", "kind": "plain"}, {"kind": "odd", "count": -1}]}},
)
_SHELVES: tuple[KubeObject, ...] = (
    {"rows": [{}]},
    {"rows": [{"width": "2m", "books": ["a", "a"]}, {"width": None}], "either": {"left": "x"}},
    {"rows": [{"books": []}], "status": {"any": [1]}, "bogus": {"a": 1}},
    {"rows": [{}], "held": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "h"}, "data": {"a": "b"}}},
    {"rows": [], "either": {"left": "x", "right": "y"}},
    {"either": {}, "held": {"kind": "ConfigMap"}},
)
# what stories are told of: (version, plural)
SAMPLES: Mapping[tuple[str, str], tuple[KubeObject, ...]] = {
    ("v1", "gadgets"): _GADGETS,
    ("v1beta1", "gadgets"): _GADGETS,
    ("v1", "shelves"): _SHELVES,
}


def installation() -> Conversation:
    """The conversation that installs them, and waits until they are served."""
    served = [f"/apis/{GROUP}/{version}/{plural}" for version, plural in SAMPLES]
    return Conversation(
        name="installation",
        area="story",
        needs=[],
        ns="RUN",
        setup=[Step(method="POST", path=PATH, body=definition) for definition in DEFINITIONS],
        steps=[Step(method="GET", path=path, until={"code": 200}) for path in served],
        teardown=[],
    )
