"""Links: cuts, shapes and heals over real sockets, and a server that refuses, hangs or is not there."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos.toxiproxy import driver
from chaos.toxiproxy.driver import Direction, Link, Links, Mode, Toxic, ToxiproxyError, Unreachable
from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_traffic import PATIENCE_S, ending, read, silent
from tests.real.start import RealToxiproxy


class Site:
    """A listening socket that a link leads to."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._listener.settimeout(PATIENCE_S)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def reach(self, link: Link) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection over the link, with a byte passed unless the link is cut."""
        host, port = link.address.rsplit(":", 1)
        client = self._stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
        server, _ = self._listener.accept()
        self._stack.enter_context(server)
        server.settimeout(PATIENCE_S)
        return client, server


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadedToxiproxy() as url:
        yield url


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack)


@pytest.fixture
def links(url: str, site: Site) -> Links:
    return Links(url, upstream=lambda dialler, target: site.address)


def passes(sender: socket.socket, receiver: socket.socket) -> bool:
    sender.sendall(b"x")
    return read(receiver, 1) == b"x"


def names(links: Links) -> list[str]:
    found = links.api.get("/proxies")
    assert isinstance(found, dict)
    return sorted(found)


def test_a_link_is_made_when_its_address_is_asked_for(links: Links) -> None:
    link = links.link("a", "b")
    assert names(links) == []
    assert link.address.startswith("127.0.0.1:")
    assert names(links) == ["a--b"]
    assert links.link("a", "b") is link


def test_all_links_are_made_in_one_request(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []
    post = links.api.post

    def count(path: str, body: object = None) -> object:
        posted.append(path)
        return post(path, body)

    monkeypatch.setattr(links.api, "post", count)
    links.populate([("a", "b"), ("b", "a"), ("a", "c")])
    links.populate([("a", "b"), ("a", "c")])
    assert posted == ["/populate"]
    assert len({link.address for link in links.known()}) == 3


@pytest.mark.parametrize(
    ("direction", "silenced"), [("both", (True, True)), ("to", (True, False)), ("from", (False, True))]
)
@pytest.mark.parametrize("mode", ["drop", "jam"])
def test_a_cut_silences_its_direction(
    links: Links, site: Site, mode: Mode, direction: Direction, silenced: tuple[bool, bool]
) -> None:
    link = links.link("a", "b")
    client, server = site.reach(link)
    assert passes(client, server)
    link.cut(mode, direction)
    client.sendall(b"c")
    server.sendall(b"s")
    assert (silent(server), silent(client)) == silenced


def test_a_healed_drop_closes_and_a_healed_jam_delivers(links: Links, site: Site) -> None:
    link = links.link("a", "b")
    for mode, expected in (("drop", "fin"), ("jam", "data b'late'")):
        client, server = site.reach(link)
        assert passes(client, server)
        link.cut("drop" if mode == "drop" else "jam", "to")
        client.sendall(b"late")
        assert silent(server)
        link.heal()
        assert ending(server) == expected


def test_reject_closes_and_refuses_until_healed(links: Links, site: Site) -> None:
    link = links.link("a", "b")
    client, server = site.reach(link)
    assert passes(client, server)
    link.cut("reject")
    assert (ending(client), ending(server)) == ("fin", "fin")
    with pytest.raises(ConnectionRefusedError):
        site.reach(link)
    address = link.address
    link.heal()
    assert link.address == address
    assert passes(*site.reach(link))


def test_a_link_that_is_made_rejected_keeps_its_address_when_healed(links: Links, site: Site) -> None:
    link = links.link("a", "b")
    link.cut("reject")
    address = link.address
    assert not address.endswith(":0")
    with pytest.raises(ConnectionRefusedError):
        site.reach(link)
    link.heal()
    assert link.address == address
    assert passes(*site.reach(link))


def test_reject_has_no_direction(links: Links) -> None:
    with pytest.raises(ValueError, match="direction='both'"):
        links.link("a", "b").cut("reject", "to")


def test_cutting_twice_and_healing_twice_is_no_error(links: Links, site: Site) -> None:
    link = links.link("a", "b")
    for _ in (1, 2):
        link.cut("drop")
        link.cut("reject")
    for _ in (1, 2):
        link.heal()
    assert link.toxics == []
    assert passes(*site.reach(link))


def test_a_cut_changes_its_mode(links: Links) -> None:
    link = links.link("a", "b")
    links.populate([("a", "b")])
    link.cut("drop", "to")
    link.cut("jam", "to")
    assert [(toxic.name, toxic.type) for toxic in link.toxics] == [("cut_upstream", "bandwidth")]
    assert toxics_of(links, "a--b") == [("cut_upstream", "bandwidth", {"rate": 0})]


def toxics_of(links: Links, proxy: str) -> list[tuple[str, str, dict[str, int]]]:
    found = links.api.get(f"/proxies/{proxy}/toxics")
    assert isinstance(found, list)
    return [(toxic["name"], toxic["type"], toxic["attributes"]) for toxic in found]


def test_a_partition_lowers_to_both_links(links: Links) -> None:
    links.populate([("a", "b"), ("b", "a")])
    links.partition("a", "b", "drop", "to")
    silence = ("timeout", {"timeout": 0})
    assert toxics_of(links, "a--b") == [("cut_upstream", *silence)]
    assert toxics_of(links, "b--a") == [("cut_downstream", *silence)]
    links.heal("a", "b")
    assert toxics_of(links, "a--b") == toxics_of(links, "b--a") == []


def test_latency_and_bandwidth_are_set_changed_and_cleared(links: Links) -> None:
    link = links.link("a", "b")
    links.populate([("a", "b")])
    link.latency(30, 5, direction="to")
    link.latency(40, direction="to")
    link.bandwidth(100, direction="from")
    assert toxics_of(links, "a--b") == [
        ("latency_upstream", "latency", {"latency": 40, "jitter": 0}),
        ("bandwidth_downstream", "bandwidth", {"rate": 100}),
    ]
    link.cut("drop")
    link.heal()
    link.latency(0)
    link.bandwidth(None)
    assert toxics_of(links, "a--b") == []


def test_heal_all_heals_what_partition_cut(links: Links) -> None:
    links.populate([("a", "b"), ("c", "a")])
    links.partition("a", "b", "reject")
    links.partition("a", "c", "drop")
    links.heal_all()
    found = links.api.get("/proxies")
    assert isinstance(found, dict)
    assert all(proxy["enabled"] and not proxy["toxics"] for proxy in found.values())


def test_close_deletes_only_what_it_made(links: Links, url: str) -> None:
    other = Links(url, upstream=lambda dialler, target: "127.0.0.1:1")
    other.populate([("x", "y")])
    links.populate([("a", "b")])
    links.close()
    assert names(other) == ["x--y"]


def test_two_servers_in_one_process(url: str) -> None:
    with ThreadedToxiproxy() as second:
        for at, pair in ((url, ("a", "b")), (second, ("c", "d"))):
            Links(at, upstream=lambda dialler, target: "127.0.0.1:1").populate([pair])
        assert [names(Links(at, upstream=lambda dialler, target: "")) for at in (url, second)] == [["a--b"], ["c--d"]]


def test_a_refusal_is_told_in_the_server_s_words(links: Links) -> None:
    toxic = Toxic(type="nosuch", stream="upstream", attributes={})
    links.populate([("a", "b")])
    with pytest.raises(ToxiproxyError, match="invalid toxic type"):
        links.link("a", "b").add(toxic)
    assert links.link("a", "b").toxics == []


def test_an_address_in_use_is_told(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        links = Links(url, upstream=lambda dialler, target: "127.0.0.1:1", listen=lambda dialler, target: at)
        with pytest.raises(ToxiproxyError, match="address already in use"):
            links.populate([("a", "b")])


def test_an_absent_server_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(Unreachable, match=url):
        Links(url, upstream=lambda dialler, target: "").populate([("a", "b")])


@pytest.mark.parametrize("url", ["", "localhost:8474", "https://localhost:8474", "http://localhost"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        Links(url, upstream=lambda dialler, target: "")


def test_a_call_inside_an_event_loop_says_what_to_write(links: Links) -> None:
    links.populate([("a", "b")])

    async def cut() -> None:
        links.link("a", "b").cut()

    with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
        asyncio.run(cut())


# A server that wedges: as the real one does when a toxic is changed behind a slow reader.


class Wedging(ThreadingHTTPServer):
    """Populates; answers every change of a proxy that is named in `wedged` with 503, or not at all."""

    def __init__(self, *, hang: bool) -> None:
        super().__init__(("127.0.0.1", 0), WedgingHandler)
        self.hang = hang
        self.released = threading.Event()
        self.wedged = {"a--b"}
        self.asked: list[str] = []
        self.populated: list[tuple[str, list[str]]] = []


class WedgingHandler(BaseHTTPRequestHandler):
    server: Wedging

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        if self.path == "/populate":
            self.server.populated += [(each["name"], [toxic["name"] for toxic in each["toxics"]]) for each in body]
            made = [{**each, "listen": f"127.0.0.1:{len(self.server.asked)}"} for each in body]
            self._answer(201, {"proxies": made})
        elif self.path.split("/")[2] not in self.server.wedged:
            self._answer(200, body)
        elif self.server.hang:
            self.server.released.wait(PATIENCE_S)
        else:
            self._answer(503, "<html><head><title>Timeout</title></head></html>")

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def wedging() -> Iterator[Callable[[bool], Wedging]]:
    with ExitStack() as stack:

        def serve(hang: bool) -> Wedging:
            server = stack.enter_context(Wedging(hang=hang))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(server.released.set)
            return server

        yield serve


@pytest.mark.parametrize("hang", [False, True])
def test_a_wedged_link_is_replaced_by_a_new_proxy(
    wedging: Callable[[bool], Wedging], hang: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CALL_TIMEOUT_S", 0.3)
    server = wedging(hang)
    links = Links(f"http://127.0.0.1:{server.server_address[1]}", upstream=lambda dialler, target: "127.0.0.1:1")
    link = links.link("a", "b")
    old = link.address
    link.cut("drop", "to")
    assert link.wedged == ["a--b"]
    assert link.proxy == "a--b~2"
    assert link.address != old
    assert server.asked == ["/populate", "/proxies/a--b/toxics", "/populate"]
    link.latency(10, direction="to")
    assert server.asked[3:] == ["/proxies/a--b~2/toxics"]


def test_a_link_that_wedges_again_is_replaced_again_with_all_its_toxics(wedging: Callable[[bool], Wedging]) -> None:
    server = wedging(False)
    server.wedged |= {"a--b~2"}
    links = Links(f"http://127.0.0.1:{server.server_address[1]}", upstream=lambda dialler, target: "127.0.0.1:1")
    link = links.link("a", "b")
    links.populate([("a", "b")])
    link.cut("drop", "to")
    link.latency(10, direction="from")
    assert link.wedged == ["a--b", "a--b~2"]
    assert server.populated[-1] == ("a--b~3", ["cut_upstream", "latency_downstream"])


@pytest.mark.real
def test_toxics_from_before_are_on_a_new_link_of_the_real_server_too(real_toxiproxy: RealToxiproxy) -> None:
    links = Links(real_toxiproxy.url, upstream=lambda dialler, target: "127.0.0.1:1")
    check_toxics_from_before(links)


def test_toxics_from_before_are_on_a_new_link(links: Links) -> None:
    check_toxics_from_before(links)


def check_toxics_from_before(links: Links) -> None:
    links.link("a", "b").latency(10, direction="to")
    links.partition("a", "b", "jam", "from")
    links.link("b", "a").cut("reject")
    links.populate([("a", "b"), ("b", "a")])
    assert toxics_of(links, "a--b") == [
        ("latency_upstream", "latency", {"latency": 10, "jitter": 0}),
        ("cut_downstream", "bandwidth", {"rate": 0}),
    ]
    found = links.api.get("/proxies/b--a")
    assert isinstance(found, dict)
    assert not found["enabled"]
    links.close()
