"""The API to the letter: statuses, bodies, content types. The same rules are compared with the real server elsewhere."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaos.toxiproxy.api import Answer, Api
from chaos.toxiproxy.collection import ProxyCollection
from chaos.toxiproxy.gojson import decode
from chaos.toxiproxy.metrics import Metrics


class Asked:
    """The API without its HTTP shell; listeners are real."""

    def __init__(self, *, metrics: bool = False) -> None:
        totals = Metrics()
        self.proxies = ProxyCollection(seed=1, metrics=totals)
        self._api = Api(self.proxies, totals if metrics else None, random.Random(1))
        self._runner = asyncio.Runner()

    def __call__(self, method: str, path: str, body: str = "", *, agent: str = "test") -> Answer:
        return self._runner.run(self._api.answer(method, path, agent, body.encode()))

    def close(self) -> None:
        self._runner.run(self._stop())
        self._runner.close()

    async def _stop(self) -> None:
        self.proxies.stop()


@contextmanager
def asked(*, metrics: bool = False) -> Iterator[Asked]:
    api = Asked(metrics=metrics)
    try:
        yield api
    finally:
        api.close()


@pytest.fixture
def ask() -> Iterator[Asked]:
    with asked() as api:
        yield api


PROXY = '{"name":"p","listen":"127.0.0.1:0","upstream":"u:1"}'
DISABLED = '{"name":"p","listen":"127.0.0.1:0","upstream":"u:1","enabled":false}'
DISABLED_TEXT = '{"name":"p","listen":"127.0.0.1:0","upstream":"u:1","enabled":false,"Logger":{},"toxics":[]}'
LATENCY = '{"attributes":{"latency":5,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}'


def error(message: str, status: int) -> str:
    return f'{{"error":"{message}","status":{status}}}\n'


def test_version(ask: Asked) -> None:
    answer = ask("GET", "/version")
    assert (answer.status, answer.body, answer.content_type) == (
        200,
        '{"version": "git"}\n',
        "application/json;charset=utf-8",
    )


def test_created_proxy_reports_its_resolved_address(ask: Asked) -> None:
    answer = ask("POST", "/proxies", PROXY.replace("127.0.0.1", "localhost"))
    assert (answer.status, answer.content_type) == (201, "application/json")
    assert re.fullmatch(
        r'{"name":"p","listen":"127\.0\.0\.1:\d+","upstream":"u:1","enabled":true,"Logger":{},"toxics":\[\]}',
        answer.body,
    )


def test_disabled_proxy_reports_what_was_given(ask: Asked) -> None:
    assert ask("POST", "/proxies", DISABLED).body == DISABLED_TEXT


def test_every_success_has_its_status_and_body(ask: Asked) -> None:
    """One row for each call of the API, in an order in which each finds what it needs."""
    latency = '{"type":"latency","attributes":{"latency":5}}'
    faster = LATENCY.replace('"latency":5', '"latency":6')
    rows = [
        ("POST", "/proxies", DISABLED, 201, DISABLED_TEXT),
        ("GET", "/proxies", "", 200, f'{{"p":{DISABLED_TEXT}}}'),
        ("GET", "/proxies/p", "", 200, DISABLED_TEXT),
        ("PATCH", "/proxies/p", '{"upstream":"v:2"}', 200, DISABLED_TEXT.replace("u:1", "v:2")),
        ("POST", "/proxies/p", '{"upstream":"u:1"}', 200, DISABLED_TEXT),
        ("GET", "/proxies/p/toxics", "", 200, "[]"),
        ("POST", "/proxies/p/toxics", latency, 200, LATENCY),
        ("GET", "/proxies/p/toxics", "", 200, f"[{LATENCY}]"),
        ("GET", "/proxies/p/toxics/latency_downstream", "", 200, LATENCY),
        ("PATCH", "/proxies/p/toxics/latency_downstream", '{"attributes":{"latency":6}}', 200, faster),
        ("POST", "/proxies/p/toxics/latency_downstream", '{"attributes":{"latency":5}}', 200, LATENCY),
        ("DELETE", "/proxies/p/toxics/latency_downstream", "", 204, ""),
        ("POST", "/populate", f"[{DISABLED}]", 201, f'{{"proxies":[{DISABLED_TEXT}]}}'),
        ("POST", "/populate", "[]", 201, '{"proxies":null}'),
        ("POST", "/populate", "null", 201, '{"proxies":null}'),
        ("DELETE", "/proxies/p", "", 204, ""),
        ("GET", "/proxies", "", 200, "{}"),
        ("POST", "/reset", "ignored", 204, ""),
    ]
    for method, path, body, status, text in rows:
        answer = ask(method, path, body)
        assert (method, path, answer.status, answer.body) == (method, path, status, text)


@pytest.mark.parametrize(
    ("method", "path", "body", "message", "status"),
    [
        ("POST", "/proxies", "", "bad request body: EOF", 400),
        ("POST", "/proxies", '{"name"', "bad request body: unexpected EOF", 400),
        ("POST", "/proxies", "{}", "missing required field: name", 400),
        ("POST", "/proxies", '{"name":"x"}', "missing required field: upstream", 400),
        ("POST", "/proxies", PROXY, "proxy already exists", 409),
        (
            "POST",
            "/proxies",
            '{"name":"x","upstream":"u:1","listen":"foo"}',
            "listen tcp: address foo: missing port in address",
            500,
        ),
        ("PATCH", "/proxies/p", '{"listen":"bad"}', "address bad: missing port in address", 500),
        ("GET", "/proxies/absent", "", "proxy not found", 404),
        ("PATCH", "/proxies/absent", "nonsense", "proxy not found", 404),
        ("DELETE", "/proxies/absent", "", "proxy not found", 404),
        ("GET", "/proxies/absent/toxics", "", "proxy not found", 404),
        ("GET", "/proxies/p/toxics/absent", "", "toxic not found", 404),
        ("PATCH", "/proxies/p/toxics/absent", "nonsense", "toxic not found", 404),
        ("DELETE", "/proxies/p/toxics/absent", "", "toxic not found", 404),
        (
            "POST",
            "/proxies/p/toxics",
            '{"type":"x","stream":"y"}',
            "stream was invalid, can be either upstream or downstream",
            400,
        ),
        ("POST", "/proxies/p/toxics", '{"type":"x"}', "invalid toxic type", 400),
        ("POST", "/proxies/p/toxics", '{"type":"noop","name":"t"}', "toxic already exists", 409),
    ],
)
def test_every_error_has_its_words(ask: Asked, method: str, path: str, body: str, message: str, status: int) -> None:
    ask("POST", "/proxies", PROXY)
    ask("POST", "/proxies/p/toxics", '{"type":"noop","name":"t"}')
    answer = ask(method, path, body)
    assert (answer.status, answer.body) == (status, error(message, status))
    assert answer.content_type == "text/plain; charset=utf-8"
    assert ("X-Content-Type-Options", "nosniff") in answer.headers


def test_a_port_in_use_is_told_with_its_address(ask: Asked) -> None:
    listen = re.findall(r'"listen":"([^"]+)"', ask("POST", "/proxies", PROXY).body)[0]
    answer = ask("POST", "/proxies", f'{{"name":"q","upstream":"u:1","listen":"{listen}"}}')
    assert answer.body == error(f"listen tcp {listen}: bind: address already in use", 500)
    assert ask("GET", "/proxies/q").status == 404


def test_populate_refuses_as_json_and_tells_what_was_made(ask: Asked) -> None:
    answer = ask("POST", "/populate", f'[{DISABLED},{{"name":"q","upstream":"u:1","listen":"bad"}}]')
    message = "listen tcp: address bad: missing port in address"
    assert answer.body == f'{{"error":"{message}","status":500,"proxies":[{DISABLED_TEXT}]}}'
    assert answer.content_type == "application/json"
    assert ask("GET", "/proxies/p").status == 200


def test_populate_checks_every_entry_before_it_makes_one(ask: Asked) -> None:
    answer = ask("POST", "/populate", f'[{DISABLED},{{"upstream":"u:1"}}]')
    assert answer.body == '{"error":"missing required field: name at proxy 2","status":400,"proxies":null}'
    assert ask("GET", "/proxies").body == "{}"


def test_keys_are_read_without_case_and_text_behind_the_value_is_ignored(ask: Asked) -> None:
    answer = ask(
        "POST", "/proxies", '{"NAME":"p","uPsTrEaM":"u:1","Listen":"127.0.0.1:0","enabled":false,"x":1} rubbish'
    )
    assert answer.body == DISABLED_TEXT


def test_stream_is_echoed_as_it_was_written(ask: Asked) -> None:
    ask("POST", "/proxies", DISABLED)
    answer = ask("POST", "/proxies/p/toxics", '{"type":"noop","stream":"UPSTREAM","toxicity":0.1}')
    assert answer.body == '{"attributes":{},"name":"noop_UPSTREAM","type":"noop","stream":"UPSTREAM","toxicity":0.1}'


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("bandwidth", '{"rate":-1}'),
        ("slicer", "{}"),
        ("slicer", '{"average_size":0}'),
        ("slicer", '{"average_size":5,"size_variation":6}'),
        ("slicer", '{"average_size":5,"size_variation":-1}'),
    ],
)
def test_what_kills_the_real_server_is_refused(ask: Asked, kind: str, attributes: str) -> None:
    ask("POST", "/proxies", DISABLED)
    answer = ask("POST", "/proxies/p/toxics", f'{{"type":"{kind}","attributes":{attributes}}}')
    assert answer.status == 400
    assert f"bad request body: {kind}: " in answer.body


def test_a_refused_change_of_a_toxic_changes_nothing(ask: Asked) -> None:
    """The real server keeps the fields that it had read before the bad one."""
    ask("POST", "/proxies", DISABLED)
    made = ask("POST", "/proxies/p/toxics", '{"type":"latency","name":"t"}').body
    assert ask("PATCH", "/proxies/p/toxics/t", '{"attributes":{"latency":9,"jitter":"x"}}').status == 400
    assert ask("GET", "/proxies/p/toxics/t").body == made


def test_toxics_given_with_a_proxy_are_made_with_it(ask: Asked) -> None:
    """An extension: the real server ignores them here."""
    with_toxics = DISABLED[:-1] + ',"toxics":[{"type":"latency","attributes":{"latency":5}}]}'
    assert ask("POST", "/proxies", with_toxics).body == DISABLED_TEXT.replace("[]", f"[{LATENCY}]")
    refused = ask("POST", "/populate", f'[{DISABLED[:-1]},"toxics":[{{"type":"x"}}]}}]')
    assert refused.body == '{"error":"invalid toxic type","status":400,"proxies":null}'


def test_browsers_are_refused_on_known_paths_only(ask: Asked) -> None:
    assert ask("GET", "/version", agent="Mozilla/5.0").body == "User agent not allowed\n"
    assert ask("GET", "/version", agent="Mozilla/5.0").status == 403
    assert ask("GET", "/version", agent="mozilla/5.0").status == 200
    assert ask("GET", "/nothing", agent="Mozilla/5.0").status == 404


@pytest.mark.parametrize("path", ["/", "/proxies/", "/proxies/a/b", "/proxies/p/toxics/", "/Version", "/metrics"])
def test_unknown_paths(ask: Asked, path: str) -> None:
    answer = ask("GET", path)
    assert (answer.status, answer.body, answer.content_type) == (
        404,
        "404 page not found\n",
        "text/plain; charset=utf-8",
    )


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/version"), ("OPTIONS", "/proxies"), ("PUT", "/proxies/p"), ("GET", "/reset")]
)
def test_wrong_methods(ask: Asked, method: str, path: str) -> None:
    assert ask(method, path) == Answer(status=405)


def test_request_ids_are_drawn_from_the_seed() -> None:
    ids = []
    for _ in range(2):
        with asked() as ask:
            ids.append([dict(ask("GET", "/version").headers)["X-Toxiproxy-Request-Id"] for _ in range(3)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
    assert all(re.fullmatch("[0-9a-v]{20}", each) for each in ids[0])


def test_metrics_are_there_when_asked_for() -> None:
    with asked(metrics=True) as ask:
        answer = ask("PUT", "/metrics")
    assert (answer.status, answer.body) == (200, "")
    assert answer.content_type.startswith("text/plain; version=0.0.4")


def test_bodies_of_the_list_are_sorted_by_name(ask: Asked) -> None:
    for name in ("c", "a", "b"):
        ask("POST", "/proxies", DISABLED.replace('"p"', f'"{name}"'))
    listed = decode(ask("GET", "/proxies").body.encode())
    assert isinstance(listed, dict)
    assert list(listed) == ["a", "b", "c"]
