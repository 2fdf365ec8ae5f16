"""What a plain apiserver's admission adds to a new Pod: its ServiceAccount and token, priority, tolerations, runtime class.

Source: plugin/pkg/admission/{serviceaccount,priority,defaulttolerationseconds,runtimeclass} of Kubernetes 1.37.
"""

from __future__ import annotations

from typing import Any

from fakekube.meta.errors import StatusError, forbidden
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.metadata import generated_name
from fakekube.registry.site import Site
from fakekube.storage.items import Item

# A pod that a kubelet made of a file and only shows here.
MIRROR = "kubernetes.io/config.mirror"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_LIFETIME_S = 3607
_TOLERATION_S = 300
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit_pod(site: Site, namespace: str, pod: KubeObject) -> KubeObject:
    """`pod` as admitted. 403 without its ServiceAccount, priority class or runtime class."""
    spec = dict(pod.get("spec") or {})
    if MIRROR in (metadata(pod).get("annotations") or {}) and spec.get("serviceAccountName"):
        raise forbidden("pods", "", name_of(pod), "a mirror pod may not reference service accounts")
    _with_account(site, namespace, name_of(pod), spec)
    _with_priority(site, name_of(pod), spec)
    _with_runtime_class(site, name_of(pod), spec)
    _with_tolerations(spec)
    return {**pod, "spec": spec}


def _with_account(site: Site, namespace: str, name: str, spec: KubeObject) -> None:
    wanted = spec.get("serviceAccountName") or "default"
    account = site.store.get("serviceaccounts", namespace, wanted)
    if account is None:
        why = f'error looking up service account {namespace}/{wanted}: serviceaccount "{wanted}" not found'
        raise forbidden("pods", "", name, why)
    spec["serviceAccountName"] = spec["serviceAccount"] = wanted
    if account.obj.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account.obj["imagePullSecrets"]
    if _automounts(spec, account):
        _mount_token(site, spec)


def _automounts(spec: KubeObject, account: Item) -> bool:
    for holder in (spec, account.obj):
        if "automountServiceAccountToken" in holder:
            return bool(holder["automountServiceAccountToken"])
    return True


def _mount_token(site: Site, spec: KubeObject) -> None:
    """A projected volume with token, CA and namespace, in every container that has nothing at its place."""
    volume = generated_name("kube-api-access-", site.rng)
    mount = {"name": volume, "readOnly": True, "mountPath": TOKEN_PATH}
    mounted = False
    for kind in ("initContainers", "containers"):
        containers = spec.get(kind) or []
        spec[kind] = [_mounted(each, mount) for each in containers]
        mounted = mounted or spec[kind] != containers
        if not containers:
            del spec[kind]
    if mounted:
        spec["volumes"] = [*(spec.get("volumes") or []), _token_volume(volume)]


def _mounted(container: KubeObject, mount: KubeObject) -> KubeObject:
    mounts = container.get("volumeMounts") or []
    if any(each.get("mountPath") == TOKEN_PATH for each in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_volume(name: str) -> KubeObject:
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": _TOKEN_LIFETIME_S, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "namespace",
                                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                            }
                        ]
                    }
                },
            ],
            "defaultMode": 420,
        },
    }


def _with_priority(site: Site, name: str, spec: KubeObject) -> None:
    wanted = spec.get("priorityClassName")
    found = _priority_class(site, wanted)
    if wanted and found is None:
        raise _no_such_class("no PriorityClass with name", wanted, name)
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    spec["priority"] = found["value"] if found is not None else 0
    spec["preemptionPolicy"] = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")


def _priority_class(site: Site, wanted: str | None) -> KubeObject | None:
    """The class of that name; without a name the global default with the lowest value, if there is any."""
    classes = site.store.keyspace("priorityclasses.scheduling.k8s.io")
    if wanted:
        item = classes.get("", wanted)
        return item.obj if item is not None else None
    defaults = [item.obj for item in classes.items() if item.obj.get("globalDefault")]
    return min(defaults, key=lambda each: int(each["value"]), default=None)


def _no_such_class(what: str, wanted: str, name: str) -> StatusError:
    return forbidden("pods", "", name, f"{what} {wanted} was found")


def _with_runtime_class(site: Site, name: str, spec: KubeObject) -> None:
    wanted = spec.get("runtimeClassName")
    if not wanted:
        return
    found = site.store.get("runtimeclasses.node.k8s.io", "", wanted)
    if found is None:
        raise forbidden("pods", "", name, f'pod rejected: RuntimeClass "{wanted}" not found')
    overhead = (found.obj.get("overhead") or {}).get("podFixed")
    if spec.get("overhead") and spec["overhead"] != overhead:
        why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
        raise forbidden("pods", "", name, why)
    if overhead:
        spec["overhead"] = overhead
    scheduling: KubeObject = found.obj.get("scheduling") or {}
    if scheduling.get("nodeSelector"):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **scheduling["nodeSelector"]}
    if scheduling.get("tolerations"):
        spec["tolerations"] = [*(spec.get("tolerations") or []), *scheduling["tolerations"]]


def _with_tolerations(spec: KubeObject) -> None:
    """Five minutes on a node that is not ready or unreachable, unless the pod says otherwise."""
    tolerations: list[KubeObject] = list(spec.get("tolerations") or [])
    for key in _TOLERATED:
        if not any(_tolerates(each, key) for each in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATION_S}
            )
    spec["tolerations"] = tolerations


def _tolerates(toleration: KubeObject, key: str) -> bool:
    return toleration.get("key") in (key, "", None) and toleration.get("effect") in ("NoExecute", "", None)


def qos_class(spec: KubeObject) -> str:
    """BestEffort without any cpu or memory, Guaranteed when every container limits both to what it requests."""
    containers: list[KubeObject] = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    resources: list[dict[str, Any]] = [each.get("resources") or {} for each in containers]
    used = {name for each in resources for part in ("requests", "limits") for name in each.get(part) or {}}
    if not used & {"cpu", "memory"}:
        return "BestEffort"
    return "Guaranteed" if all(_is_fixed(each) for each in resources) else "Burstable"


def _is_fixed(resources: KubeObject) -> bool:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    return all(name in limits and requests.get(name, limits[name]) == limits[name] for name in ("cpu", "memory"))
