"""The resources that bodies use, and the smallest objects of them that a server takes."""

from __future__ import annotations

from dataclasses import dataclass

from fakekube.meta.objects import KubeObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as a path knows it."""

    version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The request path; an empty `namespace` is all of them."""
        root = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return root + scope + "".join(f"/{part}" for part in (self.plural, name, subresource) if part)

    def named(self, obj: KubeObject) -> KubeObject:
        """`obj` with this apiVersion and kind, unless it has its own."""
        return {"apiVersion": self.version, "kind": self.kind, **obj}


CONFIG_MAPS = Resource(version="v1", plural="configmaps", kind="ConfigMap")
SECRETS = Resource(version="v1", plural="secrets", kind="Secret")
PODS = Resource(version="v1", plural="pods", kind="Pod")
SERVICES = Resource(version="v1", plural="services", kind="Service")
SERVICE_ACCOUNTS = Resource(version="v1", plural="serviceaccounts", kind="ServiceAccount")
EVENTS = Resource(version="v1", plural="events", kind="Event")
NAMESPACES = Resource(version="v1", plural="namespaces", kind="Namespace", namespaced=False)
NODES = Resource(version="v1", plural="nodes", kind="Node", namespaced=False)
DEPLOYMENTS = Resource(version="apps/v1", plural="deployments", kind="Deployment")
LEASES = Resource(version="coordination.k8s.io/v1", plural="leases", kind="Lease")
DISRUPTION_BUDGETS = Resource(version="policy/v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget")
ROLES = Resource(version="rbac.authorization.k8s.io/v1", plural="roles", kind="Role")
DEFINITIONS = Resource(
    version="apiextensions.k8s.io/v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)


def config_map(name: str, /, **data: str) -> KubeObject:
    return {"metadata": {"name": name}, "data": data}


def labelled(name: str, **labels: str) -> KubeObject:
    """A ConfigMap with labels."""
    return {"metadata": {"name": name, "labels": labels}}


def pod(name: str, **labels: str) -> KubeObject:
    return {"metadata": {"name": name, "labels": labels}, "spec": pod_spec()}


def pod_spec() -> KubeObject:
    return {"containers": [{"name": "main", "image": "registry.example/app:1"}]}


def deployment(name: str, replicas: int = 0) -> KubeObject:
    """Without replicas, so that controllers of a real cluster leave it alone."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod_spec()}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}
