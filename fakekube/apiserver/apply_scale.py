"""Server-side apply of a Scale: its replicas are owned as a field of the object that it scales.

Source: k8s.io/apimachinery/pkg/util/managedfields (ScaleHandler), and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from dataclasses import replace

from fakekube.apiserver.apply import applied_config, applier_options, type_of
from fakekube.apiserver.bodies import require_name
from fakekube.apiserver.call import Call
from fakekube.apiserver.query import bool_of
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import GroupVersionKind, KubeObject, metadata
from fakekube.registry.managedfields import after_apply, require_fitting
from fakekube.registry.rules import write_of
from fakekube.registry.scale import scaled
from fakekube.registry.schema import schema_for
from fakekube.registry.update import require, update
from fakekube.storage.items import Item

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")


def apply_scale(call: Call) -> Item:
    """The scaled object. 409 where another manager owns the replicas, unless forced."""
    options = applier_options(call)
    require(call.site, call.served, call.namespace, call.info.name)
    config = applied_config(call, SCALE)
    scale_type = schema_for(SCALE)
    assert scale_type is not None, "Scale is a built-in kind"
    require_fitting(config, scale_type)
    if metadata(config).get("name"):
        require_name(call.info.name, config)
    return update(
        call.site,
        call.served,
        call.namespace,
        call.info.name,
        lambda live: _applied(call, live, config, options.write.manager),
        options.write,
        subresource="scale",
        tracks=False,
    )


def _applied(call: Call, live: KubeObject, config: KubeObject, manager: str) -> KubeObject:
    """`live` with the replicas of `config`; without any it has none left to want."""
    replicas = (config.get("spec") or {}).get("replicas")
    wanted = {
        "apiVersion": call.served.type.api_version,
        "kind": call.served.type.kind,
        "metadata": {"name": call.info.name},
        **({} if replicas is None else {"spec": {"replicas": replicas}}),
    }
    write = write_of(call.site, call.served, manager, "scale")
    force = bool(bool_of(call.query, "force"))
    try:
        merged = after_apply(live, wanted, write, type_of(call), force=force)
    except StatusError as refusal:
        raise _in_scale(refusal, call.served.type.api_version) from None
    left = (merged.get("spec") or {}).get("replicas") or 0
    owned = metadata(merged).get("managedFields")
    obj = scaled(live, {"metadata": metadata(config), "spec": {"replicas": left}})
    return {**obj, "metadata": {**metadata(obj), "managedFields": owned}}


def _in_scale(refusal: StatusError, version: str) -> StatusError:
    """Other managers are named as if they had written a Scale."""
    said, meant = f" using {version}", f" using {SCALE.api_version}"
    refusal.message = refusal.message.replace(said, meant)
    if refusal.details is not None:
        causes = [replace(cause, message=cause.message.replace(said, meant)) for cause in refusal.details.causes]
        refusal.details = replace(refusal.details, causes=causes)
    return refusal
