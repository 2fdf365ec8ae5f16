"""Validation: every recorded single mistake, against the causes and words of the real server."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube.registry.quantity import parse_quantity
from tests.unit.fakekube.signing_requests import REQUEST, in_base64
from tests.unit.fakekube.sites import Answer, Site

RECORDED = Path(__file__).parents[2] / "recordings" / "validation-1.37.json"
GONE = "@@DEL"
UID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SUFFIX = re.compile(r"\b(Bad_|a{58})[a-z0-9]{5}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ADDRESS = re.compile(r'"10\.0\.0\.\d+": expected')
AUTHORITY = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PLACEHOLDERS = {
    "@CSR": in_base64(REQUEST),
    "@CSRDER": base64.b64encode(b"\x30\x03AAA").decode(),
    "@CA": AUTHORITY,
}
# Answers that were recorded while the definition was being established, which made the next write a stale one: asked
# again, the same server refuses what is wrong with them.
STALE = {"code": 409, "message": "the object has been modified"}
ASKED_AGAIN = {
    ("customresourcedefinitions/min", "other.com"): [['Invalid value: "other.com": field is immutable', "spec.group"]],
    ("customresourcedefinitions/full", "example.comx"): [
        ['Invalid value: "example.comx": field is immutable', "spec.group"]
    ],
}


@cache
def recorded() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(RECORDED.read_text())
    return table


def kind_of(base: str) -> str:
    return base.partition("/")[0]


def cases(kind: str) -> dict[str, list[dict[str, Any]]]:
    """The cases of a kind, by the object that they change."""
    found = defaultdict(list)
    for case in recorded()["cases"]:
        if kind_of(case["base"]) == kind:
            found[case["base"]].append(case)
    return found


def text_of(text: str) -> str:
    """A recorded text with its abbreviations spelt out."""
    texts = recorded()["texts"]
    text = text.replace("@CSRDER", PLACEHOLDERS["@CSRDER"])
    text = re.sub(r"@T\d+", lambda found: str(texts.get(found.group(), found.group())), text)
    return re.sub(r"@repeat\((.*?),(\d+)\)", lambda found: found.group(1) * int(found.group(2)), text, flags=re.DOTALL)


def plain(value: Any) -> Any:
    if isinstance(value, dict) and "@repeat" in value:
        text, count = value["@repeat"]
        return text * count
    if isinstance(value, dict):
        return {repeated(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return PLACEHOLDERS.get(value, value) if isinstance(value, str) else value


def repeated(name: str) -> str:
    found = re.fullmatch(r"@repeat:(.*):(\d+)", name)
    return name if found is None else found.group(1) * int(found.group(2))


def changed(obj: Any, path: str, value: Any) -> None:
    """Set what `path` names (`spec.ports[0].name`) to `value`, or remove it."""
    *outer, last = [part.strip("[]") for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path)]
    for part in outer:
        if isinstance(obj, list):
            index = int(part)
            obj.extend({} for _ in range(index + 1 - len(obj)))
            obj = obj[index]
        else:
            obj = obj.setdefault(part, {})
    key: Any = int(last) if isinstance(obj, list) else last
    if isinstance(obj, list) and key == len(obj):
        obj.append(value)
    elif value == GONE:
        del obj[key]
    else:
        obj[key] = value


def fresh() -> Site:
    site = Site(controllers="none")
    assert site.post("/api/v1/namespaces", {"metadata": {"name": "gold"}}).status == 201
    for name in ("default", "other"):
        account = {"metadata": {"name": name}, "automountServiceAccountToken": False}
        assert site.post("/api/v1/namespaces/gold/serviceaccounts", account).status == 201
    return site


def masked(text: str) -> str:
    """`text` without what differs from run to run, and without the prefix of the server's keys in its store."""
    return ADDRESS.sub('"@IP": expected', SUFFIX.sub(r"\1@RAND", UID.sub("@UID", text)))


def is_text(got: str, want: str) -> bool:
    """`@cut(n)` stands for the rest of a long text."""
    head, cut, _ = masked(text_of(want)).partition("@cut(")
    seen = TIME.sub("@TIME", masked(got)) if "@TIME" in head else masked(got)
    return seen.startswith(head) if cut else seen == head


def causes_of(answer: Answer) -> list[tuple[str, str]]:
    causes = (answer.json.get("details") or {}).get("causes", []) if answer.status >= 300 else []
    return [(cause["message"], cause.get("field", "")) for cause in causes]


def asked_again(case: dict[str, Any]) -> dict[str, Any]:
    """`case`, with what the server says when nothing else writes meanwhile."""
    causes = ASKED_AGAIN.get((case["base"], str(case["set"].get("spec.group"))))
    if causes is None:
        return case
    assert case["code"] == STALE["code"], case
    assert STALE["message"] in case["message"], case
    return {**case, "code": 422, "causes": causes, "message": None}


def is_recorded(answer: Answer, case: dict[str, Any]) -> bool:
    if answer.status != case["code"]:
        return False
    if answer.status < 300:
        return True
    got, want = causes_of(answer), [cause[-2:] for cause in case.get("causes", [])]
    if len(got) != len(want) or (case.get("message") and not is_text(answer.message, case["message"])):
        return False
    return all(is_text(a, c) and b == text_of(d) for (a, b), (c, d) in zip(got, want, strict=True))


def answered(site: Site, path: str, live: Any, case: dict[str, Any], base: Any) -> Answer:
    # the recorder sent new objects with their kind first, which shows where a body is quoted
    obj = copy.deepcopy({**envelope(site, path), **base} if case["op"] == "create" else live)
    for member, value in case["set"].items():
        changed(obj, member, plain(value))
    if case["op"] == "create":
        return site.post(path, obj, "dryRun=All")
    subresource = "/status" if case["op"] == "status" else ""
    return site.put(f"{path}/{live['metadata']['name']}{subresource}", obj, "dryRun=All")


def envelope(site: Site, path: str) -> dict[str, str]:
    found = site.get(path).json
    return {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}


def differing(kind: str) -> tuple[list[str], int]:
    """What differs, and how many cases there are."""
    site, wrong, total = fresh(), [], 0
    for name, found in cases(kind).items():
        base = recorded()["bases"][name]
        path, wanted = base["path"], plain(base["object"])
        live: Any = None
        for case in sorted(found, key=lambda case: case["op"] != "create"):
            total += 1
            if case["op"] != "create" and live is None:
                live = site.post(path, wanted).json
                # a definition is accepted and established by then, which gave it another version
                live = site.get(f"{path}/{live['metadata']['name']}").json
            answer = answered(site, path, live, case, wanted)
            if not is_recorded(answer, asked_again(case)):
                wrong.append(f"{case['op']} {name} {json.dumps(case['set'])}: {answer.text}"[:500])
        if live is not None:
            site.delete(f"{path}/{live['metadata']['name']}", {"gracePeriodSeconds": 0})
    return wrong, total


@pytest.mark.parametrize("kind", sorted({kind_of(case["base"]) for case in recorded()["cases"]}))
def test_single_mistakes_are_refused_as_recorded(kind: str) -> None:
    wrong, total = differing(kind)
    print(f"{kind}: {total - len(wrong)} of {total}")
    assert not wrong, "\n".join(wrong)


def test_every_recorded_case_is_tested() -> None:
    assert len(recorded()["cases"]) == 5067


def refusal(want: Any) -> dict[str, Any]:
    """A recorded answer to a name: none when it is accepted, else the code with causes or a message."""
    if want is None:
        return {"code": 201}
    code, told = want
    if isinstance(told, str):
        return {"code": code, "message": told}
    return {"code": code, "causes": [[message, field] for field, message in told]}


@pytest.mark.parametrize("base", sorted(recorded()["names"]))
def test_names_are_refused_as_recorded(base: str) -> None:
    site, wrong, table = fresh(), [], recorded()["names"][base]
    path, obj = recorded()["bases"][base]["path"], plain(recorded()["bases"][base]["object"])
    for name, want in table.items():
        named = copy.deepcopy(obj)
        named["metadata"]["name"] = text_of(name)
        answer = site.post(path, named, "dryRun=All")
        case = refusal(want)
        if not is_recorded(answer, case):
            wrong.append(f"{name}: {answer.text}"[:300])
    print(f"{base}: {len(table) - len(wrong)} of {len(table)}")
    assert not wrong, "\n".join(wrong)


def test_quantities_in_messages_are_canonical() -> None:
    assert str(parse_quantity("0.5")) == "500m"


@pytest.mark.parametrize(
    ("name", "value", "is_default", "why"),
    [
        ("system-x", 1, False, "system-x is not a known system priority class"),
        ("system-node-critical", 5, False, "value of system-node-critical PriorityClass must be 2000001000"),
        (
            "system-cluster-critical",
            2_000_000_000,
            True,
            "globalDefault of system-cluster-critical PriorityClass must be false",
        ),
    ],
)
def test_system_priorities_are_those_of_the_scheduler(name: str, value: int, is_default: bool, why: str) -> None:
    wanted = {"metadata": {"name": name}, "value": value, "globalDefault": is_default}
    answer = fresh().post("/apis/scheduling.k8s.io/v1/priorityclasses", wanted, "dryRun=All")
    assert (answer.status, answer.message.endswith(f"reserved for system use only. error: {why}")) == (422, True)


@pytest.mark.parametrize("raw", [[], "", 0, False, [1], "x"])
def test_raw_json_that_is_no_object_is_refused_for_that(raw: object) -> None:
    """Nothing is not the same as no object. Seen on kube-apiserver 1.37.2."""
    site = fresh()
    revision = {"metadata": {"name": "c"}, "revision": 1, "data": raw}
    told = site.post("/apis/apps/v1/namespaces/gold/controllerrevisions", revision).message
    assert told.endswith("data: Required value: data must be a valid JSON object")
    config = [{"opaque": {"driver": "a.b", "parameters": raw}}]
    told = site.post(
        "/apis/resource.k8s.io/v1/deviceclasses", {"metadata": {"name": "c"}, "spec": {"config": config}}
    ).message
    assert told.endswith('parameters: Invalid value: "<value omitted>": must be a valid JSON object')


def test_raw_json_that_is_an_empty_object_is_kept() -> None:
    revision = {"metadata": {"name": "c"}, "revision": 1, "data": {}}
    answer = fresh().post("/apis/apps/v1/namespaces/gold/controllerrevisions", revision)
    assert (answer.status, answer.json["data"]) == (201, {})
