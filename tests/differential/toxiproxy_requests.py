"""Requests for a Toxiproxy, as data: fixed ones for every rule of the API, and random ones from a seed.

Proxies listen where no two requests of one run collide by accident: on ephemeral ports of 127.0.0.1, or on the ports
that the caller names. Upstreams are never dialled.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    user_agent: str = "differential"

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body.decode(errors='replace')}".rstrip()


def request(method: str, path: str, body: object = None, *, user_agent: str = "differential") -> Request:
    """A body of bytes is sent as it is, another as JSON, None not at all."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method=method, path=path, body=data, user_agent=user_agent)


PROXY = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}

# Every type with attributes that do not kill the real server.
TOXICS: Sequence[dict[str, object]] = (
    {"type": "latency", "attributes": {"latency": 10, "jitter": 3}},
    {"type": "bandwidth", "attributes": {"rate": 100}},
    {"type": "slow_close", "attributes": {"delay": 5}},
    {"type": "timeout", "attributes": {"timeout": 0}},
    {"type": "reset_peer", "attributes": {"timeout": 7}},
    {"type": "slicer", "attributes": {"average_size": 10, "size_variation": 2, "delay": 1}},
    {"type": "limit_data", "attributes": {"bytes": 100}},
    {"type": "noop", "attributes": {}},
)

BROKEN_BODIES: Sequence[bytes] = (
    b"", b" ", b"null", b"{", b"[", b'{"name"', b'{"name":', b'"half', b"tru", b"-", b"nonsense", b"{]", b"{} trailing",
    b"[]", b"5", b"true", b'"text"', b"NaN", b"\xff\xfe", b'{"name":5}', b'{"name":null}', b'{"upstream":[]}',
    b'{"enabled":"yes"}', b'{"listen":{}}', b'{"Logger":null,"name":"x"}', b'{"name":"\\ud800","upstream":"u:1"}',
)  # fmt: skip


def fixed(port: int) -> list[Request]:
    """One pass over the rules of the API; `port` is free on 127.0.0.1, and so are the next 7."""
    return [
        *_reading(),
        *_making(port),
        *_changing(port),
        *_toxics(),
        *_populating(port),
        *_routes(),
        request("POST", "/reset"),
        request("GET", "/proxies"),
        request("DELETE", "/proxies/p"),
        request("DELETE", "/proxies/p"),
    ]


def _reading() -> list[Request]:
    paths = ("/version", "/proxies", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t")
    return [request("GET", path) for path in paths]


def _making(port: int) -> list[Request]:
    listens: Sequence[object] = (
        "localhost:0", "0.0.0.0:0", "[::1]:0", ":0", "", None, f"127.0.0.1:{port}", f":{port}", f"localhost:{port}",
        "foo", "127.0.0.1", "a:b:c", "127.0.0.1:99999", "127.0.0.1:-1", "[::1", "[::1]", "127.0.0.1:nosuchservice",
        "192.0.2.1:0",
    )  # fmt: skip
    made = [request("POST", "/proxies", {**PROXY, "name": f"l{n}", "listen": at}) for n, at in enumerate(listens)]
    return [
        *(request("POST", "/proxies", body) for body in BROKEN_BODIES),
        request("POST", "/proxies", {"name": "p"}),
        request("POST", "/proxies", {"upstream": "127.0.0.1:1"}),
        request("POST", "/proxies", {"name": "", "upstream": ""}),
        request("POST", "/proxies", PROXY),
        request("POST", "/proxies", PROXY),
        request("POST", "/proxies", b'{"NAME":"upper","uPsTrEaM":"127.0.0.1:1","Listen":"127.0.0.1:0","other":[1]}'),
        request("POST", "/proxies", {**PROXY, "name": "off", "enabled": False, "listen": "localhost:0"}),
        request("POST", "/proxies", {**PROXY, "name": "null", "enabled": None}),
        request("POST", "/proxies", {**PROXY, "name": "a b<&>é\u2028"}),
        request("POST", "/proxies", {**PROXY, "name": "with/slash"}),
        request("GET", "/proxies/a%20b%3C&%3E%C3%A9%E2%80%A8"),
        request("GET", "/proxies/with%2Fslash"),
        *made,
        *(request("GET", f"/proxies/l{n}") for n in range(len(listens))),
        *(request("DELETE", f"/proxies/l{n}") for n in range(len(listens))),
    ]


def _changing(port: int) -> list[Request]:
    at, other = f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}"
    changes: Sequence[object] = (
        {"enabled": False}, {"enabled": False}, {"enabled": True}, {}, b"null", {"name": "renamed"},
        {"upstream": "127.0.0.1:2"}, {"upstream": ""}, {"listen": at}, {"listen": at}, {"listen": f"localhost:{port}"},
        {"listen": other, "enabled": False}, {"listen": at}, {"enabled": True}, {"listen": "bad"}, {"listen": "a:b:c"},
        {"listen": "127.0.0.1:99999"}, {"listen": "192.0.2.1:0"}, {"enabled": True}, {"listen": "127.0.0.1:0"},
        {"enabled": None}, {"listen": "192.0.2.1:0", "enabled": False}, {"listen": "127.0.0.1:0", "enabled": True},
        b"", b"{", b"[]", {"enabled": 1}, {"listen": 5}, {"upstream": "127.0.0.1:1"},
    )  # fmt: skip
    return [
        *(request(method, "/proxies/p", change) for change in changes for method in ("PATCH", "GET")),
        request("POST", "/proxies/p", {"enabled": True}),
        request("PATCH", "/proxies/absent", b"nonsense"),
    ]


def _toxics() -> list[Request]:
    at = "/proxies/p/toxics"
    named = [
        {**toxic, "stream": stream, "name": f"{toxic['type']}-{stream}"}
        for toxic in TOXICS
        for stream in ("upstream", "downstream")
    ]
    wrong: Sequence[object] = (
        {}, {"type": "nosuch"}, {"type": ""}, {"type": "latency", "stream": ""}, {"type": "latency", "stream": "side"},
        {"type": "nosuch", "stream": "side"}, {"type": "latency", "stream": 5}, {"type": 5}, {"type": "latency", "toxicity": "1"},
        {"type": "latency", "toxicity": 1e39}, {"type": "latency", "name": 5}, {"type": "latency", "attributes": 5},
        {"type": "latency", "attributes": []}, {"type": "latency", "attributes": {"latency": 1.5}},
        {"type": "latency", "attributes": {"latency": "1"}}, {"type": "latency", "attributes": {"latency": 2**63}},
        b'{"type":"latency","attributes":{"latency":1e3}}', b'{"type":"latency","attributes":{"latency":1.0}}',
        {"type": "slicer", "attributes": {"average_size": 1.5}}, {"type": "latency", "attributes": {"latency": True}},
    )  # fmt: skip
    odd: Sequence[object] = (
        {"type": "latency", "stream": "UPSTREAM"}, {"type": "latency", "stream": None, "name": None, "toxicity": None},
        {"type": "latency", "name": "t", "toxicity": -1}, {"type": "latency", "name": "u", "toxicity": 7},
        {"type": "latency", "name": "v", "toxicity": 0.1}, {"type": "latency", "name": "w", "toxicity": 0.3333333333333},
        {"type": "latency", "name": "x", "attributes": None}, {"type": "latency", "name": "y", "attributes": {"latency": None}},
        {"type": "latency", "name": "z", "attributes": {"LATENCY": 5, "other": "x"}}, {"type": "latency", "name": "n", "attributes": {"latency": -5, "jitter": -5}},
    )  # fmt: skip
    updates: Sequence[object] = (
        {}, b"null", {"attributes": {"latency": 20}}, {"attributes": {"jitter": 1}}, {"toxicity": 0.5}, {"toxicity": None},
        {"attributes": None}, {"stream": "upstream", "type": "timeout", "name": "other"}, {"attributes": {"latency": None}},
        b"", b"{", b"[]", {"toxicity": "x"}, {"attributes": 5}, {"attributes": {"latency": 1.5}},
    )  # fmt: skip
    return [
        *(request("POST", at, body) for body in BROKEN_BODIES),
        *(request("POST", at, body) for body in (*wrong, *odd)),
        request("GET", at),
        *(request("POST", at, body) for body in named for _ in (1, 2)),
        request("POST", at, {**TOXICS[0], "name": "a b/c"}),
        request("GET", f"{at}/latency_UPSTREAM"),
        request("GET", f"{at}/absent"),
        *(request(method, f"{at}/z", body) for body in updates for method in ("PATCH", "GET")),
        request("POST", f"{at}/z", {"attributes": {"latency": 7}}),
        request("PATCH", f"{at}/absent", b"nonsense"),
        request("GET", at),
        request("DELETE", f"{at}/z"),
        request("DELETE", f"{at}/z"),
        *(request("DELETE", f"{at}/{body['name']}") for body in named),
        request("GET", "/proxies"),
        request("POST", "/reset", b"ignored"),
        request("GET", at),
    ]


def _populating(port: int) -> list[Request]:
    fixed_port = {**PROXY, "name": "q", "listen": f"127.0.0.1:{port + 2}"}
    arrays: Sequence[object] = (
        [], b"null", [PROXY], [fixed_port], [fixed_port], [{**fixed_port, "enabled": False}], [{**fixed_port, "upstream": "127.0.0.1:2"}],
        [{**fixed_port, "listen": f"localhost:{port + 2}", "upstream": "127.0.0.1:2"}], [{"name": "r"}], [PROXY, {"upstream": "x:1"}],
        [{**PROXY, "name": "s"}, {**PROXY, "name": "t", "listen": "bad"}, {**PROXY, "name": "u"}],
        [{**PROXY, "name": "v", "listen": "bad"}], [{**PROXY, "name": "w", "upstream": "127.0.0.1:1"}, {**PROXY, "name": "w", "upstream": "127.0.0.1:2"}],
        [{**fixed_port, "listen": "bad"}], [{**PROXY, "name": "x", "enabled": None}, {**PROXY, "name": "y", "enabled": False}],
        [{**PROXY, "name": "z", "listen": f"127.0.0.1:{port + 2}"}], {}, [5], [None], b"[{]", b"[", b"", [{"name": 5}, {"upstream": ""}],
    )  # fmt: skip
    return [each for array in arrays for each in (request("POST", "/populate", array), request("GET", "/proxies"))]


def _routes() -> list[Request]:
    paths = ("/version", "/reset", "/populate", "/proxies", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t")
    methods = ("PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "GET", "POST")
    allowed = {("DELETE", "/proxies/p"), ("POST", "/reset")}
    unclean = ("//version", "/proxies/../version", "/./proxies/", "/proxies//p", "/..", "//")
    absent = (
        "/",
        "/nothing",
        "/proxies/",
        "/version/",
        "/proxies/p/",
        "/proxies/p/toxics/",
        "/proxies/p/other",
        "/Version",
    )
    return [
        *(request(method, path) for path in paths for method in methods if (method, path) not in allowed),
        *(request("GET", path) for path in (*absent, *unclean)),
        request("GET", "/version", user_agent="Mozilla/5.0"),
        request("GET", "/proxies/absent", user_agent="Mozilla/5.0"),
        request("GET", "/nothing", user_agent="Mozilla/5.0"),
        request("PUT", "/version", user_agent="Mozilla/5.0"),
        request("GET", "/version", user_agent="mozilla/5.0"),
    ]


def better() -> list[tuple[Request, str]]:
    """Requests in their order, with the reason where we mean to answer otherwise, "" where we do not."""
    half_bad = {"attributes": {"latency": 9, "jitter": "x"}}
    with_toxics = {**PROXY, "name": "shaped", "toxics": [TOXICS[0]]}
    return [
        (request("POST", "/proxies", {**PROXY, "name": "better"}), ""),
        (request("POST", "/proxies/better/toxics", {**TOXICS[0], "name": "t"}), ""),
        (request("PATCH", "/proxies/better/toxics/t", half_bad), ""),
        (
            request("GET", "/proxies/better/toxics/t"),
            "a refused change changes nothing; there, the fields before the bad one",
        ),
        (
            request("POST", "/proxies", with_toxics),
            "toxics given with a proxy are made with it; there, they are ignored",
        ),
        (request("GET", "/proxies/shaped/toxics"), "the same"),
    ]


def chance(seed: int, count: int) -> list[Request]:
    """Random requests over few names, so that they meet: about one in five is wrong in some way."""
    rng = random.Random(f"toxiproxy/{seed}")
    return [_one(rng) for _ in range(count)]


def _one(rng: random.Random) -> Request:
    proxy, toxic = f"/proxies/{rng.choice('abc')}", rng.choice(TOXICS)
    name = rng.choice(("latency_downstream", "t1", "t2"))
    at = f"{proxy}/toxics/{name}"
    created = {
        **toxic,
        "name": name,
        "stream": rng.choice(("upstream", "downstream", "Downstream")),
        "toxicity": rng.choice((0, 0.25, 1)),
    }
    choices = (
        request("POST", "/proxies", {**PROXY, "name": proxy[-1], "enabled": rng.random() < 0.7}),
        request("PATCH", proxy, {"enabled": rng.random() < 0.5}),
        request("PATCH", proxy, {"upstream": f"127.0.0.1:{rng.randint(1, 3)}"}),
        request("DELETE", proxy),
        request("POST", f"{proxy}/toxics", created),
        request("POST", f"{proxy}/toxics", created),
        request("PATCH", at, {"toxicity": rng.choice((0, 0.5, 1))}),
        request("DELETE", at),
        request("GET", at),
        request("GET", f"{proxy}/toxics"),
        request("GET", "/proxies"),
        request("POST", "/populate", [{**PROXY, "name": each} for each in rng.sample("abc", rng.randint(0, 3))]),
        request("POST", "/reset"),
        request(rng.choice(("POST", "PATCH")), rng.choice((proxy, at, "/proxies", "/populate")), rng.choice(BROKEN_BODIES)),
    )  # fmt: skip
    return rng.choice(choices)
