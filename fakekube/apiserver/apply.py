"""Server-side apply: PATCH with an apply patch creates the object, or merges a manager's wishes into it.

Source: k8s.io/apiserver/pkg/endpoints/handlers/patch.go (applyPatcher), answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.apiserver.bodies import require_name
from fakekube.apiserver.call import Answer, Call, answer
from fakekube.apiserver.codec import Parsed, parse
from fakekube.apiserver.goyaml import YamlFault
from fakekube.apiserver.list_options import options_invalid
from fakekube.apiserver.query import bool_of
from fakekube.apiserver.write_options import BodyOptions, body_options
from fakekube.meta.errors import Cause, StatusError, bad_request, invalid, not_found
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, metadata, uid_of
from fakekube.registry.canonical import DecodeError, json_word
from fakekube.registry.create import create
from fakekube.registry.managedfields import ObjectType, after_apply
from fakekube.registry.metadata import with_metadata
from fakekube.registry.rules import canonical, object_type, write_of
from fakekube.registry.update import require, update

APPLY_PATCH = "application/apply-patch+yaml"


def apply(call: Call) -> Answer:
    """201 with the object that the config made, 200 with the one it was merged into."""
    options = applier_options(call)
    if call.info.subresource:
        require(call.site, call.served, call.namespace, call.info.name)
    config = applied_config(call, call.served.type.gvk)
    force = bool(bool_of(call.query, "force"))
    site, served, namespace, name = call.site, call.served, call.namespace, call.info.name
    if site.store.get(served.key, namespace, name) is None:
        obj = with_metadata(_applied(call, None, config, options, force), resourceVersion=None)
        item = create(site, served, namespace, obj, options.write, tracks=False)
        return answer(call, 201, call.representation.one(served, item))
    item = update(
        site,
        served,
        namespace,
        name,
        lambda live: _applied(call, live, config, options, force),
        options.write,
        subresource=call.info.subresource,
        tracks=False,
    )
    return answer(call, 200, call.representation.one(served, item))


def applier_options(call: Call) -> BodyOptions:
    """An applier must say who it is."""
    options = body_options("PatchOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    if not call.query.get("fieldManager"):
        message = "Required value: is required for apply patch"
        raise options_invalid(
            "PatchOptions", [Cause(reason="FieldValueRequired", message=message, field="fieldManager")]
        )
    return options


def applied_config(call: Call, expected: GroupVersionKind) -> KubeObject:
    """The config in the body, checked against the request: its kind, and what it may not hold."""
    parsed = _parsed(call.request.body)
    _tell_duplicates(call, parsed.duplicates)
    config = _object_of(parsed.value)
    found = GroupVersionKind(*group_of(str(config.get("apiVersion") or "")), str(config.get("kind") or ""))
    if found != expected:
        raise bad_request(f"invalid object type: {found.group}/{found.version}, Kind={found.kind}")
    meta = metadata(config)
    if "managedFields" in meta:
        raise bad_request("metadata.managedFields must be nil")
    return config


def _parsed(body: bytes) -> Parsed:
    try:
        return parse(body, APPLY_PATCH)
    except YamlFault as fault:
        raise bad_request(f"error encoding patch: {fault}") from None


def _tell_duplicates(call: Call, duplicates: Sequence[str]) -> None:
    """Keys that stand twice in one map: the last one counts. Told or refused only when the client asks for that."""
    match call.query.get("fieldValidation"):
        case "Strict" if duplicates:
            lines = "\n  ".join(("yaml: unmarshal errors:", *duplicates))
            raise bad_request(f"error strict decoding patch: error converting YAML to JSON: {lines}")
        case "Warn":
            call.warnings.extend(duplicates)


def _object_of(value: Any) -> KubeObject:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    what = f"{json_word(value)} into Go value of type map[string]interface {{}}"
    raise bad_request(
        f"error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {what}"
    )


def _applied(call: Call, live: KubeObject | None, config: KubeObject, options: BodyOptions, force: bool) -> KubeObject:
    """The object with `config` merged in and its managers brought up to date."""
    subresource = call.info.subresource
    if live is None and subresource:
        raise not_found(call.served.type.plural, call.served.type.group, call.info.name)
    write = write_of(call.site, call.served, options.write.manager, subresource)
    merged = after_apply(live, config, write, type_of(call), force=force)
    require_name(call.info.name, merged)
    if live is None and uid_of(config):
        raise _uid_is_immutable(call, uid_of(config))
    if live is not None and _differs_in_owners_alone(merged, live):
        # nothing was applied, so nothing is defaulted: a version that reads what another has stored may lack defaults
        return merged
    try:
        return canonical(call.served, merged)
    except DecodeError as error:
        # the schema knows less than the Go type: base64, ranges of numbers; the real server calls that its own error
        raise StatusError(code=500, reason="", message=str(error)) from None


def _differs_in_owners_alone(merged: KubeObject, live: KubeObject) -> bool:
    return merged == {**live, "metadata": {**metadata(live), "managedFields": metadata(merged).get("managedFields")}}


def type_of(call: Call) -> ObjectType:
    found = object_type(call.served)
    if found is None:
        raise StatusError(code=500, reason="", message=f"no corresponding type for {call.served.type.gvk.kind}")
    return found


def _uid_is_immutable(call: Call, uid: str) -> StatusError:
    message = f'Invalid value: "{uid}": field is immutable'
    cause = Cause(reason="FieldValueInvalid", message=message, field="metadata.uid")
    return invalid(call.served.type.kind, call.served.type.group, call.info.name, [cause])
