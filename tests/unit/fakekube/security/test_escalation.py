"""Nobody grants what they do not hold. Texts of kube-apiserver 1.37.2."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.fakekube.security.secured import BINDINGS, RBAC, ROLES, Secured, binding, rule

GROUP = "rbac.authorization.k8s.io"
CLUSTER_ROLES = f"{RBAC}/clusterroles"


@pytest.fixture
def granting(secured: Secured) -> Secured:
    """ann writes roles and bindings, and may get pods."""
    everything = "roles rolebindings clusterroles clusterrolebindings"
    rules = [rule("create update patch get", everything, group=GROUP), rule("get", "pods")]
    secured.grant("ann", *rules, cluster=True)
    return secured


def role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": list(rules)}


def test_a_role_of_what_one_holds_is_made(granting: Secured) -> None:
    assert granting.ask("POST", ROLES, role("r", rule("get", "pods", names=["x"]))).status == 201


def test_a_role_of_more_is_refused(granting: Secured) -> None:
    refused = granting.ask("POST", ROLES, role("x", rule("get list", "pods"), rule("get", "secrets")))
    assert refused.status == 403
    assert refused.json["details"] == {"name": "x", "group": GROUP, "kind": "roles"}
    assert refused.message == (
        'roles.rbac.authorization.k8s.io "x" is forbidden: user "ann" (groups=["dev" "system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )
    assert granting.ask("GET", f"{ROLES}/x").status == 404, "nothing was written"


def test_a_role_does_not_grow_either(granting: Secured) -> None:
    granting.done("POST", ROLES, role("r", rule("list", "secrets")))
    assert granting.ask("PATCH", f"{ROLES}/r", {"metadata": {"finalizers": ["example.com/x"]}}).status == 200
    assert granting.ask("PATCH", f"{ROLES}/r", {"metadata": {"labels": {"a": "b"}}}).status == 403
    assert granting.ask("PUT", f"{ROLES}/r", role("r", rule("get", "pods"))).status == 200
    assert granting.ask("PUT", f"{ROLES}/r", role("r", rule("get", "secrets"))).status == 403


def test_to_escalate_is_a_permission(granting: Secured) -> None:
    granting.grant("ann", rule("escalate", "roles", group=GROUP), name="escalator")
    assert granting.ask("POST", ROLES, role("x", rule("*", "secrets"))).status == 201
    assert granting.ask("POST", CLUSTER_ROLES, role("x", rule("*", "secrets"))).status == 403


def test_an_aggregation_may_gather_anything(granting: Secured) -> None:
    gathers = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    refused = granting.ask("POST", CLUSTER_ROLES, {**role("x"), **gathers})
    assert refused.message == (
        'clusterroles.rbac.authorization.k8s.io "x" is forbidden: must have cluster-admin privileges to use the '
        "aggregationRule"
    )
    assert granting.ask("POST", CLUSTER_ROLES, {**role("x"), **gathers}, by="admin").status == 201


def test_a_binding_gives_no_more_than_the_binder_has(granting: Secured) -> None:
    refused = granting.ask("POST", BINDINGS, binding("cluster-admin", "ClusterRole", "ann"))
    assert refused.message == (
        'rolebindings.rbac.authorization.k8s.io "cluster-admin" is forbidden: user "ann" (groups=["dev" '
        '"system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}'
    )
    assert granting.ask("POST", BINDINGS, binding("system:discovery", "ClusterRole", "ann")).status == 201


def test_to_bind_is_a_permission_for_one_role(granting: Secured) -> None:
    granting.grant("ann", rule("bind", "clusterroles", group=GROUP, names=["cluster-admin"]), name="binder")
    assert granting.ask("POST", BINDINGS, binding("cluster-admin", "ClusterRole", "bob")).status == 201
    assert granting.ask("POST", BINDINGS, binding("edit", "ClusterRole", "bob")).status == 403
    everywhere = f"{RBAC}/clusterrolebindings"
    assert granting.ask("POST", everywhere, binding("cluster-admin", "ClusterRole", "bob", name="x")).status == 403


def test_a_binding_to_no_role_is_only_for_who_holds_all(granting: Secured) -> None:
    refused = granting.ask("POST", BINDINGS, binding("missing", "ClusterRole", "ann", name="b"))
    assert (refused.status, refused.message) == (404, 'rolebindings.rbac.authorization.k8s.io "missing" not found')
    assert granting.ask("POST", BINDINGS, binding("missing", "ClusterRole", "ann"), by="admin").status == 201


def test_what_could_not_be_found_out_is_told(granting: Secured) -> None:
    granting.done("POST", BINDINGS, binding("gone", "Role", "ann"))
    refused = granting.ask("POST", ROLES, role("x", rule("get", "secrets")))
    assert refused.message.endswith('; resolution errors: [roles.rbac.authorization.k8s.io "gone" not found]')


def test_an_apply_is_looked_at_too(granting: Secured) -> None:
    body = {"apiVersion": f"{GROUP}/v1", "kind": "Role", **role("x", rule("get", "secrets"))}
    headers = {"content-type": "application/apply-patch+yaml"}
    assert granting.ask("PATCH", f"{ROLES}/x?fieldManager=m", body, headers=headers).status == 403
    assert granting.ask("PATCH", f"{ROLES}/x?fieldManager=m&dryRun=All", body, headers=headers).status == 403


def test_the_namespace_is_missed_first(granting: Secured) -> None:
    path = f"{RBAC}/namespaces/none-such/roles"
    refused = granting.ask("POST", path, role("x", rule("get", "secrets")))
    assert (refused.status, refused.message) == (404, 'namespaces "none-such" not found')


def certificate_request() -> str:
    """PEM in base64, as it is sent."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


CERTIFICATES = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def test_a_request_is_approved_by_who_may_use_its_signer(secured: Secured) -> None:
    every = rule(
        "create get update",
        "certificatesigningrequests certificatesigningrequests/approval",
        group="certificates.k8s.io",
    )
    secured.grant("ann", every, name="requests", cluster=True)
    spec = {"request": certificate_request(), "signerName": "example.com/signer", "usages": ["client auth"]}
    created = secured.ask("POST", CERTIFICATES, {"metadata": {"name": "c"}, "spec": spec})
    assert created.status == 201, created.text
    found = created.json
    assert found["spec"]["username"] == "ann"
    assert found["spec"]["groups"] == ["dev", "system:authenticated"]
    found["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
    refused = secured.ask("PUT", f"{CERTIFICATES}/c/approval", found)
    assert refused.message == (
        'certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with '
        'signerName "example.com/signer"'
    )
    # what is not valid at all is said first
    status = secured.ask("PUT", f"{CERTIFICATES}/c/status", found, by="admin")
    assert 'updates may not add a condition of type "Approved"' in status.message
    signers = rule("approve", "signers", group="certificates.k8s.io", names=["example.com/*"])
    secured.grant("ann", signers, name="signers", cluster=True)
    assert secured.ask("PUT", f"{CERTIFICATES}/c/approval", found).status == 200
