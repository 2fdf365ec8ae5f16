"""Pods and pod templates. Source: pkg/apis/core/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation import object_meta
from fakekube.registry.validation.amounts import amounts, not_negative
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.containers import PodFacts, containers, init_containers, names_of, profile
from fakekube.registry.validation.gated_pods import as_it_was, only_narrowed
from fakekube.registry.validation.internal import change, internal
from fakekube.registry.validation.names import (
    between,
    dns_label,
    dns_subdomain,
    ip_address,
    qualified_name,
    search_domain,
    user_id,
)
from fakekube.registry.validation.placement import affinity, spreading, tolerations
from fakekube.registry.validation.volumes import volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMESERVERS_MAX = 3
_SEARCHES_MAX = 32
_SEARCH_CHARACTERS_MAX = 2048
_MAX_INT32 = 2**31 - 1
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"


def pod(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from pod_spec(spec, "spec")
    if spec.get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")
    yield from _gates(spec, "spec")


def template(value: KubeObject | None, path: str) -> Causes:
    """A PodTemplateSpec."""
    meta = (value or {}).get("metadata") or {}
    yield from object_meta.labels(meta.get("labels") or {}, f"{path}.labels")
    yield from object_meta.annotation_rules(meta.get("annotations") or {}, f"{path}.annotations")
    spec = (value or {}).get("spec") or {}
    yield from pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def facts(spec: KubeObject) -> PodFacts:
    return PodFacts(
        volumes={volume.get("name", ""): volume for volume in spec.get("volumes") or ()},
        claims=frozenset(names_of(spec.get("resourceClaims") or [])),
        grace_s=spec.get("terminationGracePeriodSeconds", 30),
        host_network=bool(spec.get("hostNetwork")),
        host_users=spec.get("hostUsers") is not False,
    )


def pod_spec(spec: KubeObject, path: str) -> Causes:
    known = facts(spec)
    main, first = spec.get("containers") or [], spec.get("initContainers") or []
    yield from volumes(spec.get("volumes") or [], f"{path}.volumes")
    yield from _resource_claims(spec.get("resourceClaims") or [], f"{path}.resourceClaims")
    yield from containers(main, f"{path}.containers", known)
    yield from init_containers(first, f"{path}.initContainers", known, frozenset(names_of(main)))
    yield from _pod_resources(spec.get("resources"), f"{path}.resources")
    yield from _chosen(spec.get("restartPolicy", ""), f"{path}.restartPolicy", RESTART_POLICIES)
    yield from _chosen(spec.get("dnsPolicy", ""), f"{path}.dnsPolicy", _DNS_POLICIES)
    yield from object_meta.labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from _host(spec, path)
    yield from _security(spec.get("securityContext") or {}, f"{path}.securityContext")
    yield from affinity(spec.get("affinity"), f"{path}.affinity")
    yield from _dns_config(spec, path)
    yield from _readiness_gates(spec, path)
    yield from spreading(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints")
    yield from _named(spec, path)
    yield from tolerations(spec.get("tolerations") or [], f"{path}.tolerations")
    yield from _host_aliases(spec.get("hostAliases") or [], f"{path}.hostAliases")
    yield from _rest(spec, path)


def _chosen(value: str, path: str, allowed: Sequence[str]) -> Causes:
    if not value:
        yield required(path)
    elif value not in allowed:
        yield unsupported(path, value, allowed)


def _resource_claims(values: Sequence[KubeObject], path: str) -> Causes:
    names: set[str] = set()
    for index, claim in enumerate(values):
        here, name = f"{path}[{index}]", claim.get("name", "")
        if not name:
            yield required(f"{here}.name")
        elif name in names:
            yield duplicate(f"{here}.name", name)
        else:
            yield from all_invalid(f"{here}.name", name, dns_label(name))
        names.add(name)
        direct, by_template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = {"Name": name, "ResourceClaimName": direct, "ResourceClaimTemplateName": by_template}
        if direct is not None and by_template is not None:
            yield invalid(
                here, shown, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            )
        elif direct is None and by_template is None:
            yield invalid(here, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")


_POD_RESOURCES = ("cpu", "hugepages-", "memory")


def _pod_resources(value: KubeObject | None, path: str) -> Causes:
    for member in ("limits", "requests"):
        for name, quantity in amounts((value or {}).get(member)).items():
            here = f"{path}.{member}[{name}]"
            if name not in ("cpu", "memory") and not name.startswith("hugepages-"):
                yield unsupported(here, name, _POD_RESOURCES)
            yield from not_negative(quantity, here)


def _host(spec: KubeObject, path: str) -> Causes:
    """What a pod that shares its host's network or processes must and must not."""
    if spec.get("hostNetwork"):
        for kind in ("containers", "initContainers"):
            for index, container in enumerate(spec.get(kind) or ()):
                yield from _host_network_ports(container, f"{path}.{kind}[{index}]")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        yield invalid(f"{path}.shareProcessNamespace", True, "ShareProcessNamespace and HostPID cannot both be enabled")
    hosted = any(
        ((each.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
        for each in spec.get("containers") or ()
    )
    if hosted and not spec.get("hostNetwork"):
        yield invalid(
            f"{path}.hostNetwork", False, "hostNetwork must be true if pod contains any hostProcess containers"
        )


def _host_network_ports(container: KubeObject, path: str) -> Causes:
    for index, port in enumerate(container.get("ports") or ()):
        if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
            detail = "must match `containerPort` when `hostNetwork` is true"
            yield invalid(f"{path}.ports[{index}].hostPort", port["hostPort"], detail)


def _security(value: KubeObject, path: str) -> Causes:
    if value.get("fsGroup") is not None:
        yield from all_invalid(f"{path}.fsGroup", value["fsGroup"], user_id(value["fsGroup"]))
    for member in ("runAsUser", "runAsGroup"):
        if value.get(member) is not None:
            yield from all_invalid(f"{path}.{member}", value[member], user_id(value[member]))
    for index, group in enumerate(value.get("supplementalGroups") or ()):
        yield from all_invalid(f"{path}.supplementalGroups[{index}]", group, user_id(group))
    yield from _sysctls(value.get("sysctls") or [], f"{path}.sysctls")
    yield from _one_of(value.get("fsGroupChangePolicy"), f"{path}.fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    yield from profile(value.get("seccompProfile"), f"{path}.seccompProfile", "seccomp", "seccompProfile")
    yield from profile(value.get("appArmorProfile"), f"{path}.appArmorProfile", "AppArmor", "appArmorProfile")
    yield from _one_of(value.get("supplementalGroupsPolicy"), f"{path}.supplementalGroupsPolicy", ("Merge", "Strict"))


def _one_of(value: str | None, path: str, allowed: Sequence[str]) -> Causes:
    if value is not None and value not in allowed:
        yield unsupported(path, value, allowed)


def _sysctls(values: Sequence[KubeObject], path: str) -> Causes:
    names: set[str] = set()
    for index, each in enumerate(values):
        here, name = f"{path}[{index}].name", each.get("name", "")
        if not name:
            yield required(here)
        elif len(name) > 253 or not re.fullmatch(_SYSCTL, name):
            yield invalid(here, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
        elif name in names:
            yield duplicate(here, name)
        names.add(name)


def _dns_config(spec: KubeObject, path: str) -> Causes:
    config = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or []
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not servers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(f"{path}.dnsConfig.nameservers", detail)
    if len(servers) > _NAMESERVERS_MAX:
        yield invalid(
            f"{path}.dnsConfig.nameservers", servers, f"must not have more than {_NAMESERVERS_MAX} nameservers"
        )
    for index, server in enumerate(servers):
        yield from all_invalid(f"{path}.dnsConfig.nameservers[{index}]", server, ip_address(server))
    yield from _searches((config or {}).get("searches") or [], f"{path}.dnsConfig.searches")
    for index, option in enumerate((config or {}).get("options") or ()):
        if not option.get("name"):
            yield required(f"{path}.dnsConfig.options[{index}]", "must not be empty")


def _searches(domains: Sequence[str], path: str) -> Causes:
    if len(domains) > _SEARCHES_MAX:
        yield invalid(path, domains, f"must not have more than {_SEARCHES_MAX} search paths")
    if len(" ".join(domains)) > _SEARCH_CHARACTERS_MAX:
        detail = f"must not have more than {_SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        yield invalid(path, domains, detail)
    for index, domain in enumerate(domains):
        bare = domain.removesuffix(".")
        yield from all_invalid(f"{path}[{index}]", bare, search_domain(bare) if domain != "." else [])


def _readiness_gates(spec: KubeObject, path: str) -> Causes:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType", "")
        yield from all_invalid(f"{path}.readinessGates[{index}].conditionType", kind, qualified_name(kind))


def _named(spec: KubeObject, path: str) -> Causes:
    """Members that are names of other objects, or the pod's own in the network."""
    checks = (
        ("serviceAccountName", dns_subdomain),
        ("nodeName", dns_subdomain),
    )
    for member, check in checks:
        if spec.get(member):
            yield from all_invalid(f"{path}.{member}", spec[member], check(spec[member]))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_INT32:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, between(1, _MAX_INT32))
    for member in ("hostname", "subdomain"):
        if spec.get(member):
            yield from all_invalid(f"{path}.{member}", spec[member], dns_label(spec[member]))


def _host_aliases(values: Sequence[KubeObject], path: str) -> Causes:
    for index, alias in enumerate(values):
        here, address = f"{path}[{index}]", alias.get("ip", "")
        yield from all_invalid(f"{here}.ip", address, ip_address(address))
        for number, name in enumerate(alias.get("hostnames") or ()):
            yield from all_invalid(f"{here}.hostnames[{number}]", name, dns_subdomain(name))


def _rest(spec: KubeObject, path: str) -> Causes:
    for member in ("priorityClassName", "runtimeClassName"):
        if spec.get(member):
            yield from all_invalid(f"{path}.{member}", spec[member], dns_subdomain(spec[member]))
    policy = spec.get("preemptionPolicy")
    yield from _one_of(policy, f"{path}.preemptionPolicy", ("PreemptLowerPriority", "Never"))
    for name, quantity in amounts(spec.get("overhead")).items():
        yield from not_negative(quantity, f"{path}.overhead[{name}]")
    yield from _operating_system(spec, path)


_NOT_ON_WINDOWS = ("hostPID", "hostIPC", "hostUsers", "shareProcessNamespace")
_LINUX_SECURITY = ("appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls")
_LINUX_USERS = ("runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy")


def _operating_system(spec: KubeObject, path: str) -> Causes:
    name = (spec.get("os") or {}).get("name")
    if spec.get("os") is None:
        return
    if not name:
        yield required(f"{path}.os.name", "cannot be empty")
    elif name not in ("linux", "windows"):
        yield unsupported(f"{path}.os", name, ("linux", "windows"))
    security = spec.get("securityContext") or {}
    if name == "linux" and security.get("windowsOptions") is not None:
        yield forbidden(f"{path}.securityContext.windowsOptions", "windows options cannot be set for a linux pod")
    if name == "windows":
        for member in _NOT_ON_WINDOWS:
            if spec.get(member):
                yield forbidden(f"{path}.{member}", "cannot be set for a windows pod")
        for member in (*_LINUX_SECURITY, *_LINUX_USERS):
            if security.get(member) is not None:
                yield forbidden(f"{path}.securityContext.{member}", "cannot be set for a windows pod")


def _gates(spec: KubeObject, path: str) -> Causes:
    names: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name", "")
        yield from all_invalid(f"{path}.schedulingGates[{index}]", name, qualified_name(name))
        if name in names:
            yield duplicate(f"{path}.schedulingGates[{index}]", name)
        names.add(name)
    if spec.get("schedulingGates") and spec.get("nodeName"):
        yield forbidden(f"{path}.nodeName", "cannot be set until all schedulingGates have been cleared")


# --- updates ----------------------------------------------------------------------------------------------------------

_ONLY = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def updated_pod(obj: KubeObject, held: KubeObject) -> Causes:
    """A pod is what it was, but for images, deadlines and more tolerations."""
    spec, before = obj.get("spec") or {}, held.get("spec") or {}
    yield from pod_spec(spec, "spec")
    for kind in ("containers", "initContainers"):
        if len(spec.get(kind) or ()) != len(before.get(kind) or ()):
            yield forbidden(f"spec.{kind}", "pod updates may not add or remove containers")
            return
    yield from _deadline(spec, before)
    yield from _only_more_tolerations(spec, before)
    yield from _only_fewer_gates(spec, before)
    held = _unchanged(spec, before)
    if before.get("schedulingGates"):
        yield from only_narrowed(spec, before)
        held = as_it_was(held, before)
    yield from _changed(held, before)


def _changed(spec: KubeObject, before: KubeObject) -> Causes:
    if {name: value for name, value in spec.items() if value is not None} == before:
        return
    wanted, was = (internal(each, "PodSpec") for each in (spec, before))
    if wanted != was:
        yield forbidden("spec", f"{_ONLY}\n{change(was, wanted)}")


def _deadline(spec: KubeObject, before: KubeObject) -> Causes:
    new, old = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if new is not None and not 0 <= new <= _MAX_INT32:
        yield invalid("spec.activeDeadlineSeconds", new, between(0, _MAX_INT32))
    elif new is not None and old is not None and new > old:
        yield invalid("spec.activeDeadlineSeconds", new, "must be less than or equal to previous value")
    elif new is None and old is not None:
        yield invalid("spec.activeDeadlineSeconds", None, "must not update from a positive integer to nil value")


def _only_more_tolerations(spec: KubeObject, before: KubeObject) -> Causes:
    new, old = spec.get("tolerations") or [], before.get("tolerations") or []
    bare = [_without(each, "tolerationSeconds") for each in new]
    if any(_without(each, "tolerationSeconds") not in bare for each in old):
        yield forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")


def _only_fewer_gates(spec: KubeObject, before: KubeObject) -> Causes:
    known = set(names_of(before.get("schedulingGates") or []))
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", detail)


def _without(value: KubeObject, *members: str) -> KubeObject:
    return {name: member for name, member in value.items() if name not in members}


_CHANGEABLE = ("activeDeadlineSeconds", "tolerations", "schedulingGates")


def _unchanged(spec: KubeObject, before: KubeObject) -> KubeObject:
    """`spec` but for what may change, which is as it was."""
    held = {**spec, **{name: before.get(name) for name in _CHANGEABLE}}
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        held["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    for kind in ("containers", "initContainers"):
        old = before.get(kind) or []
        held[kind] = [{**new, "image": was.get("image")} for new, was in zip(spec.get(kind) or (), old, strict=True)]
    return {**held, "initContainers": held["initContainers"] or None}
