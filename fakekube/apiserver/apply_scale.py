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
from fakekube.registry import fieldset
from fakekube.registry.crd.scale import ScalePaths, replicas_of, with_replicas
from fakekube.registry.managedfields import APPLY, after_apply, require_fitting
from fakekube.registry.rules import write_of
from fakekube.registry.scale import scaled
from fakekube.registry.schema import schema_for
from fakekube.registry.update import require, update
from fakekube.storage.items import Item

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")
_REPLICAS = ".spec.replicas"
_UNCONVERTIBLE = f"request to convert CR to an invalid group/version: {SCALE.api_version}"


def apply_scale(call: Call) -> Item:
    """The scaled object. 409 where another manager owns the replicas, unless forced; 500 for a custom resource that
    would be scaled: a real server does not know how, and only lets its replicas be claimed as they are."""
    options = applier_options(call)
    require(call.site, call.served, call.namespace, call.info.name)
    config = applied_config(call, SCALE)
    custom = call.served.type.custom
    scale_type = schema_for(SCALE)
    assert scale_type is not None, "Scale is a built-in kind"
    require_fitting(config, scale_type)
    if metadata(config).get("name") and custom is None:
        require_name(call.info.name, config)
    manager = options.write.manager

    def applied(live: KubeObject) -> KubeObject:
        if custom is None or custom.scale is None:
            return _applied(call, live, config, manager)
        return _claimed(call, live, config, manager, custom.scale)

    return update(
        call.site,
        call.served,
        call.namespace,
        call.info.name,
        applied,
        options.write,
        subresource="scale",
        tracks=False,
    )


def _applied(call: Call, live: KubeObject, config: KubeObject, manager: str) -> KubeObject:
    """`live` with the replicas of `config`; without any it has none left to want."""
    replicas = _wanted(config)
    merged = _merged(call, live, {} if replicas is None else {"spec": {"replicas": replicas}}, manager, _REPLICAS)
    left = (merged.get("spec") or {}).get("replicas") or 0
    obj = scaled(live, {"metadata": metadata(config), "spec": {"replicas": left}})
    return {**obj, "metadata": {**metadata(obj), "managedFields": metadata(merged).get("managedFields")}}


def _claimed(call: Call, live: KubeObject, config: KubeObject, manager: str, paths: ScalePaths) -> KubeObject:
    """A custom resource whose replicas `manager` claims as they are."""
    if not any(_owns(entry, paths) for entry in metadata(live).get("managedFields") or ()):
        raise _unconvertible("failed to create manager for existing fields: failed to convert live object (/")
    replicas = _wanted(config)
    wanted = {} if replicas is None else with_replicas({}, paths, replicas)
    merged = _merged(call, live, wanted, manager, paths.replicas)
    name = metadata(config).get("name") or call.info.name
    if replicas_of(merged, paths) != replicas_of(live, paths) or name != call.info.name:
        raise _unconvertible(f"failed to convert new object (/{name}")
    version, owned = call.served.type.api_version, metadata(merged).get("managedFields") or ()
    entries = [part for entry in owned for part in _split(entry, paths, version)]
    return {**live, "metadata": {**metadata(live), "managedFields": entries}}


def _owns(entry: KubeObject, paths: ScalePaths) -> bool:
    return fieldset.contains(entry.get("fieldsV1"), _path(paths))


def _path(paths: ScalePaths) -> fieldset.Path:
    return tuple(f"f:{step}" for step in paths.replicas.removeprefix(".").split("."))


def _split(entry: KubeObject, paths: ScalePaths, version: str) -> list[KubeObject]:
    """The replicas of an updater come back from the Scale in an entry of their own, as if written in this `version`."""
    if entry["operation"] == APPLY or not _owns(entry, paths):
        return [entry]
    replicas = fieldset.LEAF
    for element in reversed(_path(paths)):
        replicas = {element: replicas}
    rest = fieldset.difference(entry["fieldsV1"], replicas)
    parts = [{**entry, "apiVersion": version, "fieldsV1": fieldset.canonical(replicas)}]
    return parts if rest is None else [*parts, {**entry, "fieldsV1": fieldset.canonical(rest)}]


def _unconvertible(what: str) -> StatusError:
    kind = f"{SCALE.api_version}, Kind={SCALE.kind}"
    return StatusError(code=500, reason="", message=f"{what}; {kind}) to proper version: {_UNCONVERTIBLE}")


def _wanted(config: KubeObject) -> int | None:
    replicas: int | None = (config.get("spec") or {}).get("replicas")
    return replicas


def _merged(call: Call, live: KubeObject, wanted: KubeObject, manager: str, path: str) -> KubeObject:
    """`live` after `manager` applied its members `wanted`: the replicas, which stand at `path`, or nothing."""
    head = {
        "apiVersion": call.served.type.api_version,
        "kind": call.served.type.kind,
        "metadata": {"name": call.info.name},
    }
    write = write_of(call.site, call.served, manager, "scale")
    force = bool(bool_of(call.query, "force"))
    try:
        return after_apply(live, head | wanted, write, type_of(call), force=force)
    except StatusError as refusal:
        raise _in_scale(refusal, call.served.type.api_version, path) from None


def _in_scale(refusal: StatusError, version: str, path: str) -> StatusError:
    """Other managers are named as if they had written a Scale."""

    def said(text: str) -> str:
        text = text.replace(f" using {version}", f" using {SCALE.api_version}")
        return text if path == _REPLICAS else text.replace(path, _REPLICAS)

    refusal.message = said(refusal.message)
    if refusal.details is not None:
        causes = [
            replace(cause, message=said(cause.message), field=said(cause.field)) for cause in refusal.details.causes
        ]
        refusal.details = replace(refusal.details, causes=causes)
    return refusal
