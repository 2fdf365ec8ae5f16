"""What pods need beyond the generic verbs: their first status, binding to a node, and eviction under budgets.

Source: pkg/registry/core/pod/{strategy.go,storage/eviction.go,storage/storage.go} of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fakekube.meta.errors import Cause, Details, StatusError, bad_request, conflict
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.delete import delete
from fakekube.registry.label_selector import selects
from fakekube.registry.metadata import is_terminating, timestamp
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.update import Change, require, update
from fakekube.storage.items import Item

BUDGETS = "poddisruptionbudgets.policy"
_PROCESSED_AFTER_S = 10
# Pods that no budget protects: they run nowhere, or no longer.
_UNPROTECTED = frozenset(["Pending", "Succeeded", "Failed"])


def bind(site: Site, served: Served, namespace: str, binding: KubeObject, options: WriteOptions) -> None:
    """Assign the pod of the binding's name to its target, once and for all."""
    node = (binding.get("target") or {}).get("name")
    if not node:
        raise StatusError(code=500, reason="", message="target.name: Required value")
    name = name_of(binding)
    _require_unassigned(require(site, served, namespace, name))
    notes = metadata(binding).get("annotations") or {}
    update(
        site,
        served,
        namespace,
        name,
        lambda pod: _assigned(pod, node, notes, site.now()),
        options,
        subresource="binding",
        tracks=False,
    )


def _require_unassigned(pod: Item) -> None:
    node = (pod.obj.get("spec") or {}).get("nodeName")
    if node:
        raise conflict("pods/binding", "", pod.name, f'pod {pod.name} is already assigned to node "{node}"')
    if is_terminating(pod.obj):
        raise conflict("pods/binding", "", pod.name, f"pod {pod.name} is being deleted, cannot be assigned to a host")


def _assigned(pod: KubeObject, node: str, notes: KubeObject, now: float) -> KubeObject:
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": timestamp(now)}
    status = pod.get("status") or {}
    others = [each for each in status.get("conditions") or [] if each["type"] != "PodScheduled"]
    found = dict(metadata(pod))
    if notes:
        found["annotations"] = {**(found.get("annotations") or {}), **notes}
    return {
        **pod,
        "metadata": found,
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**status, "conditions": [*others, condition]},
    }


def evict(site: Site, served: Served, namespace: str, name: str, options: DeleteOptions) -> None:
    """Delete the pod if the one budget that covers it allows the disruption. 429 when it does not."""
    pod = require(site, served, namespace, name)
    budget = None if _is_unprotected(pod.obj) else _budget_of(site, pod)
    if budget is not None and not _spares_unready(pod.obj, budget.obj):
        _require_processed(budget)
        _require_allowance(budget)
        if not options.dry_run:
            _spend(site, namespace, budget, name)
    delete(site, served, namespace, name, options)


def _is_unprotected(pod: KubeObject) -> bool:
    return is_terminating(pod) or (pod.get("status") or {}).get("phase") in _UNPROTECTED


def _budget_of(site: Site, pod: Item) -> Item | None:
    budgets = [each for each in site.store.keyspace(BUDGETS).items(pod.namespace) if _covers(each.obj, pod.obj)]
    if len(budgets) > 1:
        raise StatusError(
            code=500,
            reason="",
            message="This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )
    return budgets[0] if budgets else None


def _covers(budget: KubeObject, pod: KubeObject) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and selects(selector, metadata(pod).get("labels") or {})


def _spares_unready(pod: KubeObject, budget: KubeObject) -> bool:
    """Whether the pod is unready, and so counts for nothing in its budget."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    return bool(status.get("desiredHealthy")) and status.get("currentHealthy", 0) >= status["desiredHealthy"]


def _require_processed(budget: Item) -> None:
    if (budget.obj.get("status") or {}).get("observedGeneration", 0) < metadata(budget.obj).get("generation", 0):
        why = f"The disruption budget {budget.name} is still being processed by the server."
        raise _too_many(why, retry_after_s=_PROCESSED_AFTER_S)


def _require_allowance(budget: Item) -> None:
    status = budget.obj.get("status") or {}
    if status.get("disruptionsAllowed", 0) <= 0:
        needed, found = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _too_many(f"The disruption budget {budget.name} needs {needed} healthy pods and has {found} currently")


def _too_many(why: str, *, retry_after_s: int = 0) -> StatusError:
    return StatusError(
        code=429,
        reason="TooManyRequests",
        message="Cannot evict pod as it would violate the pod's disruption budget.",
        details=Details(causes=[Cause(reason="DisruptionBudget", message=why)], retry_after_s=retry_after_s),
        headers={"Retry-After": str(retry_after_s)} if retry_after_s else {},
    )


def _spend(site: Site, namespace: str, budget: Item, pod: str) -> None:
    resource = site.stored()[BUDGETS]
    options = WriteOptions(manager="kube-apiserver")
    update(site, resource, namespace, budget.name, _spent(pod, site.now()), options, subresource="status")


def _spent(pod: str, now: float) -> Change:
    def change(live: KubeObject) -> KubeObject:
        status = live.get("status") or {}
        left = status.get("disruptionsAllowed", 0) - 1
        disrupted = {**(status.get("disruptedPods") or {}), pod: timestamp(now)}
        spent = {**status, "disruptionsAllowed": left, "disruptedPods": disrupted}
        if left == 0:
            generation = metadata(live).get("generation", 0)
            spent["conditions"] = [*_other_conditions(status), _exhausted(generation, now)]
        return {**live, "status": spent}

    return change


def _other_conditions(status: KubeObject) -> Iterator[KubeObject]:
    conditions: Iterable[KubeObject] = status.get("conditions") or []
    return (each for each in conditions if each["type"] != "DisruptionAllowed")


def _exhausted(generation: int, now: float) -> KubeObject:
    return {
        "type": "DisruptionAllowed",
        "status": "False",
        "observedGeneration": generation,
        "lastTransitionTime": timestamp(now),
        "reason": "InsufficientPods",
        "message": "",
    }


def require_eviction_name(name: str, eviction: KubeObject) -> None:
    if name_of(eviction) != name:
        raise bad_request("name in URL does not match name in Eviction object")
