"""One object, many forms: tables, metadata alone, YAML, protobuf."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import Unfaithful, equal, holds
from fakekube.testing.resources import CONFIG_MAPS, LEASES, NAMESPACES, SECRETS, config_map
from fakekube.testing.session import Session

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"


@body()
def tables_have_columns_and_rows(at: Session) -> None:
    """as=Table gives the columns that kubectl prints, a row an object, and its metadata."""
    at.create(CONFIG_MAPS, config_map("x", a="1", b="2")).obj(201)
    found = at.ask("GET", at.path(CONFIG_MAPS, "x"), headers={"accept": TABLE}).obj()
    equal(found["kind"], "Table", "the kind")
    equal([each["name"] for each in found["columnDefinitions"]], ["Name", "Data", "Age"], "the columns")
    (row,) = found["rows"]
    equal((row["cells"][:2], row["object"]["kind"]), (["x", 2], "PartialObjectMetadata"), "the row")


@body()
def tables_of_lists_have_a_version(at: Session) -> None:
    """A Table of a list has its resourceVersion, and namespaces their phase as a column."""
    found = at.ask("GET", NAMESPACES.path(""), headers={"accept": TABLE}, fieldSelector=f"metadata.name={at.namespace}")
    table = found.obj()
    equal([each["name"] for each in table["columnDefinitions"]], ["Name", "Status", "Age"], "the columns")
    equal([row["cells"][:2] for row in table["rows"]], [[at.namespace, "Active"]], "the rows")
    holds(table["metadata"]["resourceVersion"], "a version")


@body()
def metadata_can_be_had_alone(at: Session) -> None:
    """as=PartialObjectMetadata leaves everything but metadata out, of an object and of a list."""
    made = at.create(SECRETS, {"metadata": {"name": "x"}, "stringData": {"a": "1"}}).obj(201)
    one = at.ask("GET", at.path(SECRETS, "x"), headers={"accept": PARTIAL}).obj()
    wanted = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    equal(one, wanted, "the object")
    many = at.ask("GET", at.path(SECRETS), headers={"accept": PARTIAL_LIST}).obj()
    equal((many["kind"], len(many["items"])), ("PartialObjectMetadataList", 1), "the list")


@body()
def metadata_can_be_watched_alone(at: Session) -> None:
    """A watch as=PartialObjectMetadata carries metadata alone."""
    with at.watching(SECRETS, {"accept": PARTIAL}) as watch:
        at.create(SECRETS, {"metadata": {"name": "x"}, "stringData": {"a": "1"}}).obj(201)
        kind, found = watch.next()
        equal((kind, found["kind"], "data" in found), ("ADDED", "PartialObjectMetadata", False), "the event")


@body()
def yaml_goes_both_ways(at: Session) -> None:
    """A body in YAML is read, and Accept: application/yaml answered in it."""
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: hello}\n"
    at.ask("POST", at.path(CONFIG_MAPS), text, {"content-type": "application/yaml"}).obj(201)
    reply = at.ask("GET", at.path(CONFIG_MAPS, "x"), headers={"accept": "application/yaml"})
    equal((reply.status, reply.headers["content-type"]), (200, "application/yaml"), "the answer")
    holds(b"data:\n  a: hello\n" in reply.body, "the data in YAML")


@body()
def protobuf_goes_both_ways(at: Session) -> None:
    """What is read as protobuf can be sent back as protobuf, as kubectl and client-go do."""
    at.create(CONFIG_MAPS, config_map("x", a="1")).obj(201)
    path = at.path(CONFIG_MAPS, "x")
    reply = at.ask("GET", path, headers={"accept": PROTOBUF})
    equal((reply.status, reply.headers["content-type"], reply.body[:4]), (200, PROTOBUF, MAGIC), "the answer")
    changed = reply.body.replace(b"\n\x01a\x12\x011", b"\n\x01a\x12\x012")
    holds(changed != reply.body, "the entry of the map in the message")
    equal(at.ask("PUT", path, changed, {"content-type": PROTOBUF}).obj()["data"], {"a": "2"}, "the data")
    at.ask("PUT", path, b"nonsense", {"content-type": PROTOBUF}).refused(400, "BadRequest")


@body()
def media_types_go_by_quality(at: Session) -> None:
    """The client's best acceptable type wins."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    path = at.path(CONFIG_MAPS, "x")
    for accept, wanted in {
        "application/yaml;q=0.5,application/json": "application/json",
        "application/xml,*/*": "application/json",
        f"{PROTOBUF},application/json": PROTOBUF,
    }.items():
        found = at.ask("GET", path, headers={"accept": accept}).headers["content-type"]
        equal(found, wanted, f"the type for {accept!r}")


@body()
def pretty_is_for_people(at: Session) -> None:
    """pretty=true indents JSON."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    reply = at.get(CONFIG_MAPS, "x", pretty=True)
    if b'{\n  "kind": "ConfigMap",\n' not in reply.body:
        raise Unfaithful(f"expected indented JSON, got {reply.body[:60]!r}")


@body()
def what_is_not_stored_is_not_printed(at: Session) -> None:
    """as=Table of a review is a 406."""
    asked = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    at.ask("POST", path, asked, {"accept": TABLE}).refused(406, "NotAcceptable")


@body()
def watches_in_protobuf_are_framed(at: Session) -> None:
    """A watch in protobuf sends each event behind its length, the object a whole document within."""
    at.create(SECRETS, {"metadata": {"name": "x"}}).obj(201)
    reply = at.ask("GET", at.path(SECRETS), headers={"accept": PROTOBUF}, watch=1, timeoutSeconds=1)
    equal(reply.headers["content-type"], f"{PROTOBUF};stream=watch", "the media type")
    length = int.from_bytes(reply.body[:4], "big")
    equal(len(reply.body), 4 + length, "the length of the one frame")
    event = reply.body[4:]
    equal(event[:7], b"\n\x05ADDED", "the type")
    holds(event[7:].partition(MAGIC)[2].startswith(b"\n\x0c\n\x02v1\x12\x06Secret"), "a document within")


@body()
def timeouts_must_be_durations(at: Session) -> None:
    """timeout=nonsense is a 400, of whatever path."""
    for path in (at.path(SECRETS), "/version", "/healthz"):
        at.ask("GET", path, timeout="soon").refused(400, "BadRequest")


@body()
def first_years_have_four_digits(at: Session) -> None:
    """A time of the year 1, as Go's tests like it, comes through protobuf as it went in."""
    renewed = "0001-01-01T00:00:05.000000Z"
    at.create(LEASES, {"metadata": {"name": "x"}, "spec": {"renewTime": renewed}}).obj(201)
    sent = at.ask("GET", at.path(LEASES, "x"), headers={"accept": PROTOBUF}).body
    kept = at.ask("PUT", at.path(LEASES, "x"), sent, {"content-type": PROTOBUF}).obj()
    equal(kept["spec"]["renewTime"], renewed, "the time")
