"""One request of the `collab` command to an agent, blocking: the command does one thing and ends."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from collab.kubeconfig import Kubeconfig

CONNECT_S = 5.0


class Unreachable(Exception):
    """The agent did not answer; one line that names it and why."""


class NotAnAgent(Exception):
    """Something else answered; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    body: dict[str, object]


def call(kubeconfig: Kubeconfig, method: str, path: str, body: object = None, *, timeout_s: float = CONNECT_S) -> Reply:
    """The agent's answer. Raises Unreachable, or NotAnAgent when it is not JSON of an agent."""
    agent = kubeconfig.agent
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if kubeconfig.token:
        headers["Authorization"] = f"Bearer {kubeconfig.token}"
    connection = _connection(kubeconfig, timeout_s)
    try:
        connection.request(method, urlsplit(agent).path + path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        status, text = response.status, response.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        why = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
        raise Unreachable(f"agent {agent} (from {kubeconfig.source}) cannot be reached: {why}") from error
    finally:
        connection.close()
    return Reply(status=status, body=_agent_json(text, agent, kubeconfig.source))


def _connection(kubeconfig: Kubeconfig, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(kubeconfig.agent)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=kubeconfig.tls())
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def _agent_json(text: bytes, agent: str, source: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and not _is_of_an_apiserver(found):
        return found
    raise NotAnAgent(
        f"{agent} (from {source}) is no collab agent; point the kubeconfig's server at the agent's address"
    )


def _is_of_an_apiserver(body: dict[str, object]) -> bool:
    """A plain apiserver knows no /collab and says so: 404 with nothing found, or 403 for an unknown path."""
    message = str(body.get("message"))
    unknown = message.startswith(("the server could not find the requested resource", "forbidden: User"))
    return body.get("kind") == "Status" and unknown
