"""Scoped requests at one proxy: which sites are asked, what is merged, what falls through, what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from collab.protocol.names import SiteName
from collab.protocol.operations import Operation, OperationResult
from tests.unit.collab.proxy.wire import (
    ScriptedCore,
    body_length,
    converse,
    proxy,
    read_head,
    shared_row,
    upstream,
)

Json = dict[str, object]


@dataclass
class Site:
    """A site's server by hand: answers by path, remembers what it was asked. `records` is its agent's view."""

    name: str
    objects: dict[str, Json] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)
    silent: bool = False
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await read_head(reader)
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(body_length(head)))
            if self.silent:
                await reader.read()
                return
            code, body = self._answer(head)
            text = json.dumps(body).encode()
            length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text)
            writer.write(b"HTTP/1.1 %d Said\r\n" % code + length + text)

    def _answer(self, head: bytes) -> tuple[int, Json]:
        method, target = head.decode().split(" ")[:2]
        path = target.partition("?")[0]
        if path == "/collab/v1/records":
            return 200, {"site": self.name, "records": self.rows}
        if method == "POST":
            return 201, cast(Json, json.loads(self.bodies[-1]))
        if path in self.objects:
            return 200, self.objects[path]
        return 404, {"kind": "Status", "code": 404, "message": f"{path} not found"}

    @property
    def asked(self) -> list[str]:
        return [" ".join(head.decode().split(" ")[:2]) for head in self.heads]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: Json

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]


NAMESPACES = "/api/v1/namespaces"


def namespace(name: str, **labels: str) -> Json:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": labels}}


def listed(*items: Json) -> Json:
    return {"kind": "NamespaceList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": list(items)}


def table(*names: str) -> Json:
    columns = [{"name": "Name", "type": "string"}, {"name": "Age", "type": "string"}]
    rows = [{"cells": [name, "1s"], "object": {"metadata": {"name": name}}} for name in names]
    return {"kind": "Table", "metadata": {"resourceVersion": "7"}, "columnDefinitions": columns, "rows": rows}


@asynccontextmanager
async def sites(*others: Site, local: Site, core: ScriptedCore | None = None, down: str = "") -> AsyncIterator[str]:
    """Site a's proxy with these other sites; the one named `down` has an address where nobody listens."""
    async with AsyncExitStack() as stack:
        peers = {site.name: await stack.enter_async_context(upstream(site.serve)) for site in others}
        if down:
            peers[down] = "http://127.0.0.1:1"
        apiserver = await stack.enter_async_context(upstream(local.serve))
        yield await stack.enter_async_context(proxy(apiserver, peers=peers, core=core))


async def ask(url: str, scope: str, line: str, body: Json | None = None, more: str = "") -> Answer:
    text = json.dumps(body).encode() if body else b""
    head = f"{line} HTTP/1.1\r\nHost: h\r\nX-Collab-Scope: {scope}\r\nContent-Length: {len(text)}\r\n{more}"
    got = await converse(url, head.encode() + b"Connection: close\r\n\r\n" + text)
    lines, _, content = got.partition(b"\r\n\r\n")
    first, *rest = lines.decode().split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in rest)]
    return Answer(int(first.split(" ")[1]), headers, json.loads(content))


def test_one_site_is_asked_as_if_there_were_no_scope_and_without_the_clients_credentials() -> None:
    async def scenario() -> None:
        a, b = Site("a"), Site("b", {NAMESPACES: listed()})
        async with sites(b, local=a) as url:
            answer = await ask(url, "b", f"GET {NAMESPACES}?limit=5", more="Authorization: Bearer t\r\nX-A: 1\r\n")
            assert (answer.status, answer.body) == (200, listed())
        assert (a.asked, b.asked) == ([], [f"GET {NAMESPACES}?limit=5"])
        assert b"X-A: 1" in b.heads[0]
        assert b"Authorization" not in b.heads[0]
        assert b"X-Collab" not in b.heads[0]

    asyncio.run(scenario())


@pytest.mark.parametrize("segment", ["a%20%26%20b", "a%20&%20b", "a&b", "(a)%26b", "a+%26+b"])
def test_the_path_may_carry_the_scope_in_any_encoding(segment: str) -> None:
    async def scenario() -> None:
        a, b = Site("a", {NAMESPACES: listed(namespace("x"))}), Site("b", {NAMESPACES: listed(namespace("x"))})
        async with sites(b, local=a) as url:
            got = await converse(
                url,
                f"GET /scope/{segment}{NAMESPACES}?limit=9 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode(),
            )
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert a.asked == [f"GET {NAMESPACES}"]
        assert sorted(b.asked) == ["GET /api/v1/namespaces", "GET /collab/v1/records"]

    asyncio.run(scenario())


def test_discovery_under_a_scope_is_local() -> None:
    async def scenario() -> None:
        a, b = Site("a", {"/api/v1": {"kind": "APIResourceList"}}), Site("b")
        async with sites(b, local=a) as url:
            for scope in ("a & b", "a & nobody", "a &"):
                assert (await ask(url, scope, "GET /api/v1?timeout=32s")).body == {"kind": "APIResourceList"}
        assert (a.asked, b.asked) == (["GET /api/v1?timeout=32s"] * 3, [])

    asyncio.run(scenario())


def test_tables_get_a_site_column_first() -> None:
    async def scenario() -> None:
        a, b = Site("a", {NAMESPACES: table("x", "y")}), Site("b", {NAMESPACES: table("x")})
        async with sites(b, local=a) as url:
            body = (await ask(url, "a & b", f"GET {NAMESPACES}")).body
        columns, rows = cast(list[Json], body["columnDefinitions"]), cast(list[Json], body["rows"])
        assert [column["name"] for column in columns] == ["Site", "Name", "Age"]
        assert [row["cells"] for row in rows] == [["a", "x", "1s"], ["a", "y", "1s"], ["b", "x", "1s"]]

    asyncio.run(scenario())


def _sites_of(answer: Answer) -> list[tuple[str, str]]:
    items = cast(list[dict[str, dict[str, dict[str, str]]]], answer.body["items"])
    return [(str(i["metadata"]["name"]), i["metadata"]["annotations"]["collab.fakekube.dev/site"]) for i in items]


def test_twins_of_one_record_with_equal_content_are_one_item_and_all_else_one_per_site() -> None:
    async def scenario() -> None:
        row_team, row_other = shared_row("team", "a", "b"), shared_row("changed", "a", "b")
        a = Site("a", {NAMESPACES: listed(namespace("team", k="v"), namespace("changed", k="1"), namespace("own"))})
        b = Site("b", {NAMESPACES: listed(namespace("team", k="v"), namespace("changed", k="2"), namespace("own"))})
        b.rows = [row_team, row_other]
        async with sites(b, local=a, core=ScriptedCore(rows=[row_team, row_other])) as url:
            answer = await ask(url, "a & b", f"GET {NAMESPACES}")
        expected = [("team", "a,b"), ("changed", "a"), ("own", "a"), ("changed", "b"), ("own", "b")]
        assert _sites_of(answer) == expected
        assert answer.all("Warning") == []

    asyncio.run(scenario())


def test_a_site_that_cannot_be_reached_is_named_never_silently_missing() -> None:
    async def scenario() -> None:
        a = Site("a", {NAMESPACES: listed(namespace("x"))})
        async with sites(local=a, down="b") as url:
            answer = await ask(url, "a & b", f"GET {NAMESPACES}")
        assert (answer.status, _sites_of(answer)) == (200, [("x", "a")])
        assert answer.body["metadata"] == {"annotations": {"collab.fakekube.dev/unreachable": "b"}}
        assert len(answer.all("Warning")) == 1
        assert answer.all("Warning")[0].startswith('299 - "site b: unreachable: ')

    asyncio.run(scenario())


def test_an_object_read_everywhere_names_the_sites_that_differ_or_lack_it() -> None:
    async def scenario() -> None:
        path, rows = f"{NAMESPACES}/team", [shared_row("team", "a", "b", "c")]
        a = Site("a", {path: namespace("team", k="1")})
        b = Site("b", {path: namespace("team", k="2")}, rows=rows)
        async with sites(b, Site("c"), local=a, core=ScriptedCore(rows=rows)) as url:
            answer = await ask(url, "a & b & c", f"GET {path}")
        assert cast(Json, cast(Json, answer.body["metadata"])["annotations"]) == {"collab.fakekube.dev/site": "a"}
        assert answer.all("Warning") == [
            f'299 - "site c: {path} not found"',
            "299 - \"site b: its 'team' differs from that of a\"",
        ]

    asyncio.run(scenario())


def test_a_read_that_every_site_refuses_is_refused_as_the_first_does() -> None:
    async def scenario() -> None:
        async with sites(Site("b"), local=Site("a")) as url:
            assert (await ask(url, "a & b", f"GET {NAMESPACES}/none")).status == 404

    asyncio.run(scenario())


def test_nobody_reachable_is_502_with_every_site_named() -> None:
    async def scenario() -> None:
        async with sites(local=Site("a"), down="b") as url:
            answer = await ask(url, "b | b & b", f"GET {NAMESPACES}")
            assert (answer.status, answer.all("X-Collab-Unreachable")) == (502, ["not-sent"])

    asyncio.run(scenario())


def test_either_falls_through_on_unreachable_only() -> None:
    async def scenario() -> None:
        a, c = Site("a", {NAMESPACES: listed(namespace("x"))}), Site("c")
        async with sites(c, local=a, down="b") as url:
            fell = await ask(url, "b | a", f"GET {NAMESPACES}?limit=5")
            assert (fell.status, len(fell.all("Warning"))) == (200, 1)
            refused = await ask(url, "c | a", f"GET {NAMESPACES}")
            assert (refused.status, refused.all("Warning")) == (404, [])
        assert a.asked == [f"GET {NAMESPACES}?limit=5"]

    asyncio.run(scenario())


def test_create_at_either_goes_to_the_first_reachable_with_one_operation_id() -> None:
    async def scenario() -> None:
        a = Site("a")
        async with sites(local=a, down="b") as url:
            answer = await ask(url, "b | a", f"POST {NAMESPACES}", namespace("x"))
        annotations = cast(dict[str, str], cast(Json, answer.body["metadata"])["annotations"])
        assert (answer.status, answer.all("X-Collab-Outcome")) == (201, ["a=applied"])
        assert annotations["collab.fakekube.dev/scope"] == "b | a"
        assert annotations["collab.fakekube.dev/operation"].startswith("op-")

    asyncio.run(scenario())


def test_a_create_that_may_have_arrived_is_tried_at_the_next_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.agent.sites.ANSWER_S", 0.2)

    async def scenario() -> None:
        a, b = Site("a"), Site("b", silent=True)
        async with sites(b, local=a) as url:
            answer = await ask(url, "b | a", f"POST {NAMESPACES}", namespace("x"))
        assert (answer.status, answer.all("X-Collab-Outcome")) == (201, ["a=applied, b=pending"])
        assert "may turn up there" in answer.all("Warning")[0]
        assert json.loads(b.bodies[0])["metadata"]["annotations"] == json.loads(a.bodies[0])["metadata"]["annotations"]

    asyncio.run(scenario())


def _result(operation: Operation, state: str, code: int, outcomes: dict[str, str]) -> OperationResult:
    manifest = operation.manifest if "applied" in outcomes.values() else None
    return OperationResult(
        id=operation.id,
        verb=operation.verb,
        resource=operation.resource,
        state=state,  # type: ignore[arg-type]  # the parametrised literals are checked by the assertions
        code=code,
        message="said",
        outcomes={SiteName(site): said for site, said in outcomes.items()},
        manifest=manifest,
    )


@pytest.mark.parametrize(
    ("state", "code", "outcomes", "status", "header", "warnings"),
    [
        ("done", 200, {"a": "applied", "b": "applied"}, 201, "a=applied, b=applied", []),
        ("pending", 202, {"a": "applied", "b": "pending"}, 201, "a=applied, b=pending", ["site b: pending"]),
        (
            "pending",
            202,
            {"a": "pending", "b": "pending"},
            202,
            "a=pending, b=pending",
            ["site a: pending", "site b: pending"],
        ),
        ("refused", 409, {"a": "rejected:409"}, 409, "a=rejected:409", ["site a: rejected:409"]),
    ],
)
def test_create_everywhere_is_one_operation_whose_outcome_is_shown_per_site(
    state: str, code: int, outcomes: dict[str, str], status: int, header: str, warnings: list[str]
) -> None:
    async def scenario() -> None:
        core = ScriptedCore(answer=lambda operation: _result(operation, state, code, outcomes))
        async with sites(Site("b"), local=Site("a"), core=core) as url:
            answer = await ask(url, "a&b", f"POST {NAMESPACES}", namespace("team"))
        (operation,) = core.issued
        assert (operation.verb, operation.resource, operation.members) == ("create", "namespaces/team", ("a", "b"))
        assert operation.scope == "a & b"
        assert (answer.status, answer.all("X-Collab-Outcome")) == (status, [header])
        assert answer.all("Warning") == [f'299 - "{text}"' for text in warnings]

    asyncio.run(scenario())


def test_a_delete_under_the_full_scope_destroys() -> None:
    async def scenario() -> None:
        core = ScriptedCore([shared_row("team", "a", "b")], lambda op: _result(op, "done", 200, {"a": "applied"}))
        a = Site("a")
        async with sites(Site("b"), Site("c"), local=a, core=core) as url:
            assert (await ask(url, "a & c", f"DELETE {NAMESPACES}/team")).status == 409
            assert core.issued == []
            answer = await ask(url, "b & a", f"DELETE {NAMESPACES}/team")
        assert (answer.status, answer.body["status"]) == (200, "Success")
        assert [(operation.verb, operation.resource) for operation in core.issued] == [("destroy", "namespaces/team")]
        assert a.asked == []

    asyncio.run(scenario())


def test_a_write_under_the_full_scope_is_local_and_under_any_other_refused_with_the_way_out() -> None:
    async def scenario() -> None:
        path = f"{NAMESPACES}/team"
        a = Site("a", {path: namespace("team")})
        core = ScriptedCore([shared_row("team", "a", "b")])
        async with sites(Site("b"), Site("c"), local=a, core=core) as url:
            answer = await ask(url, "a & b", f"PATCH {path}", {"metadata": {}})
            assert (answer.status, answer.all("X-Collab-Outcome")) == (200, ["a=applied, b=pending"])
            refused = await ask(url, "a & c", f"PATCH {path}", {"metadata": {}})
            assert refused.status == 409
            assert "'a & b'" in str(refused.body["message"])
            assert "collab extend" in str(refused.body["message"])
            handed = "X-Collab-Handed-By: b\r\n"
            alone = await ask(url, "a & b", f"PATCH {NAMESPACES}/own", {"metadata": {}}, handed)
            assert (alone.status, "not shared" in str(alone.body["message"])) == (409, True)
        assert a.asked == [f"PATCH {path}"]

    asyncio.run(scenario())


def test_content_that_is_not_shared_is_refused_with_what_is() -> None:
    async def scenario() -> None:
        core = ScriptedCore([shared_row("team", "a", "b", kinds=("configmaps",))])
        a, b = Site("a", {f"{NAMESPACES}/team/configmaps": namespace("x")}), Site("b")
        async with sites(b, local=a, core=core) as url:
            made = await ask(url, "a & b", f"POST {NAMESPACES}/team/configmaps", namespace("x"))
            refused = await ask(url, "a & b", f"POST {NAMESPACES}/team/secrets", namespace("x"))
        assert made.status == 201
        assert (refused.status, refused.body["message"]) == (
            409,
            "secrets of namespaces/team are not shared (configmaps is); write them at one site, "
            "or name them when it is extended: --with secrets",
        )
        assert (a.asked, b.asked) == ([f"POST {NAMESPACES}/team/configmaps"], [])

    asyncio.run(scenario())


def test_what_was_read_under_a_scope_is_written_back_to_where_it_is_from_without_the_marks_of_the_read() -> None:
    async def scenario() -> None:
        path, rows = f"{NAMESPACES}/team", [shared_row("team", "a", "b")]
        a, b = Site("a", {path: namespace("team")}), Site("b", {path: {**namespace("team"), "of": "b"}}, rows=rows)
        async with sites(b, local=a, core=ScriptedCore(rows)) as url:
            read = await ask(url, "b & a", f"GET {path}")
            assert "of" not in read.body
            assert "collab.fakekube.dev/site" in str(read.body)
            json_type = "Content-Type: application/json\r\n"
            assert (await ask(url, "b & a", f"PUT {path}", read.body, json_type)).status == 200
        written = json.loads(a.bodies[-1])
        assert written["metadata"] == {**cast(Json, namespace("team")["metadata"]), "annotations": {}}

    asyncio.run(scenario())


def test_a_write_whose_scope_does_not_name_this_site_is_handed_to_one_it_names() -> None:
    async def scenario() -> None:
        path = f"{NAMESPACES}/team"
        b = Site("b", {path: namespace("team")})
        async with sites(b, local=Site("a"), down="c") as url:
            assert (await ask(url, "c & b", f"PATCH {path}", {"metadata": {}})).status == 200
        assert b.asked == [f"PATCH {path}"]
        assert b"X-Collab-Scope: c & b\r\n" in b.heads[0]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("scope", "line", "code"),
    [
        ("a &", f"GET {NAMESPACES}", 400),
        ("a & nobody", f"GET {NAMESPACES}", 400),
        ("a % b", f"GET {NAMESPACES}", 501),
        ("{configmaps: a}", f"GET {NAMESPACES}", 501),
        ("a & b", f"GET {NAMESPACES}?watch=true", 501),
        ("a | b", f"GET {NAMESPACES}?watch=true", 501),
        ("a | b", f"DELETE {NAMESPACES}/x", 501),
        ("a & b | b", f"POST {NAMESPACES}", 501),
        ("a & b", f"DELETE {NAMESPACES}", 501),
        ("a & b", f"PUT {NAMESPACES}/x/finalize", 501),
        ("a & b", f"POST {NAMESPACES}", 400),
    ],
)
def test_what_cannot_be_done_is_a_status_that_says_so(scope: str, line: str, code: int) -> None:
    async def scenario() -> None:
        a, b = Site("a"), Site("b")
        async with sites(b, local=a) as url:
            answer = await ask(url, scope, line, {"kind": "Namespace"} if line.startswith("POST") else None)
        assert (answer.status, answer.body["kind"], answer.body["code"]) == (code, "Status", code)
        assert (a.asked, b.asked) == ([], [])

    asyncio.run(scenario())


def test_header_and_path_that_disagree_are_refused() -> None:
    async def scenario() -> None:
        async with sites(Site("b"), local=Site("a")) as url:
            assert (await ask(url, "a", f"GET /scope/b{NAMESPACES}")).status == 400

    asyncio.run(scenario())
