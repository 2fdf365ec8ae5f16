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
