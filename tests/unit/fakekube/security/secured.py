"""A site that asks who everybody is, and RBAC what they may. Everybody's token is their name."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.server import Apiserver
from fakekube.registry.plugins import AdmissionPlugin
from fakekube.registry.users import UserInfo
from tests.unit.fakekube.sites import Answer, Clock

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SPACE = "/api/v1/namespaces/default"
ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
MAY = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

USERS = {
    "admin": UserInfo(name="admin", uid="admin-uid", groups=("system:masters",)),
    "ann": UserInfo(name="ann", uid="ann-uid", groups=("dev",)),
    "bob": UserInfo(name="bob"),
    "eve": UserInfo(name='<e"ve>'),
}


@dataclass
class Secured:
    """Requests in one line: `site.ask("GET", path, by="ann")`; by "" shows nothing."""

    anonymous: bool = True
    admission: Sequence[AdmissionPlugin] = ()
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.server = Apiserver(
            name="paris",
            now=self.clock,
            rng=random.Random(1),
            authentication=Authentication(tokens=USERS, anonymous=self.anonymous),
            authorization="RBAC",
            admission=self.admission,
        )
        self.settle()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str = "ann",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path, _, query = path.partition("?")
        shown = {"authorization": f"Bearer {by}"} if by else {}
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        raw = b"" if body is None else json.dumps(body).encode()
        found = self.server.handle(
            Request(
                method=method,
                path=path,
                query=query,
                headers={"content-type": kind, "user-agent": "test", **shown, **(headers or {})},
                body=raw,
            )
        )
        assert isinstance(found, Response), "a watch was opened"
        return Answer(found.status, dict(found.headers), found.body.decode("utf-8", "replace"))

    def done(self, method: str, path: str, body: object = None) -> Any:
        """What an administrator does, and succeeds in."""
        answer = self.ask(method, path, body, by="admin")
        assert answer.status in (200, 201), answer.text
        return answer.json

    def grant(self, user: str, *rules: Mapping[str, Any], name: str = "", cluster: bool = False) -> None:
        """A role with these rules, bound to `user` in namespace default, or everywhere."""
        name = name or f"of-{user}"
        kind, roles, bindings = (
            ("ClusterRole", f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings")
            if cluster
            else ("Role", ROLES, BINDINGS)
        )
        self.done("POST", roles, {"metadata": {"name": name}, "rules": list(rules)})
        self.done("POST", bindings, binding(name, kind, user))

    def may(self, user: str, verb: str, resource: str, **more: Any) -> Any:
        """The status of a SubjectAccessReview about namespace default."""
        attributes = {"namespace": "default", "verb": verb, "resource": resource, **more}
        return self.done("POST", MAY, {"spec": {"user": user, "resourceAttributes": attributes}})["status"]

    def settle(self) -> None:
        """Let all background work happen."""
        while (due := self.server.next_due()) is not None:
            self.clock.now = max(self.clock.now, due)
            self.server.run_due(self.clock.now)


def rule(verbs: str, resources: str, *, group: str = "", names: Sequence[str] = ()) -> dict[str, Any]:
    """Verbs and resources in one text each, with blanks between."""
    found: dict[str, Any] = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return {**found, "resourceNames": list(names)} if names else found


def binding(role: str, kind: str, *users: str, name: str = "") -> dict[str, Any]:
    api_group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "User", "name": user, "apiGroup": api_group} for user in users]
    reference = {"kind": kind, "name": role, "apiGroup": api_group}
    return {"metadata": {"name": name or role}, "roleRef": reference, "subjects": subjects}
