"""Accept headers, as go-restful and Kubernetes weigh them."""

from __future__ import annotations

import pytest

from fakekube.apiserver.negotiation import LIST, OBJECT, PLAIN, negotiate
from fakekube.meta.errors import StatusError

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
ROUTER = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
OURS = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"


@pytest.mark.parametrize(
    ("header", "media_type", "kind"),
    [
        ("", "application/json", ""),
        ("*/*", "application/json", ""),
        ("text/html, */*", "application/json", ""),
        ("application/json;q=0.5,application/yaml", "application/yaml", ""),
        ("application/json;q=0.9,application/vnd.kubernetes.protobuf;q=0.1", "application/json", ""),
        ("application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf", ""),
        (f"{TABLE},application/json", "application/json", "Table"),
        (TABLE.replace("v=v1", "v=v1beta1"), "application/json", "Table"),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "application/json", ""),
        (
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            "application/vnd.kubernetes.protobuf",
            "PartialObjectMetadata",
        ),
        ("application/json;pretty=1", "application/json", ""),
    ],
)
def test_what_is_answered(header: str, media_type: str, kind: str) -> None:
    accepted = negotiate(header, OBJECT)
    assert (accepted.media_type, accepted.as_kind) == (media_type, kind)


@pytest.mark.parametrize("header", ["text/html", "application/xml", "application/*", "application/cbor", "nonsense"])
def test_the_router_refuses_what_nobody_produces(header: str) -> None:
    with pytest.raises(StatusError) as refused:
        negotiate(header, OBJECT)
    assert refused.value.message == ROUTER
    assert refused.value.status()["details"] == {}


def test_the_router_of_a_list_names_the_streams_too() -> None:
    with pytest.raises(StatusError, match=r"application/json;stream=watch"):
        negotiate("text/html", LIST)


@pytest.mark.parametrize(
    "header",
    [
        "application/json;as=Foo",
        "application/json;as=Table",
        "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
    ],
)
def test_kubernetes_refuses_a_form_it_does_not_make(header: str) -> None:
    with pytest.raises(StatusError) as refused:
        negotiate(header, OBJECT)
    assert refused.value.message == OURS
    assert "details" not in refused.value.status()


def test_a_watch_has_no_yaml() -> None:
    with pytest.raises(StatusError) as refused:
        negotiate("application/yaml", LIST, watch=True)
    assert refused.value.message == (
        "only the following media types are accepted: "
        "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    )


def test_plain_documents_are_never_tables() -> None:
    with pytest.raises(StatusError):
        negotiate(TABLE, PLAIN)
