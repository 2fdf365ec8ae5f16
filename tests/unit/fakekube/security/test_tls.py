"""TLS on real sockets: who the server is, who its clients are, and what becomes of a certificate of somebody else."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.http.kubeconfig import kubeconfig
from fakekube.http.site import HttpSite
from fakekube.http.tls import Authority, Identity
from fakekube.registry.users import UserInfo

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
TOKENS = {"secret": UserInfo(name="ann", uid="1", groups=("dev",))}


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


def test_a_certificate_of_another_authority_ends_the_connection() -> None:
    async def story() -> None:
        authority, other = Authority("paris"), Authority("paris")
        async with served(authority) as url:
            with pytest.raises(aiohttp.ClientError):
                await asked(url, client_context(authority, other.client("system:admin", ["system:masters"])))
            # and a client that trusts another authority does not take this server for its own
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await asked(url, client_context(other))
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
