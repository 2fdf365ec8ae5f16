"""Defaults that depend on other fields: one small function per type, from a value to the value with its defaults.

Source: pkg/apis/*/v1/defaults.go of Kubernetes 1.37.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.images import image_tag
from fakekube.registry.quantity import Quantity, parse_quantity

_RBAC = "rbac.authorization.k8s.io"
_MAX_INT32 = 2**31 - 1
_SESSION_AFFINITY_S = 10_800


def _or(value: KubeObject, **defaults: Any) -> KubeObject:
    missing = {name: default for name, default in defaults.items() if value.get(name) in (None, "")}
    return {**value, **missing} if missing else value


def _in(value: KubeObject, name: str, change: Callable[[KubeObject], KubeObject]) -> KubeObject:
    """`value` with the member `name` changed; an absent member counts as empty."""
    before = value.get(name) or {}
    after = change(before)
    return value if after is before else {**value, name: after}


def _labels(obj: Any) -> KubeObject:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


# --- pods -------------------------------------------------------------------------------------------------------------


def container(value: KubeObject) -> KubeObject:
    return _or(value, imagePullPolicy="Always" if image_tag(value.get("image", "")) == "latest" else "IfNotPresent")


def image_volume(value: KubeObject) -> KubeObject:
    policy = "Always" if image_tag(value.get("reference", "")) == "latest" else "IfNotPresent"
    return _or(value, pullPolicy=policy)


def volume(value: KubeObject) -> KubeObject:
    """A volume of no source is an empty directory."""
    return value if len(value.keys() - {"name"}) else {**value, "emptyDir": {}}


def pod(value: KubeObject) -> KubeObject:
    return _in(value, "spec", _pod_spec_of_a_pod)


def _pod_spec_of_a_pod(spec: KubeObject) -> KubeObject:
    """What a pod has and a pod template has not."""
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec = {**spec, "terminationGracePeriodSeconds": 1}
    for name in ("containers", "initContainers"):
        if spec.get(name):
            spec = {**spec, name: [_with_requests(each, host=bool(spec.get("hostNetwork"))) for each in spec[name]]}
    if (spec.get("resources") or {}).get("limits"):
        spec = {**spec, "resources": _pod_resources(spec)}
    return _or(spec, enableServiceLinks=True)


_POD_LEVEL = ("cpu", "memory")


def _pod_resources(spec: KubeObject) -> KubeObject:
    """What a pod is limited to as a whole, it requests: what its containers request, or else the limit."""
    resources: KubeObject = spec["resources"]
    wanted, given = _container_requests(spec), resources.get("requests") or {}
    limits = {name: text for name, text in resources["limits"].items() if name.startswith((*_POD_LEVEL, "hugepages-"))}
    requests = {**limits, **{name: str(each) for name, each in wanted.items() if name in _POD_LEVEL}, **given}
    return {**resources, "requests": requests} if requests else resources


def _container_requests(spec: KubeObject) -> dict[str, Quantity]:
    """What all containers request together; one that only initialises, when it is more than that."""
    lasting: dict[str, Quantity] = {}
    first: dict[str, Quantity] = {}
    for each in spec.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            _add(lasting, each)
        else:
            alone = dict(lasting)
            _add(alone, each)
            _raise(first, alone)
    for each in spec.get("containers") or ():
        _add(lasting, each)
    _raise(lasting, first)
    return lasting


def _add(total: dict[str, Quantity], container: KubeObject) -> None:
    for name, text in ((container.get("resources") or {}).get("requests") or {}).items():
        amount = parse_quantity(str(text))
        total[name] = total[name].plus(amount) if name in total else amount


def _raise(total: dict[str, Quantity], least: Mapping[str, Quantity]) -> None:
    for name, amount in least.items():
        if name not in total or total[name].value < amount.value:
            total[name] = amount


def _with_requests(container: KubeObject, *, host: bool) -> KubeObject:
    """What is limited is requested; ports in the host's network are the host's."""
    limits = (container.get("resources") or {}).get("limits")
    if limits:
        requests = {**limits, **(container["resources"].get("requests") or {})}
        container = {**container, "resources": {**container["resources"], "requests": requests}}
    if host and container.get("ports"):
        ports = [{**port, "hostPort": port.get("hostPort") or port["containerPort"]} for port in container["ports"]]
        container = {**container, "ports": ports}
    return container


def pod_spec(value: KubeObject) -> KubeObject:
    """The ServiceAccount has two names."""
    account = value.get("serviceAccountName") or value.get("serviceAccount")
    if not account or value.get("serviceAccount") == value.get("serviceAccountName"):
        return value
    return {**value, "serviceAccountName": account, "serviceAccount": account}


def pod_status(value: KubeObject) -> KubeObject:
    """podIP is the first of podIPs."""
    single, several = value.get("podIP"), value.get("podIPs")
    if single and (not several or several[0].get("ip") != single):
        return {**value, "podIPs": [{"ip": single}]}
    if several and not single:
        return {**value, "podIP": several[0].get("ip", "")}
    return value


# --- core -------------------------------------------------------------------------------------------------------------


def service(value: KubeObject) -> KubeObject:
    value = _in(value, "spec", _service_spec)
    if value["spec"].get("type") != "LoadBalancer":
        return value
    ingress = ((value.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if not ingress:
        return value
    modes = [_or(each, ipMode="VIP") if each.get("ip") else each for each in ingress]
    return {**value, "status": {**value["status"], "loadBalancer": {"ingress": modes}}}


def _service_spec(spec: KubeObject) -> KubeObject:
    spec = _or(spec, sessionAffinity="None", type="ClusterIP")
    spec = _session_affinity(spec)
    if spec.get("ports"):
        spec = {**spec, "ports": [_service_port(port) for port in spec["ports"]]}
    outside = spec["type"] in ("NodePort", "LoadBalancer")
    if outside or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        spec = _or(spec, externalTrafficPolicy="Cluster")
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec = _or(spec, internalTrafficPolicy="Cluster")
    return _or(spec, allocateLoadBalancerNodePorts=True) if spec["type"] == "LoadBalancer" else spec


def _session_affinity(spec: KubeObject) -> KubeObject:
    if spec["sessionAffinity"] == "None":
        return {name: member for name, member in spec.items() if name != "sessionAffinityConfig"}
    config = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if spec["sessionAffinity"] == "ClientIP" and config is None:
        return {**spec, "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": _SESSION_AFFINITY_S}}}
    return spec


def _service_port(port: KubeObject) -> KubeObject:
    if port.get("targetPort") in (0, "", None):
        port = {**port, "targetPort": port.get("port", 0)}
    return _or(port, protocol="TCP")


def replication_controller(value: KubeObject) -> KubeObject:
    """Selector and labels come from the template."""
    labels = _labels((value.get("spec") or {}).get("template"))
    if not labels:
        return value
    value = _in(value, "spec", lambda spec: spec if spec.get("selector") else {**spec, "selector": labels})
    return _with_labels(value, labels)


def _with_labels(value: KubeObject, labels: KubeObject) -> KubeObject:
    return value if _labels(value) else _in(value, "metadata", lambda meta: {**meta, "labels": labels})


def namespace(value: KubeObject) -> KubeObject:
    name = (value.get("metadata") or {}).get("name")
    label = {"kubernetes.io/metadata.name": name}
    if not name or label.items() <= _labels(value).items():
        return value
    return _in(value, "metadata", lambda meta: {**meta, "labels": {**(meta.get("labels") or {}), **label}})


def secret(value: KubeObject) -> KubeObject:
    """stringData is a way to write data, and never shown."""
    written = value.get("stringData")
    if written is None:
        return value
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in written.items()}
    kept = {name: member for name, member in value.items() if name != "stringData"}
    return {**kept, "data": {**(value.get("data") or {}), **encoded}} if encoded else kept


def node_spec(value: KubeObject) -> KubeObject:
    """podCIDR is the first of podCIDRs."""
    single, several = value.get("podCIDR"), value.get("podCIDRs")
    if single and (not several or several[0] != single):
        return {**value, "podCIDRs": [single]}
    return {**value, "podCIDR": several[0]} if several and not single else value


def node_status(value: KubeObject) -> KubeObject:
    return value if "allocatable" in value or not value.get("capacity") else {**value, "allocatable": value["capacity"]}


def limit_range_item(value: KubeObject) -> KubeObject:
    """For containers, the maximum is the default, the default the request."""
    if value.get("type") != "Container":
        return value
    limits = {**(value.get("max") or {}), **(value.get("default") or {})}
    requests = {**(value.get("min") or {}), **limits, **(value.get("defaultRequest") or {})}
    return {**value, "default": limits, "defaultRequest": requests}


# --- workloads --------------------------------------------------------------------------------------------------------


def _rolling(type_name: str, **limits: Any) -> Callable[[KubeObject], KubeObject]:
    """A strategy that rolls, with its limits, unless another type is named."""

    def change(strategy: KubeObject) -> KubeObject:
        strategy = _or(strategy, type=type_name)
        if strategy["type"] != type_name:
            return strategy
        return {**strategy, "rollingUpdate": _or(strategy.get("rollingUpdate") or {}, **limits)}

    return change


_deployment_strategy = _rolling("RollingUpdate", maxUnavailable="25%", maxSurge="25%")
_daemon_strategy = _rolling("RollingUpdate", maxUnavailable=1, maxSurge=0)
_stateful_strategy = _rolling("RollingUpdate", partition=0, maxUnavailable=1)


def deployment_spec(value: KubeObject) -> KubeObject:
    return _in(value, "strategy", _deployment_strategy)


def daemon_set_spec(value: KubeObject) -> KubeObject:
    return _in(value, "updateStrategy", _daemon_strategy)


def stateful_set_spec(value: KubeObject) -> KubeObject:
    """Claims are whole objects; a rolling update that is named without details keeps none."""
    if value.get("volumeClaimTemplates"):
        typed = {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}
        value = {**value, "volumeClaimTemplates": [{**typed, **claim} for claim in value["volumeClaimTemplates"]]}
    strategy = value.get("updateStrategy") or {}
    if strategy.get("type") == "RollingUpdate" and "rollingUpdate" not in strategy:
        return value
    return _in(value, "updateStrategy", _stateful_strategy)


def job(value: KubeObject) -> KubeObject:
    value = _in(value, "spec", _job_spec)
    labels = _labels(value["spec"].get("template"))
    return _with_labels(value, labels) if labels else value


def _job_spec(spec: KubeObject) -> KubeObject:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec = {**spec, "completions": 1}
    return _or(
        {"completionMode": "NonIndexed", **spec},  # an empty one is not unset: validation refuses it
        parallelism=1,
        backoffLimit=6 if spec.get("backoffLimitPerIndex") is None else _MAX_INT32,
        suspend=False,
        podReplacementPolicy="TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed",
        manualSelector=False,
    )


_SCALE_UP: KubeObject = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: KubeObject = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_CPU_TARGET: KubeObject = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}


def autoscaler_v1_spec(value: KubeObject) -> KubeObject:
    return _or(value, targetCPUUtilizationPercentage=80)


def autoscaler_spec(value: KubeObject) -> KubeObject:
    value = value if value.get("metrics") else {**value, "metrics": [_CPU_TARGET]}
    return value if value.get("behavior") is None else _in(value, "behavior", _behavior)


def _behavior(behavior: KubeObject) -> KubeObject:
    rules = {"scaleUp": _SCALE_UP, "scaleDown": _SCALE_DOWN}
    return {**behavior, **{name: {**default, **(behavior.get(name) or {})} for name, default in rules.items()}}


# --- others -----------------------------------------------------------------------------------------------------------


def queuing(value: KubeObject) -> KubeObject:
    numbers = {"handSize": 8, "queues": 64, "queueLengthLimit": 50}
    return {**value, **{name: value.get(name) or number for name, number in numbers.items()}}


def network_policy_spec(value: KubeObject) -> KubeObject:
    if value.get("policyTypes"):
        return value
    return {**value, "policyTypes": ["Ingress", "Egress"] if value.get("egress") else ["Ingress"]}


def subject(value: KubeObject) -> KubeObject:
    return _or(value, apiGroup=_RBAC) if value.get("kind") in ("User", "Group") else value


def device_request(value: KubeObject) -> KubeObject:
    value = _or(value, allocationMode="ExactCount")
    return {**value, "count": value.get("count") or 1} if value["allocationMode"] == "ExactCount" else value


def definition(value: KubeObject) -> KubeObject:
    """CustomResourceDefinition"""
    value = _in(value, "spec", _definition_spec)
    if (value.get("status") or {}).get("storedVersions"):
        return value
    stored = [version["name"] for version in value["spec"].get("versions") or () if version.get("storage")]
    return _in(value, "status", lambda status: {**status, "storedVersions": stored[:1]}) if stored else value


def _definition_spec(spec: KubeObject) -> KubeObject:
    kind = (spec.get("names") or {}).get("kind", "")
    named = {"singular": kind.lower()} | ({"listKind": f"{kind}List"} if kind else {})
    return _or(_in(spec, "names", lambda names: _or(names, **named)), conversion={"strategy": "None"})


FUNCTIONS: Mapping[str, Callable[[KubeObject], KubeObject]] = {
    "apiextensions.v1.CustomResourceDefinition": definition,
    "apps.v1.DaemonSetSpec": daemon_set_spec,
    "apps.v1.DeploymentSpec": deployment_spec,
    "apps.v1.StatefulSetSpec": stateful_set_spec,
    "autoscaling.v1.HorizontalPodAutoscalerSpec": autoscaler_v1_spec,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": autoscaler_spec,
    "batch.v1.Job": job,
    "core.v1.Container": container,
    "core.v1.EphemeralContainer": container,
    "core.v1.ImageVolumeSource": image_volume,
    "core.v1.LimitRangeItem": limit_range_item,
    "core.v1.Namespace": namespace,
    "core.v1.NodeSpec": node_spec,
    "core.v1.NodeStatus": node_status,
    "core.v1.Pod": pod,
    "core.v1.PodSpec": pod_spec,
    "core.v1.PodStatus": pod_status,
    "core.v1.ReplicationController": replication_controller,
    "core.v1.Secret": secret,
    "core.v1.Service": service,
    "core.v1.Volume": volume,
    "flowcontrol.v1.QueuingConfiguration": queuing,
    "networking.v1.NetworkPolicySpec": network_policy_spec,
    "rbac.v1.Subject": subject,
    "resource.v1.DeviceSubRequest": device_request,
    "resource.v1.ExactDeviceRequest": device_request,
}
