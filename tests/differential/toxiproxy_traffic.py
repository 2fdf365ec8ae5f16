"""What bytes and connections must do behind a Toxiproxy: one kit for the built-in server and the real one.

A case drives one proxy over real sockets and returns what it saw; EXPECTED says what that is. Times are lower bounds
("not before"), never upper ones, so that a busy machine changes nothing.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

PATIENCE_S = 10.0
"""How long to wait for what must come."""

SILENCE_S = 0.25
"""How long nothing has to come to call it silence."""

EARLY_S = 0.002  # clocks of two processes and their roundings

Seen = tuple[object, ...]


class Proxied:
    """One proxy in front of one listening socket of ours."""

    def __init__(self, url: str, name: str, stack: ExitStack) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._api = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_S)
        self._stack = stack
        self.name = name
        self.upstream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.upstream.settimeout(PATIENCE_S)
        created = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{self.upstream.getsockname()[1]}"}
        self.listen = str(self.call("POST", "/proxies", created)["listen"])
        stack.callback(self.call, "DELETE", f"/proxies/{name}")

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        self._api.request(method, path, body=None if body is None else json.dumps(body))
        answer = self._api.getresponse()
        text = answer.read()
        assert answer.status < 300, (method, path, answer.status, text)
        found: dict[str, object] = json.loads(text) if text else {}
        return found

    def metrics(self) -> str:
        self._api.request("GET", "/metrics")
        return self._api.getresponse().read().decode()

    def ask_until_it_is_gone(self) -> None:
        """Raises ConnectionError as soon as the server's process has ended."""
        clock = watch()
        while not clock.after(PATIENCE_S):
            self.call("GET", "/version")

    def update(self, **changes: object) -> None:
        self.listen = str(self.call("PATCH", f"/proxies/{self.name}", changes)["listen"])

    def toxic(self, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> None:
        body = {
            "type": kind,
            "name": f"{kind}-{stream}",
            "stream": stream,
            "toxicity": toxicity,
            "attributes": attributes,
        }
        self.call("POST", f"/proxies/{self.name}/toxics", body)

    def change(self, kind: str, stream: str = "downstream", **attributes: int) -> None:
        self.call("PATCH", f"/proxies/{self.name}/toxics/{kind}-{stream}", {"attributes": attributes})

    def remove(self, kind: str, stream: str = "downstream") -> None:
        self.call("DELETE", f"/proxies/{self.name}/toxics/{kind}-{stream}")

    def dial(self) -> socket.socket:
        host, port = self.listen.rsplit(":", 1)
        client = self._stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection through the proxy: the client's, the server's."""
        client = self.dial()
        server, _ = self.upstream.accept()
        self._stack.enter_context(server)
        server.settimeout(PATIENCE_S)
        return client, server


@contextmanager
def proxied(url: str, name: str) -> Iterator[Proxied]:
    with ExitStack() as stack:
        yield Proxied(url, name, stack)


def read(sock: socket.socket, count: int) -> bytes:
    """`count` bytes, fewer when the stream ends before."""
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            break
        data += part
    return data


def ending(sock: socket.socket) -> str:
    """How the stream ends: fin or reset; bytes before it are an error of the case."""
    try:
        data = sock.recv(100)
    except ConnectionResetError:
        return "reset"
    return f"data {data!r}" if data else "fin"


def passes(client: socket.socket, server: socket.socket) -> bool:
    """A byte from the client arrives: the proxy has joined both sockets, not merely accepted one and dialled the other."""
    client.sendall(b".")
    return read(server, 1) == b"."


def silent(sock: socket.socket) -> bool:
    sock.settimeout(SILENCE_S)
    try:
        return sock.recv(1) is None
    except TimeoutError:
        return True
    finally:
        sock.settimeout(PATIENCE_S)


@dataclass(slots=True)
class Watch:
    began: float

    def after(self, seconds: float) -> bool:
        return time.monotonic() - self.began >= seconds - EARLY_S


def watch() -> Watch:
    return Watch(time.monotonic())


def refused(proxy: Proxied) -> bool:
    try:
        proxy.dial()
    except ConnectionRefusedError:
        return True
    return False


# The cases


def bytes_pass_both_ways(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    client.sendall(b"question")
    question = read(server, 8)
    server.sendall(b"answer")
    return question, read(client, 6)


def large_data_is_whole(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    data = bytes(range(256)) * 400
    server.sendall(data)
    return (read(client, len(data)) == data,)


def half_close_is_a_whole_close(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    client.shutdown(socket.SHUT_WR)
    return ending(server), ending(client)


def server_close_reaches_client(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    server.sendall(b"last words")
    server.close()
    return read(client, 10), ending(client)


def client_reset_closes_server(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    return (ending(server),)


def absent_upstream_is_an_empty_answer(proxy: Proxied) -> Seen:
    proxy.upstream.close()
    return (ending(proxy.dial()),)


def disabled_refuses_and_closes(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.update(enabled=False)
    closed = ending(client), ending(server), refused(proxy)
    proxy.update(enabled=True)
    return *closed, bytes_pass_both_ways(proxy)


def another_upstream_closes(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.update(upstream="127.0.0.1:1")
    return ending(client), ending(server)


def same_upstream_keeps(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.update(upstream=f"127.0.0.1:{proxy.upstream.getsockname()[1]}", listen=proxy.listen)
    client.sendall(b"x")
    return (read(server, 1),)


def populate_keeps_what_is_the_same(proxy: Proxied) -> Seen:
    proxy.toxic("latency", latency=0)
    client, server = proxy.connect()
    upstream = f"127.0.0.1:{proxy.upstream.getsockname()[1]}"
    body = [{"name": proxy.name, "listen": proxy.listen, "upstream": upstream, "enabled": False}]
    proxy.call("POST", "/populate", body)
    client.sendall(b"x")
    now = proxy.call("GET", f"/proxies/{proxy.name}")
    toxics = now["toxics"]
    assert isinstance(toxics, list)
    return read(server, 1), now["enabled"], len(toxics)


def reset_enables_and_clears(proxy: Proxied) -> Seen:
    proxy.toxic("timeout", timeout=0)
    proxy.update(enabled=False)
    proxy.call("POST", "/reset")
    now = proxy.call("GET", f"/proxies/{proxy.name}")
    return now["enabled"], now["toxics"], bytes_pass_both_ways(proxy)


def timeout_silences_one_stream(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("timeout", "upstream", timeout=0)
    client.sendall(b"lost")
    quiet = silent(server)
    server.sendall(b"heard")
    return quiet, read(client, 5)


def timeout_lets_the_end_pass(proxy: Proxied) -> Seen:
    proxy.toxic("timeout", "upstream", timeout=0)
    client, server = proxy.connect()
    client.sendall(b"lost")
    client.close()
    return (ending(server),)


def timeout_removed_closes(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("timeout", timeout=0)
    proxy.change("timeout", timeout=60_000)
    server.sendall(b"lost")
    quiet = silent(client)
    proxy.remove("timeout")
    return quiet, ending(client), ending(server)


def timeout_closes_in_time(proxy: Proxied) -> Seen:
    proxy.toxic("timeout", timeout=300)
    clock = watch()
    client, server = proxy.connect()
    closed = ending(client), ending(server)
    return *closed, clock.after(0.3)


def timeout_waits_for_the_last_chunk(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("timeout", timeout=400)
    quiet = silent(client)
    clock = watch()
    server.sendall(b"starts the time again")
    return quiet, ending(client), clock.after(0.4)


def bandwidth_zero_keeps_all(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("bandwidth", rate=0)
    server.sendall(b"kept")
    server.close()
    quiet = silent(client)
    proxy.remove("bandwidth")
    return quiet, read(client, 4), ending(client)


def bandwidth_takes_its_time(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("bandwidth", rate=50)
    clock = watch()
    server.sendall(bytes(20_000))
    return len(read(client, 20_000)), clock.after(0.39)


def bandwidth_changed_hands_on(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("bandwidth", rate=0)
    server.sendall(b"kept")
    quiet = silent(client)
    proxy.change("bandwidth", rate=1000)
    return quiet, read(client, 4)


def latency_delays_one_stream(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("latency", latency=300)
    client.sendall(b"now")
    question = read(server, 3)
    clock = watch()
    server.sendall(b"later")
    return question, read(client, 5), clock.after(0.3)


def latencies_add_up(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("latency", latency=200)
    extra = {"type": "latency", "name": "more", "attributes": {"latency": 200}}
    proxy.call("POST", f"/proxies/{proxy.name}/toxics", extra)
    clock = watch()
    server.sendall(b"later")
    return read(client, 5), clock.after(0.4)


def latency_delays_no_end(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("latency", latency=60_000)
    server.close()
    return (ending(client),)


def latency_removed_hands_on(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("latency", latency=60_000)
    server.sendall(b"late")
    quiet = silent(client)
    server.sendall(b"st")
    proxy.remove("latency")
    return quiet, read(client, 6)


def latency_changed_hands_on(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("latency", latency=60_000)
    server.sendall(b"late")
    quiet = silent(client)
    proxy.change("latency", latency=1)
    return quiet, read(client, 4)


def slow_close_delays_only_the_end(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("slow_close", delay=300)
    server.sendall(b"at once")
    data = read(client, 7)
    clock = watch()
    server.close()
    return data, ending(client), clock.after(0.3)


def slow_close_removed_closes(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("slow_close", delay=60_000)
    server.close()
    quiet = silent(client)
    proxy.remove("slow_close")
    return quiet, ending(client)


def limit_data_passes_exactly(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("limit_data", bytes=10)
    server.sendall(bytes(25))
    return len(read(client, 25)), ending(server)


def limit_data_counts_on(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("limit_data", bytes=10)
    server.sendall(bytes(6))
    first = len(read(client, 6))
    proxy.change("limit_data", bytes=8)
    server.sendall(bytes(6))
    return first, len(read(client, 6))


def limit_data_zero_closes_at_the_first_byte(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("limit_data", bytes=0)
    quiet = silent(client)
    server.sendall(b"x")
    return quiet, ending(client)


def slicer_keeps_the_bytes(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("slicer", average_size=100, size_variation=30, delay=10)
    data = bytes(range(256)) * 20
    server.sendall(data)
    return (read(client, len(data)) == data,)


def slicer_waits_between_slices(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    proxy.toxic("slicer", average_size=10, size_variation=0, delay=50_000)
    clock = watch()
    server.sendall(bytes(80))
    return len(read(client, 80)), clock.after(0.35)


def reset_peer_resets_new_connections(proxy: Proxied) -> Seen:
    proxy.toxic("reset_peer", timeout=0)
    client, server = proxy.connect()
    server.sendall(b"lost")
    return ending(client), ending(server)


def reset_peer_only_closes_older_ones(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    begun = passes(client, server)
    proxy.toxic("reset_peer", timeout=0)
    server.sendall(b"lost")
    return begun, ending(client), ending(server)


def reset_peer_waits(proxy: Proxied) -> Seen:
    proxy.toxic("reset_peer", timeout=300)
    client, server = proxy.connect()
    clock = watch()
    server.sendall(b"lost")
    return ending(client), clock.after(0.3)


def toxicity_zero_lets_pass(proxy: Proxied) -> Seen:
    proxy.toxic("timeout", toxicity=0, timeout=0)
    client, server = proxy.connect()
    server.sendall(b"heard")
    return (read(client, 5),)


def timeout_of_toxicity_zero_closes_when_removed(proxy: Proxied) -> Seen:
    proxy.toxic("timeout", toxicity=0, timeout=0)
    client, server = proxy.connect()
    begun = passes(client, server)
    proxy.remove("timeout")
    return begun, ending(client), ending(server)


def metrics_count_ended_connections(proxy: Proxied) -> Seen:
    client, server = proxy.connect()
    client.sendall(bytes(5))
    read(server, 5)
    server.sendall(bytes(7))
    read(client, 7)
    client.close()
    ended = ending(server)
    server.close()
    return ended, *(_eventually_counted(proxy, *row) for row in _COUNTED)


_COUNTED = (
    ("received", "upstream", 5),
    ("sent", "upstream", 5),
    ("received", "downstream", 7),
    ("sent", "downstream", 7),
)


def _eventually_counted(proxy: Proxied, kind: str, stream: str, count: int) -> bool:
    """The line comes when the copying has ended, which nothing announces: ask until it is there."""
    upstream = f"127.0.0.1:{proxy.upstream.getsockname()[1]}"
    labels = f'direction="{stream}",listener="{proxy.listen}",proxy="{proxy.name}",upstream="{upstream}"'
    wanted = f"toxiproxy_proxy_{kind}_bytes_total{{{labels}}} {count}\n"
    clock = watch()
    while not clock.after(PATIENCE_S):
        if wanted in proxy.metrics():
            return True
    return False


# Where only the built-in server does well


def toxics_change_behind_a_slow_reader(proxy: Proxied) -> Seen:
    """There the call waits for the reader, gives up after 25 s, and the proxy never answers again (#558)."""
    proxy.toxic("latency", latency=1)
    client, server = proxy.connect()
    sent = flood(server)
    proxy.toxic("bandwidth", rate=1)
    proxy.change("latency", latency=2)
    proxy.remove("bandwidth")
    proxy.remove("latency")
    return (read(client, len(sent)) == sent,)


def flood(sock: socket.socket) -> bytes:
    """Send until nothing is taken any more."""
    sent = bytearray()
    block = bytes(range(256)) * 256
    sock.settimeout(SILENCE_S)
    try:
        while True:
            sent += block[: sock.send(block)]
    except TimeoutError:
        sock.settimeout(PATIENCE_S)
    return bytes(sent)


def disabling_does_not_wait_for_a_dial(proxy: Proxied) -> Seen:
    """There a dial that hangs holds up every later accept, and the call that would end it (503 after 25 s)."""
    with unanswering() as address:
        proxy.update(upstream=address)
        client = proxy.dial()
        quiet = silent(client)
        proxy.update(enabled=False)
        return quiet, ending(client), refused(proxy)


@contextmanager
def unanswering() -> Iterator[str]:
    """An address where a connect hangs: its backlog is full, so the system drops what comes."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"127.0.0.1:{full.getsockname()[1]}"


Case = Callable[[Proxied], Seen]

PASSED = (b"question", b"answer")

EXPECTED: Mapping[Case, Seen] = {
    bytes_pass_both_ways: PASSED,
    large_data_is_whole: (True,),
    half_close_is_a_whole_close: ("fin", "fin"),
    server_close_reaches_client: (b"last words", "fin"),
    client_reset_closes_server: ("fin",),
    absent_upstream_is_an_empty_answer: ("fin",),
    disabled_refuses_and_closes: ("fin", "fin", True, PASSED),
    another_upstream_closes: ("fin", "fin"),
    same_upstream_keeps: (b"x",),
    populate_keeps_what_is_the_same: (b"x", True, 1),
    reset_enables_and_clears: (True, [], PASSED),
    timeout_silences_one_stream: (True, b"heard"),
    timeout_lets_the_end_pass: ("fin",),
    timeout_removed_closes: (True, "fin", "fin"),
    timeout_closes_in_time: ("fin", "fin", True),
    timeout_waits_for_the_last_chunk: (True, "fin", True),
    bandwidth_zero_keeps_all: (True, b"kept", "fin"),
    bandwidth_takes_its_time: (20_000, True),
    bandwidth_changed_hands_on: (True, b"kept"),
    latency_delays_one_stream: (b"now", b"later", True),
    latencies_add_up: (b"later", True),
    latency_delays_no_end: ("fin",),
    latency_removed_hands_on: (True, b"latest"),
    latency_changed_hands_on: (True, b"late"),
    slow_close_delays_only_the_end: (b"at once", "fin", True),
    slow_close_removed_closes: (True, "fin"),
    limit_data_passes_exactly: (10, "fin"),
    limit_data_counts_on: (6, 2),
    limit_data_zero_closes_at_the_first_byte: (True, "fin"),
    slicer_keeps_the_bytes: (True,),
    slicer_waits_between_slices: (80, True),
    reset_peer_resets_new_connections: ("reset", "reset"),
    reset_peer_only_closes_older_ones: (True, "fin", "fin"),
    reset_peer_waits: ("reset", True),
    toxicity_zero_lets_pass: (b"heard",),
    timeout_of_toxicity_zero_closes_when_removed: (True, "fin", "fin"),
    metrics_count_ended_connections: ("fin", True, True, True, True),
}

OURS_ALONE: Mapping[Case, Seen] = {
    toxics_change_behind_a_slow_reader: (True,),
    disabling_does_not_wait_for_a_dial: (True, "fin", True),
}
