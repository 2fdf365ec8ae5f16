"""Rules for writes through subresources: what may change through /ephemeralcontainers, /resize and /finalize.

Source: pkg/apis/core/validation of Kubernetes 1.37 (ValidatePodEphemeralContainersUpdate, ValidatePodResize,
ValidateNamespaceFinalizeUpdate), and recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.defaulting.prepared import quality_of_service
from fakekube.registry.validation.causes import Causes, forbidden, invalid, not_found
from fakekube.registry.validation.containers import PodFacts, init_containers
from fakekube.registry.validation.object_meta import finalizer
from fakekube.registry.validation.pods import pod_spec

_MIRROR = "kubernetes.io/config.mirror"
_PATH = "spec.ephemeralContainers"
# What a container for debugging cannot have, in the order of its struct.
_NOT_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


def subresource_causes(resource: str, subresource: str, obj: KubeObject, held: KubeObject) -> list[Cause]:
    """Why `held` may not become `obj` through this subresource. `resource` is qualified."""
    rules = _RULES.get((resource, subresource))
    return [] if rules is None else list(rules(obj, held))


def _ephemeral_containers(pod: KubeObject, held: KubeObject) -> Causes:
    if _MIRROR in (metadata(held).get("annotations") or {}):
        yield forbidden("", "static pods do not support ephemeral containers")
        return
    spec = pod.get("spec") or {}
    yield from pod_spec(spec, "spec")
    yield from _added(spec)
    now = {each.get("name"): each for each in spec.get("ephemeralContainers") or ()}
    for old in (held.get("spec") or {}).get("ephemeralContainers") or ():
        name = old.get("name")
        if name not in now:
            yield forbidden(_PATH, f'existing ephemeral containers "{name}" may not be removed\n')
        elif now[name] != old:
            yield forbidden(_PATH, f'existing ephemeral containers "{name}" may not be changed\n')


def _added(spec: KubeObject) -> Causes:
    others = {str(each.get("name")) for kind in ("containers", "initContainers") for each in spec.get(kind) or ()}
    listed = spec.get("ephemeralContainers") or []
    plain = [{name: value for name, value in each.items() if name not in _NOT_EPHEMERAL} for each in listed]
    facts = PodFacts(volumes={str(each.get("name")): each for each in spec.get("volumes") or ()})
    yield from init_containers(plain, _PATH, facts, frozenset(others))
    for index, each in enumerate(listed):
        target = each.get("targetContainerName")
        if target and target not in others:
            yield not_found(f"{_PATH}[{index}].targetContainerName", target)
        for member in _NOT_EPHEMERAL:
            if each.get(member):
                yield forbidden(f"{_PATH}[{index}].{member}", "cannot be set for an Ephemeral Container")


def _resized(pod: KubeObject, held: KubeObject) -> Causes:
    if _MIRROR in (metadata(held).get("annotations") or {}):
        yield forbidden("", "static pods cannot be resized")
        return
    spec = pod.get("spec") or {}
    yield from pod_spec(spec, "spec")
    before = (held.get("status") or {}).get("qosClass") or quality_of_service(held.get("spec") or {})
    if quality_of_service(spec) != before:
        yield invalid("spec", before, "Pod QOS Class may not change as a result of resizing")


def _finalized(namespace: KubeObject, held: KubeObject) -> Causes:
    for index, each in enumerate((namespace.get("spec") or {}).get("finalizers") or ()):
        yield from finalizer(each, f"spec.finalizers[{index}]")


_RULES: Mapping[tuple[str, str], Callable[[KubeObject, KubeObject], Causes]] = {
    ("namespaces", "finalize"): _finalized,
    ("pods", "ephemeralcontainers"): _ephemeral_containers,
    ("pods", "resize"): _resized,
}
