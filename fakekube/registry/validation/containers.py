"""Containers: names, images, ports, environment, mounts, probes, hooks and security.

Source: pkg/apis/core/validation of Kubernetes 1.37, and recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.validation.amounts import requirements
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
    unsupported,
)
from fakekube.registry.validation.internal import internal
from fakekube.registry.validation.names import (
    config_key,
    dns_label,
    dns_subdomain,
    environment_name,
    header_name,
    port_name,
    port_number,
    qualified_name,
    user_id,
)
from fakekube.registry.validation.object_meta import not_negative
from fakekube.registry.validation.paths import local_path

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
TERMINATION_POLICIES = ("File", "FallbackToLogsOnError")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """What containers are checked against."""

    volumes: Mapping[str, KubeObject] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()
    grace_s: int = 30
    host_network: bool = False
    host_users: bool = True


def containers(values: Sequence[KubeObject], path: str, pod: PodFacts) -> Causes:
    if not values:
        yield required(path)
        return
    names: set[str] = set()
    for index, value in enumerate(values):
        here = f"{path}[{index}]"
        yield from _common(value, here, pod)
        if value.get("name") in names:
            yield duplicate(f"{here}.name", value["name"])
        names.add(value.get("name", ""))
        yield from lifecycle(value.get("lifecycle"), f"{here}.lifecycle", pod)
        yield from _all_probes(value, here, pod)
    yield from _host_ports(values, path, set())


def init_containers(values: Sequence[KubeObject], path: str, pod: PodFacts, taken: frozenset[str]) -> Causes:
    names = set(taken)
    for index, value in enumerate(values):
        here = f"{path}[{index}]"
        yield from _common(value, here, pod)
        sidecar = value.get("restartPolicy") == "Always"
        if value.get("name") in names and value.get("name"):
            yield duplicate(f"{here}.name", value["name"])
        names.add(value.get("name", ""))
        yield from _host_ports([value], path, set(), start=index)
        if sidecar:
            yield from lifecycle(value.get("lifecycle"), f"{here}.lifecycle", pod)
            yield from _all_probes(value, here, pod)
            continue
        for member in ("lifecycle", *_PROBES):
            if value.get(member) is not None:
                yield forbidden(f"{here}.{member}", "may not be set for init containers without restartPolicy=Always")


def _common(value: KubeObject, path: str, pod: PodFacts) -> Causes:
    name, image = value.get("name", ""), value.get("image", "")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from all_invalid(f"{path}.name", name, dns_label(name))
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from _policy(
        value.get("terminationMessagePolicy", ""), f"{path}.terminationMessagePolicy", TERMINATION_POLICIES
    )
    yield from _ports(value.get("ports") or [], f"{path}.ports")
    yield from _environment(value.get("env") or [], f"{path}.env")
    yield from _environment_from(value.get("envFrom") or [], f"{path}.envFrom")
    yield from _mounts(value, f"{path}.volumeMounts", pod)
    yield from _devices(value, f"{path}.volumeDevices", pod)
    yield from _policy(value.get("imagePullPolicy", ""), f"{path}.imagePullPolicy", PULL_POLICIES)
    yield from requirements(value.get("resources") or {}, f"{path}.resources", pod.claims)
    yield from _resize(value.get("resizePolicy") or [], f"{path}.resizePolicy")
    yield from security_context(value.get("securityContext"), f"{path}.securityContext", pod)


def _policy(value: str, path: str, allowed: Sequence[str]) -> Causes:
    if not value:
        yield required(path)
    elif value not in allowed:
        yield unsupported(path, value, allowed)


# --- ports ------------------------------------------------------------------------------------------------------------


def _ports(values: Sequence[KubeObject], path: str) -> Causes:
    names: set[str] = set()
    for index, port in enumerate(values):
        here, name, number = f"{path}[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name:
            faults = port_name(name)
            yield from all_invalid(f"{here}.name", name, faults)
            if not faults and name in names:
                yield duplicate(f"{here}.name", name)
            names.add(name)
        if number == 0:
            yield required(f"{here}.containerPort")
        else:
            yield from all_invalid(f"{here}.containerPort", number, port_number(number))
        if port.get("hostPort"):
            yield from all_invalid(f"{here}.hostPort", port["hostPort"], port_number(port["hostPort"]))
        yield from protocol(port.get("protocol", ""), f"{here}.protocol")


def protocol(value: str, path: str) -> Causes:
    if not value:
        yield required(path)
    elif value not in _PROTOCOLS:
        yield unsupported(path, value, _PROTOCOLS)


def _host_ports(values: Sequence[KubeObject], path: str, used: set[str], *, start: int = 0) -> Causes:
    for index, value in enumerate(values, start=start):
        for number, port in enumerate(value.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            known = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if known in used:
                yield duplicate(f"{path}[{index}].ports[{number}].hostPort", known)
            used.add(known)


# --- environment ------------------------------------------------------------------------------------------------------

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENVIRONMENT_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
# What can be named at all.
_FIELDS = frozenset(
    [
        *_ENVIRONMENT_FIELDS,
        "metadata.annotations",
        "metadata.labels",
        "spec.host",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    ]
)
_VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_CONTAINER_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_DIVISORS = {
    "cpu": ("1m", "1"),
    "memory": ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
    "ephemeral-storage": ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
}


def _environment(values: Sequence[KubeObject], path: str) -> Causes:
    for index, variable in enumerate(values):
        here, name = f"{path}[{index}]", variable.get("name", "")
        if not name:
            yield required(f"{here}.name")
        else:
            yield from all_invalid(f"{here}.name", name, environment_name(name))
        source = variable.get("valueFrom")
        if source is not None:
            yield from _source(source, variable.get("value", ""), f"{here}.valueFrom")


def _source(source: KubeObject, value: str, path: str) -> Causes:
    given = [name for name in _SOURCES if source.get(name) is not None]
    for name in given:
        yield from _SOURCE_CHECKS[name](source[name], f"{path}.{name}")
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        yield invalid(path, "", f"must specify one of: {listed}")
    elif value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def field_reference(reference: KubeObject, path: str, allowed: Sequence[str] = _ENVIRONMENT_FIELDS) -> Causes:
    version, where = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        yield required(f"{path}.apiVersion")
    elif version != "v1":
        yield invalid(f"{path}.fieldPath", where, f"error converting fieldPath: unsupported pod version: {version}")
    elif not where:
        yield required(f"{path}.fieldPath")
    else:
        yield from _field_path(where, path, allowed)


def _field_path(where: str, path: str, allowed: Sequence[str]) -> Causes:
    """A field of the pod, or one of its labels or annotations: `metadata.labels['app']`."""
    found = re.fullmatch(r"([^\[]*)\['(.*)'\]", where)
    member, key = found.groups() if found is not None else (where, None)
    if member not in _FIELDS:
        yield invalid(f"{path}.fieldPath", where, f"error converting fieldPath: field label not supported: {where}")
    elif key is None:
        if where not in allowed:
            yield unsupported(f"{path}.fieldPath", where, allowed)
    elif member in ("metadata.labels", "metadata.annotations"):
        yield from all_invalid(path, key, qualified_name(key.lower() if member == "metadata.annotations" else key))
    else:
        yield invalid(path, member, "does not support subscript")


def volume_field_reference(reference: KubeObject, path: str) -> Causes:
    yield from field_reference(reference, path, _VOLUME_FIELDS)


def resource_reference(reference: KubeObject, path: str, *, volume: bool = False) -> Causes:
    name = reference.get("resource", "")
    if volume and not reference.get("containerName"):
        yield required(f"{path}.containerName")
    elif not name:
        yield required(f"{path}.resource")
    elif name not in _CONTAINER_RESOURCES and not name.startswith(("limits.hugepages-", "requests.hugepages-")):
        yield unsupported(f"{path}.resource", name, _CONTAINER_RESOURCES)
    yield from _divisor(name, reference.get("divisor", "0"), path)


def _divisor(name: str, divisor: str, path: str) -> Causes:
    kind = name.partition(".")[2]
    allowed = _DIVISORS.get(kind)
    if allowed is None or parse_quantity(str(divisor)).value == 0 or str(divisor) in allowed:
        return
    listed = "1m and 1" if kind == "cpu" else "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
    named = {"ephemeral-storage": "local ephemeral storage"}.get(kind, kind)
    yield invalid(f"{path}.divisor", name, f"only divisor's values {listed} are supported with the {named} resource")


def _key_reference(reference: KubeObject, path: str) -> Causes:
    name, key = reference.get("name", ""), reference.get("key", "")
    yield from all_invalid(f"{path}.name", name, dns_subdomain(name)) if name else ()
    if not key:
        yield required(f"{path}.key")
    else:
        yield from all_invalid(f"{path}.key", key, config_key(key))


def _file_reference(reference: KubeObject, path: str) -> Causes:
    for member in ("key", "volumeName", "path"):
        if not reference.get(member):
            yield required(f"{path}.{member}")


_SOURCE_CHECKS: Mapping[str, Callable[[KubeObject, str], Causes]] = {
    "fieldRef": field_reference,
    "resourceFieldRef": resource_reference,
    "configMapKeyRef": _key_reference,
    "secretKeyRef": _key_reference,
    "fileKeyRef": _file_reference,
}


def _environment_from(values: Sequence[KubeObject], path: str) -> Causes:
    for index, source in enumerate(values):
        here, prefix = f"{path}[{index}]", source.get("prefix", "")
        if prefix:
            yield from all_invalid(f"{here}.prefix", prefix, environment_name(prefix))
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for name in given:
            target = source[name].get("name", "")
            if not target:
                yield required(f"{here}.{name}.name")
            else:
                yield from all_invalid(f"{here}.{name}.name", target, dns_subdomain(target))
        if not given:
            yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid(path, "", "may not have more than one field specified at a time")


# --- mounts -----------------------------------------------------------------------------------------------------------

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


def _mounts(container: KubeObject, path: str, pod: PodFacts) -> Causes:
    paths: set[str] = set()
    devices = {each.get("devicePath") for each in container.get("volumeDevices") or ()}
    device_names = {each.get("name") for each in container.get("volumeDevices") or ()}
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        here, name, where = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{here}.name")
        if name not in pod.volumes:
            yield not_found(f"{here}.name", name)
        if not where:
            yield required(f"{here}.mountPath")
        if where in paths:
            yield invalid(f"{here}.mountPath", where, "must be unique")
        paths.add(where)
        if name in device_names:
            yield invalid(f"{here}.name", name, "must not already exist in volumeDevices")
        if where in devices:
            yield invalid(f"{here}.mountPath", where, "must not already exist as a path in volumeDevices")
        yield from _sub_paths(mount, here, path)
        yield from _propagation(mount, container, path)


def _sub_paths(mount: KubeObject, here: str, path: str) -> Causes:
    sub, expression = mount.get("subPath", ""), mount.get("subPathExpr", "")
    if sub:
        yield from local_path(sub, f"{path}.subPath")
    if expression:
        if sub:
            yield invalid(f"{here}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive")
        yield from local_path(expression, f"{path}.subPathExpr")


def _propagation(mount: KubeObject, container: KubeObject, path: str) -> Causes:
    propagation = mount.get("mountPropagation")
    if propagation is not None and propagation not in _PROPAGATIONS:
        yield unsupported(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(f"{path}.mountPropagation", detail)
    recursive = mount.get("recursiveReadOnly")
    if recursive not in (None, "Disabled") and not mount.get("readOnly"):
        yield forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")


def _devices(container: KubeObject, path: str, pod: PodFacts) -> Causes:
    for index, device in enumerate(container.get("volumeDevices") or ()):
        here, name = f"{path}[{index}]", device.get("name", "")
        if not name:
            yield required(f"{here}.name")
        if not device.get("devicePath"):
            yield required(f"{here}.devicePath")
        volume = pod.volumes.get(name)
        if volume is None:
            yield not_found(f"{here}.name", name)
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            yield invalid(
                f"{here}.name",
                name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
            )


# --- handlers ---------------------------------------------------------------------------------------------------------

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def handler(value: KubeObject, path: str, pod: PodFacts) -> Causes:
    count = 0
    for name in _HANDLERS:
        action = value.get(name)
        if action is None:
            continue
        count += 1
        if count > 1:
            yield forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
        else:
            yield from _HANDLER_CHECKS[name](action, f"{path}.{name}", pod)
    if not count:
        yield required(path, "must specify a handler type")


def _exec(action: KubeObject, path: str, pod: PodFacts) -> Causes:
    if not action.get("command"):
        yield required(f"{path}.command")


def _http_get(action: KubeObject, path: str, pod: PodFacts) -> Causes:
    if not action.get("path"):
        yield required(f"{path}.path")
    yield from _port(action.get("port", 0), f"{path}.port")
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        yield unsupported(f"{path}.scheme", action.get("scheme", ""), ("HTTP", "HTTPS"))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        yield from all_invalid(f"{path}.httpHeaders", name, header_name(name))


def _tcp_socket(action: KubeObject, path: str, pod: PodFacts) -> Causes:
    yield from _port(action.get("port", 0), f"{path}.port")


def _grpc(action: KubeObject, path: str, pod: PodFacts) -> Causes:
    yield from all_invalid(f"{path}.port", action.get("port", 0), port_number(action.get("port", 0)))


def _sleep(action: KubeObject, path: str, pod: PodFacts) -> Causes:
    seconds = action.get("seconds", 0)
    if seconds < 0 or seconds > pod.grace_s:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({pod.grace_s})"
        yield invalid(path, seconds, detail)


def _port(value: Any, path: str) -> Causes:
    yield from all_invalid(path, value, port_name(value) if isinstance(value, str) else port_number(value))


_HANDLER_CHECKS: Mapping[str, Callable[[KubeObject, str, PodFacts], Causes]] = {
    "exec": _exec,
    "httpGet": _http_get,
    "tcpSocket": _tcp_socket,
    "grpc": _grpc,
    "sleep": _sleep,
}
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def _all_probes(container: KubeObject, path: str, pod: PodFacts) -> Causes:
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            yield from _probe(probe, f"{path}.{name}", name, pod)


def _probe(probe: KubeObject, path: str, name: str, pod: PodFacts) -> Causes:
    yield from handler(probe, path, pod)
    for number in _PROBE_NUMBERS:
        yield from not_negative(probe.get(number, 0), f"{path}.{number}")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if name == "readinessProbe":
        if grace is not None:
            yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
    elif probe.get("successThreshold", 0) not in (0, 1):
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def lifecycle(value: KubeObject | None, path: str, pod: PodFacts) -> Causes:
    for name in ("postStart", "preStop"):
        if (value or {}).get(name) is not None:
            yield from handler((value or {})[name], f"{path}.{name}", pod)


# --- resizing, security -----------------------------------------------------------------------------------------------


def _resize(values: Sequence[KubeObject], path: str) -> Causes:
    seen: set[str] = set()
    for index, policy in enumerate(values):
        name, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            yield duplicate(f"{path}[{index}]", name)
        seen.add(name)
        if not name:
            yield required(path)
        elif name not in ("cpu", "memory"):
            yield unsupported(path, name, ("cpu", "memory"))
        if not restart:
            yield required(path)
        elif restart not in ("NotRequired", "RestartContainer"):
            yield unsupported(path, restart, ("NotRequired", "RestartContainer"))


_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")


def profile(value: KubeObject | None, path: str, what: str, member: str) -> Causes:
    """A seccomp or AppArmor profile."""
    if value is None:
        return
    kind, name = value.get("type", ""), value.get("localhostProfile")
    if kind == "Localhost":
        if not name:
            yield required(f"{path}.localhostProfile", f"must be set when {what} type is Localhost")
    elif name is not None:
        shown = {"Type": kind, "LocalhostProfile": name}
        yield invalid(f"{path}.localhostProfile", shown, f"can only be set when {what} type is Localhost")
    if not kind:
        yield required(f"{path}.type", f"type is required when {member} is set")
    elif kind not in _PROFILE_TYPES:
        yield unsupported(f"{path}.type", kind, _PROFILE_TYPES)


def security_context(value: KubeObject | None, path: str, pod: PodFacts) -> Causes:
    if value is None:
        return
    for member in ("runAsUser", "runAsGroup"):
        if value.get(member) is not None:
            yield from all_invalid(f"{path}.{member}", value[member], user_id(value[member]))
    mount = value.get("procMount")
    if mount is not None:
        yield from _proc_mount(mount, f"{path}.procMount", pod)
    yield from profile(value.get("seccompProfile"), f"{path}.seccompProfile", "seccomp", "seccompProfile")
    yield from profile(value.get("appArmorProfile"), f"{path}.appArmorProfile", "AppArmor", "appArmorProfile")
    yield from _escalation(value, path)


def _proc_mount(mount: str, path: str, pod: PodFacts) -> Causes:
    if mount not in ("Default", "Unmasked"):
        yield unsupported(path, mount, ("Default", "Unmasked"))
    elif mount == "Unmasked" and pod.host_users:
        yield invalid(path, mount, "`hostUsers` must be false to use `Unmasked`")


def _escalation(value: KubeObject, path: str) -> Causes:
    if value.get("allowPrivilegeEscalation") is not False:
        return
    shown = internal(value, "SecurityContext")
    if value.get("privileged"):
        detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield invalid(path, shown, detail)
    if "CAP_SYS_ADMIN" in ((value.get("capabilities") or {}).get("add") or ()):
        detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
        yield invalid(path, shown, detail)


def names_of(values: Sequence[KubeObject]) -> Iterator[str]:
    for value in values:
        yield value.get("name", "")
