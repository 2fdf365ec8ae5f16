"""The admission that every plain apiserver has switched on and that needs no configuration: NamespaceLifecycle,
LimitRanger, PodSecurity, ResourceQuota, and what the plug-ins of single kinds write into new objects
(fakekube.registry.defaulting.admitted).

Source: k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle.
"""

from __future__ import annotations

from fakekube.meta.errors import Cause, forbidden, not_found
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.defaulting.admitted import admitted, tolerations
from fakekube.registry.limits import require_within_limits, with_default_limits
from fakekube.registry.metadata import is_terminating
from fakekube.registry.options import WriteOptions
from fakekube.registry.pod_policy import require_secure
from fakekube.registry.quota import charge, charge_update
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

NAMESPACES = "namespaces"
# Writes that may change what a pod runs.
_POD_WRITES = ("", "ephemeralcontainers", "resize")
IMMORTAL = frozenset(["default", "kube-system", "kube-public"])


def admit_create(site: Site, served: Served, namespace: str, obj: KubeObject) -> KubeObject:
    """`obj` as admitted. 404 without the namespace, 403 while it is Terminating."""
    if served.namespaced:
        _require_open_namespace(site, served, namespace, name_of(obj))
    if served.type.qualified == "pods":
        obj = with_default_limits(site, namespace, obj)
    return admitted(site, served.type.qualified, namespace, obj)


def require_admitted(
    site: Site, served: Served, namespace: str, obj: KubeObject, options: WriteOptions, *, counts: bool
) -> None:
    """The plug-ins that only say yes or no come last, when `obj` is known to be valid. 403 for no.

    `counts` is false for an object that will not come to be: no quota is charged for it.
    """
    require_secure(site, served, namespace, obj, None, options.warnings)
    if served.namespaced:
        require_within_limits(site, served.type.qualified, namespace, obj)
    if site.dynamic is not None:
        site.dynamic.validate("CREATE", served, namespace, obj, None, options)
    if served.namespaced:
        charge(site, served, namespace, obj, counts=counts)


def require_admitted_update(
    site: Site,
    served: Served,
    namespace: str,
    obj: KubeObject,
    held: KubeObject,
    options: WriteOptions,
    subresource: str,
) -> None:
    """The same for an update."""
    if subresource in _POD_WRITES:
        require_secure(site, served, namespace, obj, held, options.warnings)
    if site.dynamic is not None:
        site.dynamic.validate("UPDATE", served, namespace, obj, held, options, subresource)
    if served.namespaced:
        charge_update(site, served, namespace, obj, held, subresource, counts=not options.dry_run)


def admit_update(
    site: Site, served: Served, namespace: str, obj: KubeObject, held: KubeObject, subresource: str
) -> KubeObject:
    """`obj` as admitted; updates go on in a Terminating namespace."""
    return tolerations(site, namespace, obj) if served.type.qualified == "pods" and not subresource else obj


def admit_delete(site: Site, served: Served, namespace: str, name: str) -> None:
    """The namespaces that a cluster cannot be without are never deleted, not even in a dry run."""
    if served.type.qualified == NAMESPACES and name in IMMORTAL:
        raise forbidden(NAMESPACES, "", name, "this namespace may not be deleted")


def _require_open_namespace(site: Site, served: Served, namespace: str, name: str) -> None:
    found = site.store.get(NAMESPACES, "", namespace)
    if found is None:
        raise not_found(NAMESPACES, "", namespace)
    if is_terminating(found.obj):
        raise forbidden(
            served.type.plural,
            served.type.group,
            name,
            f"unable to create new content in namespace {namespace} because it is being terminated",
            [
                Cause(
                    reason="NamespaceTerminating",
                    message=f"namespace {namespace} is being terminated",
                    field="metadata.namespace",
                )
            ],
        )
