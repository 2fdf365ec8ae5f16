"""The apiserver client against a fake apiserver on a socket: facts in order, resumed, and silent after an unwatch."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collab.agent import kube as kube_module
from collab.agent.config import ApiserverAddress
from collab.agent.kube import Lines, LocalApiserver, WatchLost, finished
from collab.agent.link import Answered, Lost, open_session, plain_connector
from collab.agent.tasks import Tasks
from collab.protocol.actions import ReadLocal, UnwatchKind, WatchKind, WriteLocal
from collab.protocol.facts import CallFinished, Fact, Listed, Observed
from fakekube.apiserver.request import Request
from fakekube.apiserver.server import Apiserver
from fakekube.http.site import HttpSite
from fakekube.meta.objects import name_of
from tests.unit.collab.proxy.wire import answering, read_head, upstream


class Facts:
    """What was told, waited for one by one."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[Fact, Callable[[], bool]]] = asyncio.Queue()

    def __call__(self, fact: Fact, still: Callable[[], bool] = lambda: True) -> None:
        self.told.put_nowait((fact, still))

    async def next(self) -> Fact:
        return (await asyncio.wait_for(self.told.get(), 10))[0]


@asynccontextmanager
async def client(url: str, facts: Facts, token_file: str | None = None) -> AsyncIterator[LocalApiserver]:
    tasks = Tasks()
    async with open_session(plain_connector()) as session:
        address = ApiserverAddress(url=url, token_file=token_file)
        yield LocalApiserver(
            address, session=session, tasks=tasks, rng=random.Random(1), tell=facts, note=lambda kind, text: None
        )
        await tasks.finish()


@asynccontextmanager
async def fake() -> AsyncIterator[tuple[str, Apiserver]]:
    apiserver = Apiserver(name="a", now=time.time, rng=random.Random(1))
    site = HttpSite(apiserver)
    try:
        yield await site.listen(), apiserver
    finally:
        await site.close()


def make(apiserver: Apiserver, path: str, name: str) -> None:
    body = json.dumps({"metadata": {"name": name}}).encode()
    headers = {"content-type": "application/json"}
    apiserver.handle(Request(method="POST", path=path, headers=headers, body=body))


TEAM = WatchKind(kind="namespaces", namespace="team")


def test_a_namespace_is_listed_then_watched_and_no_other_is_told() -> None:
    async def scenario() -> None:
        facts = Facts()
        async with fake() as (url, apiserver), client(url, facts) as kube:
            kube.watch(TEAM)
            listed = await facts.next()
            assert isinstance(listed, Listed)
            assert (listed.kind, listed.namespace, listed.items) == ("namespaces", "team", ())
            assert listed.revision > 0

            make(apiserver, "/api/v1/namespaces", "other")
            make(apiserver, "/api/v1/namespaces", "team")
            observed = await facts.next()
            assert isinstance(observed, Observed)
            assert (observed.event, name_of(dict(observed.object))) == ("ADDED", "team")

    asyncio.run(scenario())


def test_nothing_of_a_stream_is_wanted_after_its_unwatch() -> None:
    async def scenario() -> None:
        facts = Facts()
        async with fake() as (url, apiserver), client(url, facts) as kube:
            make(apiserver, "/api/v1/namespaces", "team")
            kube.watch(WatchKind(kind="configmaps", namespace="team"))
            fact, still = await asyncio.wait_for(facts.told.get(), 10)
            assert isinstance(fact, Listed)
            assert still()
            kube.unwatch(UnwatchKind(kind="configmaps", namespace="team"))
            assert not still()

    asyncio.run(scenario())


def test_a_watch_that_ends_in_time_is_resumed_where_it_was_and_listed_again_after_410(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kube_module, "EARLY_S", 1000)  # so that any end is in time

    async def scenario() -> None:
        targets: list[str] = []
        answers = [
            '{"metadata":{"resourceVersion":"5"},"items":[]}',
            '{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"6"}}}\n',
            '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n',
            '{"type":"ERROR","object":{"code":410,"message":"too old"}}\n',
            '{"metadata":{"resourceVersion":"20"},"items":[]}',
        ]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                head = await read_head(reader)
                targets.append(head.decode().split(" ")[1])
                if not answers:
                    await reader.read()
                    return
                text = answers.pop(0).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

        facts = Facts()
        async with upstream(serve) as url, client(url, facts) as kube:
            kube.watch(TEAM)
            told = [await facts.next() for _ in range(3)]
        assert [type(fact) for fact in told] == [Listed, Observed, Listed]
        asked = [target.partition("resourceVersion=")[2].partition("&")[0] for target in targets[:5]]
        assert asked == ["", "5", "6", "9", ""]

    asyncio.run(scenario())


def test_a_watch_that_is_cut_short_is_listed_again() -> None:
    """A restored apiserver is behind what was seen, and says nothing of it to who resumes."""

    async def scenario() -> None:
        targets: list[str] = []
        answers = [
            '{"metadata":{"resourceVersion":"5"},"items":[]}',
            '{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"6"}}}\n',
            '{"metadata":{"resourceVersion":"2"},"items":[]}',
        ]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                head = await read_head(reader)
                targets.append(head.decode().split(" ")[1])
                if not answers:
                    await reader.read()
                    return
                text = answers.pop(0).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

        facts = Facts()
        async with upstream(serve) as url, client(url, facts) as kube:
            kube.watch(TEAM)
            told = [await facts.next() for _ in range(3)]
        assert [getattr(fact, "revision", None) for fact in told] == [5, None, 2]

    asyncio.run(scenario())


def test_calls_end_in_one_fact_each() -> None:
    async def scenario() -> None:
        facts = Facts()
        async with fake() as (url, _apiserver), client(url, facts) as kube:
            body = json.dumps({"metadata": {"name": "team"}}).encode()
            kube.begin(WriteLocal(call=1, method="POST", path="/api/v1/namespaces", body=body))
            made = await facts.next()
            assert isinstance(made, CallFinished)
            assert (made.call, made.outcome, made.code, name_of(dict(made.object))) == (1, "ok", 201, "team")
            patch = b'{"metadata":{"labels":{"a":"b"}}}'
            merge = "application/merge-patch+json"
            path = "/api/v1/namespaces/team"
            kube.begin(WriteLocal(call=2, method="PATCH", path=path, body=patch, content_type=merge))
            assert (await facts.next()).outcome == "ok"  # type: ignore[union-attr]  # a CallFinished, as call 1 was
            kube.begin(ReadLocal(call=3, path="/api/v1/namespaces/none"))
            absent = await facts.next()
            assert isinstance(absent, CallFinished)
            assert (absent.outcome, absent.code, absent.object["reason"]) == ("refused", 404, "NotFound")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("outcome", "told", "code"),
    [
        (Answered(status=200, reason="OK", headers=(), body=b"{}"), "ok", 200),
        (Answered(status=503, reason="", headers=(), body=b"<html>"), "refused", 503),
        (Lost(sent=True, why="reset"), "unknown", 0),
        (Lost(sent=False, why="refused"), "unknown", 0),
    ],
)
def test_an_answer_decides_and_no_answer_is_unknown(outcome: Answered | Lost, told: str, code: int) -> None:
    fact = finished(4, outcome)
    assert (fact.call, fact.outcome, fact.code, fact.object) == (4, told, code, {})


def test_the_site_is_identified_once_its_apiserver_answers() -> None:
    async def scenario() -> None:
        facts = Facts()
        async with fake() as (url, _), client(url, facts) as kube:
            assert await kube.identify_in_the_end() == await kube.identify() != ""
        async with client("http://127.0.0.1:1", facts) as kube:
            assert await kube.identify() == ""

    asyncio.run(scenario())


def test_the_token_is_read_anew_for_each_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        token = tmp_path / "token"
        seen: list[bytes] = []
        facts = Facts()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        async with upstream(answering(answer, seen)) as url, client(url, facts, str(token)) as kube:
            for text in ("one", "two"):
                token.write_text(text + "\n")
                kube.begin(ReadLocal(call=1, path="/x"))
                await facts.next()
        assert [b"Bearer one" in seen[0], b"Bearer two" in seen[1]] == [True, True]

    asyncio.run(scenario())


def test_lines_end_where_they_end_whatever_the_chunks() -> None:
    lines = Lines()
    assert [lines.feed(chunk) for chunk in (b"a", b"b\nc\nd", b"\n")] == [[], [b"ab", b"c"], [b"d"]]


def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.agent.kube.LINE_MAX", 10)
    with pytest.raises(WatchLost):
        Lines().feed(b"x" * 11)
