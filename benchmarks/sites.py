"""What sites cost at rest and under watchers: start, memory, and how long until every watcher has seen a write.

    python -m benchmarks.sites

Memory is the growth of the process (resident), so that nothing is left out; each figure has a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.wire import Connection, Server
from fakekube.apiserver.request import Request
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from tests.differential.served import served_site

OBJECTS = 20_000
ROUNDS = 20
PAGE_BYTES = resource.getpagesize()


def apiserver(number: int = 0) -> Apiserver:
    return Apiserver(name=f"site-{number:03}", now=time.time, rng=random.Random(number))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def start(count: int) -> dict[str, float]:
    """Seconds until `count` sites listen, and what each of them holds and keeps open."""
    await HttpSite(apiserver()).listen()  # the tables, loaded once a process
    before, open_before, begun = resident_bytes(), len(os.listdir("/proc/self/fd")), time.perf_counter()
    sites = [HttpSite(apiserver(number)) for number in range(count)]
    for site in sites:
        await site.listen()
    return {
        "seconds": time.perf_counter() - begun,
        "bytes": (resident_bytes() - before) / count,
        "descriptors": (len(os.listdir("/proc/self/fd")) - open_before) / count,
    }


def _config_map(number: int) -> Request:
    body = {"metadata": {"name": f"c{number}", "labels": {"app": "bench"}}, "data": {"a": "1", "b": "x" * 100}}
    return Request(
        method="POST", path="/api/v1/namespaces/default/configmaps", body=json.dumps(body).encode(), headers={}
    )


def objects() -> dict[str, float]:
    """Bytes of a ConfigMap of 100 bytes of data, its encoded form, its history and its managedFields included."""
    site = apiserver()
    site.handle(_config_map(0))
    before = resident_bytes()
    for number in range(1, OBJECTS + 1):
        site.handle(_config_map(number))
    return {"bytes": (resident_bytes() - before) / OBJECTS}


def fan_out(watchers: int) -> float:
    """Seconds from a write until the last of `watchers` has the event, over sockets."""
    with served_site() as url:
        server = Server(name="fakekube", url=url)
        writer, path = Connection(server), "/api/v1/namespaces/default/configmaps"
        writer.ask(writer.request("POST", path, {"metadata": {"name": "x"}}))
        readers = [Connection(server) for _ in range(watchers)]
        for reader in readers:
            reader.stream(reader.request("GET", f"{path}?watch=true"))
        return median(_seen(writer, readers, path, number) for number in range(ROUNDS))


def _seen(writer: Connection, readers: list[Connection], path: str, number: int) -> float:
    begun, mark = time.perf_counter(), f"seen-{number}."
    writer.ask(writer.request("PATCH", f"{path}/x", {"data": {"n": mark}}, "application/merge-patch+json"))
    for reader in readers:
        reader.wait_for(mark.encode())
    return time.perf_counter() - begun


def _start_one() -> dict[str, float]:
    return asyncio.run(start(1))


def _start_many() -> dict[str, float]:
    return asyncio.run(start(1000))


MEASURES: dict[str, Callable[[], dict[str, float]]] = {"one": _start_one, "many": _start_many, "objects": objects}


def _alone(measure: str) -> dict[str, float]:
    """The measure in a fresh process, where nothing else has grown the heap."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.sites", measure], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, float] = json.loads(told)
    return found


def main() -> None:
    one, many = _alone("one"), _alone("many")
    print(f"1 site listens after {one['seconds'] * 1e3:.2f} ms, 1,000 after {many['seconds']:.2f} s")
    print(f"an empty site: {many['bytes'] / 1e3:.0f} kB, {many['descriptors']:.0f} descriptor")
    print(f"an object of 100 bytes of data: {_alone('objects')['bytes'] / 1e3:.1f} kB")
    for watchers in (1, 1000):
        print(f"a write is seen by {watchers:,} watcher{'s' * (watchers > 1)} after {fan_out(watchers) * 1e3:.1f} ms")


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(MEASURES[sys.argv[1]]()))
    else:
        main()
