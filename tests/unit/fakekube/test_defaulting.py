"""Defaults: objects as they were sent to the real server, and as it answered."""

from __future__ import annotations

import base64
import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube.registry.quantity import parse_quantity
from tests.unit.fakekube.signing_requests import REQUEST, in_base64
from tests.unit.fakekube.sites import Site

RECORDED = Path(__file__).parents[2] / "recordings" / "defaults-1.37.json"
# Kinds whose answers depend on who asks: security/test_recorded_defaults.py.
ELSEWHERE = frozenset(["reviews", "certificatesigningrequests"])
# A Service was recorded with another range of addresses.
ADDRESS = re.compile(r"\b10\.9\.0\.180\b")
OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
PLACEHOLDERS = {
    "@CSR": in_base64(REQUEST),
    "@CSRDER": base64.b64encode(b"\x30\x03AAA").decode(),
    "@CA": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}


@cache
def recorded() -> dict[str, Any]:
    cases: dict[str, Any] = json.loads(ADDRESS.sub("10.0.0.@IP", RECORDED.read_text()))["cases"]
    return {name: case for name, case in cases.items() if name.split("/")[0] not in ELSEWHERE}


def sent(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sent(each) for name, each in value.items()}
    if isinstance(value, list):
        return [sent(each) for each in value]
    return PLACEHOLDERS.get(value, value) if isinstance(value, str) else value


def is_like(got: Any, want: Any) -> bool:
    """Equal, where a recorded `@...` stands for any text: an address, a uid, a time, a random part of a name."""
    if isinstance(got, dict) and isinstance(want, dict):
        return got.keys() == want.keys() and all(is_like(got[name], want[name]) for name in want)
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(map(is_like, got, want))
    return got == want or (isinstance(want, str) and "@" in want and str(got).startswith(want.partition("@")[0]))


def answered(case: dict[str, Any]) -> Any:
    site = Site(controllers="none")
    site.post("/api/v1/namespaces", {"metadata": {"name": "gold"}})
    for name in ("default", "other"):
        account = {"metadata": {"name": name}, "automountServiceAccountToken": False}
        site.post("/api/v1/namespaces/gold/serviceaccounts", account)
    got = site.post(case["path"], sent(case["sent"])).json
    got["metadata"] = {name: value for name, value in got.get("metadata", {}).items() if name not in OWN}
    return got


@pytest.mark.parametrize("area", sorted({name.split("/")[0] for name in recorded()}))
def test_created_objects_have_the_defaults_of_the_real_server(area: str) -> None:
    cases = {name: case for name, case in recorded().items() if name.split("/")[0] == area}
    got = {name: answered(case) for name, case in cases.items()}
    wrong = {name: got[name] for name, case in cases.items() if not is_like(got[name], case["got"])}
    assert not wrong, json.dumps(wrong)[:4000]


def test_every_other_recorded_case_is_tested() -> None:
    assert len(recorded()) == 286


def pod(**spec: object) -> Any:
    return {"path": "/api/v1/namespaces/gold/pods", "sent": {"metadata": {"name": "p"}, "spec": spec}}


def test_a_pod_as_a_whole_requests_what_its_containers_do() -> None:
    def container(name: str, cpu: str) -> dict[str, object]:
        return {"name": name, "image": "i", "resources": {"requests": {"cpu": cpu}}}

    spec = {
        "initContainers": [container("i", "900m")],
        "containers": [container("a", "300m"), container("b", "500m")],
        "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
    }
    assert answered(pod(**spec))["spec"]["resources"]["requests"] == {"cpu": "900m", "memory": "1Gi"}


def test_a_certificate_is_requested_by_who_asks() -> None:
    case = json.loads(RECORDED.read_text())["cases"]["certificatesigningrequests/min"]
    spec = answered({**case, "sent": {**case["sent"], "spec": {**case["sent"]["spec"], "username": "bob"}}})["spec"]
    assert (spec["username"], spec["groups"]) == ("system:admin", ["system:masters", "system:authenticated"])


def test_sums_of_quantities_keep_their_notation() -> None:
    sums = {("1Gi", "512Mi"): "1536Mi", ("300m", "0.7"): "1", ("0", "1Ki"): "1Ki", ("1k", "1Ki"): "2024"}
    assert {pair: str(parse_quantity(pair[0]).plus(parse_quantity(pair[1]))) for pair in sums} == sums


DROPPED: dict[str, dict[str, Any]] = json.loads((RECORDED.parent / "dropped-fields-1.37.json").read_text())["dropped"]
# A list of schemas where one belongs: refused here, dropped there on the way to the internal form.
REFUSED = "spec.versions[0].schema.openAPIV3Schema.items"


def at(obj: Any, path: str) -> tuple[Any, str | int]:
    """The object or list that holds what `path` names, and its key there; missing objects are made."""
    *outer, last = [part.strip("[]") for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path)]
    for part in outer:
        obj = obj[int(part)] if isinstance(obj, list) else obj.setdefault(part, {})
    return obj, int(last) if isinstance(obj, list) else last


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_fields_whose_features_are_off_are_not_kept(name: str) -> None:
    case = json.loads(RECORDED.read_text())["cases"][name]
    for path, field in DROPPED[name].items():
        wanted = copy.deepcopy(case["sent"])
        holder, key = at(wanted, path)
        holder[key] = field["sent"]
        got = answered({**case, "sent": wanted})
        if path == REFUSED:
            continue
        assert got["kind"] == case["got"]["kind"], (path, got)
        holder, key = at(got, path)
        assert key not in holder, (path, got)
