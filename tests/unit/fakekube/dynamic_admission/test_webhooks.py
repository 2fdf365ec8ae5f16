"""Admission webhooks. What is made of their answers was compared with kube-apiserver 1.37.2: see tests/real/test_webhooks.py."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import MOST_CALLS, Apiserver
from fakekube.http.site import HttpSite
from fakekube.http.tls import Authority
from fakekube.registry.dynamic_admission.calls import WebhookCall, WebhookReply
from tests.unit.fakekube.dynamic_admission.asking_site import AskingSite
from tests.unit.fakekube.dynamic_admission.policy_cases import CONFIG_MAPS, config_map
from tests.unit.fakekube.dynamic_admission.webhook_cases import MUTATING, VALIDATING, configuration, webhook
from tests.unit.fakekube.dynamic_admission.webhook_server import WebhookServer, server_tls, webhook_server
from tests.unit.fakekube.sites import Answer, Site

PATHS = {"Validating": VALIDATING, "Mutating": MUTATING}


@pytest.fixture(scope="module")
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def site() -> AskingSite:
    return AskingSite()


def install(site: Site, kind: str, name: str, server: WebhookServer, answer: str, **more: Any) -> None:
    body = configuration(kind, name, webhook(name, f"{server.url}/{answer}", server.ca_bundle, **more))
    assert site.post(PATHS[kind], body).status == 201


def first(site: Site, name: str) -> Answer:
    return site.post(CONFIG_MAPS, config_map(name, "first", {"x": "z"}))


def test_a_denial_says_what_the_webhook_says(site: AskingSite, server: WebhookServer) -> None:
    install(site, "Validating", "v", server, "deny-message")
    denied = first(site, "v")
    assert (denied.status, denied.message) == (400, 'admission webhook "v.example.com" denied the request: no way')
    assert site.get(f"{CONFIG_MAPS}/first").status == 404
    assert first(site, "of-nobody").status == 201


def test_a_patch_is_applied_before_validation(site: AskingSite, server: WebhookServer) -> None:
    install(site, "Mutating", "m", server, "patch")
    assert first(site, "m").json["data"] == {"x": "z", "added": "yes"}
    install(site, "Mutating", "n", server, "patch-invalid")
    assert first(site, "n").status == 422


def test_webhooks_that_wish_so_see_what_later_ones_changed(site: AskingSite, server: WebhookServer) -> None:
    selector: dict[str, Any] = {"objectSelector": {}}
    install(site, "Mutating", "a", server, "patch-label", reinvocationPolicy="IfNeeded", **selector)
    install(site, "Mutating", "b", server, "patch-twice", **selector)
    made = first(site, "any").json
    assert made["data"] == {"x": "changed", "added": "yes"}
    assert made["metadata"]["labels"] == {"policy": "any", "count": "2"}


def test_a_webhook_is_told_what_is_stored(site: AskingSite, server: WebhookServer) -> None:
    """A generated name and a uid are drawn once, though the request is broken off for the call."""
    server.asked.clear()
    install(site, "Validating", "g", server, "allow")
    body = config_map("g", "", {})
    body["metadata"] = {"generateName": "gen-", "labels": {"policy": "g"}}
    made = site.post(CONFIG_MAPS, body).json["metadata"]
    [review] = server.asked["/allow"]
    told = review["request"]["object"]["metadata"]
    assert (told["name"], told["uid"]) == (made["name"], made["uid"])


def test_deleting_many_asks_about_each(site: AskingSite, server: WebhookServer) -> None:
    for name in ("one", "two", "three"):
        site.post(CONFIG_MAPS, config_map("d", name, {}))
    server.asked.clear()
    install(site, "Validating", "d", server, "allow")
    assert site.ask("DELETE", CONFIG_MAPS, query="labelSelector=policy%3Dd").status == 200
    assert sorted(review["request"]["name"] for review in server.asked["/allow"]) == ["one", "three", "two"]
    assert site.get(CONFIG_MAPS, "labelSelector=policy%3Dd").json["items"] == []


def test_without_a_network_the_failure_policy_decides(server: WebhookServer) -> None:
    site = Site()
    install(site, "Validating", "v", server, "allow")
    refused = first(site, "v")
    assert refused.status == 500
    assert "webhooks are called where a site is served over HTTP" in refused.message
    install(site, "Validating", "i", server, "deny", failurePolicy="Ignore")
    assert first(site, "i").status == 201


def test_a_reply_to_a_webhook_that_is_gone_does_not_count(server: WebhookServer) -> None:
    site = Site()
    install(site, "Validating", "a", server, "allow", objectSelector={})
    request = site.request("POST", CONFIG_MAPS, config_map("x", "first", {}), "", "application/json", "", "test")
    call = site.server.attempt(request)
    assert isinstance(call, WebhookCall)
    site.delete(f"{VALIDATING}/a")
    install(site, "Validating", "b", server, "allow", objectSelector={})
    again = site.server.attempt(replace(request, replies=(WebhookReply(call=call, body=b"{}"),)))
    assert isinstance(again, WebhookCall)
    assert again.about.startswith("b.example.com")


def test_a_webhook_may_ask_the_site_that_waits_for_it() -> None:
    """Webhook and site share one event loop here, as in a test of an operator."""
    asyncio.run(_asked_meanwhile())


async def _asked_meanwhile() -> None:
    authority = Authority("webhook")
    site = HttpSite(Apiserver(name="paris", now=time.time, rng=random.Random(1)))
    url = await site.listen()
    seen: list[int] = []

    async with aiohttp.ClientSession() as client:

        async def reviewed(request: web.Request) -> web.Response:
            review = json.loads(await request.read())
            async with client.get(f"{url}{CONFIG_MAPS}") as listed:
                seen.append(len((await listed.json())["items"]))
            response = {"uid": review["request"]["uid"], "allowed": True}
            return web.json_response({**review, "response": response})

        app = web.Application()
        app.router.add_post("/review", reviewed)
        runner = web.AppRunner(app)
        await runner.setup()
        served = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_tls(authority))
        await served.start()
        port = runner.addresses[0][1]
        hook = webhook("own", f"https://127.0.0.1:{port}/review", authority.as_base64)
        async with client.post(f"{url}{VALIDATING}", json=configuration("Validating", "own", hook)) as answer:
            assert answer.status == 201
        async with client.post(f"{url}{CONFIG_MAPS}", json=config_map("own", "first", {})) as answer:
            assert answer.status == 201
        await runner.cleanup()
    await site.close()
    assert seen == [1]  # kube-root-ca.crt alone: nothing is written before the webhook has answered


def test_requests_without_webhooks_take_the_short_way(site: AskingSite) -> None:
    found = site.server.attempt(Request(method="GET", path=CONFIG_MAPS, headers={}))
    assert isinstance(found, Response)
    assert site.server.site.dynamic is None


def test_calls_of_one_request_are_bounded(server: WebhookServer) -> None:
    site = Site()
    install(site, "Validating", "v", server, "allow")
    request = site.request("POST", CONFIG_MAPS, config_map("v", "x", {}), "", "application/json", "", "test")
    call = site.server.attempt(request)
    assert isinstance(call, WebhookCall)
    stale = WebhookReply(call=replace(call, about="something else"))
    refused = site.server.attempt(replace(request, replies=(stale,) * MOST_CALLS))
    assert isinstance(refused, Response)
    assert (refused.status, b"more than 2000 times" in refused.body) == (500, True)
