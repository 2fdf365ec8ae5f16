"""What the admission plug-ins of a plain server write into new objects, and refuse: by resource, in the plug-ins' order.

ServiceAccount, Priority and DefaultTolerationSeconds for pods, TaintNodesByCondition for nodes, DefaultStorageClass
for claims, DefaultIngressClass for ingresses. Source: plugin/pkg/admission of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fakekube.meta.errors import StatusError, forbidden
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.site import Site

Admit = Callable[[Site, str, KubeObject], KubeObject]

_TOLERATED_S = 300
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_VOLUME = "kube-api-access-"
_TOKEN_EXPIRATION_S = 3607
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def admitted(site: Site, resource: str, namespace: str, obj: KubeObject) -> KubeObject:
    """`obj` as the plug-ins leave it. `resource` is qualified. Raises StatusError 403."""
    for admit in PLUGINS.get(resource, ()):
        obj = admit(site, namespace, obj)
    return obj


def _spec(obj: KubeObject) -> KubeObject:
    return obj.get("spec") or {}


def _with_spec(obj: KubeObject, **members: Any) -> KubeObject:
    return {**obj, "spec": {**_spec(obj), **members}}


# --- pods -------------------------------------------------------------------------------------------------------------


def service_account(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """Every pod runs as a ServiceAccount of its namespace, and mounts a token of it unless one of both declines."""
    if "kubernetes.io/config.mirror" in (metadata(obj).get("annotations") or {}):
        if _spec(obj).get("serviceAccountName"):
            raise _refused(obj, "a mirror pod may not reference service accounts")
        return obj
    name = _spec(obj).get("serviceAccountName") or "default"
    obj = _with_spec(obj, serviceAccountName=name, serviceAccount=name)
    account = site.store.get("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise _refused(obj, why)
    if _automounts(_spec(obj), account.obj):
        obj = _with_token(site, obj)
    secrets = account.obj.get("imagePullSecrets")
    return obj if _spec(obj).get("imagePullSecrets") or not secrets else _with_spec(obj, imagePullSecrets=secrets)


def _refused(obj: KubeObject, why: str) -> StatusError:
    return forbidden("pods", "", name_of(obj) or str(metadata(obj).get("generateName") or ""), why)


def _automounts(spec: KubeObject, account: KubeObject) -> bool:
    """The pod's word counts before the account's; without a word it is yes."""
    for each in (spec, account):
        if each.get("automountServiceAccountToken") is not None:
            return bool(each["automountServiceAccountToken"])
    return True


def _with_token(site: Site, obj: KubeObject) -> KubeObject:
    volume = _TOKEN_VOLUME + "".join(site.rng.choice(_SUFFIX_LETTERS) for _ in range(5))
    mount = {"name": volume, "readOnly": True, "mountPath": _TOKEN_PATH}
    spec, mounted = dict(_spec(obj)), False
    for name in ("initContainers", "containers"):
        containers = [_mounted(each, mount) for each in spec.get(name) or ()]
        mounted = mounted or any(new is not old for new, old in zip(containers, spec.get(name) or (), strict=True))
        spec |= {name: containers} if containers else {}
    if mounted:
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": _token_projection()}]
    return {**obj, "spec": spec}


def _mounted(container: KubeObject, mount: KubeObject) -> KubeObject:
    mounts = container.get("volumeMounts") or []
    if any(each.get("mountPath") == _TOKEN_PATH for each in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_projection() -> KubeObject:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_EXPIRATION_S, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": 0o644,
    }


def priority(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """The number behind a PriorityClass; without one that of the global default, or 0."""
    name = _spec(obj).get("priorityClassName") or ""
    found = _priority_class(site, name) if name else _default_priority_class(site)
    if name and found is None:
        raise _refused(obj, f"no PriorityClass with name {name} was found")
    value = 0 if found is None else found.get("value", 0)
    given = _spec(obj).get("priority")
    if given is not None and given != value:
        raise _refused(
            obj,
            f"the integer value of priority ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {value} from the given PriorityClass name",
        )
    policy, wanted = _preemption(found), _spec(obj).get("preemptionPolicy")
    if wanted and wanted != policy:
        raise _refused(
            obj,
            f"the string value of PreemptionPolicy ({wanted}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name",
        )
    named = {"priorityClassName": name_of(found)} if found is not None and not name else {}
    return _with_spec(obj, priority=value, preemptionPolicy=policy, **named)


def _preemption(found: KubeObject | None) -> str:
    return str((found or {}).get("preemptionPolicy") or "PreemptLowerPriority")


def _priority_class(site: Site, name: str) -> KubeObject | None:
    item = site.store.get("priorityclasses.scheduling.k8s.io", "", name)
    if item is not None:
        return item.obj
    value = _SYSTEM_PRIORITIES.get(name)
    return None if value is None else {"metadata": {"name": name}, "value": value}


def _default_priority_class(site: Site) -> KubeObject | None:
    """Of several global defaults the lowest."""
    classes = [each for each in _stored(site, "priorityclasses.scheduling.k8s.io") if each.get("globalDefault")]
    return min(classes, key=lambda each: each.get("value", 0), default=None)


def _stored(site: Site, resource: str) -> Iterable[KubeObject]:
    return (item.obj for item in site.store.keyspace(resource).items())


def tolerations(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """Five minutes on a node that is not ready or unreachable, unless the pod says how long."""
    given = _spec(obj).get("tolerations") or []
    added = [_toleration(key) for key in _TOLERATED if not any(_tolerates(each, key) for each in given)]
    return _with_spec(obj, tolerations=[*given, *added]) if added else obj


def _tolerates(toleration: KubeObject, key: str) -> bool:
    return toleration.get("key", key) in (key, "") and toleration.get("effect", "NoExecute") in ("NoExecute", "")


def _toleration(key: str) -> KubeObject:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATED_S}


def runtime_class(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """The overhead of the runtime, and where it runs."""
    name = _spec(obj).get("runtimeClassName")
    if not name:
        if _spec(obj).get("overhead"):
            raise _refused(obj, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return obj
    item = site.store.get("runtimeclasses.node.k8s.io", "", name)
    if item is None:
        raise _refused(obj, f'pod rejected: RuntimeClass "{name}" not found')
    overhead = (item.obj.get("overhead") or {}).get("podFixed")
    if _spec(obj).get("overhead") and _spec(obj)["overhead"] != overhead:
        raise _refused(obj, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    scheduling: KubeObject = item.obj.get("scheduling") or {}
    members: KubeObject = {"overhead": overhead} if overhead else {}
    if scheduling.get("nodeSelector"):
        members["nodeSelector"] = _agreed(obj, scheduling["nodeSelector"])
    if scheduling.get("tolerations"):
        members["tolerations"] = _needed([*(_spec(obj).get("tolerations") or ()), *scheduling["tolerations"]])
    return _with_spec(obj, **members) if members else obj


def _agreed(obj: KubeObject, wanted: Mapping[str, str]) -> KubeObject:
    """The pod's node selector with that of its runtime; 403 where they want different nodes."""
    selector = _spec(obj).get("nodeSelector") or {}
    for key, value in wanted.items():
        if selector.get(key, value) != value:
            both = f"[{key}] = {value}; pod.spec.nodeSelector[{key}] = {selector[key]}"
            raise _refused(obj, f"conflict: runtimeClass.scheduling.nodeSelector{both}")
    return {**selector, **wanted}


def _needed(tolerations: Sequence[KubeObject]) -> list[KubeObject]:
    """Those that no other one includes; of equals the first."""
    kept: list[KubeObject] = []
    for index, each in enumerate(tolerations):
        behind = (other for other in tolerations[index + 1 :] if other != each)
        if not any(_includes(other, each) for other in (*kept, *behind)):
            kept.append(each)
    return kept


def _includes(one: KubeObject, other: KubeObject) -> bool:
    """Whether what `other` tolerates, `one` does too."""
    if one == other:
        return True
    exists = one.get("operator") == "Exists"
    same_key = one.get("key", "") == other.get("key", "") or (exists and not one.get("key"))
    same_effect = one.get("effect", "") in ("", other.get("effect", ""))
    if not (same_key and same_effect and _lasts_longer(one, other)):
        return False
    return exists or (other.get("operator") == "Equal" and one.get("value", "") == other.get("value", ""))


def _lasts_longer(one: KubeObject, other: KubeObject) -> bool:
    mine, theirs = one.get("tolerationSeconds"), other.get("tolerationSeconds")
    if one.get("effect") != "NoExecute" or mine is None:
        return True
    return theirs is not None and bool(theirs <= mine)


# --- others -----------------------------------------------------------------------------------------------------------


def node_taint(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """A new node is not ready."""
    taints = _spec(obj).get("taints") or []
    known = any(each.get("key") == _NOT_READY["key"] and each.get("effect") == "NoSchedule" for each in taints)
    return obj if known else _with_spec(obj, taints=[*taints, dict(_NOT_READY)])


def default_storage_class(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    """A claim that names no class gets the newest default, the first by name of equals."""
    annotated = "volume.beta.kubernetes.io/storage-class" in (metadata(obj).get("annotations") or {})
    if annotated or _spec(obj).get("storageClassName") is not None:
        return obj
    marks = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
    name = _newest_default(_stored(site, "storageclasses.storage.k8s.io"), marks)
    return _with_spec(obj, storageClassName=name) if name else obj


def default_ingress_class(site: Site, namespace: str, obj: KubeObject) -> KubeObject:
    annotated = "kubernetes.io/ingress.class" in (metadata(obj).get("annotations") or {})
    if annotated or _spec(obj).get("ingressClassName") is not None:
        return obj
    marks = ("ingressclass.kubernetes.io/is-default-class",)
    name = _newest_default(_stored(site, "ingressclasses.networking.k8s.io"), marks)
    return _with_spec(obj, ingressClassName=name) if name else obj


def _newest_default(classes: Iterable[KubeObject], marks: Sequence[str]) -> str:
    marked = [
        each for each in classes if any((metadata(each).get("annotations") or {}).get(m) == "true" for m in marks)
    ]
    marked.sort(key=name_of)
    marked.sort(key=lambda each: str(metadata(each).get("creationTimestamp")), reverse=True)
    return name_of(marked[0]) if marked else ""


PLUGINS: Mapping[str, Sequence[Admit]] = {
    "ingresses.networking.k8s.io": (default_ingress_class,),
    "nodes": (node_taint,),
    "persistentvolumeclaims": (default_storage_class,),
    "pods": (service_account, priority, tolerations, runtime_class),
}
