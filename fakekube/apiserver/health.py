"""/healthz, /livez and /readyz: text answers with the checks of the real server, which here always pass.

Source: k8s.io/apiserver/pkg/server/healthz, and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.apiserver.call import NO_CACHE
from fakekube.apiserver.discovery import page_not_found
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.registry.site import Site

PLAIN_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"), NO_CACHE)

_START_HOOKS = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
)
_STARTED = (
    *(f"poststarthook/{hook}" for hook in _START_HOOKS),
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)
_CHECKS: dict[str, Sequence[str]] = {
    "healthz": ("ping", "log", "loopback-serving-certificate", "etcd", *_STARTED),
    "livez": ("ping", "log", "loopback-serving-certificate", "etcd", *_STARTED),
    "readyz": ("ping", "log", "etcd", "etcd-readiness", "informer-sync", *_STARTED, "shutdown"),
}


def plain_text(status: int, text: str) -> Response:
    return Response(status=status, headers=PLAIN_TEXT, body=text.encode())


def serve_health(site: Site, request: Request) -> Response | None:
    """The answer to a health path, whatever the method; None for other paths."""
    endpoint, slash, check = request.path[1:].partition("/")
    checks = _CHECKS.get(endpoint)
    if checks is None:
        return None
    if slash:
        return plain_text(200, "ok") if check in checks else page_not_found()
    if "verbose" not in request.query:
        return plain_text(200, "ok")
    excluded = {pair.partition("=")[2] for pair in request.query.split("&") if pair.startswith("exclude=")}
    lines = [f"[+]{check} excluded: ok" if check in excluded else f"[+]{check} ok" for check in checks]
    return plain_text(200, "\n".join([*lines, f"{endpoint} check passed", ""]))
