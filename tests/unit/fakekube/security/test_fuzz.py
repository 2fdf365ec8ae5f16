"""Whatever is sent, it is answered: nothing that a client shows is a failure of ours."""

from __future__ import annotations

import base64
import json
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from tests.unit.fakekube.security.secured import RBAC, SPACE, WHO, Secured

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
# As a server reads header bytes that are no UTF-8.
_RAW = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
_SEGMENT = st.one_of(
    st.sampled_from(
        ["api", "apis", "v1", "namespaces", "default", "pods", "watch", "proxy", "", "..", "%2F", "%ff", "x"]
    ),
    _TEXT.map(lambda text: text.replace("?", "")),
)
_PATHS = st.lists(_SEGMENT, max_size=8).map(lambda parts: "/" + "/".join(parts))
_HEADERS = st.dictionaries(
    st.one_of(
        st.sampled_from(["authorization", "impersonate-user", "impersonate-group", "impersonate-uid", "accept"]),
        _TEXT.map(lambda text: f"impersonate-extra-{text}".lower()),
    ),
    st.one_of(
        _TEXT, _RAW, _TEXT.map(lambda text: f"Bearer {text}"), st.sampled_from(["Bearer admin", "system:node:n"])
    ),
    max_size=5,
)
_QUERIES = st.sampled_from(["", "watch=1", "fieldSelector=metadata.name%3D%ff", "fieldSelector=%5C", "limit=x", "%=&;"])
# Many examples in one site: what is fuzzed is read, not written.
_MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def site() -> Secured:
    return Secured()


def status(method: str, path: str, query: str, headers: dict[str, str], body: bytes = b"") -> int:
    answer = site().server.handle(Request(method=method, path=path, query=query, headers=headers, body=body))
    if isinstance(answer, Response):
        return answer.status
    answer.close()
    return 200


@_MANY
@given(user=_RAW, group=_RAW, key=_RAW)
def test_any_bytes_for_whom_to_be(user: str, group: str, key: str) -> None:
    headers = {"authorization": "Bearer admin", "content-type": "application/json"}
    wanted = {"impersonate-user": user, "impersonate-group": group, f"impersonate-extra-{key.lower()}": group}
    assert status("POST", WHO, "", {**headers, **wanted}, b"{}") in (201, 400, 403)


@_MANY
@given(
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "BREW"]), path=_PATHS, query=_QUERIES, headers=_HEADERS
)
def test_any_headers_and_any_path(method: str, path: str, query: str, headers: dict[str, str]) -> None:
    assert status(method, path, query, headers) not in (0, 500)


_PARTS = st.one_of(
    st.binary(max_size=40),
    st.dictionaries(_TEXT, st.one_of(_TEXT, st.integers(), st.none())).map(lambda d: json.dumps(d).encode()),
)
_CLAIMS = st.fixed_dictionaries(
    {"iss": st.sampled_from(["https://kubernetes.default.svc", "kubernetes/serviceaccount", "x"])},
    optional={
        "aud": st.one_of(_TEXT, st.lists(_TEXT)),
        "exp": st.integers(),
        "kubernetes.io": st.dictionaries(_TEXT, _TEXT),
    },
).map(lambda claims: json.dumps(claims).encode())


@_MANY
@given(header=_PARTS, claims=st.one_of(_PARTS, _CLAIMS), signature=st.binary(max_size=80), dots=st.integers(0, 3))
def test_any_token(header: bytes, claims: bytes, signature: bytes, dots: int) -> None:
    parts = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (header, claims, signature)]
    token = ".".join(parts[:dots]) if dots else "".join(parts)
    assert status("GET", "/api", "", {"authorization": f"Bearer {token}"}) in (401, 403)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=8,
)
_RULES = st.lists(
    st.one_of(
        _JSON,
        st.fixed_dictionaries({"verbs": st.lists(_TEXT), "apiGroups": st.lists(_TEXT), "resources": st.lists(_TEXT)}),
    ),
    max_size=3,
)


@_MANY
@given(kind=st.sampled_from(["roles", "rolebindings"]), rules=_RULES, reference=_JSON, subjects=_JSON)
def test_any_role_and_any_binding(kind: str, rules: object, reference: object, subjects: object) -> None:
    body = {"metadata": {"name": "x"}, "rules": rules, "roleRef": reference, "subjects": subjects}
    headers = {"authorization": "Bearer admin", "content-type": "application/json", "impersonate-user": "granter"}
    path = f"{RBAC}/namespaces/default/{kind}"
    raw = json.dumps(body).encode()
    assert status("POST", path, "dryRun=All", headers, raw) != 500
    del headers["impersonate-user"]
    if status("POST", path, "", headers, raw) == 201:
        assert status("GET", f"{SPACE}/pods/x", "", {"authorization": "Bearer ann"}) in (200, 403, 404)
        assert status("DELETE", f"{path}/x", "", headers) == 200
