"""The peer: kmock's Kubernetes emulator with two resources, in an environment of its own. Prints its URL.

kmock is a pytest plugin too, so it is not installed beside the tests: `make bench` gives it a folder under .venv.
"""

from __future__ import annotations

import asyncio

import kmock

VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
KINDS = {"namespaces": "Namespace", "configmaps": "ConfigMap"}


def config_map(name: str) -> dict[str, object]:
    """The object of benchmarks.apiserver, which cannot be imported from here."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "bench", "labels": {"app": "bench"}},
        "data": {"a": "1", "b": "x" * 100},
    }


async def _main() -> None:
    emulator = kmock.KubernetesEmulator()
    resources = {plural: kmock.resource("", "v1", plural) for plural in KINDS}
    for plural, kind in KINDS.items():
        emulator.resources[resources[plural]] = kmock.ResourceInfo(
            namespaced=plural != "namespaces", kind=kind, verbs=VERBS
        )
    async with emulator, kmock.Server(emulator) as server:
        # what the other servers are filled with by requests; kmock remembers each request and slows down with them
        for name in ("x", *(f"n{number}" for number in range(1000))):
            emulator.objects[resources["configmaps"], "bench", name] = config_map(name)
        print(str(server.url), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
