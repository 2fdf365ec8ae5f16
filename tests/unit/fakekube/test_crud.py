"""Create, read, update and delete, as a client sees them."""

from __future__ import annotations

import re

import pytest

from tests.unit.fakekube.sites import CONFIG_MAPS, Site, config_map, names

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_create_answers_201_with_what_the_server_adds(site: Site) -> None:
    created = site.post(CONFIG_MAPS, config_map("x", a="1"))
    assert created.status == 201
    metadata = created.json["metadata"]
    assert UUID4.fullmatch(metadata["uid"])
    assert metadata["creationTimestamp"] == "2026-09-21T14:13:20Z"
    assert metadata["namespace"] == "default"
    assert site.get(f"{CONFIG_MAPS}/x").json == created.json


def test_two_sites_with_one_seed_give_the_same_ids() -> None:
    def uid(seed: int) -> str:
        return str(Site(seed=seed).post(CONFIG_MAPS, config_map("x")).json["metadata"]["uid"])

    assert uid(7) == uid(7) != uid(8)


def test_a_name_that_is_taken_is_a_409(site: Site) -> None:
    site.post(CONFIG_MAPS, config_map("x"))
    again = site.post(CONFIG_MAPS, config_map("x"))
    assert (again.status, again.json["reason"]) == (409, "AlreadyExists")
    assert again.message == 'configmaps "x" already exists'


def test_a_name_is_generated_from_its_prefix(site: Site) -> None:
    body = {"metadata": {"generateName": "part-"}}
    made = [site.post(CONFIG_MAPS, body).json["metadata"]["name"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(re.fullmatch(r"part-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in made)


def test_a_create_without_its_namespace_is_a_404(site: Site) -> None:
    refused = site.post("/api/v1/namespaces/none/configmaps", config_map("x"))
    assert (refused.status, refused.message) == (404, 'namespaces "none" not found')


def test_a_body_of_another_namespace_is_a_400(site: Site) -> None:
    body = config_map("x")
    body["metadata"]["namespace"] = "other"
    refused = site.post(CONFIG_MAPS, body)
    assert refused.status == 400
    assert refused.message == "the namespace of the provided object does not match the namespace sent on the request"


def test_a_dry_run_creates_nothing(site: Site) -> None:
    dry = site.post(CONFIG_MAPS, config_map("x"), query="dryRun=All")
    assert dry.status == 201
    assert "resourceVersion" not in dry.json["metadata"]
    assert site.get(f"{CONFIG_MAPS}/x").status == 404


def test_a_put_replaces_and_raises_the_version(site: Site) -> None:
    before = site.post(CONFIG_MAPS, config_map("x", a="1")).json["metadata"]
    after = site.put(f"{CONFIG_MAPS}/x", config_map("x", b="2")).json
    assert after["data"] == {"b": "2"}
    assert after["metadata"]["uid"] == before["uid"]
    assert int(after["metadata"]["resourceVersion"]) > int(before["resourceVersion"])


def test_a_put_that_changes_nothing_keeps_the_version(site: Site) -> None:
    before = site.post(CONFIG_MAPS, config_map("x", a="1")).json
    assert site.put(f"{CONFIG_MAPS}/x", before).json == before


def test_a_put_on_an_old_version_is_a_409(site: Site) -> None:
    stale = site.post(CONFIG_MAPS, config_map("x", a="1")).json
    site.put(f"{CONFIG_MAPS}/x", config_map("x", a="2"))
    refused = site.put(f"{CONFIG_MAPS}/x", stale)
    assert (refused.status, refused.json["reason"]) == (409, "Conflict")
    assert "the object has been modified" in refused.message
    assert site.get(f"{CONFIG_MAPS}/x").json["data"] == {"a": "2"}


def test_a_put_to_another_name_is_a_400(site: Site) -> None:
    refused = site.put(f"{CONFIG_MAPS}/y", config_map("x"))
    assert refused.message == "the name of the object (x) does not match the name on the URL (y)"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases/x", {"metadata": {"name": "x"}}, 201),
        ("/api/v1/namespaces/default/configmaps/x", {"metadata": {"name": "x"}}, 404),
    ],
)
def test_a_put_creates_for_some_resources_only(site: Site, path: str, body: object, status: int) -> None:
    assert site.put(path, body).status == status


def test_a_lease_is_never_updated_without_its_version(site: Site) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/x"
    site.put(path, {"metadata": {"name": "x"}})
    refused = site.put(path, {"metadata": {"name": "x", "labels": {"a": "b"}}})
    assert refused.status == 422
    assert refused.message.endswith("metadata.resourceVersion: Invalid value: 0: must be specified for an update")


def test_delete_answers_a_status_or_the_object_by_kind(site: Site) -> None:
    site.post(CONFIG_MAPS, config_map("x"))
    gone = site.delete(f"{CONFIG_MAPS}/x").json
    assert (gone["kind"], gone["status"], gone["details"]["name"]) == ("Status", "Success", "x")
    site.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "sa"}})
    assert site.delete("/api/v1/namespaces/default/serviceaccounts/sa").json["kind"] == "ServiceAccount"
    assert site.get(f"{CONFIG_MAPS}/x").status == 404


@pytest.mark.parametrize("precondition", [{"uid": "00000000-0000-4000-8000-000000000000"}, {"resourceVersion": "1"}])
def test_a_delete_whose_precondition_fails_deletes_nothing(site: Site, precondition: dict[str, str]) -> None:
    site.post(CONFIG_MAPS, config_map("x"))
    refused = site.delete(f"{CONFIG_MAPS}/x", {"preconditions": precondition})
    assert (refused.status, refused.json["details"]["kind"]) == (409, "ConfigMap")
    assert site.get(f"{CONFIG_MAPS}/x").status == 200


def test_a_delete_with_a_body_ignores_the_query(site: Site) -> None:
    site.post(CONFIG_MAPS, config_map("x"))
    site.delete(f"{CONFIG_MAPS}/x", {"kind": "DeleteOptions", "apiVersion": "v1"}, query="dryRun=All")
    assert site.get(f"{CONFIG_MAPS}/x").status == 404


def test_finalizers_hold_an_object_until_the_last_is_gone(site: Site) -> None:
    body = config_map("x")
    body["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    site.post(CONFIG_MAPS, body)
    marked = site.delete(f"{CONFIG_MAPS}/x").json
    assert marked["metadata"]["deletionTimestamp"]
    site.patch(f"{CONFIG_MAPS}/x", {"metadata": {"finalizers": ["example.com/b"]}})
    assert site.get(f"{CONFIG_MAPS}/x").status == 200
    site.patch(f"{CONFIG_MAPS}/x", {"metadata": {"finalizers": None}})
    assert site.get(f"{CONFIG_MAPS}/x").status == 404


def test_deletecollection_takes_what_the_selector_names(site: Site) -> None:
    for name, label in [("a", "x"), ("b", "x"), ("c", "y")]:
        body = config_map(name)
        body["metadata"]["labels"] = {"l": label}
        site.post(CONFIG_MAPS, body)
    deleted = site.delete(CONFIG_MAPS, query="labelSelector=l%3Dx")
    assert names(deleted) == ["a", "b"]
    assert names(site.get(CONFIG_MAPS, query="labelSelector=l")) == ["c"]


def test_the_status_is_written_through_its_subresource_alone(site: Site) -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
    body = {
        "metadata": {"name": "i"},
        "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 1}}}},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.1.1.1"}]}},
    }
    assert site.post(path, body).json["status"] == {"loadBalancer": {}}
    assert site.put(f"{path}/i", body).json["status"] == {"loadBalancer": {}}
    other = {**body, "spec": {"defaultBackend": {"service": {"name": "t", "port": {"number": 2}}}}}
    written = site.put(f"{path}/i/status", other).json
    assert written["status"]["loadBalancer"]["ingress"] == [{"ip": "10.1.1.1"}]
    assert written["spec"]["defaultBackend"]["service"]["name"] == "s"


def test_generation_counts_changes_of_the_specification(site: Site) -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
    spec = {"defaultBackend": {"service": {"name": "s", "port": {"number": 1}}}}
    assert site.post(path, {"metadata": {"name": "i"}, "spec": spec}).json["metadata"]["generation"] == 1
    assert site.patch(f"{path}/i", {"metadata": {"labels": {"a": "b"}}}).json["metadata"]["generation"] == 1
    changed = site.patch(f"{path}/i", {"spec": {"defaultBackend": {"service": {"name": "t"}}}})
    assert changed.json["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/apis/none.example.com/v1/things", 404),
        ("PUT", CONFIG_MAPS, 405),
        ("POST", f"{CONFIG_MAPS}/x", 405),
        ("DELETE", "/api/v1/configmaps", 405),
        ("HEAD", CONFIG_MAPS, 405),
    ],
)
def test_paths_and_methods_that_lead_nowhere(site: Site, method: str, path: str, status: int) -> None:
    assert site.ask(method, path).status == status


def test_a_media_type_nobody_writes_is_a_406(site: Site) -> None:
    refused = site.get(CONFIG_MAPS, accept="text/html")
    assert (refused.status, refused.json["reason"]) == (406, "NotAcceptable")


def test_a_body_past_three_megabytes_is_a_413(site: Site) -> None:
    refused = site.ask("POST", CONFIG_MAPS, b" " * (3 * 1024 * 1024 + 1))
    assert (refused.status, refused.message) == (413, "Request entity too large: limit is 3145728")


def test_a_failure_of_our_own_is_a_500_and_a_log_record(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(site.server.site.store, "get", broken)
    answer = site.get(f"{CONFIG_MAPS}/x")
    assert (answer.status, answer.json["reason"]) == (500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


def test_a_revision_that_is_no_number_fails_even_where_put_would_create(bare: Site) -> None:
    lease = {"metadata": {"name": "x", "resourceVersion": "x"}, "spec": {}}
    answer = bare.put("/apis/coordination.k8s.io/v1/namespaces/default/leases/x", lease)
    assert (answer.status, answer.message) == (500, 'strconv.ParseUint: parsing "x": invalid syntax')


def test_another_uid_is_told_before_a_missing_revision(bare: Site) -> None:
    path = "/apis/storage.k8s.io/v1/csidrivers"
    bare.post(path, {"metadata": {"name": "x"}, "spec": {}})
    answer = bare.put(f"{path}/x", {"metadata": {"name": "x", "uid": "other"}, "spec": {}})
    assert answer.status == 409
    assert "UID in precondition: other" in answer.message


def test_a_patch_that_is_no_json_is_told_before_an_absent_object(bare: Site) -> None:
    answer = bare.ask("PATCH", f"{CONFIG_MAPS}/none", b"{", content_type="application/merge-patch+json")
    assert (answer.status, answer.message) == (400, "invalid JSON patch")


def test_a_limit_range_without_a_name_is_given_one(bare: Site) -> None:
    made = bare.post("/api/v1/namespaces/default/limitranges", {"spec": {"limits": [{"type": "Pod"}]}})
    assert (made.status, len(made.json["metadata"]["name"])) == (201, 36)


def test_an_event_is_refused_in_the_name_of_the_core_kind(bare: Site) -> None:
    bare.post("/api/v1/namespaces", {"metadata": {"name": "team"}})
    refused = bare.post("/apis/events.k8s.io/v1/namespaces/team/events", {})
    assert refused.message.startswith('Event "" is invalid: [involvedObject.namespace: ')


def test_a_put_that_would_create_cannot_have_a_uid(bare: Site) -> None:
    lease = {"metadata": {"name": "x", "uid": "u"}, "spec": {}}
    answer = bare.put("/apis/coordination.k8s.io/v1/namespaces/default/leases/x", lease)
    assert answer.status == 409
    assert answer.message.endswith("UID in precondition: u, UID in object meta: ")


def test_a_taken_name_beside_a_prefix_is_told_to_be_tried_again(bare: Site) -> None:
    named = {"metadata": {"name": "x", "generateName": "other-"}}
    bare.post(CONFIG_MAPS, named)
    refused = bare.post(CONFIG_MAPS, named)
    assert refused.message.endswith("already exists, the server was not able to generate a unique name for the object")
    assert (refused.json["details"]["retryAfterSeconds"], refused.headers["Retry-After"]) == (1, "1")
