"""A site on a real socket in a thread of its own, for clients that are processes or block."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube.apiserver.server import Apiserver
from fakekube.http.kubeconfig import kubeconfig_text
from fakekube.http.site import HttpSite
from tests.e2e.kubectls import Kubectl, found_kubectls


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a fresh site."""
    loop = asyncio.new_event_loop()
    site = HttpSite(Apiserver(name="paris", now=time.time, rng=random.Random(1), deletion_delay_s=0.5))
    address = loop.run_until_complete(site.listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield address
    asyncio.run_coroutine_threadsafe(site.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that uses `kubectl` runs once for each version found."""
    if "kubectl" in metafunc.fixturenames:
        versions = sorted(found_kubectls()) or ["none"]
        # the oldest, the one that most people have, and the newest: the rest differs little
        chosen = list(dict.fromkeys([versions[0], *(v for v in versions if v == "1.32"), versions[-1]]))
        metafunc.parametrize("kubectl", chosen, indirect=True)


@pytest.fixture
def kubectl(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Kubectl:
    """A real kubectl that talks to the fresh site."""
    binary = found_kubectls().get(request.param)
    if binary is None:
        pytest.skip("no kubectl on the PATH, and none built by `make real`")
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig_text(url, "paris"))
    return Kubectl(binary, config, tmp_path / "cache")
