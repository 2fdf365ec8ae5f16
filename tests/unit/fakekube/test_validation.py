"""Validation: every recorded single mistake, against the causes and words of the real server.

`OPEN` holds how many cases of a kind still differ; a kind that gets worse fails, one that gets better should lower it.
"""

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
from tests.unit.fakekube.sites import Answer, Site

RECORDED = Path(__file__).parents[2] / "recordings" / "validation-1.37.json"
GONE = "@@DEL"
UID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SUFFIX = re.compile("Bad_[a-z0-9]{5}")
ADDRESS = re.compile(r'"10\.0\.0\.\d+": expected')
AUTHORITY = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
REQUEST = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
PLACEHOLDERS = {
    "@CSR": base64.b64encode(REQUEST).decode(),
    "@CSRDER": base64.b64encode(b"\x30\x03AAA").decode(),
    "@CA": AUTHORITY,
}
# Cases that differ, by kind.
OPEN: dict[str, int] = {
    "configmaps": 1,
    "controllerrevisions": 1,
    "customresourcedefinitions": 19,
    "deviceclasses": 2,
    "devicetaintrules": 1,
    "horizontalpodautoscalers": 1,
    "jobs": 1,
    "mutatingadmissionpolicies": 12,
    "pods": 2,
    "priorityclasses": 1,
    "resourceclaims": 1,
    "services": 2,
    "validatingadmissionpolicies": 6,
}
# Names that are answered otherwise, by kind.
OPEN_NAMES: dict[str, int] = {}


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
    text = text.replace("Key: /registry/", "Key: /")
    return ADDRESS.sub('"@IP": expected', SUFFIX.sub("Bad_@RAND", UID.sub("@UID", text)))


def is_text(got: str, want: str) -> bool:
    """`@cut(n)` stands for the rest of a long text."""
    head, cut, _ = masked(text_of(want)).partition("@cut(")
    return masked(got).startswith(head) if cut else masked(got) == head


def causes_of(answer: Answer) -> list[tuple[str, str]]:
    causes = (answer.json.get("details") or {}).get("causes", []) if answer.status >= 300 else []
    return [(cause["message"], cause.get("field", "")) for cause in causes]


def is_recorded(answer: Answer, case: dict[str, Any]) -> bool:
    if answer.status != case["code"]:
        return False
    if answer.status < 300:
        return True
    got, want = causes_of(answer), [cause[-2:] for cause in case.get("causes", [])]
    if len(got) != len(want) or ("message" in case and not is_text(answer.message, case["message"])):
        return False
    return all(is_text(a, c) and b == text_of(d) for (a, b), (c, d) in zip(got, want, strict=True))


def answered(site: Site, path: str, live: Any, case: dict[str, Any], base: Any) -> Answer:
    obj = copy.deepcopy(base if case["op"] == "create" else live)
    for member, value in case["set"].items():
        changed(obj, member, plain(value))
    if case["op"] == "create":
        return site.post(path, obj, "dryRun=All")
    subresource = "/status" if case["op"] == "status" else ""
    return site.put(f"{path}/{live['metadata']['name']}{subresource}", obj, "dryRun=All")


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
            if not is_recorded(answer, case):
                wrong.append(f"{case['op']} {name} {json.dumps(case['set'])}: {answer.text}"[:500])
        if live is not None:
            site.delete(f"{path}/{live['metadata']['name']}", {"gracePeriodSeconds": 0})
    return wrong, total


@pytest.mark.parametrize("kind", sorted({kind_of(case["base"]) for case in recorded()["cases"]}))
def test_single_mistakes_are_refused_as_recorded(kind: str) -> None:
    wrong, total = differing(kind)
    print(f"{kind}: {total - len(wrong)} of {total}")
    assert len(wrong) <= OPEN.get(kind, 0), "\n".join(wrong)


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
    assert len(wrong) <= OPEN_NAMES.get(kind_of(base), 0), "\n".join(wrong)


def test_quantities_in_messages_are_canonical() -> None:
    assert str(parse_quantity("0.5")) == "500m"
