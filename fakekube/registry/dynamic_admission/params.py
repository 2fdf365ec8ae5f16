"""The parameters that a binding gives its policy.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams) of 1.37.
"""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, group_of, metadata
from fakekube.registry.label_selector import selects
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.registry.versions import shown
from fakekube.storage.items import Item


class Misconfigured(Exception):
    """A policy that cannot be asked; the message is the real server's."""


def param_resource(site: Site, kind: KubeObject) -> Served:
    """The resource of a paramKind. Raises Misconfigured when nothing serves it."""
    group, version = group_of(kind["apiVersion"])
    for resource in site.catalog.resources(group, version):
        if resource.kind == kind["kind"]:
            served = site.served(group, version, resource.plural)
            assert served is not None, "it is in the catalog"
            return served
    # as Go prints the struct
    shown_kind = f"{kind['apiVersion']}, Kind={kind['kind']}"
    raise Misconfigured(f"failed to find resource referenced by paramKind: '{shown_kind}'")


def parameters(
    site: Site, served: Served | None, reference: KubeObject | None, namespace: str
) -> list[KubeObject | None]:
    """One set of parameters each; None where the policy is asked without. Raises Misconfigured."""
    if served is None or reference is None:
        return [None]
    found = _found(site, served, reference, _namespace(served, reference, namespace))
    if not found and reference.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [shown(served, item).obj for item in found]


def _namespace(served: Served, reference: KubeObject, namespace: str) -> str:
    given: str = reference.get("namespace") or ""
    if not served.namespaced:
        if given:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    if not (given or namespace):
        raise Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    return given or namespace


def _found(site: Site, served: Served, reference: KubeObject, namespace: str) -> list[Item]:
    if reference.get("name"):
        item = site.store.get(served.key, namespace, reference["name"])
        return [] if item is None else [item]
    selector = reference["selector"]
    listed = site.store.keyspace(served.key).listed(namespace)
    return [item for item in listed if selects(selector, metadata(item.obj).get("labels") or {})]
