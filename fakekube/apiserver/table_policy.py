"""The cells of what governs a cluster: namespaces, secrets, roles, webhooks, policies, certificates, priorities, APIs.

Source: pkg/printers/internalversion of Kubernetes 1.37; recorded samples are the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakekube.apiserver.table_values import (
    NONE,
    UNSET,
    Ages,
    at,
    condition,
    human_duration,
    is_true,
    labels_text,
    selector_text,
)
from fakekube.meta.objects import KubeObject, name_of


def namespace_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), at(obj, "status.phase", ""), ages.of(obj)]


def secret_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or {}), ages.of(obj)]


def config_map_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), ages.of(obj)]


def name_and_age(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), ages.of(obj)]


def component_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    healthy = next((each for each in obj.get("conditions") or [] if each.get("type") == "Healthy"), None)
    if healthy is None:
        return [name_of(obj), "Unknown", "", ""]
    state = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [name_of(obj), state, healthy.get("message", ""), healthy.get("error", "")]


def binding_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    role = at(obj, "roleRef", {})
    text = f"{role.get('kind', '')}/{role.get('name', '')}"
    subjects = obj.get("subjects") or []
    named = [_subjects(subjects, kind) for kind in ("User", "Group", "ServiceAccount")]
    return [name_of(obj), text, ages.of(obj), *named]


def _subjects(subjects: list[KubeObject], kind: str) -> str:
    names = [
        f"{each.get('namespace', '')}/{each['name']}" if kind == "ServiceAccount" else each["name"]
        for each in subjects
        if each.get("kind") == kind
    ]
    return ", ".join(names)


def webhook_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), len(obj.get("webhooks") or []), ages.of(obj)]


def validating_policy_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return _policy_cells(obj, ages, "validations")


def mutating_policy_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return _policy_cells(obj, ages, "mutations")


def _policy_cells(obj: KubeObject, ages: Ages, counted: str) -> list[Any]:
    kind = at(obj, "spec.paramKind")
    text = UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"
    return [name_of(obj), len(at(obj, f"spec.{counted}", [])), text, ages.of(obj)]


def policy_binding_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), at(obj, "spec.policyName", ""), _parameter(at(obj, "spec.paramRef", {})), ages.of(obj)]


def _parameter(reference: KubeObject) -> str:
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    return UNSET if reference.get("selector") is None else _go_selector(reference["selector"])


def _go_selector(selector: KubeObject) -> str:
    """A parameter is chosen by selector."""
    return selector_text(selector)


def request_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    """CertificateSigningRequest"""
    expires = at(obj, "spec.expirationSeconds")
    return [
        name_of(obj),
        ages.of(obj),
        at(obj, "spec.signerName") or NONE,
        at(obj, "spec.username", ""),
        NONE if expires is None else human_duration(expires),
        _request_state(obj),
    ]


def _request_state(obj: KubeObject) -> str:
    decided = "Denied" if condition(obj, "Denied") else "Approved" if condition(obj, "Approved") else "Pending"
    failed = ",Failed" if condition(obj, "Failed") else ""
    issued = ",Issued" if at(obj, "status.certificate") else ""
    return f"{decided}{failed}{issued}"


def trust_bundle_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), at(obj, "spec.signerName") or NONE]


def pod_certificate_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    known = [
        each["type"] for each in at(obj, "status.conditions", []) if each["type"] in ("Issued", "Denied", "Failed")
    ]
    members = [at(obj, f"spec.{name}", "") for name in ("podName", "serviceAccountName", "nodeName", "signerName")]
    annotations = labels_text(at(obj, "spec.unverifiedUserAnnotations"))
    return [name_of(obj), *members, known[-1] if known else "Pending", annotations]


def lease_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), at(obj, "spec.holderIdentity", ""), ages.of(obj)]


def priority_class_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    default = bool(obj.get("globalDefault"))
    return [name_of(obj), obj.get("value", 0), default, ages.of(obj), obj.get("preemptionPolicy", "")]


def runtime_class_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    return [name_of(obj), obj.get("handler", ""), ages.of(obj)]


def flow_schema_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    dangling = condition(obj, "Dangling")
    return [
        name_of(obj),
        at(obj, "spec.priorityLevelConfiguration.name", ""),
        at(obj, "spec.matchingPrecedence", 0),
        at(obj, "spec.distinguisherMethod.type", NONE),
        ages.of(obj),
        "?" if dangling is None else dangling.get("status", ""),
    ]


def priority_level_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    queuing = at(obj, "spec.limited.limitResponse.queuing")
    limits = [NONE] * 3 if queuing is None else [queuing.get(n, 0) for n in ("queues", "handSize", "queueLengthLimit")]
    limited = at(obj, "spec.limited")
    shares = NONE if limited is None else limited.get("nominalConcurrencyShares", 0)
    return [name_of(obj), at(obj, "spec.type", ""), shares, *limits, ages.of(obj)]


def definition_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    """CustomResourceDefinition"""
    served = [each for each in at(obj, "spec.versions", []) if each.get("served")]
    versions = sorted(f"{each['name']}(storage)" if each.get("storage") else each["name"] for each in served)
    return [
        name_of(obj),
        at(obj, "spec.scope", ""),
        ",".join(versions),
        at(obj, "metadata.creationTimestamp"),
        at(obj, "spec.group", ""),
        at(obj, "spec.names.kind", ""),
        ",".join(at(obj, "spec.names.shortNames", [])),
        is_true(obj, "Established"),
    ]


def api_service_cells(obj: KubeObject, ages: Ages) -> list[Any]:
    service, available = at(obj, "spec.service"), condition(obj, "Available")
    place = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    return [name_of(obj), place, _availability(available), ages.of(obj)]


def _availability(available: KubeObject | None) -> str:
    if available is None:
        return "Unknown"
    status, reason = str(available.get("status", "")), available.get("reason")
    return f"{status} ({reason})" if status != "True" and reason else status


CELLS: Mapping[str, Callable[[KubeObject, Ages], list[Any]]] = {
    "v1/componentstatuses": component_cells,
    "v1/configmaps": config_map_cells,
    "v1/namespaces": namespace_cells,
    "v1/secrets": secret_cells,
    "v1/serviceaccounts": name_and_age,
    "admissionregistration.k8s.io/v1/mutatingadmissionpolicies": mutating_policy_cells,
    "admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings": policy_binding_cells,
    "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": webhook_cells,
    "admissionregistration.k8s.io/v1/validatingadmissionpolicies": validating_policy_cells,
    "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings": policy_binding_cells,
    "admissionregistration.k8s.io/v1/validatingwebhookconfigurations": webhook_cells,
    "apiextensions.k8s.io/v1/customresourcedefinitions": definition_cells,
    "apiregistration.k8s.io/v1/apiservices": api_service_cells,
    "certificates.k8s.io/v1/certificatesigningrequests": request_cells,
    "certificates.k8s.io/v1/clustertrustbundles": trust_bundle_cells,
    "certificates.k8s.io/v1/podcertificaterequests": pod_certificate_cells,
    "coordination.k8s.io/v1/leases": lease_cells,
    "flowcontrol.apiserver.k8s.io/v1/flowschemas": flow_schema_cells,
    "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations": priority_level_cells,
    "node.k8s.io/v1/runtimeclasses": runtime_class_cells,
    "rbac.authorization.k8s.io/v1/clusterrolebindings": binding_cells,
    "rbac.authorization.k8s.io/v1/rolebindings": binding_cells,
    "resource.k8s.io/v1/deviceclasses": name_and_age,
    "resource.k8s.io/v1/resourceclaimtemplates": name_and_age,
    "scheduling.k8s.io/v1/priorityclasses": priority_class_cells,
}
