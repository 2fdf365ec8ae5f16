"""Fields that a server with its default feature gates takes without a word and does not keep.

Source: the dropDisabledFields of pkg/registry/*/strategy.go and pkg/api/*/util.go of Kubernetes 1.37, as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.meta.objects import KubeObject

# Names of members, `*` for every element of a list.
Path = tuple[str, ...]


def _paths(*texts: str) -> tuple[Path, ...]:
    return tuple(tuple(text.split(".")) for text in texts)


_CONTAINER = _paths(
    "volumeMounts.*.bindMountOptions",
    "lifecycle.stopSignal",
    "lifecycle.postStart.httpGet.protocol",
    "lifecycle.preStop.httpGet.protocol",
    "livenessProbe.httpGet.protocol",
    "readinessProbe.httpGet.protocol",
    "startupProbe.httpGet.protocol",
)
_POD_SPEC = (
    *_paths(
        "evictionResponders",
        "schedulingGroup",
        "volumes.*.emptyDir.mode",
        "volumes.*.projected.defaultUser",
        "volumes.*.projected.sources.*.serviceAccountToken.user",
        "volumes.*.projected.sources.*.clusterTrustBundle.user",
        "volumes.*.projected.sources.*.podCertificate.user",
    ),
    *((kind, "*", *path) for kind in ("containers", "initContainers") for path in _CONTAINER),
)


def _with_pods(at: str, *others: str) -> tuple[Path, ...]:
    """What goes in the pod spec at `at`, and other fields of the kind."""
    return (*((*at.split("."), *path) for path in _POD_SPEC), *_paths(*others))


_DROPPED: Mapping[str, tuple[Path, ...]] = {
    "pods": _with_pods("spec"),
    "podtemplates": _with_pods("template.spec"),
    "replicationcontrollers": _with_pods("spec.template.spec"),
    "deployments.apps": _with_pods("spec.template.spec"),
    "replicasets.apps": _with_pods("spec.template.spec"),
    "daemonsets.apps": _with_pods("spec.template.spec"),
    "statefulsets.apps": _with_pods("spec.template.spec"),
    "jobs.batch": _with_pods("spec.template.spec", "spec.scheduling"),
    "cronjobs.batch": _with_pods("spec.jobTemplate.spec.template.spec", "spec.jobTemplate.spec.scheduling"),
    "endpointslices.discovery.k8s.io": _paths("endpoints.*.deprecatedTopology"),
    "leases.coordination.k8s.io": _paths("spec.preferredHolder", "spec.strategy"),
    "nodes": _paths("spec.configSource", "spec.podPreemptionPolicy"),
    "resourceclaims.resource.k8s.io": _paths("spec.devices.requests.*.exactly.derivedAttributes"),
    "resourceclaimtemplates.resource.k8s.io": _paths("spec.spec.devices.requests.*.exactly.derivedAttributes"),
    "resourceslices.resource.k8s.io": _paths(
        "spec.devices.*.nodeAllocatableResources", "spec.partitionTypeAttribute", "spec.skipNodeOperations"
    ),
}


def without_disabled(resource: str, obj: KubeObject) -> KubeObject:
    """`obj` without fields whose features are off. `resource` is qualified."""
    for path in _DROPPED.get(resource, ()):
        obj = _without(obj, path)
    return obj


def _without(value: Any, path: Path) -> Any:
    """`value` itself when there is nothing at `path`."""
    name, rest = path[0], path[1:]
    if name == "*":
        if not isinstance(value, list):
            return value
        kept = [_without(each, rest) for each in value]
        return value if all(map(_is, kept, value)) else kept
    if not isinstance(value, dict) or value.get(name) is None:
        return value
    if not rest:
        return {member: each for member, each in value.items() if member != name}
    inner = _without(value[name], rest)
    return value if inner is value[name] else {**value, name: inner}


def _is(one: object, other: object) -> bool:
    return one is other
