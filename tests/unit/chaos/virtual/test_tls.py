"""TLS over virtual links: aiohttp both sides, a certificate that is refused, and an upgrade of a plain connection."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from chaos.virtual import VirtualLoop, run_virtual, site_context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for rennes."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=rennes"]
    command += ["-addext", "subjectAltName=DNS:rennes", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    both = folder / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


def _server(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def _hello(request: web.BaseRequest) -> web.Response:
    return web.Response(text=f"hello {request.remote} by {request.scheme}")


async def _listen(loop: VirtualLoop, certificate: Path) -> None:
    loop.network.set_default(latency_s=0.020)
    loop.network.add_site("paris")
    with site_context("rennes"):
        await loop.create_server(web.Server(_hello), port=443, ssl=_server(certificate))


def test_https_works_and_the_handshake_takes_its_round_trips(certificate: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[str, float]:
        await _listen(loop, certificate)

        async def client() -> tuple[str, float]:
            trust = ssl.create_default_context(cafile=str(certificate))
            async with aiohttp.ClientSession() as session, session.get("https://rennes/", ssl=trust) as response:
                return await response.text(), loop.time()

        with site_context("paris"):
            return await loop.create_task(client())

    # connect, TLS 1.3, request: three round trips
    text, seconds = run_virtual(main)
    assert text == "hello paris by https"
    assert seconds == pytest.approx(0.120)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        await _listen(loop, certificate)
        with site_context("paris"):
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await session.get("https://rennes/")

    run_virtual(main)


def test_a_handshake_over_a_cut_link_times_out(certificate: Path) -> None:
    async def main(loop: VirtualLoop) -> float:
        await _listen(loop, certificate)
        loop.call_at(0.050, loop.network.partition, ["paris"], ["rennes"])
        trust = ssl.create_default_context(cafile=str(certificate))
        with site_context("paris"), pytest.raises(ConnectionAbortedError, match="60"):
            await asyncio.open_connection("rennes", 443, ssl=trust)
        return loop.time()

    assert run_virtual(main) == pytest.approx(60, abs=0.1)


def test_a_plain_connection_can_be_upgraded(certificate: Path) -> None:
    async def main(loop: VirtualLoop) -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            await writer.start_tls(_server(certificate))
            writer.write(b"secret\n")
            await writer.drain()

        with site_context("rennes"):
            await asyncio.start_server(serve, port=143)
        with site_context("paris"):
            reader, writer = await asyncio.open_connection("rennes", 143)
            writer.write(b"STARTTLS\n")
            trust = ssl.create_default_context(cafile=str(certificate))
            await writer.start_tls(trust, server_hostname="rennes")
            return await reader.readline()

    assert run_virtual(main) == b"secret\n"
