"""Custom resources whose versions a webhook converts, on a running kube-apiserver and on a site of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real import start
from tests.real.twins import DEFINITIONS, Twins
from tests.unit.fakekube.dynamic_admission.webhook_cases import converted_definition, path_of
from tests.unit.fakekube.dynamic_admission.webhook_server import CONVERSIONS, WebhookServer, webhook_server

pytestmark = pytest.mark.real

SPECIAL = {"closed": "https://127.0.0.1:1/path", "service": ""}
NAMES = [path.strip("/") for path in CONVERSIONS]


@pytest.fixture(scope="module")
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver, server: WebhookServer) -> Twins:
    twins = Twins(own_real_apiserver)
    for name in NAMES:
        body = converted_definition(name, f"{server.url}/{name}", server.ca_bundle)
        assert twins.compare("POST", DEFINITIONS, body) == 201
    for name, url in SPECIAL.items():
        assert twins.compare("POST", DEFINITIONS, converted_definition(name, url, server.ca_bundle)) == 201
    for name in (*NAMES, *SPECIAL):
        twins.until_served(path_of(name, "v1"))
        twins.until_served(path_of(name, "v2"))
    assert twins.differing() == []
    return twins


def thing(name: str, of: str, version: str, **spec: Any) -> dict[str, Any]:
    kind = f"{name.title().replace('-', '')}"
    meta = {"name": of, "labels": {"mine": "yes"}}
    return {"apiVersion": f"{name}.example.com/{version}", "kind": kind, "metadata": meta, "spec": spec}


@pytest.mark.parametrize("name", [*NAMES, *SPECIAL])
def test_objects_are_converted_the_same(twins: Twins, name: str) -> None:
    first, second = path_of(name, "v1"), path_of(name, "v2")
    twins.compare("POST", first, thing(name, "one", "v1", size=1))
    twins.compare("GET", f"{first}/one")
    twins.compare("GET", f"{second}/one")
    twins.compare("POST", second, thing(name, "two", "v2", count=2))
    twins.compare("GET", f"{first}/two")
    twins.compare("GET", f"{second}/two")
    twins.compare("PATCH", f"{second}/one", {"spec": {"count": 5}}, kind="merge-patch+json", query="fieldManager=u")
    twins.compare("PATCH", f"{first}/one", {"spec": {"size": 6}}, kind="merge-patch+json", query="fieldManager=u")
    applied = thing(name, "three", "v2", count=3)
    twins.compare("PATCH", f"{second}/three", applied, kind="apply-patch+yaml", query="fieldManager=a")
    twins.compare(
        "PATCH", f"{second}/one", thing(name, "one", "v2", count=9), kind="apply-patch+yaml", query="fieldManager=a"
    )
    twins.compare("GET", f"{first}/one")
    twins.compare("DELETE", f"{second}/two")
    found = twins.differing()
    assert not found, "\n".join(found)


def test_lists_are_converted_the_same(twins: Twins) -> None:
    for name in ("a", "b", "c"):
        twins.compare("POST", path_of("convert", "v1"), thing("convert", name, "v1", size=1))
    ours = twins.ours("GET", path_of("convert", "v2"), None)
    theirs = twins.real("GET", path_of("convert", "v2"), None, "json", "")
    assert [item["spec"] for item in ours[1]["items"]] == [item["spec"] for item in theirs[1]["items"]]
    assert {item["apiVersion"] for item in ours[1]["items"]} == {"convert.example.com/v2"}
