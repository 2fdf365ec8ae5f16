"""Webhooks about config maps with a label of the webhook's path."""

from __future__ import annotations

from typing import Any

from tests.unit.fakekube.dynamic_admission.policy_cases import ADMISSION, KINDS, rule

VALIDATING, MUTATING = f"{ADMISSION}/validatingwebhookconfigurations", f"{ADMISSION}/mutatingwebhookconfigurations"


def webhook(name: str, url: str, ca_bundle: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{name}.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "rules": [rule("configmaps")],
        "objectSelector": {"matchLabels": {"policy": name}},
        "clientConfig": {"url": url, "caBundle": ca_bundle},
        **more,
    }


def configuration(kind: str, name: str, *webhooks: dict[str, Any]) -> dict[str, Any]:
    """`kind` is Validating or Mutating."""
    return {
        "apiVersion": KINDS,
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(webhooks),
    }


def converted_definition(name: str, url: str, ca_bundle: str) -> dict[str, Any]:
    """A definition of the group `name`.example.com: v1, which is stored, has a size, v2 a count. Without a URL a
    Service that does not exist is named."""
    client = {"url": url} if url else {"service": {"name": "nope", "namespace": "default", "path": "/x"}}
    kind = name.title().replace("-", "")
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{name}.example.com"},
        "spec": {
            "group": f"{name}.example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [_version("v1", "size", storage=True), _version("v2", "count")],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {**client, "caBundle": ca_bundle}},
            },
        },
    }


def _version(name: str, member: str, *, storage: bool = False) -> dict[str, Any]:
    spec = {"type": "object", "properties": {member: {"type": "integer"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}


def path_of(name: str, version: str) -> str:
    kind = name.title().replace("-", "")
    return f"/apis/{name}.example.com/{version}/namespaces/default/{kind.lower()}s"
