"""Ten thousand requests made from the OpenAPI documents: every path and method, bodies that nearly fit, and nonsense.

Whatever is sent, the answer is the server's: never a failure of our own, never a record in the log.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakekube.apiserver.response import Response
from tests.unit.fakekube.sites import Site

REQUESTS_A_STORY = 25
STORIES = 400
DEPTH = 4

_JUNK: tuple[Any, ...] = (None, "", 0, -1, [], {}, "x", True, 1.5, [None], [{}], {"a": None}, "A_b", "x" * 70, 2**63)
_TEXTS = ("x", "a", "b", "", "Not_A_Name", "1.2.3.4", "10m", "é", "x" * 260, "2026-01-02T03:04:05Z", "a/b", "*")
_TYPES = (
    "application/json",
    "application/json",
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain",
    "",
    ";;",
)
_ACCEPTS = (
    "application/json",
    "",
    "*/*",
    "application/yaml",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=Bogus;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch;q=0.x",
    ",,;=",
)
_BYTES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"k8s\x00",
    b"k8s\x00\x0a\x02\xff\xff",
    b"k8s\x00" + bytes(range(256)),
    b"\xff\xfe{",
    b"a: &a [*a]",
    b"a: b: c",
    b"? {}\n",
    b"- - -",
    b"!!python/object:os.system {}",
    b"{" * 20_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    b"9" * 5_000,
    b'{"metadata":{"name":"\\ud800"}}',
    b"x" * (3 * 1024 * 1024 + 1),
)
_QUERIES: dict[str, tuple[str, ...]] = {
    "labelSelector": ("a=b", "a in (", "!", "a,,b", "x" * 300, "=", "a notin ()", "\x00"),
    "fieldSelector": ("metadata.name=x", "a.b.c=1", "=", "metadata.name", "spec.nodeName!=a", "\\"),
    "limit": ("1", "-1", "x", "99999999999999999999"),
    "continue": ("x", "e30", "bnVsbA", "WzFd", "////", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoiIn0"),
    "resourceVersion": ("0", "1", "x", "-1", "99999999999999999999"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "x"),
    "dryRun": ("All", "x", ""),
    "fieldManager": ("f", "", "x" * 200, "\n"),
    "fieldValidation": ("Strict", "Warn", "x"),
    "force": ("true", "x"),
    "pretty": ("true", "x"),
    "timeoutSeconds": ("1", "-1", "x"),
    "gracePeriodSeconds": ("0", "-1", "x"),
    "propagationPolicy": ("Orphan", "Foreground", "x"),
    "watch": ("true", "x"),
    "sendInitialEvents": ("true", "x"),
    "allowWatchBookmarks": ("true",),
    "bogus": ("", "%zz"),
}


@cache
def documents() -> dict[str, Any]:
    """The OpenAPI document of every group-version."""
    site = Site()
    index = site.get("/openapi/v3").json["paths"]
    return {place: site.get(*each["serverRelativeURL"].split("?", 1)).json for place, each in sorted(index.items())}


@cache
def operations() -> list[tuple[str, str, str, str]]:
    """(document, path, method, name of the body's schema) of everything that is described."""
    return [
        (place, path, method, _body_schema(operation))
        for place, document in documents().items()
        for path, methods in sorted(document.get("paths", {}).items())
        for method, operation in sorted(methods.items())
        if method in ("get", "post", "put", "patch", "delete")
    ]


def _body_schema(operation: dict[str, Any]) -> str:
    for answer in operation.get("responses", {}).values():
        for content in answer.get("content", {}).values():
            if "$ref" in content.get("schema", {}):
                return str(content["schema"]["$ref"].rpartition("/")[2])
    return ""


class Maker:
    """Requests from one source of chance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def request(self, site: Site) -> None:
        """One more request to the site; what it answers must be an answer."""
        place, path, method, schema = self._rng.choice(operations())
        target = path.replace("{namespace}", self._rng.choice(("default", "default", "none", "%00")))
        target = target.replace("{name}", self._rng.choice(("x", "x", "kube-system", "N_o", "a%2Fb", "x" * 300)))
        target = target.replace("{path}", "p").replace("{logpath}", "l")
        body = b"" if method == "get" else self._body(documents()[place], schema)
        query = "&".join(f"{name}={quote(value)}" for name, value in self._options())
        content_type = self._rng.choice(_TYPES)
        asked = site.request(method.upper(), target, body, query, content_type, self._rng.choice(_ACCEPTS), "fuzz/1")
        answer = site.server.handle(asked)
        if isinstance(answer, Response):
            assert b"Internal error occurred: " not in answer.body, (asked.method, asked.path, asked.query, body[:3000])
        else:
            answer.drain()
            answer.close()

    def _options(self) -> Iterator[tuple[str, str]]:
        for _ in range(self._rng.choice((0, 0, 1, 2, 3))):
            name = self._rng.choice(sorted(_QUERIES))
            yield name, self._rng.choice(_QUERIES[name])

    def _body(self, document: dict[str, Any], schema: str) -> bytes:
        kind = self._rng.randrange(8)
        if kind == 0:
            return self._rng.choice(_BYTES)
        value = self._object(document, schema)
        if kind == 1:
            return yaml.safe_dump(value, allow_unicode=True).encode()
        whole = json.dumps(value, ensure_ascii=False).encode()
        return whole[: self._rng.randrange(len(whole))] if kind == 2 else whole

    def _object(self, document: dict[str, Any], schema: str) -> Any:
        described = document.get("components", {}).get("schemas", {})
        value = self._value(described.get(schema, {}), described, 0)
        if not isinstance(value, dict):
            return value
        for gvk in described.get(schema, {}).get("x-kubernetes-group-version-kind", [])[:1]:
            version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            value |= {"apiVersion": version, "kind": gvk["kind"]}
        named = value.get("metadata")
        if self._rng.randrange(10):
            value["metadata"] = {**(named if isinstance(named, dict) else {}), "name": "x"}
            value["metadata"].pop("namespace", None)
            value["metadata"].pop("resourceVersion", None)
        return value

    def _value(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        """A value of the schema, with something else in one place of twenty."""
        if self._rng.randrange(20) == 0:
            return self._rng.choice(_JUNK)
        for ref in [schema, *schema.get("allOf", [])]:
            if "$ref" in ref:
                schema = described.get(ref["$ref"].rpartition("/")[2], {})
        return _MAKERS.get(schema.get("type", ""), Maker._anything)(self, schema, described, depth)

    def _members(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        if depth > DEPTH:
            return {}
        inner = schema.get("additionalProperties")
        if inner:
            return {self._rng.choice(_TEXTS): self._value(inner, described, depth + 1) for _ in range(2)}
        properties = schema.get("properties", {})
        wanted = set(schema.get("required", ()))
        chosen = [name for name in sorted(properties) if name in wanted or self._rng.randrange(4) == 0]
        return {name: self._value(properties[name], described, depth + 1) for name in chosen}

    def _items(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        return [
            self._value(schema.get("items", {}), described, depth + 1) for _ in range(self._rng.choice((0, 1, 1, 2)))
        ]

    def _text(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        return self._rng.choice(tuple(schema.get("enum", ())) or _TEXTS)

    def _number(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        return self._rng.choice((0, 1, 80, -1, 70_000, 2**31, 2**63 - 1))

    def _truth(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        return bool(self._rng.randrange(2))

    def _anything(self, schema: Any, described: dict[str, Any], depth: int) -> Any:
        return self._rng.choice(("10m", "1Gi", 5, "x", {"a": 1}))


_MAKERS: dict[str, Callable[[Maker, Any, dict[str, Any], int], Any]] = {
    "object": Maker._members,
    "array": Maker._items,
    "string": Maker._text,
    "integer": Maker._number,
    "number": Maker._number,
    "boolean": Maker._truth,
}


@pytest.mark.slow
@settings(max_examples=STORIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(chance=st.integers(0, 2**32))
def test_nothing_that_the_documents_describe_makes_us_fail(caplog: pytest.LogCaptureFixture, chance: int) -> None:
    site, maker = Site(), Maker(random.Random(chance))
    for _ in range(REQUESTS_A_STORY):
        maker.request(site)
    site.settle()
    assert not caplog.records, caplog.text


def test_the_documents_describe_every_kind() -> None:
    methods = {method for _, _, method, _ in operations()}
    assert methods == {"get", "post", "put", "patch", "delete"}
    assert len({path for _, path, _, _ in operations()}) > 400
