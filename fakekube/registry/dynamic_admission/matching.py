"""Which writes a webhook, a policy or a binding is asked about: rules, then the labels of namespace and object.

Source: k8s.io/apiserver/pkg/admission/plugin/{policy/matching,webhook/predicates} of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.dynamic_admission.attributes import WriteAttributes
from fakekube.registry.label_selector import selects
from fakekube.registry.site import Site

NAMESPACES = "namespaces"


def matched(site: Site, resources: KubeObject, write: WriteAttributes) -> WriteAttributes | None:
    """`write` in the version that is asked for, None when it is none of `resources`; without rules all are."""
    policy = resources.get("matchPolicy") or "Equivalent"
    if _by_rules(site, resources.get("excludeResourceRules") or (), policy, write) is not None:
        return None
    rules: Sequence[KubeObject] = resources.get("resourceRules") or ()
    found = _by_rules(site, rules, policy, write) if rules else write
    return found if found is not None and selected(site, resources, write) else None


def matched_webhook(site: Site, webhook: KubeObject, write: WriteAttributes) -> WriteAttributes | None:
    """The same for a webhook, to which no rules mean no writes."""
    found = _by_rules(site, webhook.get("rules") or (), webhook.get("matchPolicy") or "Equivalent", write)
    return found if found is not None and selected(site, webhook, write) else None


def _by_rules(site: Site, rules: Sequence[KubeObject], policy: str, write: WriteAttributes) -> WriteAttributes | None:
    for rule in rules:
        if _matches(rule, write, write.version):
            return write
    for version in _equivalents(site, write) if policy == "Equivalent" else ():
        if any(_matches(rule, write, version) for rule in rules):
            return _in_version(write, version)
    return None


def _equivalents(site: Site, write: WriteAttributes) -> Iterator[str]:
    """The other versions in which the resource is served. Of built-in resources none has two of one group with forms
    of their own but HorizontalPodAutoscalers, which are asked about as they were sent."""
    custom = write.served.type.custom
    if custom is None:
        return
    group = site.catalog.group(write.served.type.group)
    for version in group.versions if group is not None else ():
        if version != write.version and version in custom.schemas:
            yield version


def _in_version(write: WriteAttributes, version: str) -> WriteAttributes:
    api_version = f"{write.served.type.group}/{version}"
    obj = None if write.obj is None else {**write.obj, "apiVersion": api_version}
    old = None if write.old is None else {**write.old, "apiVersion": api_version}
    return replace(write, version=version, obj=obj, old=old)


def _matches(rule: KubeObject, write: WriteAttributes, version: str) -> bool:
    return (
        _in_scope(rule.get("scope") or "*", write)
        and _listed(rule.get("operations"), write.operation)
        and _listed(rule.get("apiGroups"), write.served.type.group)
        and _listed(rule.get("apiVersions"), version)
        and any(_is_resource(each, write) for each in rule.get("resources") or ())
        and (not rule.get("resourceNames") or write.name in rule["resourceNames"])
    )


def _listed(values: Sequence[str] | None, value: str) -> bool:
    return any(each in ("*", value) for each in values or ())


def _is_resource(text: str, write: WriteAttributes) -> bool:
    resource, _, subresource = text.partition("/")
    return resource in ("*", write.resource) and subresource in ("*", write.subresource)


def _in_scope(scope: str, write: WriteAttributes) -> bool:
    if scope == "*":
        return True
    within = bool(write.namespace) and not write.is_namespace
    return within if scope == "Namespaced" else not within


def selected(site: Site, resources: KubeObject, write: WriteAttributes) -> bool:
    """Whether the labels of namespace and object fit the selectors of `resources`."""
    return _namespace_selected(site, resources.get("namespaceSelector") or {}, write) and _object_selected(
        resources.get("objectSelector") or {}, write
    )


def _namespace_selected(site: Site, selector: KubeObject, write: WriteAttributes) -> bool:
    """What is in no namespace, and is none, is never exempted."""
    if not selector or not write.namespace:
        return True
    if write.is_namespace and write.obj is not None and not write.subresource:
        return selects(selector, metadata(write.obj).get("labels") or {})
    namespace = site.store.get(NAMESPACES, "", write.namespace)
    return namespace is not None and selects(selector, metadata(namespace.obj).get("labels") or {})


def _object_selected(selector: KubeObject, write: WriteAttributes) -> bool:
    if not selector:
        return True
    return any(
        selects(selector, metadata(obj).get("labels") or {}) for obj in (write.obj, write.old) if obj is not None
    )
