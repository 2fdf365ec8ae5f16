"""OpenAPI, and discovery of custom resources, beside a running kube-apiserver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fakekube.apiserver.openapi_protobuf import PROTOBUF_V2, PROTOBUF_V3, v2_protobuf, v3_protobuf
from fakekube.apiserver.openapi_schemas import referred_by
from tests.real import start
from tests.real.asking import JSON, Ask, asking, asking_ours, until

pytestmark = pytest.mark.real

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
# Types that the package with the words describes as JSON alone.
WORDLESS = {"io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"}


@pytest.fixture(scope="module")
def real(real_apiserver: start.RealApiserver) -> Ask:
    return asking(real_apiserver)


@pytest.fixture(scope="module")
def ours() -> Ask:
    return asking_ours()


def names_of(ask: Ask) -> list[str]:
    return sorted(ask("/openapi/v3").json["paths"])


def undescribed(value: Any) -> Any:
    """A document without its prose."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name != "description" or not isinstance(each, str)}
        return {name: undescribed(each) for name, each in kept.items()}
    return [undescribed(each) for each in value] if isinstance(value, list) else value


def resolved(value: Any, shared: Mapping[str, Any]) -> Any:
    """A document of version 2 with the parameters that it refers to in their places."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).removeprefix("#/parameters/")
        return shared[name] if name in shared else {name: resolved(each, shared) for name, each in value.items()}
    return [resolved(each, shared) for each in value] if isinstance(value, list) else value


def flat_v2(document: Any) -> Any:
    shared = document.pop("parameters", {})
    return undescribed(resolved(document, shared))


def differing(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*theirs, *mine} if theirs.get(name) != mine.get(name))


# --- built-in kinds ---------------------------------------------------------------------------------------------------


def test_version_3_has_the_same_documents_paths_and_schemas(real: Ask, ours: Ask) -> None:
    assert names_of(ours) == names_of(real)
    counts = {"documents": 0, "paths": 0, "schemas": 0}
    for name in names_of(real):
        theirs, mine = (undescribed(ask(f"/openapi/v3/{name}").json) for ask in (real, ours))
        schemas = [each["components"].pop("schemas", {}) for each in (theirs, mine)]
        paths = [each.pop("paths") for each in (theirs, mine)]
        assert (differing(*paths), differing(*schemas), mine) == ([], [], theirs), name
        counts = {
            "documents": counts["documents"] + 1,
            "paths": counts["paths"] + len(paths[0]),
            "schemas": counts["schemas"] + len(schemas[0]),
        }
    print(f"openapi v3: equal {counts}")
    assert min(counts.values()) > 40


def test_operations_are_described_in_the_same_words(real: Ask, ours: Ask) -> None:
    theirs, mine = (
        {place: text for name in names_of(real) for place, text in does(ask(f"/openapi/v3/{name}").json["paths"])}
        for ask in (real, ours)
    )
    print(f"openapi v3: {len(mine)} operations")
    assert differing(theirs, mine) == []


def does(paths: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, item in paths.items():
        yield from (
            (f"{method} {path}", each["description"]) for method, each in item.items() if method != "parameters"
        )


def test_version_3_describes_types_and_fields_in_the_same_words(real: Ask, ours: Ask) -> None:
    """But for what the values of an enumeration mean."""
    differ: set[str] = set()
    described = 0
    for name in names_of(real):
        theirs, mine = (dict(words(ask(f"/openapi/v3/{name}").json)) for ask in (real, ours))
        described += len(mine)
        differ |= {place for place, text in theirs.items() if mine.get(place) != text}
    print(f"openapi v3: {described} descriptions, {len(differ)} types or fields differ")
    assert described > 5000
    assert differ == WORDLESS


def words(document: Any) -> Iterator[tuple[str, str]]:
    for name, schema in document["components"].get("schemas", {}).items():
        yield from ((place, _first_words(text)) for place, text in _placed(name, schema) if text)


def _placed(name: str, schema: Any) -> Iterator[tuple[str, str]]:
    yield name, schema.get("description", "")
    for field, member in schema.get("properties", {}).items():
        yield f"{name}.{field}", member.get("description", "")


def _first_words(text: str) -> str:
    """The values of an enumeration stay; what they mean goes, and an empty line that some have before them."""
    head, listed, values = text.partition("\n\nPossible enum values:\n")
    return head.rstrip() + listed + " ".join(re.findall(r'^ - `"[^"]*"`', values, re.MULTILINE))


def test_version_2_has_the_same_paths_and_definitions(real: Ask, ours: Ask) -> None:
    theirs, mine = (flat_v2(ask("/openapi/v2", accept=JSON).json) for ask in (real, ours))
    parts = {part: (theirs.pop(part), mine.pop(part)) for part in ("paths", "definitions")}
    print("openapi v2: equal", {part: len(both[0]) for part, both in parts.items()})
    assert {part: differing(*both) for part, both in parts.items()} == {"paths": [], "definitions": []}
    assert mine == theirs


def test_our_protobuf_of_its_documents_is_its_own_to_the_byte(real: Ask) -> None:
    """Of the document that comes; the order of members is part of it."""
    theirs = real("/openapi/v2", accept=PROTOBUF_V2)
    assert v2_protobuf(real("/openapi/v2", accept=JSON).json) == theirs.body
    for name in names_of(real):
        theirs = real(f"/openapi/v3/{name}", accept=PROTOBUF_V3)
        assert theirs.headers["Content-Type"] == PROTOBUF_V3
        assert v3_protobuf(real(f"/openapi/v3/{name}", accept=JSON).json) == theirs.body, name


HEADERS = ("Etag", "Cache-Control", "Vary", "Content-Type", "Location")
# Query and headers of a request; TAG stands for the document's hash.
REQUESTS: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("", {"if_none_match": '"TAG"'}),
    ("", {"if_none_match": 'W/"TAG"'}),
    ("", {"if_none_match": '"other", "TAG"'}),
    ("", {"if_none_match": "*"}),
    ("", {"if_none_match": '"other"'}),
    ("", {"if_none_match": "TAG"}),
    ("?hash=TAG", {}),
    ("?hash=TAG", {"if_none_match": '"TAG"'}),
    ("?hash=ABC", {}),
    ("?hash=ABC&x=1", {"if_none_match": '"TAG"'}),
    ("?hash=", {}),
    *(("", {"accept": accept}) for accept in ("*/*", "application/*", "application/yaml", "text/html")),
    *(("", {"accept": accept}) for accept in (PROTOBUF_V2, PROTOBUF_V3, "text/html, application/json;q=0.5")),
    *(("", {"accept": each.replace(".v1.0+", "@v1.0+")}) for each in (PROTOBUF_V2, PROTOBUF_V3)),
]


@pytest.mark.parametrize("path", ["/openapi/v3/apis/batch/v1", "/openapi/v3/openid/v1/jwks", "/openapi/v2"])
def test_hashes_and_etags_are_answered_alike(real: Ask, ours: Ask, path: str) -> None:
    for query, headers in REQUESTS:
        theirs, mine = (_shape(ask, path, query, headers) for ask in (real, ours))
        assert mine == theirs, (query, headers)


def _shape(ask: Ask, path: str, query: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bool]:
    tag = ask(path).headers["Etag"].strip('"')
    reply = ask(path + query.replace("TAG", tag), **{name: each.replace("TAG", tag) for name, each in headers.items()})
    shown = {name: reply.headers[name].replace(tag, "TAG") for name in HEADERS if name in reply.headers}
    return reply.status, shown, bool(reply.body)


# --- custom resources -------------------------------------------------------------------------------------------------

_SPEC = {
    "type": "object",
    "description": "What is wanted.",
    "required": ["count", "kind"],
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How many."},
        "kind": {"type": "string", "nullable": True, "enum": ["a", "b"], "pattern": "^[a-z]$", "maxLength": 3},
        "either": {"x-kubernetes-int-or-string": True},
        "any": {"x-kubernetes-preserve-unknown-fields": True, "description": "Whatever."},
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "list": {
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["key"],
            "items": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}},
        },
        "map": {"type": "object", "additionalProperties": {"type": "string", "format": "date"}},
        "documented": {
            "type": "string",
            "title": "A title",
            "format": "date-time",
            "example": {"any": ["thing"]},
            "externalDocs": {"description": "more", "url": "https://example.com"},
        },
        "checked": {
            "type": "number",
            "format": "double",
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 1e3,
            "multipleOf": 0.5,
            "not": {"enum": [5]},
            "x-kubernetes-validations": [{"rule": "self != 7.0", "message": "no seven"}],
        },
        "atomic": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "minProperties": 1,
            "maxProperties": 4,
            "default": {"a": {"b": [1]}},
            "additionalProperties": {"x-kubernetes-preserve-unknown-fields": True},
        },
        "whole": {"x-kubernetes-embedded-resource": True, "type": "object", "properties": {"spec": {"type": "object"}}},
        "nullable": {"type": "object", "nullable": True, "properties": {"a": {"type": "string"}}, "required": ["a"]},
        "empty": {"type": "object"},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}, "minItems": 0},
        "either-bounded": {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "allOf": [{"maxLength": 5}],
        },
        "shape": {"type": "object", "anyOf": [{"required": ["x"]}], "properties": {"x": {"type": "boolean"}}},
    },
}
_WHOLE = {
    "type": "object",
    "description": "A widget.",
    "required": ["spec"],
    "properties": {
        "spec": _SPEC,
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    },
}
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
GROUP = "published-here.example.com"


def definition(kind: str, scope: str, **more: object) -> dict[str, Any]:
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": _WHOLE},
            "selectableFields": [{"jsonPath": ".spec.kind"}],
            **more,
        },
        {"name": "v2beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": _ANYTHING}},
        {"name": "v3", "served": False, "storage": False, "schema": {"openAPIV3Schema": _ANYTHING}},
    ]
    names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind, "shortNames": [kind[:2].lower()]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": versions},
    }


SCALED = {"scale": {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.replicas"}, "status": {}}
INSTALLED = [definition("Widget", "Namespaced", subresources=SCALED), definition("Gadget", "Cluster")]
# Groups that come in another order by name than by the names of their APIServices.
OTHERS = [("zz.example.com", "v1"), ("a.example.com", "v1beta1"), ("mm.example.com", "v1")]


def in_group(group: str, version: str) -> dict[str, Any]:
    whole = definition("Thing", "Cluster")
    versions = [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": _ANYTHING}}]
    return {
        **whole,
        "metadata": {"name": f"things.{group}"},
        "spec": {**whole["spec"], "group": group, "versions": versions},
    }


@pytest.fixture(scope="module")
def custom(own_real_apiserver: start.RealApiserver) -> tuple[Ask, Ask]:
    """The running server and ours, both with the same definitions, once all of them are published there."""
    real, ours = asking(own_real_apiserver), asking_ours()
    for each in [*INSTALLED, *(in_group(*other) for other in OTHERS)]:
        for ask in (real, ours):
            assert ask(DEFINITIONS, method="POST", body=each).status == 201
    until(lambda: any(GROUP in path and "gadgets" in path for path in real("/openapi/v2", accept=JSON).json["paths"]))
    until(lambda: names_of(real) == names_of(ours))
    until(lambda: all(published(real, version) for version in ("v1", "v2beta1")))
    return real, ours


def published(ask: Ask, version: str) -> bool:
    paths = ask(f"/openapi/v3/apis/{GROUP}/{version}").json["paths"]
    return {True, False} == {"gadgets" in path for path in paths}


def test_documents_of_custom_resources_are_the_same(custom: tuple[Ask, Ask]) -> None:
    real, ours = custom
    for name in (each for each in names_of(real) if GROUP in each):
        theirs, mine = (ask(f"/openapi/v3/{name}").json for ask in (real, ours))
        assert undescribed(mine["paths"]) == undescribed(theirs["paths"])
        assert dict(does(mine["paths"])) == dict(does(theirs["paths"]))
        own = [schema for schema in theirs["components"]["schemas"] if schema.startswith("com.example")]
        assert len(own) == 4
        for schema in own:
            assert mine["components"]["schemas"][schema] == without_embedded_words(theirs, mine, schema), schema
        assert undescribed(mine) == undescribed(theirs)
        assert set(referred_by(mine)) <= set(mine["components"]["schemas"])


def without_embedded_words(theirs: Any, mine: Any, schema: str) -> Any:
    """What embedded objects say of their apiVersion and kind differs in its words alone."""
    found, ours = (each["components"]["schemas"][schema] for each in (theirs, mine))
    for place in ("embedded", "whole") if "spec" in found["properties"] else ():
        objects = [each["properties"]["spec"]["properties"][place]["properties"] for each in (found, ours)]
        for name in ("apiVersion", "kind"):
            objects[0][name]["description"] = objects[1][name]["description"]
    return found


def test_version_2_of_custom_resources_is_the_same(custom: tuple[Ask, Ask]) -> None:
    theirs, mine = (flat_v2(ask("/openapi/v2", accept=JSON).json) for ask in custom)
    for part in ("paths", "definitions"):
        assert differing(theirs[part], mine[part]) == []


def test_discovery_of_custom_resources_is_the_same(custom: tuple[Ask, Ask]) -> None:
    real, ours = custom
    for path in ("/apis", f"/apis/{GROUP}", f"/apis/{GROUP}/v1", f"/apis/{GROUP}/v2beta1"):
        assert by_name(ours(path, accept=JSON).json) == by_name(real(path, accept=JSON).json), path
    assert by_name(ours("/apis", accept=AGGREGATED).json) == by_name(real("/apis", accept=AGGREGATED).json)
    unserved = f"/apis/{GROUP}/v3"
    assert (ours(unserved).status, ours(unserved).body) == (real(unserved).status, real(unserved).body)


def by_name(document: Any) -> Any:
    """The running server lists resources of one version in the order of a Go map; subresources stay behind theirs."""
    if isinstance(document, dict):
        found = {name: by_name(each) for name, each in document.items()}
        if "resources" in found:
            found["resources"].sort(key=lambda each: each.get("resource") or each["name"].partition("/")[0])
        return found
    return [by_name(each) for each in document] if isinstance(document, list) else document
