"""TLS on real sockets: who the server is, who its clients are, and what becomes of a certificate of somebody else."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.http import tls
from fakekube.http.kubeconfig import kubeconfig
from fakekube.http.site import HttpSite
from fakekube.http.tls import Authority, Identity
from fakekube.registry.users import UserInfo

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TOKENS = {
    "secret": UserInfo(name="ann", uid="1", groups=("dev",)),
    "root": UserInfo(name="root", uid="0", groups=("system:masters",)),
}


@contextlib.asynccontextmanager
async def served(authority: Authority) -> AsyncIterator[str]:
    apiserver = Apiserver(
        name="paris",
        now=time.time,
        rng=random.Random(1),
        authentication=Authentication(tokens=TOKENS),
        authority=authority,
    )
    apiserver.run_due(time.time())
    site = HttpSite(apiserver, authority)
    url = await site.listen()
    try:
        yield url
    finally:
        await site.close()


def client_context(authority: Authority, identity: Identity | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # what Python 3.13 asks for by itself
    if identity is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(identity.key + identity.certificate)
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


async def asked(url: str, context: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        aiohttp.ClientSession(connector=connector) as client,
        client.post(f"{url}{WHO}", json={}, headers=headers) as answer,
    ):
        body: dict[str, Any] = await answer.json()
        return body["status"]["userInfo"] if answer.status == 201 else {"code": answer.status}


def test_a_certificate_names_user_and_groups() -> None:
    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            assert url.startswith("https://127.0.0.1:")
            user = await asked(url, client_context(authority, authority.client("bob", ["ops", "dev"])))
            assert user.pop("extra")["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")
            assert user == {"username": "bob", "groups": ["ops", "dev", "system:authenticated"]}

    asyncio.run(story())


def test_a_certificate_counts_before_a_token() -> None:
    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            shown = {"Authorization": "Bearer secret"}
            bob = client_context(authority, authority.client("bob"))
            assert (await asked(url, bob, shown))["username"] == "bob"
            assert (await asked(url, client_context(authority), shown))["username"] == "ann"
            nameless = client_context(authority, authority.client("", ["ops"]))
            assert (await asked(url, nameless, shown))["username"] == "ann"

    asyncio.run(story())


def test_who_shows_nothing_is_anonymous() -> None:
    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            assert (await asked(url, client_context(authority)))["username"] == "system:anonymous"
            assert await asked(url, client_context(authority), {"Authorization": "Bearer x"}) == {"code": 401}

    asyncio.run(story())


def expired(authority: Authority) -> Identity:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls, "_LASTS", timedelta(minutes=-1))
        return authority.client("bob", ["system:masters"])


STRANGERS: dict[str, Callable[[Authority], Identity]] = {
    "of another authority": lambda _: Authority("paris").client("bob", ["system:masters"]),
    "made for servers": lambda own: own.server(["bob"]),
    "too old": expired,
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_certificate_that_does_not_count_is_401_unless_a_token_does(stranger: str) -> None:
    """All four answers are those of kube-apiserver 1.37.2."""

    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            context = client_context(authority, STRANGERS[stranger](authority))
            assert await asked(url, context) == {"code": 401}
            assert await asked(url, context, {"Authorization": "Bearer x"}) == {"code": 401}
            assert (await asked(url, context, {"Authorization": "Bearer secret"}))["username"] == "ann"
            # nobody else's connection is touched
            assert (await asked(url, client_context(authority)))["username"] == "system:anonymous"

    asyncio.run(story())


def test_a_certificate_that_does_not_count_is_asked_for_again_when_its_client_comes_back() -> None:
    """A resumed session would skip the question; TLS 1.2 and 1.3 resume each in a way of its own."""

    async def story() -> None:
        authority, other = Authority("paris"), Authority("paris")
        async with served(authority) as url:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = client_context(authority, other.client("bob"))
                context.minimum_version = context.maximum_version = version
                session: ssl.SSLSession | None = None
                for _ in range(2):
                    code, session = await asyncio.to_thread(_code_and_session, url, context, session)
                    assert code == 401

    asyncio.run(story())


def _code_and_session(
    url: str, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[int, ssl.SSLSession | None]:
    host, _, port = url.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host, session=session) as wrapped,
    ):
        wrapped.sendall(f"GET /api/v1/namespaces HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := wrapped.recv(65536):
            answer += chunk
        assert not wrapped.session_reused
        return int(answer.split()[1]), wrapped.session


def test_a_client_that_trusts_another_authority_does_not_take_this_server_for_its_own() -> None:
    async def story() -> None:
        authority, other = Authority("paris"), Authority("paris")
        async with served(authority) as url:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await asked(url, client_context(other))
            assert (await asked(url, client_context(authority)))["username"] == "system:anonymous"

    asyncio.run(story())


def test_large_bodies_pass_both_ways(caplog: pytest.LogCaptureFixture) -> None:
    """Over one connection, which the client ends in order."""

    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            connector = aiohttp.TCPConnector(ssl=client_context(authority), limit=1)
            headers = {"Authorization": "Bearer root"}
            async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
                for number in range(8):
                    body = {"metadata": {"name": f"large-{number}"}, "data": {"text": "x" * 900_000}}
                    async with client.post(f"{url}{CONFIG_MAPS}", json=body) as answer:
                        assert answer.status == 201
                async with client.get(f"{url}{CONFIG_MAPS}") as answer:
                    items = (await answer.json())["items"]
            assert sum(len(each["data"].get("text", "")) for each in items) == 8 * 900_000

    asyncio.run(story(), debug=True)
    assert not [
        each for each in caplog.records if each.levelname in ("WARNING", "ERROR") and "took" not in each.message
    ]


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""])
def test_what_is_no_tls_ends_the_connection_and_no_other(noise: bytes) -> None:
    async def story() -> None:
        authority = Authority("paris")
        async with served(authority) as url:
            host, _, port = url.removeprefix("https://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(noise)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert (await asked(url, client_context(authority)))["username"] == "system:anonymous"

    asyncio.run(story())


def test_every_namespace_tells_the_certificate_to_verify_with() -> None:
    async def story() -> None:
        authority = Authority("paris")
        admin = client_context(authority, authority.client("admin", ["system:masters"]))
        connector = aiohttp.TCPConnector(ssl=admin)
        path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
        async with (
            served(authority) as url,
            aiohttp.ClientSession(connector=connector) as client,
            client.get(url + path) as got,
        ):
            assert (await got.json())["data"] == {"ca.crt": authority.certificate}

    asyncio.run(story())


def test_a_kubeconfig_carries_what_a_client_shows(tmp_path: Path) -> None:
    authority = Authority("paris")
    identity = authority.client("bob")
    found = kubeconfig("https://x", "paris", ca_data=authority.as_base64, client_data=identity.as_base64())
    assert set(found["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert set(found["clusters"][0]["cluster"]) == {"server", "certificate-authority-data"}
