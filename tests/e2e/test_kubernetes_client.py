"""The official Python client against a site: typed objects, lists, patches, watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch


@pytest.fixture
def core(url: str) -> Iterator[Any]:
    configuration = client.Configuration()
    configuration.host = url
    with client.ApiClient(configuration) as api:
        yield client.CoreV1Api(api)


def config_map(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def test_objects_come_back_typed(core: Any) -> None:
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="team")))
    core.create_namespaced_config_map("team", config_map("x", a="1"))
    found = core.read_namespaced_config_map("x", "team")
    assert found.data == {"a": "1"}
    assert found.metadata.uid
    listed = core.list_namespaced_config_map("team", field_selector="metadata.name=x")
    assert [item.metadata.name for item in listed.items] == ["x"]


def test_an_absent_object_is_a_404(core: Any) -> None:
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_config_map("x", "default")
    assert refused.value.status == 404
    assert refused.value.reason == "Not Found"


def test_a_stale_replace_is_a_409(core: Any) -> None:
    stale = core.create_namespaced_config_map("default", config_map("x", a="1"))
    core.patch_namespaced_config_map("x", "default", {"data": {"a": "2"}})
    with pytest.raises(client.ApiException) as refused:
        core.replace_namespaced_config_map("x", "default", stale)
    assert refused.value.status == 409


def test_a_watch_tells_what_happens(core: Any) -> None:
    version = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", config_map("x"))
    core.patch_namespaced_config_map("x", "default", {"data": {"a": "2"}})
    core.delete_namespaced_config_map("x", "default")
    watcher: Any = watch.Watch
    stream = watcher().stream(core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=1)
    told = [(event["type"], event["object"].metadata.name) for event in stream]
    assert told == [("ADDED", "x"), ("MODIFIED", "x"), ("DELETED", "x")]
