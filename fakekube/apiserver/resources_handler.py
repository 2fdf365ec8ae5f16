"""From a path to a verb: which resource is meant, whether it knows the method, and how the answer shall look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fakekube.apiserver.call import Answer, Call, Handler, warning_headers
from fakekube.apiserver.discovery import page_not_found
from fakekube.apiserver.filters import status_response
from fakekube.apiserver.query import require_duration
from fakekube.apiserver.represent import representation
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import RequestInfo, parse_query, request_info
from fakekube.apiserver.response import Response
from fakekube.apiserver.subresources import NO_TABLE, SUBRESOURCES, VIRTUAL
from fakekube.apiserver.verbs import VERBS
from fakekube.meta.errors import Details, StatusError, bad_request, not_found, not_implemented
from fakekube.registry.crd.deletion import DEFINITIONS
from fakekube.registry.crd.depth import allow_deep_objects
from fakekube.registry.resources import Subresource
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

_OF_ONE_OBJECT = frozenset(["get", "update", "patch", "delete"])
_OF_ALL_NAMESPACES = frozenset(["list", "watch"])


def unknown_path() -> StatusError:
    """404 of the router: the path is of the right form, but nothing is there."""
    return StatusError(
        code=404, reason="NotFound", message="the server could not find the requested resource", details=Details()
    )


def method_not_allowed() -> StatusError:
    return StatusError(
        code=405,
        reason="MethodNotAllowed",
        message="the server does not allow this method on the requested resource",
        details=Details(),
    )


def _method_refused(served: Served, verb: str) -> StatusError:
    """405: custom resources are refused in other words."""
    if served.type.custom is None:
        return method_not_allowed()
    return StatusError(
        code=405,
        reason="MethodNotAllowed",
        message=f'{verb} is not supported on resources of kind "{served.type.qualified}"',
        details=Details(group=served.type.group, kind=served.type.plural),
    )


def serve_resource(site: Site, request: Request) -> Answer | None:
    """The answer to a request for a resource; None when the path does not lead to a served group-version."""
    query = parse_query(request.query)
    info = request_info(request.method, request.path, query)
    if info is None or (info.group and site.catalog.group(info.group) is None):
        return None
    if not info.resource and not info.rest and request.path.endswith("/"):
        # /api/v1/ is a document of discovery
        return None
    served = site.served(info.group, info.version, info.resource)
    if served is None:
        if _is_custom_group(site, info.group):
            return page_not_found()
        raise unknown_path()
    custom = served.type.custom
    if custom is not None and _misplaced(served, info) and not _is_deeper(served, info):
        return page_not_found()
    warnings = list(_deprecations(served))
    try:
        subresource = _located(served, info)
        handler = _handler(served, info, subresource)
        _require_name(info.name)
        if info.verb != "watch":
            require_duration(query.get("timeout", ""))
        shape = representation(
            request.headers.get("accept", ""),
            query,
            info.verb,
            site.now,
            custom=custom is not None,
            virtual=info.subresource in NO_TABLE
            or (info.verb == "create" and (subresource is not None or served.type.qualified in VIRTUAL)),
        )
    except StatusError as error:
        if not warnings or custom is None:  # the router refuses without them
            raise
        return _refused(error, request.headers.get("accept", ""), warnings)
    call = Call(
        site=site,
        request=request,
        info=info,
        query=query,
        served=served,
        subresource=subresource,
        representation=shape,
        warnings=warnings,
    )
    return _warned(call, handler)


# Said with every answer about these resources.
_DEPRECATIONS = {
    "endpoints": ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",),
    "componentstatuses": ("v1 ComponentStatus is deprecated in v1.19+",),
}


def _deprecations(served: Served) -> Sequence[str]:
    custom = served.type.custom
    if custom is None:
        return _DEPRECATIONS.get(served.type.qualified, ())
    return (custom.warning,) if custom.warning else ()


def _warned(call: Call, handler: Handler) -> Answer:
    """The handler's answer; a refusal carries the warnings too."""
    if call.served.type.custom is not None or call.served.type.qualified == DEFINITIONS:
        allow_deep_objects()
    try:
        return handler(call)
    except StatusError as error:
        return _refused(error, call.header("accept"), call.warnings)


def _refused(error: StatusError, accept: str, warnings: Sequence[str]) -> Response:
    refused = status_response(error, accept)
    return Response(status=refused.status, headers=(*refused.headers, *warning_headers(warnings)), body=refused.body)


def _located(served: Served, info: RequestInfo) -> Subresource | None:
    """The subresource meant. 404 where scope and path do not fit, or nothing is served at the path.

    A name with an encoded slash is a path of more segments to the real router.
    """
    if served.type.custom is not None and _is_deeper(served, info):
        raise not_found(served.type.plural, served.type.group, info.name.partition("/")[0])
    if _misplaced(served, info):
        raise unknown_path()
    if not info.subresource:
        return None
    found = served.type.subresources.get(info.subresource)
    if found is None and served.type.custom is not None:
        raise not_found(served.type.plural, served.type.group, info.name)
    if found is None or (info.rest and info.subresource != "proxy"):
        raise unknown_path()
    return found


def _misplaced(served: Served, info: RequestInfo) -> bool:
    nameless = served.namespaced and bool(info.name) and not info.namespace
    return nameless or "/" in info.name or (not served.namespaced and info.inside)


def _is_deeper(served: Served, info: RequestInfo) -> bool:
    """Whether an encoded slash in the name alone makes the path one that leads too deep."""
    return "/" in info.name and not _misplaced(served, replace(info, name="a"))


def _is_custom_group(site: Site, name: str) -> bool:
    """Whether definitions alone serve the group: its router is another one, with other words."""
    group = site.catalog.group(name)
    versions = group.versions if group is not None else ()
    resources = [each for version in versions for each in site.catalog.resources(name, version)]
    return bool(resources) and all(each.custom is not None for each in resources)


def _handler(served: Served, info: RequestInfo, subresource: Subresource | None) -> Handler:
    """The function for the verb. 405 for a method the resource does not know."""
    if subresource is not None:
        if info.verb not in subresource.verbs:
            raise _method_refused(served, info.verb)
        found = SUBRESOURCES.get((served.type.qualified, subresource.name)) or SUBRESOURCES.get(("*", subresource.name))
        handler = found.get(info.verb) if found else None
        if handler is None:
            raise not_implemented(f"{served.type.qualified}/{subresource.name}")
        return handler
    everywhere = served.namespaced and not info.namespace
    if info.verb not in served.type.verbs or (everywhere and info.verb not in _OF_ALL_NAMESPACES):
        raise _method_refused(served, info.verb)
    # a watch of one name comes by the old path, /watch/...
    if info.verb != "watch" and bool(info.name) != (info.verb in _OF_ONE_OBJECT):
        raise _method_refused(served, info.verb)
    handler = VIRTUAL.get(served.type.qualified, VERBS).get(info.verb)
    if handler is None:
        raise _method_refused(served, info.verb)
    return handler


def _require_name(name: str) -> None:
    """Names that could never stand in a path."""
    if name in (".", ".."):
        raise bad_request(f"Name parameter invalid: {name!r}: may not be '.' or '..'")
    if "%" in name:
        raise bad_request(f"Name parameter invalid: \"{name}\": may not contain '%'")
