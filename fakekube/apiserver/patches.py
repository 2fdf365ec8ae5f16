"""PATCH: by the Content-Type to one of the patches, and its result through the same update as a PUT."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.apiserver.apply import APPLY_PATCH, apply
from fakekube.apiserver.bodies import require_name
from fakekube.apiserver.call import Answer, Call, answer
from fakekube.apiserver.codec import media_type, unregistered, unsupported_media_type
from fakekube.apiserver.list_options import options_invalid
from fakekube.apiserver.patch_texts import decoded_order, repeated_names, shown_result
from fakekube.apiserver.write_options import BodyOptions, body_options
from fakekube.meta.errors import Cause, Details, StatusError, invalid
from fakekube.meta.objects import GroupVersionKind, KubeObject, metadata
from fakekube.registry.canonical import DecodeError, canonicalize, canonicalize_changed
from fakekube.registry.crd.custom import CustomVersion
from fakekube.registry.patch import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply_patch, require_json
from fakekube.registry.schema import is_registered, schema_for
from fakekube.registry.update import update

_BUILTIN = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)
_CUSTOM = (JSON_PATCH, MERGE_PATCH)


def patch(call: Call) -> Answer:
    """200 with the patched object."""
    if media_type(call.header("content-type")) == APPLY_PATCH:
        return apply(call)
    patch_type(call)
    options = patch_options(call)
    require_json(call.request.body)
    item = update(
        call.site,
        call.served,
        call.namespace,
        call.info.name,
        lambda live: patched_view(call, live, options),
        options.write,
        subresource=call.info.subresource,
    )
    return answer(call, 200, call.representation.one(call.served, item))


def patch_options(call: Call) -> BodyOptions:
    """Only apply may force."""
    if "force" in call.query:
        message = "Forbidden: may not be specified for non-apply patch"
        raise options_invalid("PatchOptions", [Cause(reason="FieldValueForbidden", message=message, field="force")])
    return body_options("PatchOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)


def patch_type(call: Call) -> str:
    """The media type of the patch. 415 for any other, and for none."""
    header = call.header("content-type")
    found = media_type(header)
    if call.served.type.custom is not None and found not in _CUSTOM:
        raise unsupported_media_type((*_CUSTOM, APPLY_PATCH))
    if not header or found not in _BUILTIN:
        call.warnings.clear()  # refused before anybody looks at the resource
        raise StatusError(
            code=415, reason="UnsupportedMediaType", message="415: Unsupported Media Type", details=Details()
        )
    return found


def patched_view(call: Call, live: KubeObject, options: BodyOptions) -> KubeObject:
    """`live`, the object or its Scale, with the patch applied, as an object of its kind."""
    gvk = call.served.type.gvk if live.get("kind") == call.served.type.kind else _gvk_of(live)
    if call.served.type.custom is not None and gvk == call.served.type.gvk:
        return _patched_custom(call, call.served.type.custom, live, options)
    kind, body = patch_type(call), call.request.body
    checked = options.field_validation != "Ignore"
    patched = _typed(kind, apply_patch(kind, live, body, schema_for(gvk), checked=checked), gvk)
    _refuse_versionless(call, patched)
    shown = shown_result(kind, patched, body, schema_for(gvk))
    patched = _of_kind(patched, gvk, shown)
    try:
        canonical = canonicalize_changed(patched, live, gvk)
        if canonical.strict_errors:
            canonical = canonicalize(decoded_order(kind, patched, body), gvk)
    except DecodeError as error:
        raise _undecodable(shown, str(error)) from None
    strange = [*repeated_names(kind, body), *canonical.strict_errors]
    if strange and options.field_validation == "Strict":
        raise _undecodable(shown, f"strict decoding error: {', '.join(strange)}")
    if options.field_validation != "Ignore":
        call.warnings.extend(strange)
    require_name(call.info.name, canonical.object)
    options.write.emptied.extend(canonical.emptied)
    if (patched.get("metadata") or {}).get("managedFields") == []:
        # an empty list is a wish: to forget who owns what
        return {**canonical.object, "metadata": {**canonical.object["metadata"], "managedFields": []}}
    return canonical.object


def _patched_custom(call: Call, custom: CustomVersion, live: KubeObject, options: BodyOptions) -> KubeObject:
    """The same for a custom resource; what kind it is then, validation asks."""
    kind, body = patch_type(call), call.request.body
    patched = apply_patch(kind, live, body, None)
    shown = shown_result(kind, patched, body)
    try:
        coerced = custom.coerced(decoded_order(kind, patched, body))
    except DecodeError as error:
        raise _undecodable(shown, str(error)) from None
    strange = [*repeated_names(kind, body), *coerced.strict_errors]
    if strange and options.field_validation == "Strict":
        raise _undecodable(shown, f"strict decoding error: {', '.join(strange)}")
    if options.field_validation != "Ignore":
        call.warnings.extend(strange)
    require_name(call.info.name, coerced.object)
    return coerced.object


def _typed(patch_kind: str, patched: KubeObject, gvk: GroupVersionKind) -> KubeObject:
    """The result with the kind that was meant. A strategic merge patch cannot change it, nor can one that removes it."""
    if patch_kind == STRATEGIC_PATCH:
        return {**patched, "kind": gvk.kind, "apiVersion": gvk.api_version}
    return {**patched, "kind": patched.get("kind") or gvk.kind}


def _of_kind(patched: KubeObject, gvk: GroupVersionKind, shown: Callable[[], str]) -> KubeObject:
    """The result as the kind that it must be: another version of it is converted, another kind is refused with 422."""
    actual = _gvk_of(patched)
    if actual == gvk:
        return patched
    if not is_registered(actual):
        raise _undecodable(shown, unregistered(actual))
    if (actual.group, actual.kind) == (gvk.group, gvk.kind):
        return _converted(patched, actual.version, gvk)
    try:
        if schema_for(actual) is not None:
            canonicalize(patched, actual)
    except DecodeError as error:
        raise _undecodable(shown, str(error)) from None
    internal = gvk.group.partition(".")[0] or "core"
    raise _undecodable(
        shown, f"converting ({actual.version}.{actual.kind}) to ({internal}.{gvk.kind}): unknown conversion"
    )


def _converted(patched: KubeObject, version: str, gvk: GroupVersionKind) -> KubeObject:
    """From another version of the same kind. Of those that are no longer served, v1beta1 gave labels by default."""
    meta, template = metadata(patched), (patched.get("spec") or {}).get("template") or {}
    labels = metadata(template).get("labels") if version == "v1beta1" else None
    if labels and not meta.get("labels"):
        patched = {**patched, "metadata": {**meta, "labels": labels}}
    return {**patched, "apiVersion": gvk.api_version}


def _refuse_versionless(call: Call, patched: KubeObject) -> None:
    """Without its apiVersion the object is read in its internal form, which has none of these fields."""
    if not patched.get("apiVersion"):
        unknown = sorted(patched.keys() - {"kind", "apiVersion"})
        call.warnings.extend(f'unknown field "{member}"' for member in unknown)
        require_name(call.info.name, {})


def _gvk_of(obj: KubeObject) -> GroupVersionKind:
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return GroupVersionKind(group, version, str(obj.get("kind") or ""))


def _undecodable(shown: Callable[[], str], why: str) -> StatusError:
    """422 that shows the whole result of the patch."""
    cause = Cause(reason="FieldValueInvalid", message=f"Invalid value: {shown()}: {why}", field="patch")
    return invalid("", "", "", [cause])
