"""OpenAPI documents in protobuf: the messages `openapi.v2.Document` and `openapi.v3.Document`.

A message is a table of its JSON members: the number of each one's field, and how it is written. Members beginning with
`x-` go to the field of extensions. Source: gnostic-models 0.7's OpenAPIv2.proto and OpenAPIv3.proto (field numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from fakekube.apiserver.goyaml import dump_yaml
from fakekube.apiserver.protobuf import tagged, varint
from fakekube.meta.objects import KubeObject

PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PROTOBUF_V3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"

# Writes one member of a message: the number of its field, and the value.
_Field = Callable[[int, Any], bytes]
_Message = Mapping[str, tuple[int, _Field]]

_EXTENSIONS = "x-"


def v2_protobuf(document: KubeObject) -> bytes:
    """The document as `openapi.v2.Document`."""
    return _encoded(_DOCUMENT_V2, document)


def v3_protobuf(document: KubeObject) -> bytes:
    """The document as `openapi.v3.Document`."""
    return _encoded(_DOCUMENT_V3, document)


def _encoded(message: _Message, value: Mapping[str, Any]) -> bytes:
    """The members in the order of the table, which is that of their numbers."""
    members = [field(number, value[name]) for name, (number, field) in message.items() if name in value]
    extensions = {name: each for name, each in value.items() if name.startswith(_EXTENSIONS)}
    if extensions:
        members.append(_entries(_anything)(message[_EXTENSIONS][0], extensions))
    return b"".join(members)


# --- how members are written ------------------------------------------------------------------------------------------


def _text(number: int, value: str) -> bytes:
    return tagged(number, value.encode()) if value else b""


def _flag(number: int, value: bool) -> bytes:
    return varint(number << 3) + b"\x01" if value else b""


def _count(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value) if value else b""


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value) if value else b""


def _anything(number: int, value: Any) -> bytes:
    """gnostic's Any: the value as YAML."""
    return tagged(number, tagged(2, dump_yaml(value, sort_keys=False)))


def _default(number: int, value: Any) -> bytes:
    """A number, a flag or a text; of a list or an object no more is said than that there is one."""
    if isinstance(value, bool):
        return tagged(number, varint(2 << 3) + bytes([value]))
    if isinstance(value, int | float):
        return tagged(number, varint(1 << 3 | 1) + struct.pack("<d", value))
    return tagged(number, tagged(3, value.encode()) if isinstance(value, str) else b"")


def _each(field: _Field) -> _Field:
    return lambda number, values: b"".join([field(number, value) for value in values])


def _entries(field: _Field) -> _Field:
    """A map: a list of messages of name and value."""
    return lambda number, members: b"".join(
        [tagged(number, tagged(1, name.encode()) + field(2, value)) for name, value in members.items()]
    )


def _within(inner: int, field: _Field) -> _Field:
    """A message with one field."""
    return lambda number, value: tagged(number, field(inner, value))


def _message(message: _Message) -> _Field:
    return lambda number, value: tagged(number, _encoded(message, value))


def _or_flag(field: _Field) -> _Field:
    """A schema, or whether there may be any: a message of two alternatives."""

    def write(number: int, value: Any) -> bytes:
        if isinstance(value, bool):
            return tagged(number, varint(2 << 3) + bytes([value]))
        return tagged(number, field(1, value))

    return write


def _or_reference(field: _Field) -> _Field:
    """The thing itself, or a reference to it: a message of two alternatives."""

    def write(number: int, value: Mapping[str, Any]) -> bytes:
        return tagged(number, tagged(2, _text(1, value["$ref"])) if "$ref" in value else field(1, value))

    return write


# --- version 2 --------------------------------------------------------------------------------------------------------


def _schema_v2(number: int, value: KubeObject) -> bytes:
    return tagged(number, _encoded(_SCHEMA_V2, value))


_EXTERNAL_DOCS: _Message = {"description": (1, _text), "url": (2, _text)}
_SCHEMA_V2: _Message = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _anything),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _flag),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _flag),
    "maxLength": (11, _count),
    "minLength": (12, _count),
    "pattern": (13, _text),
    "maxItems": (14, _count),
    "minItems": (15, _count),
    "uniqueItems": (16, _flag),
    "maxProperties": (17, _count),
    "minProperties": (18, _count),
    "required": (19, _each(_text)),
    "enum": (20, _each(_anything)),
    "additionalProperties": (21, _or_flag(_schema_v2)),
    "type": (22, _within(1, _text)),
    "items": (23, _within(1, _schema_v2)),
    "allOf": (24, _each(_schema_v2)),
    "properties": (25, _within(1, _entries(_schema_v2))),
    "externalDocs": (29, _message(_EXTERNAL_DOCS)),
    "example": (30, _anything),
    _EXTENSIONS: (31, _anything),
}
_BODY: _Message = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _flag),
    "schema": (5, _schema_v2),
}
_IN_QUERY: _Message = {
    "required": (1, _flag),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (6, _text),
    "uniqueItems": (20, _flag),
}
_IN_PATH: _Message = {**_IN_QUERY, "type": (5, _text), "uniqueItems": (19, _flag)}
# By where a parameter stands: which of the alternatives it is.
_PARAMETERS: Mapping[str, _Field] = {
    "body": _within(1, _message(_BODY)),
    "query": _within(2, _within(3, _message(_IN_QUERY))),
    "path": _within(2, _within(4, _message(_IN_PATH))),
}


def _parameter_v2(number: int, value: KubeObject) -> bytes:
    return _PARAMETERS[value["in"]](number, value)


_RESPONSE_V2: _Message = {"description": (1, _text), "schema": (2, _within(1, _schema_v2))}
_OPERATION_V2: _Message = {
    "tags": (1, _each(_text)),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _each(_text)),
    "consumes": (7, _each(_text)),
    "parameters": (8, _each(_or_reference(_parameter_v2))),
    "responses": (9, _within(1, _entries(_within(1, _message(_RESPONSE_V2))))),
    "schemes": (10, _each(_text)),
    _EXTENSIONS: (13, _anything),
}
_PATH_V2: _Message = {
    **{
        method: (number, _message(_OPERATION_V2))
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), start=2)
    },
    "parameters": (9, _each(_or_reference(_parameter_v2))),
}
_API_KEY: _Message = {"type": (1, _text), "name": (2, _text), "in": (3, _text), "description": (4, _text)}
_DOCUMENT_V2: _Message = {
    "swagger": (1, _text),
    "info": (2, _message({"title": (1, _text), "version": (2, _text)})),
    "paths": (8, _within(2, _entries(_message(_PATH_V2)))),
    "definitions": (9, _within(1, _entries(_schema_v2))),
    "parameters": (10, _within(1, _entries(_parameter_v2))),
    "security": (12, _each(_within(1, _entries(_within(1, _each(_text)))))),
    "securityDefinitions": (13, _within(1, _entries(_within(2, _message(_API_KEY))))),
}


# --- version 3 --------------------------------------------------------------------------------------------------------


def _schema_v3(number: int, value: KubeObject) -> bytes:
    return tagged(number, _encoded(_SCHEMA_V3, value))


_schema_or_reference = _or_reference(_schema_v3)
_SCHEMA_V3: _Message = {
    "nullable": (1, _flag),
    "externalDocs": (6, _message(_EXTERNAL_DOCS)),
    "example": (7, _anything),
    "title": (9, _text),
    "multipleOf": (10, _double),
    "maximum": (11, _double),
    "exclusiveMaximum": (12, _flag),
    "minimum": (13, _double),
    "exclusiveMinimum": (14, _flag),
    "maxLength": (15, _count),
    "minLength": (16, _count),
    "pattern": (17, _text),
    "maxItems": (18, _count),
    "minItems": (19, _count),
    "uniqueItems": (20, _flag),
    "maxProperties": (21, _count),
    "minProperties": (22, _count),
    "required": (23, _each(_text)),
    "enum": (24, _each(_anything)),
    "type": (25, _text),
    "allOf": (26, _each(_schema_or_reference)),
    "oneOf": (27, _each(_schema_or_reference)),
    "anyOf": (28, _each(_schema_or_reference)),
    "not": (29, _schema_v3),
    "items": (30, _within(1, _schema_or_reference)),
    "properties": (31, _within(1, _entries(_schema_or_reference))),
    "additionalProperties": (32, _or_flag(_schema_or_reference)),
    "default": (33, _default),
    "description": (34, _text),
    "format": (35, _text),
    _EXTENSIONS: (36, _anything),
}
_content = _within(1, _entries(_message({"schema": (1, _schema_or_reference)})))
_PARAMETER: _Message = {
    "name": (1, _text),
    "in": (2, _text),
    "description": (3, _text),
    "required": (4, _flag),
    "schema": (10, _schema_or_reference),
}
_parameters = _each(_within(1, _message(_PARAMETER)))
_RESPONSE_V3: _Message = {"description": (1, _text), "content": (3, _content)}
_OPERATION_V3: _Message = {
    "tags": (1, _each(_text)),
    "description": (3, _text),
    "operationId": (5, _text),
    "parameters": (6, _parameters),
    "requestBody": (7, _within(1, _message({"content": (2, _content), "required": (3, _flag)}))),
    "responses": (8, _within(2, _entries(_within(1, _message(_RESPONSE_V3))))),
    _EXTENSIONS: (13, _anything),
}
_PATH_V3: _Message = {
    **{
        method: (number, _message(_OPERATION_V3))
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), start=4)
    },
    "parameters": (13, _parameters),
}
_SECURITY_SCHEME: _Message = {"type": (1, _text), "description": (2, _text), "name": (3, _text), "in": (4, _text)}
_COMPONENTS: _Message = {
    "schemas": (1, _within(1, _entries(_schema_or_reference))),
    "securitySchemes": (7, _within(1, _entries(_within(1, _message(_SECURITY_SCHEME))))),
}
_DOCUMENT_V3: _Message = {
    "openapi": (1, _text),
    "info": (2, _message({"title": (1, _text), "version": (6, _text)})),
    "paths": (4, _within(1, _entries(_message(_PATH_V3)))),
    "components": (5, _message(_COMPONENTS)),
}
