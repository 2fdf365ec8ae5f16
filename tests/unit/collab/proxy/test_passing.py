"""Unscoped requests: the client sees the bytes of the apiserver, the apiserver those of the client."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.unit.collab.proxy.wire import (
    ScriptedCore,
    answering,
    connect,
    converse,
    proxy,
    read_head,
    shared_row,
    upstream,
)

ANSWERS = {
    "whole": b"HTTP/1.1 200 OK\r\nAudit-Id: 7\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 3\r\n\r\n\x00\xff\n",
    "odd reason": b"HTTP/1.1 299 Quite All Right\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
    "refusal": b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "empty": b"HTTP/1.1 204 No Content\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n",
    "encoded": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x00",
    "nothing to read": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + bytes(range(256)) * 1171 + bytes(224),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_comes_through_byte_for_byte(name: str) -> None:
    async def scenario() -> None:
        request = b"GET /api/v1/x HTTP/1.1\r\nHost: h\r\n\r\n"
        async with upstream(answering(ANSWERS[name])) as apiserver, proxy(apiserver) as url:
            reader, writer = await connect(url)
            writer.write(request)
            assert await reader.readexactly(len(ANSWERS[name])) == ANSWERS[name]
            writer.close()

    asyncio.run(scenario())


def test_the_head_of_an_answer_to_head_comes_through_without_a_body() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: application/json\r\n\r\n"
        async with upstream(answering(answer)) as apiserver, proxy(apiserver) as url:
            got = await converse(url, b"HEAD /api HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert got == answer[:-2] + b"Connection: close\r\n\r\n"

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_a_request_comes_through_with_its_target_as_encoded(method: str) -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        target = b"/api/v1/namespaces/a%20b/pods/%2Fx?labelSelector=a%3Db%2Cc&x=%7B&plus=a+b"
        headers = b"X-One: 1\r\nAccept: a/b\r\nX-One: 2\r\nUser-Agent: kubectl/v1\r\nAuthorization: Bearer t\r\n"
        body = b"" if method in ("GET", "OPTIONS") else b'{"a":1}'
        size = b"Content-Length: %d\r\n" % len(body) if body else b""
        request = method.encode() + b" " + target + b" HTTP/1.1\r\nHost: h\r\n" + headers + size + b"\r\n" + body
        async with upstream(answering(ANSWERS["refusal"], seen)) as apiserver, proxy(apiserver) as url:
            await converse(url, request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            where = b"Host: " + apiserver.removeprefix("http://").encode() + b"\r\n"
            assert seen == [
                method.encode() + b" " + target + b" HTTP/1.1\r\n" + where + headers + size + b"\r\n" + body
            ]

    asyncio.run(scenario())


def test_a_chunked_body_is_passed_on_whole() -> None:
    async def scenario() -> None:
        bodies: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            bodies.append(await reader.readuntil(b"0\r\n\r\n"))
            writer.write(ANSWERS["whole"])

        async with upstream(serve) as apiserver, proxy(apiserver) as url:
            head = b"POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            await converse(url, head + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        assert b"".join(bodies[0].split(b"\r\n")[1::2]) == b"abcdef"

    asyncio.run(scenario())


def test_a_long_selector_and_a_large_body_are_not_refused() -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        body = bytes(range(256)) * (20 << 10)  # 5 MiB, streamed
        target = b"/api/v1/pods?labelSelector=" + b"x" * 100_000
        request = (
            b"PUT " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        async with upstream(answering(ANSWERS["whole"], seen)) as apiserver, proxy(apiserver) as url:
            got = await converse(url, request + body)
        assert got.endswith(b"\x00\xff\n")
        assert seen[0].startswith(b"PUT " + target + b" HTTP/1.1\r\n")
        assert seen[0].endswith(b"\r\n\r\n" + body)

    asyncio.run(scenario())


def test_a_client_that_asks_before_it_sends_a_body_is_told_to() -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        async with upstream(answering(ANSWERS["whole"], seen)) as apiserver, proxy(apiserver) as url:
            reader, writer = await connect(url)
            writer.write(b"PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await read_head(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert await reader.readexactly(len(ANSWERS["whole"])) == ANSWERS["whole"]
            writer.close()
        assert seen[0].endswith(b"{}")
        assert b"Expect" not in seen[0]

    asyncio.run(scenario())


def test_a_watch_comes_through_event_by_event_and_ends_upstream_when_the_client_goes() -> None:
    async def scenario() -> None:
        go_on, gone = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
            await go_on.wait()
            writer.write(b"4\r\ntwo\n\r\n")
            await reader.read()
            gone.set()

        async with upstream(serve) as apiserver, proxy(apiserver) as url:
            reader, writer = await connect(url)
            writer.write(b"GET /api/v1/namespaces?watch=true HTTP/1.1\r\nHost: h\r\n\r\n")
            await read_head(reader)
            assert await reader.readexactly(9) == b"4\r\none\n\r\n"
            go_on.set()
            assert await reader.readexactly(9) == b"4\r\ntwo\n\r\n"
            writer.close()
            await asyncio.wait_for(gone.wait(), 10)

    asyncio.run(scenario())


def test_half_an_answer_does_not_look_whole() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n"
        async with upstream(answering(answer)) as apiserver, proxy(apiserver) as url:
            reader, writer = await connect(url)
            writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            await read_head(reader)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"0\r\n\r\n")
            writer.close()

    asyncio.run(scenario())


def test_an_upgrade_at_another_site_goes_there_without_the_clients_credentials() -> None:
    async def scenario() -> None:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await read_head(reader))
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            writer.write(await reader.readexactly(4))

        async with upstream(serve) as other, proxy("http://127.0.0.1:1", peers={"b": other}) as url:
            reader, writer = await connect(url)
            writer.write(
                b"GET /scope/b/api/v1/namespaces/n/pods/p/exec HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\n"
                b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            await read_head(reader)
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
            writer.close()
        assert heads[0].startswith(b"GET /api/v1/namespaces/n/pods/p/exec HTTP/1.1\r\n")
        assert b"Authorization" not in heads[0]

    asyncio.run(scenario())


def test_an_upgrade_joins_both_connections() -> None:
    async def scenario() -> None:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await read_head(reader))
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n")
            while data := await reader.read(100):
                writer.write(data.upper())

        async with upstream(serve) as apiserver, proxy(apiserver) as url:
            reader, writer = await connect(url)
            writer.write(
                b"POST /api/v1/namespaces/n/pods/p/exec?command=sh HTTP/1.1\r\nHost: h\r\nX-Stream: v4\r\n"
                b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"
            )
            assert (await read_head(reader)).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
            for word in (b"hello", b"\x00\x01again"):
                writer.write(word)
                assert await reader.readexactly(len(word)) == word.upper()
            writer.close()
        assert heads[0].startswith(b"POST /api/v1/namespaces/n/pods/p/exec?command=sh HTTP/1.1\r\n")
        assert b"X-Stream: v4\r\n" in heads[0]
        assert b"Upgrade: SPDY/3.1\r\n" in heads[0]

    asyncio.run(scenario())


@pytest.mark.parametrize("more", [b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"])
def test_an_apiserver_that_is_not_there_is_said_with_the_site(more: bytes) -> None:
    async def scenario() -> None:
        async with proxy("http://127.0.0.1:1") as url:
            reader, writer = await connect(url)
            writer.write(b"GET /api HTTP/1.1\r\nHost: h\r\n" + more + b"\r\n")
            head = await read_head(reader)
            assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
            assert b"X-Collab-Unreachable: not-sent\r\n" in head
            status = json.loads(await reader.readuntil(b"}\n"))
            assert status["message"].startswith("site a cannot be reached")
            writer.close()

    asyncio.run(scenario())


def test_who_deletes_a_shared_namespace_here_is_told_that_others_keep_theirs() -> None:
    async def scenario() -> None:
        core = ScriptedCore(rows=[shared_row("team", "a", "b")])
        async with upstream(answering(ANSWERS["whole"])) as apiserver, proxy(apiserver, core=core) as url:
            end = b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            warned = await converse(url, b"DELETE /api/v1/namespaces/team" + end)
            assert b'Warning: 299 - "namespace team is shared with b: deleted at a only"\r\n' in warned
            assert b"Warning" not in await converse(url, b"DELETE /api/v1/namespaces/other" + end)
            assert b"Warning" not in await converse(url, b"GET /api/v1/namespaces/team" + end)

    asyncio.run(scenario())
