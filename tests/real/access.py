"""Who may do what: the same roles, users and requests at fakekube and at a real kube-apiserver with RBAC.

    python -m tests.real.access [--requests N] [--seed S] [-v]

Random roles and bindings are made at both. Then users, groups and ServiceAccounts ask for random things: resources and
paths, served or not; reviews; grants (tried out, never written); impersonation. Decisions and messages are compared.
Prints each difference, and at the end the counts; exit status 1 when there is one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.real import start
from tests.recordings.answer import Answer
from tests.recordings.core_target import CoreTarget
from tests.recordings.http_target import HttpTarget
from tests.recordings.play import Question, Target

SETTLED_S = 1.0  # until the real server's authorizer has seen what was written
_RBAC = "rbac.authorization.k8s.io"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "escalate")
_GROUPS = ("", "", "apps", _RBAC, "authorization.k8s.io", "none.example.com")
_RESOURCES = (
    "pods",
    "pods/log",
    "configmaps",
    "secrets",
    "deployments",
    "deployments/scale",
    "*/scale",
    "nodes",
    "namespaces",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "nothing",
)
_NAMES = ("x", "y", "view", "")
_URLS = ("/healthz", "/healthz/*", "/metrics", "/api", "/api/*", "/x&y", "/logs/*", "*")
_PEOPLE = ("ann", "bob", "system:admin", 'o"neil', "<eve>")
_CROWDS = ("dev", "ops", "system:authenticated", "system:serviceaccounts")
_ACCOUNTS = ("s0", "s1", "s2", "s3")
_IMPERSONATIONS = (
    "impersonate",
    "impersonate:user-info",
    "impersonate:serviceaccount",
    "impersonate:arbitrary-node",
    "impersonate-on:user-info:*",
    "impersonate-on:user-info:list",
    "impersonate-on:serviceaccount:get",
    "impersonate-on:arbitrary-node:get",
)
_SHOWN = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer  admin-token",
    "Bearer wrong",
    "bearer wrong",
    "Bearer wrong more",
    "Bearer a.b.c",
    "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMifQ.",
    "Basic YWRtaW46YWRtaW4=",
    "Token admin-token",
    "admin-token",
    "Negotiate x",
)
_ACCEPTED = (
    "application/json",
    "*/*",
    "text/html",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
)
_IMPERSONATED = ("users", "groups", "uids", "userextras/scopes", "serviceaccounts", "nodes", "configmaps", "*")
_PATHS = (
    "/",
    "/api",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/api/v1",
    "/healthz",
    "/healthz/etcd",
    "/version",
    "/nothing",
    "/x&y",
    "/openapi/v2",
    "/logs/a",
    "/api/v1/watch/pods",
    "/api/v1/watch/namespaces/{ns}/pods",
    "/api/v1/proxy/nodes/x",
    "/api/v1/namespaces/{ns}/status",
    "/api/v1/namespaces/{ns}/finalize",
    "/api/v1/namespaces//pods",
    "/api/v1/namespaces/{ns}/pods/x/none/some/path",
    "/api/v1/namespaces/{ns}/configmaps/a%2Fb",
    "/apis/none.example.com/v1/things/x/y/z",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to both servers."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    account: str = ""


@dataclass(slots=True)
class Server:
    """One of the two, and the tokens of its ServiceAccounts."""

    target: Target
    admin: str | None
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, asked: Asked) -> Answer:
        token = self.tokens[asked.account] if asked.account else self.admin
        headers = {"user-agent": "access", "accept": "application/json", "authorization": f"Bearer {token}"}
        body = None if asked.body is None else json.dumps(asked.body).encode()
        if body is not None:
            headers["content-type"] = "application/merge-patch+json" if asked.method == "PATCH" else "application/json"
        question = Question(method=asked.method, target=asked.path, headers={**headers, **asked.headers}, body=body)
        return self.target.ask(question)


class Stage:
    """Roles, bindings and accounts drawn from a seed, the same at every server."""

    def __init__(self, rng: random.Random, run: str) -> None:
        self.rng = rng
        self.spaces = (f"access-{run}-a", f"access-{run}-b")
        self.roles = tuple(f"{run}-{number}" for number in range(8))

    def set_up(self, servers: Sequence[Server]) -> None:
        for asked in [*self._spaces(), *self._roles(), *self._bindings()]:
            for server in servers:
                answer = server.ask(asked)
                assert answer.code in (200, 201), (asked, answer.raw)
        for server in servers:
            self._tokens(server)

    def _spaces(self) -> list[Asked]:
        found = [
            Asked("setup", "POST", "/api/v1/namespaces", body={"metadata": {"name": each}}) for each in self.spaces
        ]
        path = f"/api/v1/namespaces/{self.spaces[0]}/serviceaccounts"
        return [*found, *(Asked("setup", "POST", path, body={"metadata": {"name": each}}) for each in _ACCOUNTS)]

    def _tokens(self, server: Server) -> None:
        for account in _ACCOUNTS:
            path = f"/api/v1/namespaces/{self.spaces[0]}/serviceaccounts/{account}/token"
            document = server.ask(Asked("setup", "POST", path, body={"spec": {}})).document()
            server.tokens[account] = document["status"]["token"]

    def _roles(self) -> list[Asked]:
        root, found = f"/apis/{_RBAC}/v1", []
        for name in self.roles:
            rules = [self.rule(cluster=True) for _ in range(self.rng.randint(1, 3))]
            found.append(Asked("setup", "POST", f"{root}/clusterroles", body=_role(name, rules)))
            rules = [self.rule(cluster=False) for _ in range(self.rng.randint(1, 3))]
            for space in self.spaces:
                found.append(Asked("setup", "POST", f"{root}/namespaces/{space}/roles", body=_role(name, rules)))
        return found

    def _bindings(self) -> list[Asked]:
        root, found = f"/apis/{_RBAC}/v1", []
        for number in range(16):
            name, space = f"{self.roles[0]}-{number}", self.rng.choice(self.spaces)
            kind = self.rng.choice(("Role", "ClusterRole"))
            found.append(
                Asked("setup", "POST", f"{root}/namespaces/{space}/rolebindings", body=self.binding(name, kind))
            )
            if number % 2:
                body = self.binding(name, "ClusterRole")
                found.append(Asked("setup", "POST", f"{root}/clusterrolebindings", body=body))
        return found

    def rule(self, *, cluster: bool) -> dict[str, Any]:
        """Of a role: on resources, on URLs, or about impersonation."""
        rng, shape = self.rng, self.rng.random()
        if cluster and shape < 0.2:
            return {"verbs": _some(rng, ("get", "post", "*")), "nonResourceURLs": _some(rng, _URLS)}
        if cluster and shape < 0.45:
            groups = _some(rng, ("", "authentication.k8s.io", "*"))
            return {"verbs": _some(rng, _IMPERSONATIONS), "apiGroups": groups, "resources": _some(rng, _IMPERSONATED)}
        verbs, resources = _some(rng, (*_VERBS, "*")), _some(rng, (*_RESOURCES, "*"))
        rule = {"verbs": verbs, "apiGroups": _some(rng, (*_GROUPS, "*")), "resources": resources}
        return {**rule, "resourceNames": _some(rng, _NAMES[:3])} if rng.random() < 0.3 else rule

    def binding(self, name: str, kind: str) -> dict[str, Any]:
        role = self.rng.choice((*self.roles, *self.roles, "view", "edit", "missing"))
        reference = {"apiGroup": _RBAC, "kind": kind, "name": role}
        return {
            "metadata": {"name": name},
            "roleRef": reference,
            "subjects": [self.subject() for _ in range(self.rng.randint(1, 3))],
        }

    def subject(self) -> dict[str, str]:
        kind = self.rng.choice(("User", "Group", "ServiceAccount"))
        if kind == "ServiceAccount":
            return {"kind": kind, "name": self.rng.choice(_ACCOUNTS), "namespace": self.spaces[0]}
        names = _PEOPLE[:2] if kind == "User" else _CROWDS[:2]
        return {"kind": kind, "name": self.rng.choice(names), "apiGroup": _RBAC}

    def asked(self) -> Asked:
        """The next request, of a random kind."""
        kinds: Sequence[Callable[[], Asked]] = (
            self._request,
            self._request,
            self._request,
            self._path,
            self._review,
            self._rules,
            self._grant,
            self._bind,
            self._impersonation,
            self._impersonation,
            self._credentials,
        )
        return self.rng.choice(kinds)()

    def _who(self) -> tuple[dict[str, str], str]:
        """Headers by which an administrator asks as somebody, or the account that asks by its own token."""
        if self.rng.random() < 0.4:
            return {}, self.rng.choice(_ACCOUNTS)
        headers = {"impersonate-user": self.rng.choice(_PEOPLE)}
        if self.rng.random() < 0.6:
            headers["impersonate-group"] = self.rng.choice(_CROWDS)
        return headers, ""

    def _request(self) -> Asked:
        rng = self.rng
        headers, account = self._who()
        group = rng.choice(_GROUPS)
        resource, _, subresource = rng.choice(_RESOURCES).partition("/")
        root = f"/apis/{group}/v1" if group else "/api/v1"
        space = f"/namespaces/{rng.choice((*self.spaces, 'none-such'))}" if rng.random() < 0.7 else ""
        name = rng.choice(_NAMES)
        path = f"{root}{space}/{resource.replace('*', 'pods')}"
        if name:
            path += f"/{name}" + (f"/{subresource}" if subresource else "")
        query = rng.choice(
            ("", "", "", "?watch=1&timeoutSeconds=1", "?fieldSelector=metadata.name%3Dx", "?limit=a&watch=0")
        )
        method = rng.choice(("GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE"))
        body: Any = {} if method in ("POST", "PUT", "PATCH") else None
        if method != "GET":
            query = "?dryRun=All"
        return Asked("request", method, path + query, headers, body, account)

    def _path(self) -> Asked:
        headers, account = self._who()
        path = self.rng.choice(_PATHS).replace("{ns}", self.rng.choice(self.spaces))
        method = self.rng.choice(("GET", "GET", "POST", "HEAD"))
        if "watch" in path:
            method = "HEAD"  # nothing that stays open
        if "//" in path:
            method = "GET"
        return Asked("path", method, path, headers, {} if method == "POST" else None, account)

    def _review(self) -> Asked:
        rng = self.rng
        if rng.random() < 0.2:
            matter: dict[str, Any] = {
                "nonResourceAttributes": {"verb": rng.choice(("get", "post")), "path": rng.choice((*_URLS, "/api/v1"))}
            }
        else:
            resource, _, subresource = rng.choice(_RESOURCES).partition("/")
            attributes = {
                "verb": rng.choice((*_VERBS, *_IMPERSONATIONS)),
                "group": rng.choice(_GROUPS),
                "resource": resource,
                "subresource": subresource,
                "namespace": rng.choice((*self.spaces, "")),
                "name": rng.choice(_NAMES),
            }
            matter = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        spec = {"user": rng.choice(_PEOPLE), "groups": _some(rng, _CROWDS), **matter}
        return Asked("review", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body={"spec": spec})

    def _rules(self) -> Asked:
        body = {"spec": {"namespace": self.rng.choice(self.spaces)}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        return Asked("rules", "POST", path, {}, body, self.rng.choice(_ACCOUNTS))

    def _grant(self) -> Asked:
        """A role, tried out: new, or in the place of one that is there."""
        rng, (headers, account) = self.rng, self._who()
        cluster = rng.random() < 0.5
        rules = [self.rule(cluster=cluster) for _ in range(rng.randint(1, 3))]
        scope = "clusterroles" if cluster else f"namespaces/{rng.choice(self.spaces)}/roles"
        return self._tried(scope, _role(rng.choice((*self.roles, "new")), rules), headers, account)

    def _bind(self) -> Asked:
        rng, (headers, account) = self.rng, self._who()
        cluster = rng.random() < 0.4
        scope = "clusterrolebindings" if cluster else f"namespaces/{rng.choice(self.spaces)}/rolebindings"
        kind = "ClusterRole" if cluster else rng.choice(("Role", "ClusterRole"))
        return self._tried(scope, self.binding("new", kind), headers, account)

    def _credentials(self) -> Asked:
        """Headers of all sorts in place of a token, and answers in all forms."""
        rng = self.rng
        space = self.spaces[0]
        headers = {"authorization": rng.choice(_SHOWN), "accept": rng.choice(_ACCEPTED)}
        path = rng.choice(("/healthz", "/version", "/api", "/nothing", f"/api/v1/namespaces/{space}/configmaps"))
        method = rng.choice(("GET", "GET", "POST", "DELETE", "HEAD"))
        return Asked("credentials", method, path, headers, {} if method == "POST" else None)

    def _tried(self, scope: str, body: dict[str, Any], headers: dict[str, str], account: str) -> Asked:
        path = f"/apis/{_RBAC}/v1/{scope}"
        if "rules" in body and body["metadata"]["name"] != "new":
            method = self.rng.choice(("PUT", "PATCH"))
            return Asked("grant", method, f"{path}/{body['metadata']['name']}?dryRun=All", headers, body, account)
        return Asked("grant", "POST", f"{path}?dryRun=All", headers, body, account)

    def _impersonation(self) -> Asked:
        """An account acts as somebody else."""
        rng, space = self.rng, self.rng.choice(self.spaces)
        names = (*_PEOPLE, "system:anonymous", "system:node:n1", f"system:serviceaccount:{space}:s0", "")
        headers = {"impersonate-user": rng.choice(names)}
        for header, values in (
            ("impersonate-group", (*_CROWDS, "system:masters", "")),
            ("impersonate-uid", ("u1",)),
            # one of them: the real server asks about several in any order
            (rng.choice(("impersonate-extra-scopes", "impersonate-extra-acme.com%2fq")), ("x",)),
        ):
            if rng.random() < 0.25:
                headers[header] = rng.choice(values)
        path = rng.choice(
            (
                f"/api/v1/namespaces/{space}/configmaps",
                f"/api/v1/namespaces/{space}/configmaps/x",
                "/api/v1/nodes/n1",
                "/apis",
                "/healthz",
            )
        )
        return Asked("impersonation", "GET", path, headers, None, rng.choice(_ACCOUNTS))


def _role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": rules}


def _some(rng: random.Random, values: Sequence[str]) -> list[str]:
    return rng.sample(values, rng.randint(1, min(3, len(values))))


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def told(asked: Asked, answer: Answer) -> Any:
    """What of an answer must be the same: the code; refusals word for word; decisions without which binding made them."""
    document = answer.document() if asked.method != "HEAD" else None
    seen = {name: answer.header(name) for name in _SEEN} if asked.kind == "credentials" or answer.code == 403 else {}
    if not isinstance(document, dict):
        return answer.code, seen
    if document.get("kind") == "Status" and answer.code >= 400:
        return answer.code, seen, _sorted_problems(_UUID.sub("@", str(document["message"]))), document.get("details")
    status = document.get("status", {})
    if asked.kind == "review":
        reason = str(status.get("reason", ""))
        return status["allowed"], reason[:16] if status["allowed"] else _sorted_problems(reason)
    if asked.kind == "rules":
        rules = [sorted(json.dumps(rule, sort_keys=True) for rule in status[kind]) for kind in _RULES]
        return rules, _sorted_problems(status.get("evaluationError", ""))
    return answer.code


_SEEN = ("content-type", "x-content-type-options", "warning", "cache-control", "www-authenticate")
_RULES = ("resourceRules", "nonResourceRules")


def _sorted_problems(text: str) -> str:
    """Several missing roles come in any order; a list of one has no brackets."""
    return re.sub(r"\[([^\[\]]*not found[^\[\]]*)\]", lambda m: f"[{', '.join(sorted(m[1].split(', ')))}]", text)


@dataclass(slots=True)
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)


def compare(real: Server, ours: Server, *, requests: int, at: int, run: str) -> Tally:
    """Asks both `requests` things; the seed `at` fixes them. `run` keeps the names apart on a shared server."""
    stage, tally = Stage(random.Random(at), run), Tally()
    stage.set_up([real, ours])
    time.sleep(SETTLED_S)
    for _ in range(requests):
        asked = stage.asked()
        answer = real.ask(asked)
        wanted, got = told(asked, answer), told(asked, ours.ask(asked))
        tally.counts["requests"] += 1
        tally.counts[asked.kind] += 1
        tally.codes[answer.code] += 1
        if wanted == got:
            tally.counts["equal"] += 1
        else:
            tally.differing.append(f"{asked}\n    real {wanted}\n    ours {got}")
    return tally


def own_server() -> Server:
    return Server(CoreTarget(secured=True), "admin-token")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares who may do what with a real kube-apiserver.")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", "--verbose", action="store_true", help="every difference, not the first twenty")
    arguments = parser.parse_args()
    try:
        with start.apiserver() as built:
            real = Server(HttpTarget(built.url, built.token), built.token)
            tally = compare(real, own_server(), requests=arguments.requests, at=arguments.seed, run="r")
    except start.NotBuilt as absent:
        print(f"skipped: {absent}")
        return 0
    print("\n".join(tally.differing[: None if arguments.verbose else 20]))
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.counts.items()))
    print(f"codes {dict(sorted(tally.codes.items()))}")
    print(f"access, server v{start.VERSION}: {kinds}, unequal {len(tally.differing)}")
    return 1 if tally.differing else 0


if __name__ == "__main__":
    sys.exit(main())
