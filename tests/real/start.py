"""Starts the real servers that `make real` has built: Toxiproxy, and etcd with kube-apiserver and a few controllers.

Tests get them through the fixtures `real_toxiproxy` and `real_apiserver` (tests/conftest.py). By hand:

    python tests/real/start.py apiserver     # prints {"url", "token", "ca", "kubeconfig"}, runs until Ctrl-C
    python tests/real/start.py toxiproxy     # prints {"url"}

Each start has its own ports and its own folder, which goes away at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

VERSION = "1.37.2"
TOKEN = "admin-token"
START_TIMEOUT_S = 90.0  # a cold kube-apiserver on a busy two-core machine; 3.5 s when idle
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05

# What namespace deletion, owner references, default ServiceAccounts, kube-root-ca.crt and the rules of view, edit and
# admin need; nothing that needs nodes.
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
)


class NotBuilt(Exception):
    """The server is not in the cache folder: `make real` builds it where Go is."""


class NotReady(Exception):
    """The server ended, or did not answer in time; the message carries the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealApiserver:
    url: str
    token: str
    ca: str
    """Path of the PEM file that verifies `url`."""
    kubeconfig: str
    """Path of a kubeconfig of an administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealToxiproxy:
    url: str


def folder() -> Path:
    """Where tests/real/build.sh leaves the servers."""
    named = os.environ.get("FAKEKUBE_REAL")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "fakekube" / f"real-{VERSION}"


def binary(name: str) -> str:
    path = folder() / name
    if not os.access(path, os.X_OK):
        raise NotBuilt(f"{name} is not built: run `make real` (needs Go)")
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process while the block lasts; SIGTERM at its end, and SIGKILL when that is not enough."""
    leash = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []  # no orphan when we are killed
    with log.open("wb") as output:
        process = subprocess.Popen([*leash, *command], stdout=output, stderr=subprocess.STDOUT, process_group=0)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when `ready`; NotReady when the process ends first or START_TIMEOUT_S have passed."""
    give_up = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up:
            tail = log.read_text(errors="replace").splitlines()[-5:]
            raise NotReady(f"{log.stem} did not become ready: " + " | ".join(tail))
        time.sleep(POLL_S)


def answers(url: str, tls: ssl.SSLContext | None = None) -> Callable[[], bool]:
    """Whether a GET of `url` is a 200; the token is sent, so that an apiserver lets it pass."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})

    def ask() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=5, context=tls) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ask


@contextmanager
def toxiproxy() -> Iterator[RealToxiproxy]:
    server = binary("toxiproxy-server")
    with tempfile.TemporaryDirectory(prefix="real-toxiproxy-") as temp:
        port, log = free_port(), Path(temp) / "toxiproxy.log"
        url = f"http://127.0.0.1:{port}"
        with running([server, "-host", "127.0.0.1", "-port", str(port), "-proxy-metrics"], log) as process:
            until(answers(f"{url}/version"), process, log)
            yield RealToxiproxy(url=url)


@contextmanager
def apiserver(controllers: Sequence[str] = CONTROLLERS) -> Iterator[RealApiserver]:
    """etcd and kube-apiserver, and a controller manager unless `controllers` is empty; ready when /readyz says so."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        binary(name)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="real-apiserver-")))
        stack.callback(shutil.rmtree, home / "etcd", ignore_errors=True)
        etcd = stack.enter_context(_etcd(home))
        server = stack.enter_context(_kube_apiserver(home, etcd))
        if controllers:
            stack.enter_context(_controller_manager(home, controllers))
        yield server


@contextmanager
def _etcd(home: Path) -> Iterator[str]:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    flags = {
        "name": "default",
        "data-dir": str(home / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "warn",
    }
    log = home / "etcd.log"
    with running([binary("etcd"), "--unsafe-no-fsync", *_flags(flags)], log) as process:
        until(answers(f"{client}/readyz"), process, log)
        yield client


@contextmanager
def _kube_apiserver(home: Path, etcd: str) -> Iterator[RealApiserver]:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    certificate, key = _certificate(home)
    tokens = home / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')
    flags = {
        "etcd-servers": etcd,
        "bind-address": "127.0.0.1",
        "secure-port": str(port),
        "advertise-address": "10.255.255.1",  # a loopback address is refused here
        "cert-dir": str(home),
        "tls-cert-file": str(certificate),
        "tls-private-key-file": str(key),
        "token-auth-file": str(tokens),
        "authorization-mode": "RBAC",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-cluster-ip-range": "10.0.0.0/24",
        "allow-privileged": "true",
    }
    log = home / "kube-apiserver.log"
    kubeconfig = _kubeconfig(home, url, certificate)
    with running([binary("kube-apiserver"), *_flags(flags)], log) as process:
        until(answers(f"{url}/readyz", ssl.create_default_context(cafile=str(certificate))), process, log)
        yield RealApiserver(url=url, token=TOKEN, ca=str(certificate), kubeconfig=str(kubeconfig))


@contextmanager
def _controller_manager(home: Path, controllers: Sequence[str]) -> Iterator[None]:
    """Running, not yet waited for: what it makes (default ServiceAccounts, ...) a test waits for where it matters."""
    flags = {
        "kubeconfig": str(home / "kubeconfig"),
        "leader-elect": "false",
        "secure-port": "0",
        "service-account-private-key-file": str(home / "server.key"),
        "root-ca-file": str(home / "server.crt"),
        "controllers": ",".join(controllers),
    }
    with running([binary("kube-controller-manager"), *_flags(flags)], home / "kube-controller-manager.log"):
        yield


def _flags(values: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _certificate(home: Path) -> tuple[Path, Path]:
    """A self-signed server certificate that is its own root; its key also signs ServiceAccount tokens."""
    certificate, key = home / "server.crt", home / "server.key"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=real-apiserver"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"]
    subprocess.run(
        [*request, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60
    )
    return certificate, key


def _kubeconfig(home: Path, url: str, certificate: Path) -> Path:
    """Written as JSON, which every reader of YAML reads."""
    path = home / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "admin"}}],
        "current-context": "real",
    }
    path.write_text(json.dumps(document, indent=2))
    return path


STARTERS: dict[str, Callable[[], AbstractContextManager[RealApiserver | RealToxiproxy]]] = {
    "apiserver": apiserver,
    "toxiproxy": toxiproxy,
}


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in STARTERS:
        print(f"usage: start.py {'|'.join(STARTERS)}", file=sys.stderr)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with STARTERS[arguments[0]]() as server:
            print(json.dumps(asdict(server)), flush=True)
            stopped.wait()
    except (NotBuilt, NotReady) as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
