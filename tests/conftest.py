"""Fixtures for every folder of tests: the real servers, started once a session, skipped with a reason where not built."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real import start


@pytest.fixture(scope="session")
def real_toxiproxy() -> Iterator[start.RealToxiproxy]:
    """A real Toxiproxy 2.12: `.url`. Proxies are shared by the session's tests: name them after the test."""
    try:
        with start.toxiproxy() as server:
            yield server
    except start.NotBuilt as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def own_real_apiserver() -> Iterator[start.RealApiserver]:
    """The same for one module alone, which installs what others must not find."""
    try:
        with start.apiserver() as server:
            yield server
    except start.NotBuilt as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="session")
def real_apiserver() -> Iterator[start.RealApiserver]:
    """A real kube-apiserver with etcd and controllers: `.url`, `.token`, `.ca`, `.kubeconfig`, shared by the session."""
    try:
        with start.apiserver() as server:
            yield server
    except start.NotBuilt as absent:
        pytest.skip(str(absent))
