"""The bodies of writes: an object of the expected kind, or DeleteOptions."""

from __future__ import annotations

from dataclasses import replace

from fakekube.apiserver.call import Call
from fakekube.apiserver.codec import DELETE_OPTIONS, decode, decode_custom
from fakekube.apiserver.write_options import (
    BodyOptions,
    DeleteRequest,
    delete_request_from_body,
    delete_request_from_query,
)
from fakekube.meta.errors import StatusError, bad_request
from fakekube.meta.objects import KubeObject, name_of

# Whatever is wrong with the Scale of a custom resource: its router does not know the type that it would speak of.
_UNTYPED_SCALE = 'no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"'


def decoded_body(call: Call, options: BodyOptions, *, former: tuple[bytes, bytes] = (b"", b"")) -> KubeObject:
    """The object in the body, in canonical form; what is odd about it becomes warnings.

    `former` is a version that is taken for another one, of the same form.
    """
    expected = call.served.type.gvk if call.subresource is None else call.subresource.gvk
    content_type = call.header("content-type")
    custom = call.served.type.custom
    if custom is not None and (call.subresource is None or call.subresource.name == "status"):
        found = decode_custom(
            call.request.body, content_type, expected, custom, field_validation=options.field_validation
        )
        call.warnings.extend(found.warnings)
        return found.object
    try:
        decoded = decode(
            call.request.body.replace(*former, 1), content_type, expected, field_validation=options.field_validation
        )
    except StatusError as error:
        if custom is None or error.code != 400:
            raise
        raise bad_request(_UNTYPED_SCALE) from None
    call.warnings.extend(decoded.warnings)
    options.write.emptied.extend(decoded.emptied)
    return decoded.object


def delete_request(call: Call) -> DeleteRequest:
    """All from the body when there is one; then the query does not count."""
    if not call.request.body:
        return _by_user(call, delete_request_from_query(call.query))
    decoded = decode(call.request.body, call.header("content-type"), DELETE_OPTIONS, field_validation="Ignore")
    return _by_user(call, delete_request_from_body(decoded.object))


def _by_user(call: Call, request: DeleteRequest) -> DeleteRequest:
    """Only a gate, policies and webhooks want to know who deletes."""
    if call.site.gate is None and call.site.dynamic is None:
        return request
    options = replace(request.options, user=call.request.user, warnings=call.warnings)
    return replace(request, options=options)


def require_name(name: str, obj: KubeObject) -> None:
    """The body must name the object that the path names."""
    found = name_of(obj)
    if not found:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if found != name:
        raise bad_request(f"the name of the object ({found}) does not match the name on the URL ({name})")
