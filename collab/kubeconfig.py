"""The kubeconfig as the `collab` command needs it: which server is current, and how to speak to it.

Reads what kubectl reads: `--kubeconfig`, else the files of $KUBECONFIG merged (the first to set a value wins), else
~/.kube/config.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import yaml

SCOPE_PREFIX = "/scope/"
Section: TypeAlias = dict[str, object]


class KubeconfigError(Exception):
    """A kubeconfig that cannot be used; one line that names file, field, value and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeconfig:
    """One context: its cluster and user as in the file, relative paths made absolute. `source` is for messages."""

    source: str
    context_name: str
    context: Section
    cluster: Section
    user: Section

    @property
    def agent(self) -> str:
        """The URL of the agent: the server, less a scope that it may name."""
        server = str(self.cluster["server"])
        base, mark, _ = server.partition(SCOPE_PREFIX)
        return base if mark else server.rstrip("/")

    @property
    def token(self) -> str:
        """The user's bearer token, "" if there is none."""
        path = self.user.get("tokenFile")
        if isinstance(path, str):
            return Path(path).read_text(encoding="utf-8").strip()
        return str(self.user.get("token") or "")

    def tls(self) -> ssl.SSLContext:
        """How to check the server's certificate."""
        data = self.cluster.get("certificate-authority-data")
        file = self.cluster.get("certificate-authority")
        context = ssl.create_default_context(
            cafile=str(file) if file else None, cadata=base64.b64decode(str(data)).decode() if data else None
        )
        if self.cluster.get("insecure-skip-tls-verify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def under_scope(self, segment: str) -> Section:
        """A kubeconfig of this context alone whose server has `/scope/SEGMENT` before every path."""
        cluster = {**self.cluster, "server": f"{self.agent}{SCOPE_PREFIX}{segment}"}
        context = {**self.context, "cluster": "scoped", "user": "scoped"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context_name,
            "clusters": [{"name": "scoped", "cluster": cluster}],
            "users": [{"name": "scoped", "user": self.user}],
            "contexts": [{"name": self.context_name, "context": context}],
        }


def load(path: str | None, context: str | None, environment: Mapping[str, str]) -> Kubeconfig:
    """The current context, or the one named. Raises KubeconfigError."""
    files = _files(path, environment)
    documents = [(file, _read(file)) for file in files]
    source = ", ".join(map(str, files))
    name = context or _first(documents, "current-context")
    if not name:
        raise KubeconfigError(f"{source}: field current-context is not set; set it, or give --context NAME")
    chosen = _entry(documents, "contexts", "context", str(name), source)
    cluster = _entry(documents, "clusters", "cluster", str(chosen.get("cluster") or ""), source)
    user_name = str(chosen.get("user") or "")
    user = _entry(documents, "users", "user", user_name, source) if user_name else {}
    _check_server(cluster.get("server"), str(chosen.get("cluster")), source)
    return Kubeconfig(source=source, context_name=str(name), context=chosen, cluster=cluster, user=user)


def is_absent(environment: Mapping[str, str]) -> bool:
    """Whether nobody named a kubeconfig and there is none at the usual place."""
    return not environment.get("KUBECONFIG") and not _default().exists()


def _default() -> Path:
    return Path.home() / ".kube" / "config"


def _files(path: str | None, environment: Mapping[str, str]) -> list[Path]:
    if path:
        return [Path(path)]
    listed = [Path(name) for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    # as kubectl does, files of the list that do not exist are passed over, unless none does
    return [file for file in listed if file.exists()] or listed[:1] or [_default()]


def _read(file: Path) -> Section:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise KubeconfigError(f"{file}: {error.strerror}; give an existing kubeconfig with --kubeconfig") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"{file}: not a kubeconfig: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise KubeconfigError(f"{file}: not a kubeconfig: expected a mapping with clusters, users and contexts")
    return content


def _first(documents: Sequence[tuple[Path, Section]], field: str) -> object:
    return next((document[field] for _, document in documents if document.get(field)), None)


def _entry(documents: Sequence[tuple[Path, Section]], section: str, member: str, name: str, source: str) -> Section:
    """The named entry of a section, of the first file that has it."""
    for file, document in documents:
        rows = document.get(section)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("name") == name and isinstance(row.get(member), dict):
                return _absolute(row[member], file.parent)
    raise KubeconfigError(f"{source}: field {section}: there is no {member} named {name!r}")


_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _absolute(entry: Section, directory: Path) -> Section:
    """Paths in a kubeconfig are relative to its own place."""
    changed = {name: str((directory / str(entry[name])).resolve()) for name in _PATHS if entry.get(name)}
    return {**entry, **changed}


def _check_server(server: object, cluster: str, source: str) -> None:
    try:
        usable = isinstance(server, str) and urlsplit(server).scheme in ("http", "https") and urlsplit(server).hostname
    except ValueError:
        usable = False
    if not usable:
        raise KubeconfigError(f"{source}: field clusters.{cluster}.server: {server!r} is not a URL of a collab agent")
