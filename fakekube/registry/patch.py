"""JSON Patch (RFC 6902, by the jsonpatch package) and JSON merge patch (RFC 7386), as the apiserver applies them.

Every function leaves the live object alone and gives back a new one. What cannot be applied is a StatusError in the
real server's words; whether the result is a valid object is for others to say.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import jsonpatch
import jsonpointer
import msgspec

from fakekube.meta.errors import Cause, Details, StatusError, bad_request, invalid
from fakekube.meta.objects import KubeObject
from fakekube.registry.schema import Schema
from fakekube.registry.strategic import strategic_merge

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

MAX_OPERATIONS = 10_000


def apply_patch(
    content_type: str, live: KubeObject, body: bytes, schema: Schema | None, *, checked: bool = True
) -> KubeObject:
    """`live` with the patch applied. `schema` gives the merge keys of a strategic merge patch.

    `checked` is false under fieldValidation=Ignore: a merge patch is then not read before it is applied.
    """
    if content_type == JSON_PATCH:
        return apply_json_patch(live, body)
    patch = _parsed(body)
    if content_type == STRATEGIC_PATCH:
        merged: KubeObject = strategic_merge(live, _strategic(patch), schema)
        return merged
    _require_mergeable(patch, checked)
    return dict(merge(live, patch))


def _strategic(patch: object) -> KubeObject:
    """The object of a strategic merge patch; null is an empty one."""
    if patch is None:
        return {}
    if not isinstance(patch, dict):
        raise bad_request(_cannot_unmarshal(patch, _GO_MAP))
    return patch


def _require_mergeable(patch: object, checked: bool) -> None:
    """The library behind merge patches takes lists too, and what comes of them is no object."""
    if isinstance(patch, dict):
        return
    if patch is None or not (checked or isinstance(patch, list)):
        raise bad_request("Invalid JSON Patch")
    if checked:
        raise _wrong_type(patch, _GO_MAP)
    shown = msgspec.json.encode(msgspec.json.encode(patch).decode()).decode()
    why = f"couldn't get version/kind; json parse error: {_cannot_unmarshal(patch, GO_ENVELOPE)}"
    raise invalid(
        "", "", "", [Cause(reason="FieldValueInvalid", message=f"Invalid value: {shown}: {why}", field="patch")]
    )


def merge(live: object, patch: object) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_json_patch(live: KubeObject, body: bytes) -> KubeObject:
    """RFC 6902, with the habits of the Go library behind the real server (see `_in_our_words`)."""
    operations = _operations(body)
    if len(operations) > MAX_OPERATIONS:
        raise _too_many(len(operations))
    for operation in operations:
        if not isinstance(operation, dict):
            raise _wrong_type(operation, "handlers.jsonPatchOp")
    patched = copy.deepcopy(live)
    try:
        for operation in operations:
            patched = jsonpatch.JsonPatch([_in_our_words(patched, operation)]).apply(patched, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, ValueError, TypeError, KeyError) as error:
        raise _unprocessable() from error
    if not isinstance(patched, dict):
        raise _unprocessable()
    return patched


def _in_our_words(document: KubeObject, operation: Mapping[str, Any]) -> KubeObject:
    """The operation as RFC 6902 would write what the real server does with it.

    Seen on kube-apiserver 1.37.2: a path without a leading slash loses its first segment, `add` without a value
    stores null, `replace` of an absent member adds it, index -1 appends (or names the last element), and `test`
    tells 3 from 3.0.
    """
    spelled = {**operation, "path": _path(document, operation, "path")}
    if "from" in operation:
        spelled["from"] = _path(document, operation, "from")
    if spelled["path"] == "":
        raise ValueError("the whole document cannot be replaced")
    if operation.get("op") in ("add", "replace"):
        spelled.setdefault("value", None)
    if operation.get("op") == "replace" and isinstance(_parent(document, spelled["path"]), dict):
        spelled["op"] = "add"
    if operation.get("op") == "test":
        _require_equal(document, spelled)
    return spelled


def _path(document: KubeObject, operation: Mapping[str, Any], member: str) -> str:
    path = operation[member]
    if not isinstance(path, str):
        raise TypeError(f"{member} must be a string")
    _, slash, rest = path.partition("/")
    pointer = slash + rest
    if not pointer.endswith("/-1"):
        return pointer
    parent = _parent(document, pointer)
    if not isinstance(parent, list):
        return pointer
    last = "-" if operation.get("op") == "add" and member == "path" else str(len(parent) - 1)
    return f"{pointer[:-2]}{last}"


def _parent(document: KubeObject, pointer: str) -> object:
    return jsonpointer.JsonPointer(pointer.rpartition("/")[0]).resolve(document)


def _require_equal(document: KubeObject, operation: KubeObject) -> None:
    found = jsonpointer.JsonPointer(operation["path"]).resolve(document, None)
    if msgspec.json.encode(found, order="sorted") != msgspec.json.encode(operation.get("value"), order="sorted"):
        raise ValueError("test failed")


def _operations(body: bytes) -> list[Any]:
    value = _parsed(body)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong_type(value, "[]handlers.jsonPatchOp")
    return value


def require_json(body: bytes) -> None:
    """400 for a patch that is no JSON: said before the object is looked for."""
    _parsed(body)


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:  # nesting beyond a thousand is refused here
        raise bad_request("invalid JSON patch") from error


_GO_MAP = "map[string]interface {}"
# What the real server reads kind and version of a body into, as its errors name it.
GO_ENVELOPE = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_JSON_TYPES: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "bool"}


def _cannot_unmarshal(value: object, go_type: str) -> str:
    return f"json: cannot unmarshal {_JSON_TYPES.get(type(value), 'number')} into Go value of type {go_type}"


def _wrong_type(value: object, go_type: str) -> StatusError:
    return bad_request(f"error decoding patch: {_cannot_unmarshal(value, go_type)}")


def _too_many(count: int) -> StatusError:
    return StatusError(
        code=413,
        reason="RequestEntityTooLarge",
        message="Request entity too large: "
        f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}",
    )


def _unprocessable() -> StatusError:
    return StatusError(
        code=422,
        reason="Invalid",
        message="the server rejected our request due to an error in our request",
        details=Details(),
    )
