"""The real servers start, answer and can be told from ours: without this, an oracle could be absent and nobody notice."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path

import pytest

from tests.real import start

pytestmark = pytest.mark.real


def read(url: str, server: start.RealApiserver | None = None) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {server.token}"} if server else {}
    tls = ssl.create_default_context(cafile=server.ca) if server else None
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30, context=tls) as answer:
        document: dict[str, object] = json.load(answer)
    return document


def test_toxiproxy_answers_with_its_unstamped_version(real_toxiproxy: start.RealToxiproxy) -> None:
    assert read(f"{real_toxiproxy.url}/version") == {"version": "git"}


def test_apiserver_answers_with_its_stamped_version(real_apiserver: start.RealApiserver) -> None:
    assert read(f"{real_apiserver.url}/version", real_apiserver)["gitVersion"] == f"v{start.VERSION}"


def test_apiserver_has_its_first_namespaces(real_apiserver: start.RealApiserver) -> None:
    found = read(f"{real_apiserver.url}/api/v1/namespaces", real_apiserver)["items"]
    assert isinstance(found, list)
    assert "kube-system" in [item["metadata"]["name"] for item in found]


@pytest.mark.parametrize("name", sorted(start.STARTERS))
def test_an_absent_server_is_named_with_the_way_out(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAKEKUBE_REAL", str(tmp_path))
    with pytest.raises(start.NotBuilt, match="run `make real`"), start.STARTERS[name]():
        pass


def test_a_server_that_ends_at_once_is_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAKEKUBE_REAL", str(tmp_path))
    server = tmp_path / "toxiproxy-server"
    server.write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    server.chmod(0o755)
    with pytest.raises(start.NotReady, match="no such luck"), start.toxiproxy():
        pass
