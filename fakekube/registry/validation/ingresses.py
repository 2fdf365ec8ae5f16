"""Ingresses and their classes. Source: pkg/apis/networking/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    forbidden,
    invalid,
    required,
    too_long,
    unsupported,
)
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import (
    dns_label,
    dns_subdomain,
    ip_address,
    parsed_ip,
    path_segment,
    port_name,
    port_number,
    wildcard_subdomain,
)
from fakekube.registry.validation.object_meta import immutable
from fakekube.registry.validation.paths import domain_prefixed
from fakekube.registry.validation.services import balancer_host

_CONTROLLER_MAX = 250
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def _new_ingress(obj: KubeObject) -> Causes:
    yield from _ingress(obj)
    annotation = ((obj.get("metadata") or {}).get("annotations") or {}).get(_CLASS_ANNOTATION)
    name = (obj.get("spec") or {}).get("ingressClassName")
    if annotation is not None and name is not None and annotation != name:
        detail = "must match `ingressClassName` when both are specified"
        yield invalid(f"annotations.{_CLASS_ANNOTATION}", annotation, detail)


def _updated_ingress(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _ingress(obj)


def _ingress(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        yield invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend") is not None:
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    yield from in_all(spec.get("rules"), "spec.rules", _rule)
    yield from in_all(spec.get("tls"), "spec.tls", _tls)
    name = spec.get("ingressClassName")
    if name is not None:
        yield from all_invalid("spec.ingressClassName", name, dns_subdomain(name))


def _host(host: str, path: str) -> Causes:
    yield from all_invalid(path, host, wildcard_subdomain(host) if "*" in host else dns_subdomain(host))


def _tls(tls: KubeObject, path: str) -> Causes:
    for index, host in enumerate(tls.get("hosts") or ()):
        yield from _host(host, f"{path}.hosts[{index}]")
    name = tls.get("secretName") or ""
    if name:
        yield from all_invalid(f"{path}.secretName", name, dns_subdomain(name))


def _rule(rule: KubeObject, path: str) -> Causes:
    host, http = rule.get("host") or "", rule.get("http")
    if host and parsed_ip(host) is not None:
        yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
    if host:
        yield from _host(host, f"{path}.host")
    if http is None:
        return
    if not http.get("paths"):
        yield required(f"{path}.http.paths")
    yield from in_all(http.get("paths"), f"{path}.http.paths", _path)


def _path(entry: KubeObject, path: str) -> Causes:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    if kind not in _PATH_TYPES:
        yield unsupported(f"{path}.pathType", kind, _PATH_TYPES)
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        yield invalid(f"{path}.path", text, "must be an absolute path")
    if kind in ("Exact", "Prefix"):
        for part in _BAD_PARTS:
            if part in text:
                yield invalid(f"{path}.path", text, f"must not contain '{part}'")
        for end in _BAD_ENDS:
            if text.endswith(end):
                yield invalid(f"{path}.path", text, f"cannot end with '{end}'")
    yield from _backend(entry.get("backend") or {}, f"{path}.backend")


def _backend(backend: KubeObject, path: str) -> Causes:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from _group(resource, f"{path}.resource")
        for member in ("kind", "name"):
            if not resource.get(member):
                yield required(f"{path}.resource.{member}")
            yield from _segment(resource.get(member) or "", f"{path}.resource.{member}")
    elif service is not None:
        yield from _service(service, path)
    else:
        yield invalid(path, "", "resource or service backend is required")


def _group(reference: KubeObject, path: str) -> Causes:
    group = reference.get("apiGroup")
    if group is not None:
        yield from all_invalid(f"{path}.apiGroup", group, dns_subdomain(group))


def _segment(text: str, path: str) -> Causes:
    yield from all_invalid(path, text, path_segment(text))


def _service(service: KubeObject, path: str) -> Causes:
    name, port = service.get("name") or "", service.get("port") or {}
    if name:
        yield from all_invalid(f"{path}.service.name", name, dns_label(name))
    else:
        yield required(f"{path}.service.name")
    text, number = port.get("name") or "", port.get("number") or 0
    if text and number:
        yield invalid(path, "", "cannot set both port name & port number")
    elif text:
        yield from all_invalid(f"{path}.service.port.name", text, port_name(text))
    elif number:
        yield from all_invalid(f"{path}.service.port.number", number, port_number(number))
    else:
        yield required(path, "port name or number is required")


def _ingress_status(obj: KubeObject, held: KubeObject) -> Causes:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    for index, point in enumerate(balancer.get("ingress") or ()):
        path, address = f"status.loadBalancer.ingress[{index}]", point.get("ip") or ""
        if address:
            yield from all_invalid(f"{path}.ip", address, ip_address(address))
        yield from balancer_host(point.get("hostname") or "", f"{path}.hostname")


def _class(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if len(controller.encode()) > _CONTROLLER_MAX:
        yield too_long("spec.controller", _CONTROLLER_MAX)
    yield from domain_prefixed(controller, "spec.controller")
    if spec.get("parameters") is not None:
        yield from _parameters(spec["parameters"], "spec.parameters")


def _parameters(parameters: KubeObject, path: str) -> Causes:
    yield from _group(parameters, path)
    for member in ("kind", "name"):
        yield from _segment(parameters.get(member) or "", f"{path}.{member}")
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        yield required(f"{path}.scope")
    elif scope not in ("Cluster", "Namespace"):
        yield unsupported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    elif scope == "Cluster":
        if namespace is not None:
            yield forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    elif namespace is None:
        yield required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    else:
        yield from all_invalid(f"{path}.namespace", namespace, dns_label(namespace))
    for member in ("kind", "name"):
        if not parameters.get(member):
            yield required(f"{path}.{member}")


def _updated_class(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = ((each.get("spec") or {}).get("controller") or "" for each in (obj, held))
    yield from immutable(new, old, "spec.controller")


INGRESSES: Mapping[str, Kind] = {
    "networking.k8s.io/v1/ingresses": Kind(
        create=_new_ingress, update=_updated_ingress, status=_ingress_status, update_repeats_create=False
    ),
    "networking.k8s.io/v1/ingressclasses": Kind(create=_class, update=_updated_class),
}
