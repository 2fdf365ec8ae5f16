"""Asks a real kube-apiserver everything in cel_cases.py and stores its answers in cel-1.37.json.

    python -m tests.recordings.cel_record                 # starts the server that `make real` built
    python -m tests.recordings.cel_record --only values   # or untyped, priced, refused, prices, definitions, admission, checks, ratchets

Expressions that compile are evaluated forty at a time, as rules that never hold and whose message is the value.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from fakekube.meta.objects import KubeObject
from tests.real import start
from tests.recordings import cel_cases

FILE = Path(__file__).parent / "cel-1.37.json"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_BATCH = 40
_PATIENCE_S = 30.0
_POLL_S = 0.02
# Made anew by the server for each rule.
_TYPE_NAME = re.compile(r"selfType\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int
    body: KubeObject
    warnings: list[str]

    def causes(self) -> list[list[str]]:
        found = (self.body.get("details") or {}).get("causes") or []
        return sorted([each.get("field", ""), each["message"], each["reason"]] for each in found)


@dataclass(slots=True, kw_only=True)
class Server:
    """One connection, and names that nobody had before."""

    connection: http.client.HTTPSConnection
    token: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(self, method: str, path: str, body: KubeObject | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = _TYPE_NAME.sub("selfType", answer.read().decode())
        warnings = [each for name, each in answer.getheaders() if name.lower() == "warning"]
        parsed = json.loads(text) if text.startswith("{") else {"message": text}
        return Answer(code=answer.status, body=parsed, warnings=warnings)


def definition(number: int, spec: KubeObject) -> KubeObject:
    """A definition whose objects have this `spec`."""
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.g{number}.example.com"},
        "spec": {
            "group": f"g{number}.example.com",
            "scope": "Cluster",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def thing(number: int, name: str, spec: KubeObject) -> KubeObject:
    group = f"g{number}.example.com"
    return {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def things(number: int) -> str:
    return f"/apis/g{number}.example.com/v1/things"


# --- definitions --------------------------------------------------------------------------------------------------------


def refusal(server: Server, spec: KubeObject) -> list[list[str]]:
    """Why a definition is refused; empty when it would be taken. Paths are relative to the schema of `spec`."""
    answer = server.ask("POST", f"{_CRDS}?dryRun=All", definition(0, spec))
    if answer.code == 201:
        return []
    if answer.code != 422:
        raise SystemExit(f"{answer.code}: {answer.body}")
    return answer.causes()


def installed(server: Server, spec: KubeObject) -> int:
    """The number of a definition that is served."""
    number = next(server.numbers)
    answer = server.ask("POST", _CRDS, definition(number, spec))
    if answer.code != 201:
        raise SystemExit(f"{answer.code}: {answer.body.get('message')}")
    until(lambda: server.ask("GET", things(number)).code == 200)
    return number


def removed(server: Server, number: int) -> None:
    server.ask("DELETE", f"{_CRDS}/things.g{number}.example.com")


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > give_up:
            raise SystemExit("the server did not come that far in time")
        time.sleep(_POLL_S)


# --- values -------------------------------------------------------------------------------------------------------------


def valued(number: int, expression: str) -> KubeObject:
    """A rule that never holds and tells the expression's value; values that cannot be shown leave the bare number."""
    return {
        "rule": f"dyn({expression}) == dyn('never')",
        "message": f"#{number}",
        "messageExpression": f"'#{number} %s'.format([dyn({expression})])",
    }


def with_rules(rules: Sequence[KubeObject]) -> KubeObject:
    return {**cel_cases.SCHEMA, "x-kubernetes-validations": list(rules)}


def values(server: Server, expressions: Sequence[str]) -> list[list[object]]:
    """[expression, causes of its refusal or none, what it comes to]"""
    refusals = [refusal(server, with_rules([valued(0, each)])) for each in expressions]
    taken = [each for each, refused in zip(expressions, refusals, strict=True) if not refused]
    told: dict[str, str] = {}
    for first in range(0, len(taken), _BATCH):
        told.update(evaluated(server, taken[first : first + _BATCH]))
    return [[each, refused, told.get(each)] for each, refused in zip(expressions, refusals, strict=True)]


_TOLD = re.compile(
    r"(?s)Invalid value: (?:\"object\": (?P<error>.*) rule: #(?P<failed>\d+)$|#(?P<number>\d+)(?P<value>.*))"
)


def evaluated(server: Server, expressions: Sequence[str]) -> dict[str, str]:
    number = installed(server, with_rules([valued(place, each) for place, each in enumerate(expressions)]))
    answer = server.ask("POST", f"{things(number)}?dryRun=All", thing(number, "a", cel_cases.OBJECT))
    told: dict[str, str] = {}
    for _, message, _ in answer.causes():
        found = _TOLD.fullmatch(message)
        if found is None:
            raise SystemExit(message)
        place = int(found["failed"] or found["number"])
        told[expressions[place]] = f"error: {found['error']}" if found["failed"] else f"value:{found['value']}"
    removed(server, number)
    return told


# --- objects ------------------------------------------------------------------------------------------------------------


def outcome(answer: Answer) -> list[object]:
    return [answer.code, answer.causes(), answer.warnings]


def checks(server: Server, before: KubeObject, after: KubeObject | None, specs: Sequence[KubeObject]) -> list[object]:
    """What becomes of each spec in turn: the first is created, the others put over it."""
    number = installed(server, before)
    path, held = things(number), None
    told: list[object] = []
    for spec in specs:
        body = thing(number, "a", spec)
        if held is None:
            answer = server.ask("POST", path, body)
        else:
            body["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
            answer = server.ask("PUT", f"{path}/a", body)
        held = answer.body if answer.code in (200, 201) else held
        told.append(outcome(answer))
        if after is not None:
            replaced(server, number, after, thing(number, "b", spec))
            after = None
    removed(server, number)
    return told


def replaced(server: Server, number: int, spec: KubeObject, broken: KubeObject) -> None:
    """Puts a definition over the one that is there, and waits until it refuses `broken`."""
    path = f"{_CRDS}/things.g{number}.example.com"
    body = definition(number, spec)
    body["metadata"]["resourceVersion"] = server.ask("GET", path).body["metadata"]["resourceVersion"]
    answer = server.ask("PUT", path, body)
    if answer.code != 200:
        raise SystemExit(f"{answer.code}: {answer.body.get('message')}")
    until(lambda: server.ask("POST", f"{things(number)}?dryRun=All", broken).code == 422)


# --- admission ----------------------------------------------------------------------------------------------------------


def policy(expression: str, *, params: bool) -> KubeObject:
    """A policy with the expression in every place that takes one."""
    rule = {"apiGroups": ["a.b"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["c"], "scope": "*"}
    spec: KubeObject = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule], "matchPolicy": "Equivalent"},
        "matchConditions": [{"name": "m", "expression": expression}],
        "variables": [
            {"name": "v", "expression": "1"},
            {"name": "w", "expression": "object.x"},
            {"name": "x", "expression": expression},
        ],
        "validations": [{"expression": expression, "messageExpression": expression}],
        "auditAnnotations": [{"key": "k", "valueExpression": expression}],
    }
    if params:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
    kinds = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    return {**kinds, "metadata": {"name": "p.example.com"}, "spec": spec}


def policy_refusal(server: Server, body: KubeObject) -> list[list[str]]:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies?dryRun=All"
    return server.ask("POST", path, body).causes()


# --- all ----------------------------------------------------------------------------------------------------------------


def recorded(server: Server) -> dict[str, Callable[[], object]]:
    return {
        "values": lambda: {area: values(server, each) for area, each in cel_cases.VALUES.items()},
        "untyped": lambda: values(server, cel_cases.UNTYPED),
        "priced": lambda: {
            area: [[each, refusal(server, cel_cases.priced(each))] for each in cases]
            for area, cases in cel_cases.VALUES.items()
        },
        "refused": lambda: [[rule, refusal(server, with_rules([{"rule": rule}]))] for rule in cel_cases.REFUSED],
        "prices": lambda: [[spec, refusal(server, spec)] for spec in cel_cases.PRICES],
        "definitions": lambda: [[spec, refusal(server, spec)] for spec in cel_cases.DEFINITIONS],
        "admission": lambda: [
            [each, *(policy_refusal(server, policy(each, params=params)) for params in (False, True))]
            for each in cel_cases.ADMISSION
        ],
        "checks": lambda: [[spec, specs, checks(server, spec, None, specs)] for spec, specs in cel_cases.CHECKS],
        "ratchets": lambda: [
            [before, after, specs, checks(server, before, after, specs)] for before, after, specs in cel_cases.RATCHETS
        ],
    }


def saved(answers: dict[str, object]) -> None:
    """One case a line, so that a difference can be read."""
    parts = [f"{json.dumps(name)}: {_case_lines(part)}" for name, part in answers.items()]
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def _case_lines(part: object) -> str:
    if isinstance(part, dict):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {_case_lines(each)}" for name, each in part.items()) + "\n}"
    if isinstance(part, list):
        return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in part) + "\n]"
    return json.dumps(part, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Stores a real server's answers to every case of CEL.")
    parser.add_argument("--only", action="append", help="a part; all when left out")
    arguments = parser.parse_args()
    answers = (
        json.loads(FILE.read_text()) if FILE.exists() else {"about": "CEL on kube-apiserver 1.37.2; see cel_record.py"}
    )
    with start.apiserver(controllers=()) as real:
        address = urllib.parse.urlsplit(real.url)
        tls = ssl.create_default_context(cafile=real.ca)
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=tls, timeout=120)
        server = Server(connection=connection, token=real.token)
        for name, record in recorded(server).items():
            if arguments.only is None or name in arguments.only:
                answers[name] = record()
                saved(answers)


if __name__ == "__main__":
    main()
