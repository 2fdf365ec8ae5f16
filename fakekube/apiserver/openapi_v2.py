"""The OpenAPI v2 document, made from the paths and schemas of v3.

Old kubectl asks for it before it applies; newer ones when a kind has no v3 document. Parameters that many operations
share are not gathered, as the real server does; who resolves references sees the same.
Source: the document of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fakekube.meta.objects import KubeObject

_OF_CUSTOM = ["application/json", "application/yaml"]
# The order in which media types are named.
_ORDER = (
    "*/*",
    "text/plain",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/jwk-set+json",
)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
# Go types with a JSON form of two types, which v2 cannot say.
_TWOFOLD = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}


def v2_document(info: KubeObject, operations: KubeObject, schemas: KubeObject, security: KubeObject) -> KubeObject:
    """One v2 document out of the paths and schemas of v3 documents."""
    definitions = {name: dict(_TWOFOLD.get(name) or _schema(schema)) for name, schema in schemas.items()}
    return {
        "swagger": "2.0",
        "info": info,
        "paths": {path: _path(operations[path]) for path in sorted(operations)},
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": security,
        "security": [{name: []} for name in security],
    }


def _schema(schema: Any) -> Any:
    """References point to definitions, with nothing beside them but words and extensions."""
    if isinstance(schema, list):
        return [_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        beside = {name: value for name, value in schema.items() if name.startswith("x-") or name == "description"}
        return _schema(schema["allOf"][0]) | beside
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/definitions/")}
    converted = {name: _schema(value) for name, value in schema.items() if name not in ("default", "properties")}
    if "properties" in schema:
        converted["properties"] = {name: _schema(member) for name, member in schema["properties"].items()}
    return converted


def _path(item: KubeObject) -> KubeObject:
    found: KubeObject = {method: _operation(item[method]) for method in _METHODS if method in item}
    if "parameters" in item:
        found["parameters"] = [_parameter(each) for each in item["parameters"]]
    return found


def _operation(operation: KubeObject) -> KubeObject:
    body = operation.get("requestBody")
    parameters = [_parameter(each) for each in operation.get("parameters", ())]
    if body is not None:
        parameters.insert(0, _body(body))
    consumed, produced = _consumed(operation), _in_order(_answer(operation))
    return {
        "description": operation["description"],
        **({"consumes": consumed} if consumed else {}),
        "produces": produced,
        "schemes": ["https"],
        "tags": operation["tags"],
        "operationId": operation["operationId"],
        **({"parameters": parameters} if parameters else {}),
        "responses": {code: _response(each) for code, each in operation["responses"].items()},
        **{name: value for name, value in operation.items() if name.startswith("x-")},
    }


def _answer(operation: KubeObject) -> KubeObject:
    """What the operation answers when it succeeds, by media type."""
    content: KubeObject = operation["responses"]["200"]["content"]
    return content


def _consumed(operation: KubeObject) -> list[str]:
    """An operation without a body takes what it gives, unless it is one on built-in kinds; texts take nothing."""
    if "requestBody" in operation:
        return _in_order(operation["requestBody"]["content"])
    produced = _in_order(_answer(operation))
    if "x-kubernetes-action" in operation:
        return produced if produced == _OF_CUSTOM else ["*/*"]
    return produced if "$ref" in _answer(operation)[produced[0]]["schema"] else []


def _in_order(media_types: Iterable[str]) -> list[str]:
    return sorted(media_types, key=_ORDER.index)


def _body(body: KubeObject) -> KubeObject:
    schema = next(iter(body["content"].values()))["schema"]
    found: KubeObject = {"name": "body", "in": "body", "schema": _schema(schema)}
    return found | ({"required": True} if body.get("required") else {})


def _parameter(parameter: KubeObject) -> KubeObject:
    return {name: value for name, value in parameter.items() if name != "schema"} | dict(parameter["schema"])


def _response(response: KubeObject) -> KubeObject:
    found: KubeObject = {"description": response["description"]}
    schemas = [content["schema"] for content in response.get("content", {}).values()]
    return found | ({"schema": _schema(schemas[0])} if schemas else {})
