"""Other people's asyncio code, unmodified, on the virtual loop, against an apiserver at another site. docs/fixtures.md lists what is tried here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chaos.virtual import DeadlockError, VirtualLoop, run_virtual
from chaos.virtual import threads as threads_module
from chaos.worlds.virtual import World
from fakekube.http.kubeconfig import kubeconfig_text

T = TypeVar("T")


def at_paris(story: Callable[[World], Awaitable[T]], *, replays: bool = True) -> T:
    """Run `story` at paris; the apiserver of rennes is 10 ms away. Twice, with one trace where the foreign code allows it."""

    def run() -> tuple[T, str]:
        async def main(loop: VirtualLoop) -> tuple[T, str]:
            async with World(sites=["paris", "rennes"], agent=None) as world:
                loop.network.set_default(latency_s=0.010)

                async def told() -> T:
                    return await story(world)

                return await world.run_at("paris", told()), loop.network.trace.hexdigest()

        return run_virtual(main)

    first, second = run(), run()
    assert first[0] == second[0]
    assert first[1] == second[1] or not replays
    return first[0]


async def _post(world: World, path: str, name: str) -> None:
    async with world.session("rennes").post(path, json={"metadata": {"name": name}}) as response:
        assert response.status == 201


def test_kubernetes_asyncio_lists_and_watches() -> None:
    kubernetes_asyncio = pytest.importorskip("kubernetes_asyncio")

    async def story(world: World) -> list[tuple[str, str]]:
        configuration = kubernetes_asyncio.client.Configuration(host=world.apiserver_url("rennes"))
        async with kubernetes_asyncio.client.ApiClient(configuration) as client:
            api = kubernetes_asyncio.client.CoreV1Api(client)
            world.loop.call_later(30, lambda: world.run_at("rennes", _post(world, "/api/v1/namespaces", "team")))
            watch = kubernetes_asyncio.watch.Watch()
            return [
                (event["type"], event["object"].metadata.name)
                async for event in watch.stream(api.list_namespace, timeout_seconds=60)
            ]

    seen = at_paris(story)
    assert ("ADDED", "default") in seen
    assert seen[-1] == ("ADDED", "team")


def test_httpx_times_out_in_virtual_time_and_recovers() -> None:
    httpx = pytest.importorskip("httpx")

    async def story(world: World) -> tuple[float, int]:
        async with httpx.AsyncClient(base_url=world.apiserver_url("rennes"), timeout=5) as client:
            await client.get("/version")
            world.partition("paris", "rennes")
            start = world.loop.time()
            with pytest.raises(httpx.TimeoutException):
                await client.get("/version")
            waited = world.loop.time() - start
            world.heal()
            return waited, (await client.get("/version")).status_code

    assert at_paris(story) == (5.0, 200)


def test_kr8s_creates_patches_and_watches(tmp_path: Path) -> None:
    kr8s = pytest.importorskip("kr8s.asyncio")
    objects = pytest.importorskip("kr8s.asyncio.objects")

    async def story(world: World) -> list[tuple[str, object]]:
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig_text(world.apiserver_url("rennes"), "rennes"))
        api = await kr8s.api(kubeconfig=str(path))
        config = await objects.ConfigMap(
            {"metadata": {"name": "c", "namespace": "default"}, "data": {"a": "1"}}, api=api
        )
        await config.create()

        async def change() -> None:
            await asyncio.sleep(10)
            await config.patch({"data": {"a": "2"}})

        changing = asyncio.ensure_future(change())
        seen: list[tuple[str, object]] = []
        async for kind, found in api.watch("configmaps", namespace="default"):
            if found.name == "c":
                seen.append((kind, found.raw["data"]["a"]))
            if kind == "MODIFIED":
                break
        await changing
        return seen

    assert at_paris(story) == [("ADDED", "1"), ("MODIFIED", "2")]


def test_lightkube_creates_and_lists() -> None:
    lightkube = pytest.importorskip("lightkube")
    models = pytest.importorskip("lightkube.config.models")
    core = pytest.importorskip("lightkube.resources.core_v1")

    async def story(world: World) -> list[str]:
        await _post(world, "/api/v1/namespaces", "team")
        cluster = models.Cluster(server=world.apiserver_url("rennes"))
        client = lightkube.AsyncClient(config=lightkube.KubeConfig.from_one(cluster=cluster, user=models.User()))
        try:
            return [namespace.metadata.name async for namespace in client.list(core.Namespace)]
        finally:
            await client.close()

    assert "team" in at_paris(story)


def test_a_kopf_operator_handles_and_patches() -> None:
    kopf = pytest.importorskip("kopf")

    async def story(world: World) -> tuple[list[str], dict[str, str]]:
        registry = kopf.OperatorRegistry()
        handled: list[str] = []

        @kopf.on.login(registry=registry)  # type: ignore[untyped-decorator, unused-ignore]  # kopf may not be installed
        def login(**_: object) -> object:
            return kopf.ConnectionInfo(server=world.apiserver_url("rennes"))

        @kopf.on.startup(registry=registry)  # type: ignore[untyped-decorator, unused-ignore]  # as above
        def configure(settings: Any, **_: object) -> None:
            settings.posting.enabled = False
            settings.scanning.disabled = True

        @kopf.on.create("", "v1", "secrets", registry=registry)  # type: ignore[untyped-decorator, unused-ignore]  # as above
        def created(name: str, patch: Any, **_: object) -> None:
            handled.append(name)
            patch.metadata.labels["seen"] = "yes"

        stop = asyncio.Event()
        operator = asyncio.ensure_future(
            kopf.operator(registry=registry, standalone=True, clusterwide=True, stop_flag=stop)
        )
        await asyncio.sleep(20)
        await _post(world, "/api/v1/namespaces/default/secrets", "key")
        await asyncio.sleep(20)
        async with world.session("rennes").get("/api/v1/namespaces/default/secrets/key") as response:
            labels = (await response.json())["metadata"]["labels"]
        stop.set()
        await operator
        return handled, labels

    # kopf starts its first requests in the order of a set of objects, which differs from run to run
    assert at_paris(story, replays=False) == (["key"], {"seen": "yes"})


def _to_thread() -> Any:
    return pytest.importorskip("anyio.to_thread")


def test_time_waits_for_a_busy_worker_thread_of_anyio() -> None:
    async def main(loop: VirtualLoop) -> float:
        begun = threading.Event()

        def work() -> str:
            begun.wait(10)
            return "worked"

        waiting = asyncio.ensure_future(_to_thread().run_sync(work))
        for _ in range(10):
            await asyncio.sleep(0)
        timer = asyncio.ensure_future(asyncio.sleep(3600))
        begun.set()
        assert await waiting == "worked"
        timer.cancel()
        return loop.time()

    assert run_virtual(main) == 0.0


def test_a_worker_thread_that_never_ends_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "WORKER_TIMEOUT_S", 0.05)
    release = threading.Event()

    async def main(_: VirtualLoop) -> None:
        try:
            await _to_thread().run_sync(release.wait, 20, abandon_on_cancel=True)
        finally:
            release.set()

    with pytest.raises(DeadlockError, match="a worker thread has been busy"):
        run_virtual(main)


def test_the_names_of_anyio_that_the_inbox_reads_are_there() -> None:
    async def main(loop: VirtualLoop) -> list[bool]:
        def look() -> list[bool]:
            worker = threading.current_thread()
            return [
                getattr(worker, "loop", None) is loop,
                worker not in getattr(worker, "idle_workers", [worker]),
                getattr(worker, "stopping", None) is False,
            ]

        found: list[bool] = await _to_thread().run_sync(look)
        return found

    assert run_virtual(main) == [True, True, True]
