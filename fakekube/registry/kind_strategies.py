"""What the strategies of single kinds write on create and update: labels, first statuses, generated selectors.

Source: pkg/registry/*/strategy.go of Kubernetes 1.37, and the admission plugins that a plain server has switched on.
"""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of
from fakekube.registry.metadata import timestamp, with_metadata
from fakekube.registry.pod_admission import qos_class
from fakekube.registry.site import Site

_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_JOB_PREFIX = "batch.kubernetes.io/"


def new_pod(site: Site, pod: KubeObject) -> KubeObject:
    return {**pod, "status": {"phase": "Pending", "qosClass": qos_class(pod.get("spec") or {})}}


def new_node(site: Site, node: KubeObject) -> KubeObject:
    """A node is not ready until somebody says so: the taint comes with it."""
    spec = node.get("spec") or {}
    taints = spec.get("taints") or []
    if any(each.get("key") == _NOT_READY["key"] and each.get("effect") == "NoSchedule" for each in taints):
        return node
    return {**node, "spec": {**spec, "taints": [*taints, _NOT_READY]}}


def new_claim(site: Site, claim: KubeObject) -> KubeObject:
    return {**claim, "status": {"phase": "Pending"}}


def new_volume(site: Site, volume: KubeObject) -> KubeObject:
    return {**volume, "status": {"phase": "Pending", "lastPhaseTransitionTime": timestamp(site.now())}}


def new_daemon_set(site: Site, daemons: KubeObject) -> KubeObject:
    """The template's generation, which older clients read from an annotation."""
    return _with_template_generation(daemons, 1)


def with_template_generation(daemons: KubeObject, default: str) -> KubeObject:
    """The annotation as it is, else with the default."""
    notes = {TEMPLATE_GENERATION: default, **(metadata(daemons).get("annotations") or {})}
    return with_metadata(daemons, annotations=notes)


def _with_template_generation(daemons: KubeObject, generation: int) -> KubeObject:
    notes = {**(metadata(daemons).get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}
    return with_metadata(daemons, annotations=notes)


def updated_daemon_set(site: Site, daemons: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    found = (metadata(held).get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    generation = int(found) if found.isdigit() else 0
    changed = not subresource and (daemons.get("spec") or {}).get("template") != (held.get("spec") or {}).get(
        "template"
    )
    return _with_template_generation(daemons, generation + 1 if changed else generation)


def new_job(site: Site, job: KubeObject) -> KubeObject:
    """A selector that nobody else has, unless the job brings its own; its labels on the job and its pods."""
    spec = job.get("spec") or {}
    if spec.get("manualSelector"):
        return job
    uid, name = uid_of(job), name_of(job)
    labels = {
        f"{_JOB_PREFIX}controller-uid": uid,
        f"{_JOB_PREFIX}job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = spec.get("template") or {}
    template = {**template, "metadata": _labelled(template.get("metadata") or {}, labels)}
    chosen = {
        "matchLabels": {**((spec.get("selector") or {}).get("matchLabels") or {}), f"{_JOB_PREFIX}controller-uid": uid}
    }
    return {
        **job,
        "metadata": _labelled(metadata(job), labels),
        "spec": {**spec, "selector": {**(spec.get("selector") or {}), **chosen}, "template": template},
    }


def _labelled(found: object, labels: dict[str, str]) -> KubeObject:
    given = found if isinstance(found, dict) else {}
    return {**given, "labels": {**(given.get("labels") or {}), **labels}}


def new_stateful_set(site: Site, pods: KubeObject) -> KubeObject:
    """Claim templates carry their kind and the status of a claim that is not there yet."""
    templates = (pods.get("spec") or {}).get("volumeClaimTemplates")
    if not templates:
        return pods
    full = [
        {"kind": "PersistentVolumeClaim", "apiVersion": "v1", **each, "status": {"phase": "Pending"}}
        for each in templates
    ]
    return {**pods, "spec": {**pods["spec"], "volumeClaimTemplates": full}}


def updated_stateful_set(site: Site, pods: KubeObject, held: KubeObject, subresource: str) -> KubeObject:
    return new_stateful_set(site, pods)
