"""The verbs of subresources: a table by resource (`*`: of all) and subresource, small functions behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fakekube.apiserver.apply import APPLY_PATCH
from fakekube.apiserver.apply_scale import apply_scale
from fakekube.apiserver.bodies import decoded_body, require_name
from fakekube.apiserver.call import NO_CACHE, Answer, Call, Handler, answer
from fakekube.apiserver.codec import media_type
from fakekube.apiserver.patches import patch, patch_options, patch_type, patched_view
from fakekube.apiserver.response import Response
from fakekube.apiserver.verbs import get, update_
from fakekube.apiserver.write_options import BodyOptions, body_options, delete_request_from_body
from fakekube.meta.errors import bad_request, not_implemented
from fakekube.meta.objects import GroupVersionKind, KubeObject, metadata, name_of
from fakekube.registry.crd.scale import ScalePaths, require_replicas
from fakekube.registry.crd.scale import scale_of as custom_scale_of
from fakekube.registry.crd.scale import scaled as custom_scaled
from fakekube.registry.create import in_namespace
from fakekube.registry.defaulting import default_kind
from fakekube.registry.metadata import timestamp, with_metadata
from fakekube.registry.options import WriteOptions
from fakekube.registry.pods import bind, evict, require_eviction_name
from fakekube.registry.reviews import REVIEWS, reviewed
from fakekube.registry.rules import tracked_view
from fakekube.registry.scale import scale_of, scaled
from fakekube.registry.tokens import issue
from fakekube.registry.update import Change, require, update


def _encoded(call: Call, status: int, obj: KubeObject) -> Answer:
    return answer(call, status, call.representation.view(call.served, obj))


def get_scale(call: Call) -> Answer:
    item = require(call.site, call.served, call.namespace, call.info.name)
    paths = _scale_paths(call)
    if paths is not None:
        require_replicas(item.obj, paths)
    return _encoded(call, 200, _scale_of(call, item.obj))


def _scale_paths(call: Call) -> ScalePaths | None:
    """Where a custom resource keeps its replicas."""
    custom = call.served.type.custom
    return None if custom is None else custom.scale


def _scale_of(call: Call, obj: KubeObject) -> KubeObject:
    paths = _scale_paths(call)
    return scale_of(call.served, obj) if paths is None else custom_scale_of(obj, paths)


def _scaled(call: Call, live: KubeObject, scale: KubeObject) -> KubeObject:
    paths = _scale_paths(call)
    return scaled(live, scale) if paths is None else custom_scaled(live, scale, paths)


def update_scale(call: Call) -> Answer:
    options = body_options("UpdateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    scale = decoded_body(call, options)
    require_name(call.info.name, scale)
    return _write_scale(call, lambda live: _scaled(call, live, scale), options.write)


def patch_scale(call: Call) -> Answer:
    if media_type(call.header("content-type")) == APPLY_PATCH:
        return _encoded(call, 200, _scale_of(call, apply_scale(call).obj))
    patch_type(call)
    options = patch_options(call)

    def change(live: KubeObject) -> KubeObject:
        return _scaled(call, live, patched_view(call, _scale_of(call, live), options))

    return _write_scale(call, change, options.write)


def _write_scale(call: Call, change: Change, options: WriteOptions) -> Answer:
    item = update(
        call.site,
        call.served,
        call.namespace,
        call.info.name,
        change,
        options,
        subresource="scale",
        uid_is_precondition=True,
    )
    return _encoded(call, 200, _scale_of(call, item.obj))


def create_binding(call: Call) -> Answer:
    """Of one pod, or by the older path, where only the body names the pod."""
    options = body_options("CreateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    binding = decoded_body(call, options)
    if call.subresource is not None and not name_of(binding):
        binding = with_metadata(binding, name=call.info.name)
    pods = call.site.stored()["pods"]
    bind(call.site, pods, call.namespace, binding, options.write)
    return _done(call)


# The version in which evictions came first; it is still taken.
_FORMER_EVICTION = (b"policy/v1beta1", b"policy/v1")


def create_eviction(call: Call) -> Answer:
    options = body_options("CreateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    eviction = decoded_body(call, options, former=_FORMER_EVICTION)
    require_eviction_name(call.info.name, eviction)
    request = delete_request_from_body(eviction.get("deleteOptions") or {})
    dry_run = request.options.dry_run or options.write.dry_run
    wanted = replace(request.options, dry_run=dry_run, user=call.request.user, warnings=call.warnings)
    evict(call.site, call.served, call.namespace, call.info.name, wanted)
    return _done(call)


def _done(call: Call) -> Answer:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return _encoded(call, 201, status)


def create_token(call: Call) -> Answer:
    options = body_options("CreateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    request = default_kind(decoded_body(call, options), TOKEN_REQUEST)
    account = require(call.site, call.served, call.namespace, call.info.name)
    return _encoded(call, 201, _owned(call, request, issue(call.site, account, request), options))


def _owned(call: Call, sent: KubeObject, answered: KubeObject, options: BodyOptions) -> KubeObject:
    """What is answered and not stored has its managedFields too: of what was sent."""
    kind = call.served.type.gvk if call.subresource is None else call.subresource.gvk
    time = timestamp(call.site.now())
    owned = tracked_view(sent, kind, time, options.write.manager, call.info.subresource)
    return with_metadata(answered, managedFields=metadata(owned).get("managedFields"))


TOKEN_REQUEST = GroupVersionKind("authentication.k8s.io", "v1", "TokenRequest")


def create_review(call: Call) -> Answer:
    options = body_options("CreateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    review = in_namespace(call.served, call.namespace, decoded_body(call, options))
    owned = _owned(call, review, review, options)
    return _encoded(call, 201, reviewed(call.site, call.served.type.qualified, owned, call.request.user))


def get_log(call: Call) -> Answer:
    """A pod that runs nowhere has no log: 204. One that is assigned would have its log on a node, and there is none."""
    pod = require(call.site, call.served, call.namespace, call.info.name)
    container = call.query.get("container", "")
    if container and container not in _containers(pod.obj):
        raise bad_request(f"container {container} is not valid for pod {pod.name}")
    node = (pod.obj.get("spec") or {}).get("nodeName")
    if not node:
        return answer(call, 204, b"")
    return Response(status=200, headers=(("Content-Type", "text/plain"), NO_CACHE), body=b"")


def _containers(pod: KubeObject) -> set[str]:
    spec = pod.get("spec") or {}
    lists = (spec.get(kind) or [] for kind in ("initContainers", "containers", "ephemeralContainers"))
    return {each["name"] for found in lists for each in found}


def connect(call: Call) -> Answer:
    """exec, attach and port-forward need a node that runs the pod: refused, and said why."""
    pod = require(call.site, call.served, call.namespace, call.info.name)
    if not (pod.obj.get("spec") or {}).get("nodeName"):
        raise bad_request(f"pod {pod.name} does not have a host assigned")
    raise not_implemented(f"{call.info.subresource} into a pod")


_STATUS: Mapping[str, Handler] = {"get": get, "update": update_, "patch": patch}
_SCALE: Mapping[str, Handler] = {"get": get_scale, "update": update_scale, "patch": patch_scale}
_CONNECT: Mapping[str, Handler] = {"get": connect, "create": connect}

SUBRESOURCES: Mapping[tuple[str, str], Mapping[str, Handler]] = {
    ("*", "status"): _STATUS,
    ("*", "scale"): _SCALE,
    ("certificatesigningrequests.certificates.k8s.io", "approval"): _STATUS,
    ("namespaces", "finalize"): {"update": update_},
    ("pods", "attach"): _CONNECT,
    ("pods", "binding"): {"create": create_binding},
    ("pods", "ephemeralcontainers"): _STATUS,
    ("pods", "eviction"): {"create": create_eviction},
    ("pods", "exec"): _CONNECT,
    ("pods", "log"): {"get": get_log},
    ("pods", "portforward"): _CONNECT,
    ("pods", "resize"): _STATUS,
    ("serviceaccounts", "token"): {"create": create_token},
}

# Parts of a pod that nobody prints as a table.
NO_TABLE = frozenset(["ephemeralcontainers", "resize"])
# Resources that are posted and answered, but never stored.
VIRTUAL: Mapping[str, Mapping[str, Handler]] = {
    "bindings": {"create": create_binding},
    **{resource: {"create": create_review} for resource in REVIEWS},
}
