"""Admission webhooks, called by a running kube-apiserver and by a site of ours: the same is asked, and made of the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.real import start
from tests.real.twins import PATIENCE_S, Twins, stable
from tests.unit.fakekube.dynamic_admission.policy_cases import CONFIG_MAPS, config_map, named
from tests.unit.fakekube.dynamic_admission.webhook_cases import MUTATING, VALIDATING, configuration, webhook
from tests.unit.fakekube.dynamic_admission.webhook_server import PATHS, WebhookServer, webhook_server

pytestmark = pytest.mark.real

NAMES = {path: path.strip("/") for path in PATHS}
KINDS = (("Validating", "v", VALIDATING), ("Mutating", "m", MUTATING))
CLOSED = "https://127.0.0.1:1/path"
SERVICE = {"service": {"namespace": "default", "name": "nope", "path": "/x"}}
CONDITION = [named("first-alone", "object.metadata.name == 'first'"), named("odd", "object.nope || true")]


def special(server: WebhookServer) -> dict[str, dict[str, Any]]:
    """What is not about the answer: name -> what differs from a webhook that allows or patches."""
    return {
        "closed": {"clientConfig": {"url": CLOSED, "caBundle": server.ca_bundle}},
        "closed-ignored": {"clientConfig": {"url": CLOSED}, "failurePolicy": "Ignore"},
        "untrusted": {"clientConfig": {"url": f"{server.url}/allow"}},
        "service": {"clientConfig": SERVICE},
        "effects": {
            "sideEffects": "NoneOnDryRun",
            "clientConfig": {"url": f"{server.url}/deny-message", "caBundle": server.ca_bundle},
        },
        "conditions": {
            "matchConditions": [CONDITION[0]],
            "clientConfig": {"url": f"{server.url}/deny", "caBundle": server.ca_bundle},
        },
        "failing-conditions": {"matchConditions": [named("c", "object.nope == 1")]},
        "failing-ignored": {"matchConditions": [named("c", "object.nope == 1")], "failurePolicy": "Ignore"},
        "beta": {"admissionReviewVersions": ["v2", "v1beta1", "v1"]},
        "ignored": {
            "failurePolicy": "Ignore",
            "clientConfig": {"url": f"{server.url}/500", "caBundle": server.ca_bundle},
        },
        "ignored-deny": {
            "failurePolicy": "Ignore",
            "clientConfig": {"url": f"{server.url}/deny", "caBundle": server.ca_bundle},
        },
        "creates": {
            "rules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
            ],
            "clientConfig": {"url": f"{server.url}/deny", "caBundle": server.ca_bundle},
        },
    }


@pytest.fixture(scope="module")
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver, server: WebhookServer) -> Twins:
    """All webhooks are there, and the last of each kind is known to the running server."""
    twins = Twins(own_real_apiserver)
    hooks = {name: webhook(name, server.url + path, server.ca_bundle) for path, name in NAMES.items()}
    for name, more in special(server).items():
        hooks[name] = {**webhook(name, f"{server.url}/allow", server.ca_bundle), **more}
    hooks["last"] = webhook("last", f"{server.url}/deny", server.ca_bundle)
    for kind, letter, path in KINDS:
        for name, hook in hooks.items():
            labelled = {"matchLabels": {"policy": name, "by": letter}}
            body = configuration(kind, name, {**hook, "objectSelector": labelled})
            assert twins.real("POST", path, body, "json", "")[0] == 201, name
            assert twins.ours("POST", path, body)[0] == 201, name
    for letter in "vm":
        give_up = time.monotonic() + PATIENCE_S
        while _is_created(twins, letter) and time.monotonic() < give_up:
            time.sleep(0.1)
    return twins


def _is_created(twins: Twins, letter: str) -> bool:
    body = config_map("last", "probe", {}, by=letter)
    return twins.real("POST", CONFIG_MAPS, body, "json", "dryRun=All")[0] == 201


ALL = [*NAMES.values(), *special(WebhookServer("", ""))]


@pytest.mark.parametrize("letter", ["v", "m"])
@pytest.mark.parametrize("name", ALL)
def test_webhooks_decide_the_same(twins: Twins, server: WebhookServer, name: str, letter: str) -> None:
    server.asked.clear()
    twins.compare("POST", CONFIG_MAPS, config_map(name, "first", {"x": "z"}, by=letter))
    if name != "slow":
        twins.compare("POST", CONFIG_MAPS, config_map(name, f"{name}-{letter}", {"x": "y"}, by=letter))
        twins.compare("POST", CONFIG_MAPS, config_map(name, "dry", {"x": "y"}, by=letter), query="dryRun=All")
        merge = {"data": {"x": "m"}}
        twins.compare("PATCH", f"{CONFIG_MAPS}/{name}-{letter}", merge, kind="merge-patch+json")
        twins.compare(
            "PUT", f"{CONFIG_MAPS}/{name}-{letter}", config_map(name, f"{name}-{letter}", {"x": "p"}, by=letter)
        )
        twins.compare("DELETE", f"{CONFIG_MAPS}/{name}-{letter}")
    found = twins.differing()
    twins.compare("DELETE", f"{CONFIG_MAPS}/first")
    twins.differing()
    assert not found, "\n".join(found)
    for path, reviews in server.asked.items():
        told = [_told(review) for review in reviews]
        assert told[::2] == told[1::2], path


def _told(review: dict[str, Any]) -> Any:
    """A review without what differs in every run, and without options, which are shown in part here."""
    request = {name: value for name, value in review["request"].items() if name not in ("uid", "userInfo", "options")}
    return {**review, "request": stable(request)}
