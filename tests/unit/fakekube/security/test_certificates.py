"""Certificate requests: approved ones are answered by the site's authority, and what they may not ask for."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakekube.apiserver.server import Apiserver
from fakekube.http.tls import Authority
from tests.unit.fakekube.security.secured import Secured, rule
from tests.unit.fakekube.sites import Site

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client"


def pem_request(name: str, *groups: str) -> str:
    """In base64, as it is sent."""
    parts = [*((NameOID.ORGANIZATION_NAME, group) for group in groups), (NameOID.COMMON_NAME, name)]
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.fixture
def authority() -> Authority:
    return Authority("paris")


@pytest.fixture
def signing(authority: Authority) -> Site:
    """A site with an authority, where everybody is an administrator."""
    site = Site()
    site.server = Apiserver(name="paris", now=site.clock, rng=random.Random(1), authority=authority)
    site.settle()
    return site


def asked(site: Site, *usages: str, signer: str = CLIENT, seconds: int = 3600) -> None:
    spec = {"request": pem_request("ann", "dev"), "signerName": signer, "usages": usages, "expirationSeconds": seconds}
    created = site.post(REQUESTS, {"metadata": {"name": "c"}, "spec": spec})
    assert created.status == 201, created.text


def decided(site: Site, kind: str = "Approved") -> Any:
    """The status once somebody has decided, and all that follows has happened."""
    found = site.get(f"{REQUESTS}/c").json
    found["status"] = {"conditions": [{"type": kind, "status": "True"}]}
    assert site.put(f"{REQUESTS}/c/approval", found).status == 200
    site.settle()
    return site.get(f"{REQUESTS}/c").json["status"]


def certificate_of(status: Any) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(status["certificate"]))


def test_an_approved_request_gets_its_certificate(signing: Site, authority: Authority) -> None:
    asked(signing, "client auth", "digital signature")
    made = certificate_of(decided(signing))
    own = x509.load_pem_x509_certificate(authority.certificate.encode())
    made.verify_directly_issued_by(own)
    assert made.subject.rfc4514_string() == "CN=ann,O=dev"
    lasts = made.not_valid_after_utc - made.not_valid_before_utc
    assert lasts.total_seconds() == pytest.approx(2 * 3600, abs=5), "an hour, and one for clocks that are behind"


@pytest.mark.parametrize(("asked_s", "given_s"), [(600, 600), (10 * 365 * 24 * 3600, 365 * 24 * 3600)])
def test_a_certificate_lasts_a_year_at_most(signing: Site, asked_s: int, given_s: int) -> None:
    asked(signing, "client auth", seconds=asked_s)
    made = certificate_of(decided(signing))
    lasts = made.not_valid_after_utc - made.not_valid_before_utc
    assert lasts.total_seconds() - 3600 == pytest.approx(given_s, abs=5)


def test_a_request_that_nobody_decided_on_waits(signing: Site) -> None:
    asked(signing, "client auth")
    signing.settle()
    assert signing.get(f"{REQUESTS}/c").json["status"] == {}
    assert "certificate" not in decided(signing, "Denied")


@pytest.mark.parametrize(
    ("usages", "why"),
    [
        (["server auth", "client auth"], "invalid usage for client certificate: server auth"),
        (["digital signature"], "missing required usage for client certificate: client auth"),
    ],
)
def test_usages_that_are_not_a_clients_are_a_condition(signing: Site, usages: list[str], why: str) -> None:
    asked(signing, *usages)
    status = decided(signing)
    assert "certificate" not in status
    failed = status["conditions"][-1]
    assert (failed["type"], failed["reason"], failed["message"]) == ("Failed", "SignerValidationFailure", why)


def test_a_request_of_another_signer_is_left_to_it(signing: Site) -> None:
    asked(signing, "client auth", signer="example.com/mine")
    assert "certificate" not in decided(signing)


def test_without_an_authority_nobody_signs(site: Site) -> None:
    asked(site, "client auth")
    assert "certificate" not in decided(site)


def test_a_restored_site_signs_what_was_approved(signing: Site) -> None:
    asked(signing, "client auth")
    found = signing.get(f"{REQUESTS}/c").json
    found["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
    signing.put(f"{REQUESTS}/c/approval", found)
    signing.server.restore(signing.server.snapshot())
    signing.settle()
    assert "certificate" in signing.get(f"{REQUESTS}/c").json["status"]


@pytest.mark.parametrize(("groups", "status"), [(["dev"], 201), (["dev", "system:masters"], 403)])
def test_nobody_becomes_administrator_by_a_certificate(secured: Secured, groups: list[str], status: int) -> None:
    spec = {"request": pem_request("ann", *groups), "signerName": CLIENT, "usages": ["client auth"]}
    answer = secured.ask("POST", REQUESTS, {"metadata": {"name": "c"}, "spec": spec}, by="admin")
    assert answer.status == status
    if status == 403:
        assert answer.message == (
            'certificatesigningrequests.certificates.k8s.io "c" is forbidden: use of '
            "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
        )


def test_what_is_no_request_is_left_to_validation(secured: Secured) -> None:
    spec = {"request": "bm9uZQ==", "signerName": CLIENT, "usages": ["client auth"]}
    assert secured.ask("POST", REQUESTS, {"metadata": {"name": "c"}, "spec": spec}, by="admin").status == 422


def test_a_certificate_is_written_by_who_may_sign(secured: Secured, authority: Authority) -> None:
    group = "certificates.k8s.io"
    writes = rule("update", "certificatesigningrequests/status certificatesigningrequests/approval", group=group)
    secured.grant("ann", writes, name="writes", cluster=True)
    request = pem_request("ann")
    spec = {"request": request, "signerName": "example.com/mine", "usages": ["client auth"]}
    found = secured.done("POST", REQUESTS, {"metadata": {"name": "c"}, "spec": spec})
    found["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
    found = secured.done("PUT", f"{REQUESTS}/c/approval", found)
    made = authority.sign(base64.b64decode(request), 600)
    found["status"]["certificate"] = base64.b64encode(made.encode()).decode()
    refused = secured.ask("PUT", f"{REQUESTS}/c/status", found)
    assert refused.message.endswith('user not permitted to sign requests with signerName "example.com/mine"')
    secured.grant("ann", rule("sign", "signers", group=group, names=["example.com/mine"]), name="signs", cluster=True)
    assert secured.ask("PUT", f"{REQUESTS}/c/status", found).status == 200
