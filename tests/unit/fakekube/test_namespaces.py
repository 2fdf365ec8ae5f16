"""The life of a namespace, from Active through Terminating to gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Site, config_map, events, names

NAMESPACES = "/api/v1/namespaces"
TEAM = f"{NAMESPACES}/team"


@pytest.fixture
def team(site: Site) -> Site:
    site.post(NAMESPACES, {"metadata": {"name": "team"}})
    site.settle()
    return site


def test_four_namespaces_are_there_at_birth(site: Site) -> None:
    assert names(site.get(NAMESPACES)) == ["default", "kube-node-lease", "kube-public", "kube-system"]


def test_the_identity_of_a_site_is_the_uid_of_kube_system(site: Site) -> None:
    assert site.server.uid == site.get(f"{NAMESPACES}/kube-system").json["metadata"]["uid"]
    assert site.server.uid != Site(seed=2).server.uid


def test_a_namespace_carries_its_name_as_a_label_and_is_held_by_its_content(team: Site) -> None:
    namespace = team.get(TEAM).json
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["status"] == {"phase": "Active"}


def test_every_namespace_gets_its_service_account_and_root_ca(team: Site) -> None:
    assert names(team.get(f"{TEAM}/serviceaccounts")) == ["default"]
    (config,) = team.get(f"{TEAM}/configmaps").json["items"]
    assert config["metadata"]["name"] == "kube-root-ca.crt"
    assert "BEGIN CERTIFICATE" in config["data"]["ca.crt"]


def test_what_a_namespace_must_have_comes_back(team: Site) -> None:
    team.delete(f"{TEAM}/serviceaccounts/default")
    team.patch(f"{TEAM}/configmaps/kube-root-ca.crt", {"data": {"ca.crt": "x"}})
    team.settle()
    assert names(team.get(f"{TEAM}/serviceaccounts")) == ["default"]
    assert "BEGIN" in team.get(f"{TEAM}/configmaps/kube-root-ca.crt").json["data"]["ca.crt"]


def test_a_deleted_namespace_terminates_then_goes_with_its_content(team: Site) -> None:
    team.post(f"{TEAM}/configmaps", config_map("x"))
    watch = team.watch(NAMESPACES, f"resourceVersion={team.get(NAMESPACES).json['metadata']['resourceVersion']}")
    assert team.delete(TEAM).json["status"] == {"phase": "Terminating"}
    assert team.get(TEAM).json["status"]["phase"] == "Terminating"
    team.settle()
    assert team.get(TEAM).status == 404
    assert team.get(f"{TEAM}/configmaps").json["items"] == []
    kinds = [kind for kind, _ in events(watch)]
    assert (kinds[0], kinds[-1]) == ("MODIFIED", "DELETED")


def test_a_terminating_namespace_refuses_new_content(team: Site) -> None:
    team.delete(TEAM)
    refused = team.post(f"{TEAM}/configmaps", config_map("x"))
    assert (refused.status, refused.json["reason"]) == (403, "Forbidden")
    assert refused.message == (
        'configmaps "x" is forbidden: unable to create new content in namespace team because it is being terminated'
    )
    (cause,) = refused.json["details"]["causes"]
    assert cause["reason"] == "NamespaceTerminating"
    again = team.post(NAMESPACES, {"metadata": {"name": "team"}})
    assert again.message == 'object is being deleted: namespaces "team" already exists'


def test_a_namespace_stuck_on_a_finalizer_says_so_and_goes_when_freed(team: Site) -> None:
    body = config_map("keep")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    team.post(f"{TEAM}/configmaps", body)
    team.delete(TEAM)
    team.settle()
    conditions = {c["type"]: c["message"] for c in team.get(TEAM).json["status"]["conditions"]}
    assert conditions["NamespaceContentRemaining"] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    assert conditions["NamespaceFinalizersRemaining"] == (
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    )
    team.patch(f"{TEAM}/configmaps/keep", {"metadata": {"finalizers": None}})
    team.settle()
    assert team.get(TEAM).status == 404


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_namespaces_that_may_not_go(site: Site, name: str) -> None:
    refused = site.delete(f"{NAMESPACES}/{name}")
    assert (refused.status, refused.message) == (
        403,
        f'namespaces "{name}" is forbidden: this namespace may not be deleted',
    )


def test_an_idle_site_has_nothing_to_do(site: Site) -> None:
    assert site.server.next_due() is None


def test_without_controllers_a_namespace_terminates_for_ever(bare: Site) -> None:
    bare.post(NAMESPACES, {"metadata": {"name": "team"}})
    bare.delete(TEAM)
    assert bare.server.next_due() is None
    assert bare.get(TEAM).json["status"]["phase"] == "Terminating"


def test_a_shell_is_told_when_work_appears(site: Site) -> None:
    told: list[float | None] = []
    site.server.on_due_changed = lambda: told.append(site.server.next_due())
    site.post(NAMESPACES, {"metadata": {"name": "team"}})
    assert told == [site.clock.now]


FINE = {
    "NamespaceDeletionDiscoveryFailure": "ResourcesDiscovered",
    "NamespaceDeletionGroupVersionParsingFailure": "ParsedGroupVersions",
    "NamespaceDeletionContentFailure": "ContentDeleted",
    "NamespaceContentRemaining": "ContentRemoved",
    "NamespaceFinalizersRemaining": "ContentHasNoFinalizers",
}


def reasons(namespace: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in namespace["status"].get("conditions", [])}


def test_pods_go_before_all_else(team: Site) -> None:
    """Seen on kube-apiserver 1.37.2 with its controller: while pods are left, nothing else is deleted or told of."""
    team.post(f"{TEAM}/configmaps", config_map("c"))
    spec = {"containers": [{"name": "c", "image": "i"}]}
    team.post(f"{TEAM}/pods", {"metadata": {"name": "p", "finalizers": ["a.b/c"]}, "spec": spec})
    team.delete(TEAM)
    team.settle()
    assert team.get(f"{TEAM}/pods/p").json["metadata"]["deletionTimestamp"]
    assert "deletionTimestamp" not in team.get(f"{TEAM}/configmaps/c").json["metadata"]
    assert reasons(team.get(TEAM).json) == FINE
    team.patch(f"{TEAM}/pods/p", {"metadata": {"finalizers": None}})
    team.settle()
    assert team.get(TEAM).status == 404


def test_the_last_that_is_heard_of_a_namespace_is_that_all_went_well(team: Site) -> None:
    version = team.get(NAMESPACES).json["metadata"]["resourceVersion"]
    watch = team.watch(NAMESPACES, f"resourceVersion={version}&fieldSelector=metadata.name=team")
    team.delete(TEAM)
    team.settle()
    heard = [(kind, reasons(obj)) for kind, obj in events(watch)]
    assert heard == [("MODIFIED", {}), ("MODIFIED", FINE), ("DELETED", FINE)]


def test_what_is_left_is_told_by_resource_and_group(team: Site) -> None:
    role = {"metadata": {"name": "r", "finalizers": ["a.b/c"]}}
    team.post("/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles", role)
    team.delete(TEAM)
    team.settle()
    told = {each["type"]: each["message"] for each in team.get(TEAM).json["status"]["conditions"]}
    assert told["NamespaceContentRemaining"] == (
        "Some resources are remaining: roles.rbac.authorization.k8s.io has 1 resource instances"
    )
