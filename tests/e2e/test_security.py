"""`fakekube serve --tls --rbac --token-file` as clients meet it: kubectl, four Python clients, and agents of collab."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakekube.http.kubeconfig import kubeconfig_text
from tests.e2e.kubectls import Kubectl, found_kubectls

START_S = 60
STOP_S = 10
PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A running `fakekube serve` and its ready.json."""

    out: Path
    ready: dict[str, Any]

    def site(self, name: str = "site-000") -> dict[str, str]:
        found: dict[str, str] = self.ready["sites"][name]
        return found

    def kubeconfig(self, token: str, site: str = "site-000") -> Path:
        """A kubeconfig of whoever has `token`."""
        admin = json.loads(Path(self.site(site)["kubeconfig"]).read_text())
        cluster = admin["clusters"][0]["cluster"]
        path = self.out / f"{abs(hash(token))}.kubeconfig"
        ca_data = cluster.get("certificate-authority-data", "")
        path.write_text(kubeconfig_text(cluster["server"], site, token=token, ca_data=ca_data))
        return path


def serving(out: Path, *arguments: str | Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "chaos.cli", "serve", "--out", str(out), *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "ready in" in first, first + process.stderr.read()
        yield Served(out, json.loads((out / "ready.json").read_text()))
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=STOP_S)
        assert "Traceback" not in complaints
    finally:
        process.kill()
        process.communicate(timeout=STOP_S)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    out = tmp_path_factory.mktemp("run")
    tokens = out / "tokens.csv"
    tokens.write_text('alice-token,alice,alice-uid,"dev,ops"\nbob-token,bob,bob-uid\n')
    yield from serving(out, "--tls", "--rbac", "--token-file", tokens)


@pytest.fixture(autouse=True)
def no_bundle_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kubeconfig says is what verifies the server."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


Kubectls = Callable[[Path], Kubectl]


@pytest.fixture
def kubectls(tmp_path: Path) -> Kubectls:
    """The newest kubectl there is, for a kubeconfig."""
    found = found_kubectls()
    if not found:
        pytest.skip("no kubectl on the PATH, and none built by `make real`")
    binary = found[max(found)]
    return lambda kubeconfig: Kubectl(binary, kubeconfig, tmp_path / "cache")


def fields(text: str) -> dict[str, str]:
    """Two columns of kubectl's output."""
    rows = [line.split(maxsplit=1) for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_whoami_tells_who_each_kubeconfig_is(served: Served, kubectls: Kubectls) -> None:
    by_token = fields(kubectls(Path(served.site()["kubeconfig"]))("auth", "whoami"))
    assert by_token["Username"] == "kubernetes-admin"
    by_certificate = fields(kubectls(Path(served.site()["certificate_kubeconfig"]))("auth", "whoami"))
    assert by_certificate["Username"] == "kubernetes-admin"
    assert by_certificate["Groups"] == "[system:masters system:authenticated]"
    alice = fields(kubectls(served.kubeconfig("alice-token"))("auth", "whoami"))
    assert (alice["Username"], alice["UID"]) == ("alice", "alice-uid")
    assert alice["Groups"] == "[dev ops system:authenticated]"


def test_a_role_lets_do_what_it_says_and_nothing_else(served: Served, kubectls: Kubectls) -> None:
    admin, alice = (kubectls(path) for path in (Path(served.site()["kubeconfig"]), served.kubeconfig("alice-token")))
    refused = alice("get", "configmaps", "-n", "kube-public", may_fail=True)
    assert (
        'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace '
        '"kube-public"' in refused
    )
    admin("create", "role", "reader", "--verb=get,list", "--resource=configmaps", "-n", "kube-public")
    admin("create", "rolebinding", "readers", "--role=reader", "--group=ops", "-n", "kube-public")
    assert "kube-root-ca.crt" in alice("get", "configmaps", "-n", "kube-public")
    assert alice("auth", "can-i", "list", "configmaps", "-n", "kube-public").strip() == "yes"
    assert alice("auth", "can-i", "delete", "configmaps", "-n", "kube-public", may_fail=True).startswith("no")
    listed = alice("auth", "can-i", "--list", "-n", "kube-public")
    assert any(line.split()[0] == "configmaps" and "[get list]" in line for line in listed.splitlines())
    assert "Forbidden" in alice("get", "secrets", "-n", "kube-public", may_fail=True)


def test_nobody_grants_what_they_do_not_hold(served: Served, kubectls: Kubectls) -> None:
    admin, bob = (kubectls(path) for path in (Path(served.site()["kubeconfig"]), served.kubeconfig("bob-token")))
    admin("create", "namespace", "bobs")
    admin("create", "role", "granter", "--verb=create", "--resource=roles,rolebindings", "-n", "bobs")
    admin("create", "rolebinding", "granter", "--role=granter", "--user=bob", "-n", "bobs")
    refused = bob("create", "role", "mine", "--verb=get", "--resource=secrets", "-n", "bobs", may_fail=True)
    assert (
        'user "bob" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}' in refused
    )
    refused = bob(
        "create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=bob", "-n", "bobs", may_fail=True
    )
    assert "attempting to grant RBAC permissions not currently held" in refused
    admin("create", "role", "escalator", "--verb=escalate", "--resource=roles", "-n", "bobs")
    admin("create", "rolebinding", "escalator", "--role=escalator", "--user=bob", "-n", "bobs")
    assert bob("create", "role", "mine", "--verb=get", "--resource=secrets", "-n", "bobs") == (
        "role.rbac.authorization.k8s.io/mine created\n"
    )


def test_a_token_of_a_service_account_is_a_client(served: Served, kubectls: Kubectls) -> None:
    admin = kubectls(Path(served.site()["kubeconfig"]))
    admin("create", "namespace", "robots")
    admin("create", "serviceaccount", "r2", "-n", "robots")
    token = admin("create", "token", "r2", "-n", "robots", "--duration=20m").strip()
    robot = kubectls(served.kubeconfig(token))
    assert fields(robot("auth", "whoami"))["Username"] == "system:serviceaccount:robots:r2"
    assert "Forbidden" in robot("get", "pods", "-n", "robots", may_fail=True)
    admin("create", "rolebinding", "view", "--clusterrole=view", "--serviceaccount=robots:r2", "-n", "robots")
    assert "No resources found" in robot("get", "pods", "-n", "robots")
    assert "Forbidden" in robot("get", "secrets", "-n", "robots", may_fail=True), "view does not show secrets"
    forged = kubectls(served.kubeconfig(token[:-8] + "AAAAAAAA"))
    assert "Unauthorized" in forged("get", "pods", "-n", "robots", may_fail=True)


def test_an_approved_certificate_is_a_client(served: Served, kubectls: Kubectls, tmp_path: Path) -> None:
    admin = kubectls(Path(served.site()["kubeconfig"]))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dev"), x509.NameAttribute(NameOID.COMMON_NAME, "dora")]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM)
    wanted = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "dora"},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    admin("create", "-f", "-", stdin=json.dumps(wanted))
    admin("certificate", "approve", "dora")
    admin("wait", "csr/dora", "--for=jsonpath={.status.certificate}", "--timeout=20s")
    certificate = admin("get", "csr", "dora", "-o", "jsonpath={.status.certificate}")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    cluster = json.loads(Path(served.site()["kubeconfig"]).read_text())["clusters"][0]["cluster"]
    shown = (certificate, base64.b64encode(private).decode())
    config = tmp_path / "dora.kubeconfig"
    ca_data = cluster["certificate-authority-data"]
    config.write_text(kubeconfig_text(cluster["server"], "dora", ca_data=ca_data, client_data=shown))
    found = fields(kubectls(config)("auth", "whoami"))
    assert (found["Username"], found["Groups"]) == ("dora", "[dev system:authenticated]")


def test_an_administrator_acts_as_others(served: Served, kubectls: Kubectls) -> None:
    admin = kubectls(Path(served.site()["kubeconfig"]))
    shown = fields(admin("auth", "whoami", "--as=carol", "--as-group=g1", "--as-group=g2", "--as-uid=7"))
    assert shown["Username"] == "carol"
    assert shown["Groups"] == "[g1 g2 system:authenticated]"
    bob = kubectls(served.kubeconfig("bob-token"))
    assert "Forbidden" in bob("get", "pods", "--as=carol", may_fail=True)


def test_the_kubernetes_client(served: Served) -> None:
    client: Any = pytest.importorskip("kubernetes.client")
    config: Any = pytest.importorskip("kubernetes.config")
    admin = client.CoreV1Api(config.new_client_from_config(served.site()["kubeconfig"]))
    admin.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="typed")))
    by_certificate = client.CoreV1Api(config.new_client_from_config(served.site()["certificate_kubeconfig"]))
    assert by_certificate.read_namespace("typed").status.phase == "Active"
    alice = config.new_client_from_config(str(served.kubeconfig("alice-token")))
    review = client.AuthenticationV1Api(alice).create_self_subject_review(client.V1SelfSubjectReview())
    assert review.status.user_info.username == "alice"
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(alice).read_namespaced_secret("s", "typed")
    assert refused.value.status == 403


def test_kubernetes_asyncio(served: Served) -> None:
    client: Any = pytest.importorskip("kubernetes_asyncio.client")
    config: Any = pytest.importorskip("kubernetes_asyncio.config")

    async def story() -> tuple[str, int]:
        async with await config.new_client_from_config(str(served.kubeconfig("alice-token"))) as api:
            review = await client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview())
            try:
                await client.CoreV1Api(api).list_namespace()
            except client.ApiException as refused:
                return review.status.user_info.username, refused.status
            return "", 200

    assert asyncio.run(story()) == ("alice", 403)


def test_kr8s(served: Served) -> None:
    kr8s: Any = pytest.importorskip("kr8s")

    async def story() -> list[str]:
        admin = await kr8s.asyncio.api(kubeconfig=served.site()["kubeconfig"])
        names = [each.name async for each in admin.get("namespaces")]
        alice = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig("alice-token")))
        with pytest.raises(kr8s.ServerError, match="forbidden"):
            [each async for each in alice.get("namespaces")]
        return names

    assert "kube-system" in asyncio.run(story())


def test_lightkube(served: Served) -> None:
    lightkube: Any = pytest.importorskip("lightkube")
    core: Any = pytest.importorskip("lightkube.resources.core_v1")
    admin = lightkube.Client(config=lightkube.KubeConfig.from_file(served.site()["certificate_kubeconfig"]))
    assert admin.get(core.ConfigMap, "kube-root-ca.crt", namespace="default").data["ca.crt"].startswith("-----BEGIN")
    alice = lightkube.Client(config=lightkube.KubeConfig.from_file(served.kubeconfig("alice-token")))
    with pytest.raises(lightkube.ApiError, match='User "alice" cannot list resource "namespaces"'):
        list(alice.list(core.Namespace))


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Served]:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text("alice-token,alice,alice-uid\n")
    yield from serving(tmp_path, "--sites", "2", "--collab", "--tls", "--rbac", "--token-file", tokens)


def ask(url: str, token: str, method: str = "GET", body: object = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=START_S) as got:
            return got.status, json.load(got)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_agents_share_a_namespace_of_sites_that_ask_who_they_are(federation: Served) -> None:
    agents = [federation.site(name)["agent"] for name in ("site-000", "site-001")]
    token = Path(federation.site()["token"]).read_text().strip()
    assert ask(f"{agents[0]}/api/v1/namespaces", "alice-token")[0] == 403, "alice has no role"
    assert ask(f"{agents[0]}/api/v1/namespaces", "nobody")[0] == 401
    made = ask(f"{agents[0]}/api/v1/namespaces", token, "POST", {"metadata": {"name": "team"}})
    assert made[0] == 201
    operation = {"verb": "extend", "resource": "namespaces/team", "to": "site-001"}
    extended = ask(f"{agents[0]}/collab/v1/operations", token, "POST", operation)
    assert extended[0] == 200, extended
    deadline = time.monotonic() + PATIENCE_S
    while ask(f"{agents[1]}/api/v1/namespaces/team", token)[0] != 200:
        assert time.monotonic() < deadline, "the namespace never came to site-001"
