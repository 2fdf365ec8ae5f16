"""The verbs of subresources: a table by resource (`*`: of all) and subresource, small functions behind it."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.apiserver.bodies import decoded_body, require_name
from fakekube.apiserver.call import Answer, Call, Handler, answer
from fakekube.apiserver.codec import encode
from fakekube.apiserver.patches import patch, patch_options, patched_view
from fakekube.apiserver.verbs import get, update_
from fakekube.apiserver.write_options import body_options
from fakekube.meta.objects import KubeObject
from fakekube.registry.options import WriteOptions
from fakekube.registry.scale import scale_of, scaled
from fakekube.registry.update import Change, require, update


def _encoded(call: Call, status: int, obj: KubeObject) -> Answer:
    return answer(call, status, encode(obj, call.representation.content_type))


def get_scale(call: Call) -> Answer:
    item = require(call.site, call.served, call.namespace, call.info.name)
    return _encoded(call, 200, scale_of(call.served, item.obj))


def update_scale(call: Call) -> Answer:
    options = body_options("UpdateOptions", call.query, call.header("user-agent"))
    scale = decoded_body(call, options)
    require_name(call.info.name, scale)
    return _write_scale(call, lambda live: scaled(live, scale), options.write)


def patch_scale(call: Call) -> Answer:
    options = patch_options(call)

    def change(live: KubeObject) -> KubeObject:
        return scaled(live, patched_view(call, scale_of(call.served, live), options))

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
    return _encoded(call, 200, scale_of(call.served, item.obj))


_STATUS: Mapping[str, Handler] = {"get": get, "update": update_, "patch": patch}
_SCALE: Mapping[str, Handler] = {"get": get_scale, "update": update_scale, "patch": patch_scale}

SUBRESOURCES: Mapping[tuple[str, str], Mapping[str, Handler]] = {
    ("*", "status"): _STATUS,
    ("*", "scale"): _SCALE,
    ("namespaces", "finalize"): {"update": update_},
}
