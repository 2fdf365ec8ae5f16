"""PodSecurity admission: which level a namespace enforces and warns about, by its labels, and what comes of it.

Source: k8s.io/pod-security-admission/admission and .../api of Kubernetes 1.37.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fakekube.meta.errors import Cause, forbidden, invalid
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.pod_security import BASELINE, PRIVILEGED, RESTRICTED, Level, violations
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
# Where the pod of a kind is; what makes pods is only warned about.
_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "podtemplates": ("template",),
    "replicasets.apps": ("spec", "template"),
    "replicationcontrollers": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
}
_IMAGES = ("image", "securityContext")


@dataclass(frozen=True, slots=True)
class Policy:
    enforce: Level
    warn: Level


def require_secure(
    site: Site, served: Served, namespace: str, obj: KubeObject, held: KubeObject | None, warnings: list[str]
) -> None:
    """403 for a pod that its namespace forbids; a warning for one, or a maker of pods, that it warns about.

    `held` is what an update replaces. 422 for labels of a namespace that name no level.
    """
    resource = served.type.qualified
    if resource == "namespaces":
        _require_labels(obj, held)
        return
    if resource != "pods" and resource not in _TEMPLATES:
        return
    found = site.store.get("namespaces", "", namespace)
    labels = (metadata(found.obj).get("labels") or {}) if found else {}
    if not any(label.startswith(_PREFIX) for label in labels) or (resource == "pods" and held and _alike(obj, held)):
        return
    policy, _ = _policy(labels)
    pod = obj if resource == "pods" else _at(obj, _TEMPLATES[resource])
    if resource == "pods" and (why := _told(policy.enforce, pod)):
        raise forbidden("pods", "", name_of(obj), f"violates {why}")
    if why := _told(policy.warn, pod):
        warnings.append(f"would violate {why}")


def _told(level: Level, pod: KubeObject) -> str:
    found = violations(level, pod.get("metadata") or {}, pod.get("spec") or {})
    return f'PodSecurity "{level}": {", ".join(map(str, found))}' if found else ""


def _at(obj: KubeObject, path: Sequence[str]) -> KubeObject:
    for member in path:
        obj = obj.get(member) or {}
    return obj


def _alike(pod: KubeObject, held: KubeObject) -> bool:
    """Whether an update leaves everything that a level asks about."""
    return _asked(pod) == _asked(held)


def _asked(pod: KubeObject) -> list[list[object]]:
    spec = pod.get("spec") or {}
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [[[each.get("name"), *map(each.get, _IMAGES)] for each in spec.get(kind) or ()] for kind in kinds]


def _require_labels(namespace: KubeObject, held: KubeObject | None) -> None:
    _, causes = _policy(metadata(namespace).get("labels") or {})
    before = _policy(metadata(held).get("labels") or {})[1] if held is not None else []
    if causes and causes != before:
        raise invalid("Namespace", "", name_of(namespace), causes)


def _policy(labels: Mapping[str, str]) -> tuple[Policy, list[Cause]]:
    """What the labels ask for. A wrong level enforces the strictest, and warns about nothing."""
    causes: list[Cause] = []
    levels = {
        mode: Level(_level(labels, mode, wrong, causes), _minor(labels, mode, causes))
        for mode, wrong in (("enforce", RESTRICTED), ("audit", PRIVILEGED), ("warn", PRIVILEGED))
    }
    enforce, warn = levels["enforce"], levels["warn"]
    sure = labels.get(f"{_PREFIX}enforce") in _LEVELS
    if sure and f"{_PREFIX}warn" not in labels and enforce.name != PRIVILEGED:
        stated = f"{_PREFIX}warn-version" in labels
        warn = replace(warn, name=enforce.name, minor=warn.minor if stated else enforce.minor)
    return Policy(enforce, warn), causes


def _level(labels: Mapping[str, str], mode: str, wrong: str, causes: list[Cause]) -> str:
    label = f"{_PREFIX}{mode}"
    text = labels.get(label, PRIVILEGED)
    if text in _LEVELS:
        return text
    causes.append(_cause(label, text, f"must be one of {', '.join(_LEVELS)}"))
    return wrong


def _minor(labels: Mapping[str, str], mode: str, causes: list[Cause]) -> int | None:
    label = f"{_PREFIX}{mode}-version"
    text = labels.get(label, "latest")
    if match := _VERSION.fullmatch(text):
        return int(match[1])
    if text != "latest":
        causes.append(_cause(label, text, 'must be "latest" or "v1.x"'))
    return None


def _cause(label: str, text: str, why: str) -> Cause:
    return Cause(
        reason="FieldValueInvalid", message=f'Invalid value: "{text}": {why}', field=f"metadata.labels[{label}]"
    )
