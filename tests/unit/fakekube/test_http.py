"""The HTTP shell: real sockets on the loopback, and the same file on a loop whose clock is not the machine's."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from fakekube.apiserver.server import Apiserver
from fakekube.http.kubeconfig import kubeconfig, kubeconfig_text
from fakekube.http.site import HttpSite
from tests.unit.fakekube.sites import CONFIG_MAPS, config_map


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[HttpSite, str, aiohttp.ClientSession]]:
    site = HttpSite(Apiserver(name="paris", now=time.time, rng=random.Random(1), deletion_delay_s=0.05))
    url = await site.listen()
    async with aiohttp.ClientSession() as client:
        yield site, url, client
        await site.close()


def test_a_request_goes_through() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            async with client.post(f"{url}{CONFIG_MAPS}", json=config_map("x", a="1")) as created:
                assert created.status == 201
            async with client.get(f"{url}{CONFIG_MAPS}/x") as got:
                assert (await got.json())["data"] == {"a": "1"}
                assert got.headers["Content-Type"] == "application/json"
                assert "Date" in got.headers
                assert "Server" not in got.headers

    asyncio.run(story())


def test_an_escaped_name_stays_one_segment() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            got = await client.get(URL(f"{url}{CONFIG_MAPS}/a%2Fb", encoded=True))
            assert got.status == 404

    asyncio.run(story())


def test_a_watch_streams_events_as_they_happen() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            version = (await (await client.get(f"{url}{CONFIG_MAPS}")).json())["metadata"]["resourceVersion"]
            watch = await client.get(f"{url}{CONFIG_MAPS}", params={"watch": "1", "resourceVersion": version})
            await client.post(f"{url}{CONFIG_MAPS}", json=config_map("x"))
            event = json.loads(await asyncio.wait_for(watch.content.readline(), 5))
            assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "x")
            watch.close()

    asyncio.run(story())


def test_a_watch_ends_at_its_timeout() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            params = {"watch": "1", "timeoutSeconds": "1", "labelSelector": "none"}
            watch = await client.get(f"{url}{CONFIG_MAPS}", params=params)
            assert await asyncio.wait_for(watch.read(), 5) == b""

    asyncio.run(story())


def test_closing_a_site_ends_its_watches_at_once() -> None:
    async def story() -> None:
        async with served() as (site, url, client):
            watches = [await client.get(f"{url}{CONFIG_MAPS}", params={"watch": "1"}) for _ in range(3)]
            await asyncio.wait_for(site.close(), 2)
            for watch in watches:
                with contextlib.suppress(aiohttp.ClientPayloadError):
                    await asyncio.wait_for(watch.read(), 2)
            assert site.apiserver.open_watches() == []

    asyncio.run(story())


def test_a_client_that_goes_away_leaves_no_watch_behind() -> None:
    async def story() -> None:
        async with served() as (site, url, client):
            watch = await client.get(f"{url}{CONFIG_MAPS}", params={"watch": "1"})
            assert len(site.apiserver.open_watches()) == 1
            watch.close()
            async with asyncio.timeout(5):
                while site.apiserver.open_watches():  # noqa: ASYNC110  # the core has no event to wait for
                    await asyncio.sleep(0.01)

    asyncio.run(story())


def test_background_work_is_done_on_time() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            namespaces = f"{url}/api/v1/namespaces"
            await client.post(namespaces, json={"metadata": {"name": "team"}})
            watch = await client.get(namespaces, params={"watch": "1", "fieldSelector": "metadata.name=team"})
            await client.delete(f"{namespaces}/team")
            seen: list[str] = []
            async with asyncio.timeout(5):
                while "DELETED" not in seen:
                    seen.append(json.loads(await watch.content.readline())["type"])
            watch.close()

    asyncio.run(story())


def test_a_port_in_use_is_an_error_at_once() -> None:
    async def story() -> None:
        async with served() as (site, url, _):
            port = int(url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                await HttpSite(site.apiserver).listen("127.0.0.1", port)

    asyncio.run(story())


def test_large_answers_are_compressed_for_those_who_ask() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            await client.post(f"{url}{CONFIG_MAPS}", json=config_map("big", a="x" * 200_000))
            raw = aiohttp.ClientSession(auto_decompress=False)
            for accept, coded in [("gzip", True), ("gzip;q=0", False), ("br", False)]:
                async with raw.get(f"{url}{CONFIG_MAPS}/big", headers={"Accept-Encoding": accept}) as got:
                    body = await got.read()
                    assert (got.headers.get("Content-Encoding") == "gzip") is coded
                    assert len(json.loads(gzip.decompress(body) if coded else body)["data"]["a"]) == 200_000
            await raw.close()

    asyncio.run(story())


def test_a_body_that_is_too_large_is_a_413() -> None:
    async def story() -> None:
        async with served() as (_, url, client), client.post(f"{url}{CONFIG_MAPS}", data=b" " * 4_000_000) as got:
            assert got.status == 413

    asyncio.run(story())


def test_a_kubeconfig_names_its_site() -> None:
    config = kubeconfig("http://127.0.0.1:1", "paris", token="t", namespace="team")
    assert config["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:1"}
    assert config["contexts"][0]["context"] == {"cluster": "paris", "user": "paris", "namespace": "team"}
    assert config["users"][0]["user"] == {"token": "t"}
    assert json.loads(kubeconfig_text("http://127.0.0.1:1", "paris"))["current-context"] == "paris"


def test_a_field_name_with_line_breaks_adds_no_header() -> None:
    async def story() -> None:
        async with served() as (_, url, client):
            sent = {**config_map("x"), "a\r\nX-Evil: 1": 1}
            async with client.post(f"{url}{CONFIG_MAPS}", json=sent, params={"fieldValidation": "Warn"}) as created:
                assert created.status == 201
                assert "unknown field" in created.headers["Warning"]
                assert "X-Evil" not in created.headers

    asyncio.run(story())


def test_a_client_of_http_1_0_is_answered_and_its_connection_closed() -> None:
    async def story() -> None:
        async with served() as (_, url, _):
            reader, writer = await asyncio.open_connection(URL(url).host, URL(url).port)
            writer.write(b"GET /version HTTP/1.0\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
            assert b'"gitVersion"' in answer
            writer.close()

    asyncio.run(story())


def test_head_is_refused_as_the_real_server_refuses_it() -> None:
    async def story() -> None:
        async with served() as (_, url, client), client.head(f"{url}{CONFIG_MAPS}") as refused:
            assert refused.status == 405
            assert await refused.read() == b""

    asyncio.run(story())
