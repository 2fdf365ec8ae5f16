"""Lists: selectors, pages over a stable snapshot, and what a resourceVersion asks for."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.unit.fakekube.sites import CONFIG_MAPS, Site, config_map, names

SECRETS = "/api/v1/namespaces/default/secrets"


def secret(name: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": labels}}


@pytest.fixture
def five(bare: Site) -> Site:
    for name, env in zip("abcde", ["prod", "dev", "prod", "dev", ""], strict=True):
        bare.post(SECRETS, secret(name, env=env) if env else secret(name))
    return bare


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("env=prod", "ac"),
        ("env!=prod", "bde"),
        ("env in (prod, dev)", "abcd"),
        ("env notin (prod)", "bde"),
        ("env", "abcd"),
        ("!env", "e"),
        ("env,env!=dev", "ac"),
    ],
)
def test_label_selectors(five: Site, selector: str, expected: str) -> None:
    assert names(five.get(SECRETS, f"labelSelector={quote(selector)}")) == list(expected)


def test_a_bad_selector_is_a_400(five: Site) -> None:
    refused = five.get(SECRETS, "labelSelector=env%20in")
    assert (refused.status, refused.message) == (400, "unable to parse requirement: found '' expected: '('")


def test_field_selectors_know_the_fields_of_their_kind(five: Site) -> None:
    assert names(five.get(SECRETS, "fieldSelector=metadata.name%3Db")) == ["b"]
    refused = five.get(SECRETS, "fieldSelector=spec.x%3D1")
    assert (refused.status, refused.message) == (400, "field label not supported: spec.x")
    other = five.get(CONFIG_MAPS, "fieldSelector=spec.x%3D1")
    assert other.message == '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'


def test_pages_show_the_list_as_it_was_at_the_first(five: Site) -> None:
    first = five.get(SECRETS, "limit=2")
    assert names(first) == ["a", "b"]
    assert first.json["metadata"]["remainingItemCount"] == 3
    five.delete(f"{SECRETS}/c")
    five.post(SECRETS, secret("cc"))
    token = first.json["metadata"]["continue"]
    second = five.get(SECRETS, f"limit=2&continue={token}")
    assert names(second) == ["c", "d"]
    assert second.json["metadata"]["resourceVersion"] == first.json["metadata"]["resourceVersion"]
    last = five.get(SECRETS, f"limit=2&continue={second.json['metadata']['continue']}")
    assert names(last) == ["e"]
    assert set(last.json["metadata"]) == {"resourceVersion"}


def test_pages_go_across_namespaces(five: Site) -> None:
    five.post("/api/v1/namespaces/kube-public/secrets", secret("z"))
    first = five.get("/api/v1/secrets", "limit=4")
    second = five.get("/api/v1/secrets", f"limit=4&continue={first.json['metadata']['continue']}")
    assert names(first) + names(second) == ["a", "b", "c", "d", "e", "z"]


def test_a_token_past_the_compaction_is_a_410_with_one_that_works(five: Site) -> None:
    token = five.get(SECRETS, "limit=2").json["metadata"]["continue"]
    five.post(SECRETS, secret("f"))
    five.server.compact()
    refused = five.get(SECRETS, f"limit=2&continue={token}")
    assert (refused.status, refused.json["reason"]) == (410, "Expired")
    new = refused.json["metadata"]["continue"]
    assert names(five.get(SECRETS, f"limit=2&continue={new}")) == ["c", "d"]


@pytest.mark.parametrize("token", ["bogus", "e30", "abc", "%00"])
def test_a_token_of_nobody_is_a_400(five: Site, token: str) -> None:
    refused = five.get(SECRETS, f"limit=2&continue={token}")
    assert refused.status == 400
    assert refused.message.startswith("invalid continue token: continue key is not valid: ")


def test_an_exact_version_lists_the_past(five: Site) -> None:
    version = five.get(SECRETS).json["metadata"]["resourceVersion"]
    five.delete(f"{SECRETS}/a")
    past = five.get(SECRETS, f"resourceVersion={version}&resourceVersionMatch=Exact")
    assert names(past) == list("abcde")
    assert past.json["metadata"]["resourceVersion"] == version
    assert names(five.get(SECRETS, f"resourceVersion={version}")) == list("bcde")


def test_a_version_from_the_future_is_a_504(five: Site) -> None:
    refused = five.get(SECRETS, "resourceVersion=99999")
    assert (refused.status, refused.json["reason"]) == (504, "Timeout")
    assert refused.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "query", ["resourceVersionMatch=Exact", "sendInitialEvents=true", "resourceVersion=0&resourceVersionMatch=Exact"]
)
def test_options_that_contradict_are_a_422(five: Site, query: str) -> None:
    refused = five.get(SECRETS, query)
    assert (refused.status, refused.json["details"]["kind"]) == (422, "ListOptions")


def test_a_list_of_an_absent_namespace_is_empty(five: Site) -> None:
    listed = five.get("/api/v1/namespaces/none/secrets")
    assert (listed.status, listed.json["items"]) == (200, [])


def test_items_of_a_typed_list_have_neither_kind_nor_version(five: Site) -> None:
    assert all("kind" not in item and "apiVersion" not in item for item in five.get(SECRETS).json["items"])


def test_a_table_has_columns_and_rows(five: Site) -> None:
    table = five.get(SECRETS, accept="application/json;as=Table;v=v1;g=meta.k8s.io").json
    assert table["kind"] == "Table"
    assert [row["cells"][0] for row in table["rows"]] == list("abcde")


def test_partial_metadata_leaves_the_rest_out(bare: Site) -> None:
    bare.post(CONFIG_MAPS, config_map("x", a="1"))
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    (item,) = bare.get(CONFIG_MAPS, accept=accept).json["items"]
    assert (item["kind"], item["metadata"]["name"]) == ("PartialObjectMetadata", "x")
    assert "data" not in item


def test_a_list_of_one_name_has_no_pages(five: Site) -> None:
    answer = five.get(SECRETS, "fieldSelector=metadata.name%3Db&limit=1")
    assert names(answer) == ["b"]
    assert "continue" not in answer.json["metadata"]
    nodes = "/api/v1/nodes"
    for name in "xy":
        five.post(nodes, {"metadata": {"name": name}})
    assert "continue" not in five.get(nodes, "fieldSelector=metadata.name%3Dx&limit=1").json["metadata"]


def test_a_bad_continue_token_is_told_before_a_revision_beside_it(five: Site) -> None:
    refused = five.get(SECRETS, "continue=x&resourceVersion=1")
    assert refused.message.endswith("illegal base64 data at input byte 0")
    assert "invalid character '\\u009a' looking" in five.get(SECRETS, "continue=missing").message


def test_options_are_checked_between_reading_a_selector_and_knowing_its_fields(five: Site) -> None:
    assert five.get(SECRETS, "fieldSelector=spec.bogus%3D1&resourceVersionMatch=x").status == 422
    assert five.get(SECRETS, "fieldSelector=bogus&resourceVersionMatch=x").status == 400
