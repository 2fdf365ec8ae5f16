"""The four Python clients: objects, custom resources, patches, watches, errors, each in its own manner."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import kr8s
import kubernetes_asyncio
import lightkube
import pytest
from kubernetes import dynamic
from kubernetes_asyncio import watch as async_watch
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from lightkube.types import PatchType

from tests.clients.conftest import GROUP, KIND, PLURAL, VERSION, Site, copy_of, dynamic_client, kube


def test_kubernetes_dynamic_client_finds_and_changes_custom_resources(site: Site, namespace: str) -> None:
    with site.client() as api:
        copies = dynamic_client(api).resources.get(api_version=f"{GROUP}/{VERSION}", kind=KIND)
        made = copies.create(body=copy_of("hello"), namespace=namespace)
        assert made.spec.to_dict() == {"text": "hello", "times": 1}
        merge = "application/merge-patch+json"
        copies.patch(body={"spec": {"times": 3}}, name="x", namespace=namespace, content_type=merge)
        assert copies.get(name="x", namespace=namespace).metadata.generation == 2
        with pytest.raises(dynamic.exceptions.UnprocessibleEntityError):
            copies.patch(body={"spec": {"times": "many"}}, name="x", namespace=namespace, content_type=merge)
        copies.delete(name="x", namespace=namespace)
        assert copies.get(namespace=namespace).items == []


def test_kubernetes_typed_client_applies_on_the_server(site: Site, namespace: str) -> None:
    with site.client() as api:
        core = kube.CoreV1Api(api)
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "x"}, "data": {"a": "1"}})
        with pytest.raises(kube.ApiException) as refused:
            core.create_namespaced_config_map(namespace, {"metadata": {"name": "x"}})
        assert (refused.value.status, refused.value.reason) == (409, "Conflict")
        listed = core.list_namespaced_config_map(namespace, field_selector="metadata.name=x", limit=1)
        assert [item.data for item in listed.items] == [{"a": "1"}]


def test_kubernetes_asyncio_watches_while_it_writes(site: Site, namespace: str) -> None:
    async def story() -> list[tuple[str, str]]:
        await kubernetes_asyncio.config.load_kube_config(str(site.kubeconfig))
        async with kubernetes_asyncio.client.ApiClient() as api:
            custom: Any = kubernetes_asyncio.client.CustomObjectsApi(api)
            where = (GROUP, VERSION, namespace, PLURAL)
            stream = async_watch.Watch().stream(custom.list_namespaced_custom_object, *where, timeout_seconds=20)
            told: list[tuple[str, str]] = []
            await custom.create_namespaced_custom_object(*where, copy_of("hello"))
            async with stream:
                async for event in stream:
                    told.append((event["type"], event["object"]["spec"]["text"]))
                    if len(told) == 1:
                        await custom.patch_namespaced_custom_object(
                            *where, "x", {"spec": {"text": "there"}}, _content_type="application/merge-patch+json"
                        )
                    if len(told) == 2:
                        await custom.delete_namespaced_custom_object(*where, "x")
                    if len(told) == 3:
                        break
            return told

    told = asyncio.run(asyncio.wait_for(story(), 60))
    assert told == [("ADDED", "hello"), ("MODIFIED", "there"), ("DELETED", "there")]


def test_kr8s_makes_objects_of_a_kind_of_its_own(site: Site, namespace: str) -> None:
    async def story() -> Any:
        api = await kr8s.asyncio.api(kubeconfig=str(site.kubeconfig), namespace=namespace)
        copies = kr8s.asyncio.objects.new_class(
            KIND, f"{GROUP}/{VERSION}", namespaced=True, plural=PLURAL, asyncio=True
        )
        found = await copies({**copy_of("hello"), "metadata": {"name": "x", "namespace": namespace}}, api=api)
        await found.create()
        await found.patch({"spec": {"text": "there"}})
        await found.label(colour="red")
        listed: list[Any] = [each async for each in api.get(copies, namespace=namespace, label_selector="colour=red")]
        await found.delete()
        return [each.spec.text for each in listed], await found.exists()

    assert asyncio.run(asyncio.wait_for(story(), 60)) == (["there"], False)


def test_lightkube_applies_and_meets_a_conflict(site: Site, namespace: str) -> None:
    api = lightkube.Client(
        config=lightkube.KubeConfig.from_file(str(site.kubeconfig)),
        namespace=namespace,
        field_manager="one",
        trust_env=False,
    )
    wanted = ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=ObjectMeta(name="x"), data={"a": "1"})
    assert api.apply(wanted).data == {"a": "1"}
    wanted.data = {"a": "2"}
    with pytest.raises(ApiError) as refused:
        api.apply(wanted, field_manager="two")
    assert (refused.value.status.code, refused.value.status.reason) == (409, "Conflict")
    copies = create_namespaced_resource(GROUP, VERSION, KIND, PLURAL)
    made = api.create(copies(**copy_of("hello")))
    assert made["spec"] == {"text": "hello", "times": 1}
    changed = api.patch(copies, "x", {"spec": {"text": "there"}}, patch_type=PatchType.MERGE)
    assert [each["spec"]["text"] for each in api.list(copies)] == [changed["spec"]["text"]] == ["there"]


def test_httpx_gets_what_curl_gets(site: Site, namespace: str) -> None:
    answer = httpx.get(f"{site.url}/api/v1/namespaces/{namespace}", headers={"User-Agent": "curl/8"}, trust_env=False)
    assert answer.text.startswith('{\n  "kind": "Namespace",\n')
