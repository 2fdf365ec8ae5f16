"""Made-up schemas and objects, given to a running kube-apiserver and to a site of ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.real import start
from tests.real.twins import DEFINITIONS, Twins

pytestmark = pytest.mark.real

GROUP = "/apis/made.example.com/v1"
ROUNDS = 12
OBJECTS = 4
FORMATS = ("date-time", "date", "byte", "uri", "email", "hostname", "ipv4", "cidr", "mac", "uuid", "duration", "bogus")
TEXTS = (
    "",
    "a",
    "abc",
    "ABC",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "YWJj",
    "http://x.y/z",
    "a@b.c",
    "1.2.3.4",
    "5m",
    "é",
)
ANYTHING: tuple[Any, ...] = (1, "a", True, 1.5, [], {}, ["x"], {"a": 1}, 0, -1, 2**40)
PATTERNS = ("^[a-z]+$", "a", "[0-9]{2}", r"^\d+$")


class Maker:
    """Schemas, and objects that nearly fit them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def _maybe(self, chance: float) -> bool:
        return self._rng.random() < chance

    def schema(self, depth: int) -> dict[str, Any]:
        kinds = ["string", "integer", "number", "boolean", "either"]
        kind = self._rng.choice(kinds if depth == 0 else [*kinds, "object", "object", "array"])
        found = SCHEMAS[kind](self, depth)
        if self._maybe(0.15):
            found["nullable"] = True
        return found

    def text(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "string"}
        if self._maybe(0.3):
            found["format"] = self._rng.choice(FORMATS)
        if self._maybe(0.3):
            found |= {"minLength": self._rng.randint(0, 2), "maxLength": self._rng.randint(2, 5)}
        if self._maybe(0.2):
            found["pattern"] = self._rng.choice(PATTERNS)
        return found | ({"enum": ["a", "abc"]} if self._maybe(0.2) else {})

    def number(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {"type": kind}
        if self._maybe(0.3):
            found["format"] = self._rng.choice(["int32", "int64", "double", "bogus"])
        if self._maybe(0.3):
            found |= {"maximum": self._rng.choice([5, 2.5, 100]), "exclusiveMaximum": self._maybe(0.5)}
        if self._maybe(0.3):
            found |= {"minimum": self._rng.choice([0, 1, 1.5])}
        return found | ({"multipleOf": self._rng.choice([1, 2, 0.5])} if self._maybe(0.2) else {})

    def array(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "array", "items": self.schema(depth - 1)}
        if self._maybe(0.3):
            found |= {"minItems": self._rng.randint(0, 1), "maxItems": self._rng.randint(1, 3)}
        if self._maybe(0.3):
            item = {
                "type": "object",
                "required": ["k"],
                "properties": {"k": {"type": "string"}, "v": self.schema(depth - 1)},
            }
            found |= {"items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
        return found

    def object(self, depth: int) -> dict[str, Any]:
        if self._maybe(0.25):
            return {"type": "object", "additionalProperties": self.schema(depth - 1)}
        names = self._rng.sample("abcde", self._rng.randint(1, 4))
        found: dict[str, Any] = {"type": "object", "properties": {name: self.schema(depth - 1) for name in names}}
        if self._maybe(0.3):
            found["required"] = names[:1]
        if self._maybe(0.15):
            found["x-kubernetes-preserve-unknown-fields"] = True
        if len(names) > 1 and self._maybe(0.3):
            found[self._rng.choice(["anyOf", "oneOf", "allOf"])] = [{"required": [name]} for name in names[:2]]
        return found

    def value(self, schema: Mapping[str, Any]) -> Any:
        if self._maybe(0.15):
            return self._rng.choice(ANYTHING)
        match schema.get("type"):
            case "object" if "additionalProperties" in schema:
                return {name: self.value(schema["additionalProperties"]) for name in self._rng.sample("xyz", 2)}
            case "object":
                return {name: self.value(each) for name, each in schema["properties"].items() if self._maybe(0.7)}
            case "array":
                return [self.value(schema["items"]) for _ in range(self._rng.randint(0, 4))]
            case "integer" | "number":
                return self._rng.choice([0, 1, 2, 5, 6, -1, 1.5, 2**31])
            case "boolean":
                return self._maybe(0.5)
            case _:
                return self._rng.choice(TEXTS)


SCHEMAS: Mapping[str, Callable[[Maker, int], dict[str, Any]]] = {
    "string": Maker.text,
    "integer": lambda maker, depth: maker.number("integer"),
    "number": lambda maker, depth: maker.number("number"),
    "boolean": lambda maker, depth: {"type": "boolean"},
    "either": lambda maker, depth: {"x-kubernetes-int-or-string": True},
    "array": Maker.array,
    "object": Maker.object,
}


def definition(number: int, spec: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"made{number}s.made.example.com"},
        "spec": {
            "group": "made.example.com",
            "scope": "Cluster",
            "names": {"plural": f"made{number}s", "kind": f"Made{number}"},
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    return Twins(own_real_apiserver)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_made_up_objects_are_judged_the_same(twins: Twins, seed: int) -> None:
    maker = Maker(seed)
    for number in range(seed * 100, seed * 100 + ROUNDS):
        spec = {"type": "object", "properties": {"a": maker.schema(2), "b": maker.schema(1)}}
        if twins.compare("POST", DEFINITIONS, definition(number, spec)) == 201:
            path = f"{GROUP}/made{number}s"
            twins.until_served(path)
            for name in (f"o{index}" for index in range(OBJECTS)):
                live_through(twins, maker, path, name, f"Made{number}", spec)
    assert twins.differing() == []


def live_through(twins: Twins, maker: Maker, path: str, name: str, kind: str, spec: dict[str, Any]) -> None:
    """One object: created, patched, read."""
    head = {"apiVersion": "made.example.com/v1", "kind": kind, "metadata": {"name": name}}
    if twins.compare("POST", path, {**head, "spec": maker.value(spec)}) == 201:
        twins.compare("PATCH", f"{path}/{name}", {"spec": maker.value(spec)}, kind="merge-patch+json")
        twins.compare("GET", f"{path}/{name}")
