"""The OpenAPI v2 document, made from those of v3, and its protobuf encoding (gnostic's openapi.v2.Document).

Old kubectl asks for it in protobuf before it applies; newer ones when a kind has no v3 document.
Source: gnostic-models' OpenAPIv2.proto (field numbers), and the outline of kube-apiserver 1.37.2's document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fakekube.apiserver.goyaml import dump_yaml
from fakekube.apiserver.protobuf import tagged, varint
from fakekube.meta.objects import KubeObject

PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PROTOBUF_V3 = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"

_PRODUCED = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_KINDS = "x-kubernetes-group-version-kind"
# Go types with a JSON form of two types, which v2 cannot say.
_TWOFOLD = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}


def v2_document(info: KubeObject, documents: Sequence[KubeObject]) -> KubeObject:
    """One v2 document out of the v3 documents of all group-versions."""
    definitions: KubeObject = {}
    operations: KubeObject = {}
    for document in documents:
        for name, schema in document["components"]["schemas"].items():
            _merge_definition(definitions, name, schema)
        operations |= {path: _path(item) for path, item in document["paths"].items()}
    return {
        "swagger": "2.0",
        "info": info,
        "paths": dict(sorted(operations.items())),
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}},
        "security": [{"BearerToken": []}],
    }


def _merge_definition(definitions: KubeObject, name: str, schema: KubeObject) -> None:
    """DeleteOptions and WatchEvent serve one kind per group-version: here they list all."""
    found = definitions.get(name)
    if found is None:
        definitions[name] = dict(_TWOFOLD.get(name) or _schema(schema))
    elif _KINDS in found:
        found[_KINDS] = [*found[_KINDS], *(kind for kind in schema[_KINDS] if kind not in found[_KINDS])]


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
    found: KubeObject = {
        "consumes": sorted(body["content"]) if body is not None else ["*/*"],
        "produces": _PRODUCED,
        "schemes": ["https"],
        "tags": operation["tags"],
        "operationId": operation["operationId"],
        "parameters": parameters,
        "responses": {code: _response(each) for code, each in operation["responses"].items()},
    }
    return found | {name: value for name, value in operation.items() if name.startswith("x-")}


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


# --- protobuf ---------------------------------------------------------------------------------------------------------


def _text(number: int, value: object) -> bytes:
    return tagged(number, str(value).encode()) if value else b""


def _texts(number: int, values: Iterable[object]) -> bytes:
    return b"".join(tagged(number, str(value).encode()) for value in values)


def _flag(number: int, value: object) -> bytes:
    return varint(number << 3) + b"\x01" if value else b""


def _any(value: object) -> bytes:
    """gnostic's Any: the value as YAML."""
    return tagged(2, dump_yaml(value))


def _named(number: int, members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(tagged(number, tagged(1, name.encode()) + tagged(2, value)) for name, value in members)


def _extensions(number: int, value: Mapping[str, Any]) -> bytes:
    return _named(number, ((name, _any(member)) for name, member in value.items() if name.startswith("x-")))


def v2_protobuf(document: KubeObject) -> bytes:
    """The document as openapi.v2.Document."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    operations = _named(2, ((path, _path_message(item)) for path, item in document["paths"].items()))
    definitions = _named(1, ((name, schema_message(schema)) for name, schema in document["definitions"].items()))
    return b"".join(
        (
            tagged(1, document["swagger"].encode()),
            tagged(2, info),
            tagged(8, operations),
            tagged(9, definitions),
            *(
                tagged(12, tagged(1, tagged(1, name.encode()) + tagged(2, b"")))
                for name in document["securityDefinitions"]
            ),
            tagged(13, _named(1, _security(document["securityDefinitions"]))),
        )
    )


def _security(definitions: KubeObject) -> Iterator[tuple[str, bytes]]:
    for name, definition in definitions.items():
        members = _text(1, definition["type"]) + _text(2, definition["name"]) + _text(3, definition["in"])
        yield name, tagged(2, members)


# PathItem: the field of each method, in the order of the message.
_METHOD_FIELDS = {method: number for number, method in enumerate(_METHODS, start=2)}


def _path_message(item: KubeObject) -> bytes:
    operations = (tagged(number, _operation_message(item[m])) for m, number in _METHOD_FIELDS.items() if m in item)
    return b"".join((*operations, _parameters(9, item.get("parameters", ()))))


def _operation_message(operation: KubeObject) -> bytes:
    return b"".join(
        (
            _texts(1, operation["tags"]),
            _text(5, operation["operationId"]),
            _texts(6, operation["produces"]),
            _texts(7, operation["consumes"]),
            _parameters(8, operation["parameters"]),
            tagged(9, _named(1, ((code, _response_message(each)) for code, each in operation["responses"].items()))),
            _texts(10, operation["schemes"]),
            _extensions(13, operation),
        )
    )


def _response_message(response: KubeObject) -> bytes:
    schema = tagged(2, tagged(1, schema_message(response["schema"]))) if "schema" in response else b""
    return tagged(1, _text(1, response["description"]) + schema)


def _parameters(number: int, parameters: Iterable[KubeObject]) -> bytes:
    return b"".join(tagged(number, tagged(1, _parameter_message(each))) for each in parameters)


def _parameter_message(parameter: KubeObject) -> bytes:
    if parameter["in"] == "body":
        members = _text(2, parameter["name"]) + _text(3, "body") + _flag(4, parameter.get("required"))
        return tagged(1, members + tagged(5, schema_message(parameter["schema"])))
    in_path = parameter["in"] == "path"
    members = _flag(1, parameter.get("required")) + _text(2, parameter["in"]) + _text(4, parameter["name"])
    members += _text(5 if in_path else 6, parameter["type"]) + _flag(
        19 if in_path else 20, parameter.get("uniqueItems")
    )
    return tagged(2, tagged(4 if in_path else 3, members))


def schema_message(schema: KubeObject) -> bytes:
    """One Schema, with the members that Kubernetes' definitions have."""
    parts = [_text(number, schema.get(name)) for number, name in ((1, "$ref"), (2, "format"), (4, "description"))]
    parts.append(_texts(19, schema.get("required", ())))
    parts += [tagged(20, _any(value)) for value in schema.get("enum", ())]
    if "additionalProperties" in schema:
        parts.append(tagged(21, tagged(1, schema_message(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(tagged(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(tagged(23, tagged(1, schema_message(schema["items"]))))
    if "properties" in schema:
        members = ((name, schema_message(member)) for name, member in schema["properties"].items())
        parts.append(tagged(25, _named(1, members)))
    return b"".join((*parts, _extensions(31, schema)))
