"""APIServices of built-in and of custom groups, beside a running kube-apiserver."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.real import start
from tests.real.asking import Ask, asking, asking_ours, until

pytestmark = pytest.mark.real

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "kept.example.com"
WIDGETS = f"{DEFINITIONS}/widgets.{GROUP}"
FIRST, SECOND, OWN = f"v1.{GROUP}", f"v2.{GROUP}", f"v3.{GROUP}"
MERGE = "application/merge-patch+json"
NEVER = {"group": GROUP, "version": "v3", "groupPriorityMinimum": 7, "versionPriority": 8}


def version(name: str, *, stored: bool = False) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"name": name, "served": True, "storage": stored, "schema": {"openAPIV3Schema": schema}}


def spec(*versions: dict[str, Any]) -> dict[str, Any]:
    names = {"plural": "widgets", "kind": "Widget"}
    return {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version("v1", stored=True), *versions]}


def stable(service: Any) -> Any:
    """Without what differs between any two servers, and in the form in which lists have it."""
    meta = {name: each for name, each in service["metadata"].items() if name not in ("uid", "resourceVersion")}
    text = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    return _replaced({"metadata": meta, "spec": service["spec"], "status": service["status"]}, text)


def _replaced(value: Any, text: re.Pattern[str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, text) for each in value]
    return text.sub("TIME", value) if isinstance(value, str) else value


def listed(ask: Ask) -> dict[str, Any]:
    return {each["metadata"]["name"]: stable(each) for each in ask(API_SERVICES).json["items"]}


class Both:
    """Does the same to both; the running server is waited for until it lists the same, or the difference is shown."""

    def __init__(self, real: Ask) -> None:
        self._real, self._ours = real, asking_ours()

    def do(self, path: str, **request: Any) -> None:
        theirs, mine = (ask(path, **request) for ask in (self._real, self._ours))
        assert mine.status == theirs.status, mine.body

    def same(self) -> dict[str, Any]:
        mine = listed(self._ours)
        until(lambda: listed(self._real).keys() == mine.keys() and self._settled(mine))
        assert listed(self._real) == mine
        return {name: each for name, each in mine.items() if GROUP in name}

    def _settled(self, mine: dict[str, Any]) -> bool:
        return {name: each["spec"] for name, each in listed(self._real).items()} == {
            name: each["spec"] for name, each in mine.items()
        }


def test_api_services_are_kept_as_a_running_server_keeps_them(own_real_apiserver: start.RealApiserver) -> None:
    both = Both(asking(own_real_apiserver))
    assert both.same() == {}
    both.do(API_SERVICES, method="POST", body={"metadata": {"name": OWN}, "spec": NEVER})
    definition = {"metadata": {"name": f"widgets.{GROUP}"}, "spec": spec(version("v2"), version("v3"))}
    both.do(DEFINITIONS, method="POST", body=definition)
    found = both.same()
    assert sorted(found) == [FIRST, SECOND, OWN]
    assert found[OWN]["spec"] == NEVER

    both.do(f"{API_SERVICES}/{FIRST}", method="DELETE")
    assert FIRST in both.same()
    changed = {"spec": {"groupPriorityMinimum": 5}}
    both.do(f"{API_SERVICES}/{SECOND}", method="PATCH", body=changed, content_type=MERGE)
    assert both.same()[SECOND]["spec"]["groupPriorityMinimum"] == 1000

    unserved = spec({**version("v2"), "served": False}, version("v3"))
    both.do(WIDGETS, method="PATCH", body={"spec": unserved}, content_type=MERGE)
    assert sorted(both.same()) == [FIRST, OWN]
    unlabelled = {"metadata": {"labels": None}}
    both.do(f"{API_SERVICES}/{FIRST}", method="PATCH", body=unlabelled, content_type=MERGE)
    both.do(WIDGETS, method="DELETE")
    assert sorted(both.same()) == [FIRST, OWN]
