"""Roles and their bindings. Source: pkg/apis/rbac/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, invalid, required, unsupported
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import dns_subdomain, path_segment
from fakekube.registry.validation.object_meta import IMMUTABLE
from fakekube.registry.validation.selectors import is_sound, label_selector

_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def _role(obj: KubeObject) -> Causes:
    yield from in_all(obj.get("rules"), "rules", lambda rule, path: _rule(rule, path, namespaced=True))
    yield from in_all(obj.get("rules"), "rules", _verbs)


def _cluster_role(obj: KubeObject) -> Causes:
    yield from in_all(obj.get("rules"), "rules", lambda rule, path: _rule(rule, path, namespaced=False))
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        path = "aggregationRule.clusterRoleSelectors"
        if not aggregation.get("clusterRoleSelectors"):
            yield required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
        yield from in_all(aggregation.get("clusterRoleSelectors"), path, _selector)
    yield from in_all(obj.get("rules"), "rules", _verbs)


def _selector(selector: KubeObject, path: str) -> Causes:
    yield from label_selector(selector, path)
    if not is_sound(selector):
        yield invalid(path, None, "invalid label selector.")


def _verbs(rule: KubeObject, path: str) -> Causes:
    if not rule.get("verbs"):
        yield required(f"{path}.verbs")


def _rule(rule: KubeObject, path: str, *, namespaced: bool) -> Causes:
    urls, groups, resources = (rule.get(name) or [] for name in ("nonResourceURLs", "apiGroups", "resources"))
    if urls:
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            yield invalid(f"{path}.nonResourceURLs", urls, detail)
        if groups or resources or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid(f"{path}.nonResourceURLs", urls, detail)
        return
    if not groups:
        yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not resources:
        yield required(f"{path}.resources", "resource rules must supply at least one resource")


def _binding(*kinds: str) -> Callable[[KubeObject], Causes]:
    """A binding to a role of one of `kinds`."""

    def check(obj: KubeObject) -> Causes:
        reference = obj.get("roleRef") or {}
        yield from _reference(reference, kinds)
        namespaced = "Role" in kinds
        yield from in_all(obj.get("subjects"), "subjects", lambda subject, path: _subject(subject, path, namespaced))
        if not reference.get("name"):
            yield required("roleRef.name")
        for index, subject in enumerate(obj.get("subjects") or ()):
            if not subject.get("name"):
                yield required(f"subjects[{index}].name")

    return check


def _reference(reference: KubeObject, kinds: Sequence[str]) -> Causes:
    group, kind, name = (reference.get(member) or "" for member in ("apiGroup", "kind", "name"))
    if group != _GROUP:
        yield unsupported("roleRef.apiGroup", group, [_GROUP])
    if kind not in kinds:
        yield unsupported("roleRef.kind", kind, kinds)
    yield from all_invalid("roleRef.name", name, path_segment(name))


def _subject(subject: KubeObject, path: str, namespaced: bool) -> Causes:
    kind, name, group = (subject.get(member) or "" for member in ("kind", "name", "apiGroup"))
    if kind not in _SUBJECTS:
        yield unsupported(f"{path}.kind", kind, _SUBJECTS)
    elif kind != "ServiceAccount":
        if group != _GROUP:
            yield unsupported(f"{path}.apiGroup", group, [_GROUP])
    else:
        if name:
            yield from all_invalid(f"{path}.name", name, dns_subdomain(name))
        if group:
            yield unsupported(f"{path}.apiGroup", group, [""])
        if not namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")


def _same_role(*kinds: str) -> Callable[[KubeObject, KubeObject], Causes]:
    check = _binding(*kinds)

    def updated(obj: KubeObject, held: KubeObject) -> Causes:
        yield from check(obj)
        new, old = obj.get("roleRef") or {}, held.get("roleRef") or {}
        if new != old:
            members = (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
            yield invalid("roleRef", {shown: new.get(member) or "" for shown, member in members}, IMMUTABLE)

    return updated


def _bound(*kinds: str) -> Kind:
    return Kind(name=path_segment, create=_binding(*kinds), update=_same_role(*kinds), update_repeats_create=False)


RBAC: Mapping[str, Kind] = {
    "rbac.authorization.k8s.io/v1/roles": Kind(name=path_segment, create=_role),
    "rbac.authorization.k8s.io/v1/clusterroles": Kind(name=path_segment, create=_cluster_role),
    "rbac.authorization.k8s.io/v1/rolebindings": _bound("Role", "ClusterRole"),
    "rbac.authorization.k8s.io/v1/clusterrolebindings": _bound("ClusterRole"),
}
