"""Our controllers and kube-controller-manager are told the same stories, and everything they leave is compared."""

from __future__ import annotations

import json
import os
import random
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import Apiserver
from fakekube.controllers import NO_STAGES, Workloads
from fakekube.data import read_bytes
from tests.e2e.workload_stories import STORIES, Obj, Server, Story, differences, look
from tests.real import start

# All controllers but those that watch nodes for heartbeats, which nobody sends here.
CONTROLLERS = ("*", "-node-lifecycle-controller", "-taint-eviction-controller", "-pod-garbage-collector-controller")
# the Job controller gathers what it hears of for a second
QUIET_S = 1.3
ROOT = Path(__file__).parents[2]
REST_LIMIT_S = 30.0


class Ours:
    """The core with light controllers, its clock in hand."""

    def __init__(self) -> None:
        self._now = 1_795_564_800.0
        self._apiserver = Apiserver(name="paris", now=lambda: self._now, rng=random.Random(1))
        self._apiserver.attach(Workloads(self._apiserver, nodes=0, stages=NO_STAGES))

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Obj]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self._apiserver.handle(Request(method=method, path=path, headers={"content-type": kind}, body=raw))
        assert isinstance(answer, Response)
        return answer.status, json.loads(answer.body)

    def rest(self, seconds: float) -> None:
        """All that is due within a second more: whatever a real server does soon."""
        end = self._now + seconds + 1
        while (due := self._apiserver.next_due()) is not None and due <= end:
            self._now = max(self._now, due)
            self._apiserver.run_due(self._now)
        self._now = end


class Theirs:
    """A real apiserver with its controllers."""

    def __init__(self, url: str, ca: str) -> None:
        place = urlsplit(url)
        context = ssl.create_default_context(cafile=ca)
        # one connection for all: a handshake costs more than an answer
        self._connection = HTTPSConnection(place.hostname or "", place.port, timeout=30, context=context)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Obj]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {start.TOKEN}", "Content-Type": kind}
        raw = None if body is None else json.dumps(body)
        self._connection.request(method, path, raw, headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def rest(self, seconds: float) -> None:
        """Until nothing has been written for a while: the revision that a list is of stands still."""
        time.sleep(seconds)
        give_up = time.monotonic() + REST_LIMIT_S
        last, since = self._revision(), time.monotonic()
        while time.monotonic() - since < QUIET_S and time.monotonic() < give_up:
            time.sleep(0.05)
            revision = self._revision()
            if revision != last:
                last, since = revision, time.monotonic()

    def _revision(self) -> str:
        return str(self.ask("GET", "/api/v1/namespaces?limit=1")[1]["metadata"]["resourceVersion"])


@pytest.fixture(scope="module")
def theirs() -> Iterator[Theirs]:
    try:
        with start.apiserver(CONTROLLERS) as real:
            yield Theirs(real.url, real.ca)
    except start.NotBuilt as error:
        pytest.skip(str(error))


def told(story: Story, server: Server, space: str) -> list[dict[str, list[Any]]]:
    """What is there after each step."""
    code, answer = server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    assert code == 201, answer
    account = f"/api/v1/namespaces/{space}/serviceaccounts/default"
    while server.ask("GET", account)[0] != 200:
        server.rest(0)
    seen = []
    for step in story.steps:
        step.tell(server, space)
        server.rest(0)
        seen.append(look(server, space))
    return seen


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif("FAKEKUBE_STORIES" not in os.environ, reason="ten minutes beside real controllers: make stories")
@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_a_story_ends_as_with_the_real_controllers(story: Story, theirs: Theirs) -> None:
    space = "story-" + "".join(letter if letter.isalnum() else "-" for letter in story.name.lower())
    found = [
        f"step {number}: {each}"
        for number, (ours, real) in enumerate(zip(told(story, Ours(), space), told(story, theirs, space), strict=True))
        for each in differences(ours, real)
    ]
    assert not found, "\n".join(found)


@pytest.mark.real
def test_the_structs_that_hashes_are_taken_over_are_those_of_this_release() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go")
    command = [go, "run", "../../tools/gostructs/main.go"]
    made = subprocess.run(command, cwd=ROOT / "tests" / "real", capture_output=True, timeout=300, check=True)
    assert made.stdout == read_bytes("pod_template.json"), "stale: see tools/gostructs/main.go"
