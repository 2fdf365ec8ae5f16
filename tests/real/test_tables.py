"""The generated tables and discovery, beside a running kube-apiserver of the version they stand for."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from fakekube.apiserver import discovery
from fakekube.apiserver.request import Request
from fakekube.registry.resources import builtin
from tests.real import start

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def read(server: start.RealApiserver, path: str, accept: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {server.token}", "Accept": accept}
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=60, context=ssl.create_default_context(cafile=server.ca)) as answer:
        return json.load(answer)


def ours(path: str, accept: str = "application/json") -> Any:
    request = Request(method="GET", path=path, headers={"accept": accept, "host": "x"})
    answer = discovery.answer(request, builtin())
    assert answer is not None, path
    return json.loads(answer.body)


@pytest.mark.skipif(shutil.which("go") is None, reason="the facts of Go's types need Go")
def test_the_committed_tables_are_those_of_the_server(real_apiserver: start.RealApiserver) -> None:
    command = [sys.executable, "tools/tables.py", "--server", real_apiserver.url, "--token", real_apiserver.token]
    found = subprocess.run([*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "tables: 4 equal, 0 differ\n"), found.stderr


def test_discovery_is_that_of_the_server(real_apiserver: start.RealApiserver) -> None:
    groups = [f"/apis/{group.name}" for group in builtin().groups]
    versions = [
        f"/apis/{group}/{version}" if group else f"/api/{version}" for group, version in builtin().group_versions
    ]
    wrong = [path for path in [*groups, *versions] if ours(path) != read(real_apiserver, path)]
    wrong += [path for path in ("/api", "/apis") if ours(path, AGGREGATED) != read(real_apiserver, path, AGGREGATED)]
    assert not wrong
