"""Garbage collection in its three modes, and what becomes of references to owners that never were."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import CONFIG_MAPS, Site, config_map

SECRETS = "/api/v1/namespaces/default/secrets"


def owned(name: str, owner: Any, **reference: object) -> dict[str, Any]:
    """A ConfigMap that `owner` owns."""
    body = config_map(name)
    body["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **reference,
        }
    ]
    return body


@pytest.fixture
def family(site: Site) -> Site:
    """`parent` owns `child`, `child` owns `grandchild`."""
    parent = site.post(CONFIG_MAPS, config_map("parent")).json
    child = site.post(CONFIG_MAPS, owned("child", parent, blockOwnerDeletion=True)).json
    site.post(CONFIG_MAPS, owned("grandchild", child))
    site.settle()
    return site


def left(site: Site) -> set[str]:
    found = {item["metadata"]["name"] for item in site.get(CONFIG_MAPS).json["items"]}
    return found - {"kube-root-ca.crt"}


def test_owners_that_stay_keep_their_dependents(family: Site) -> None:
    assert left(family) == {"parent", "child", "grandchild"}
    assert family.server.next_due() is None


def test_in_the_background_the_owner_goes_first(family: Site) -> None:
    family.delete(f"{CONFIG_MAPS}/parent", {"propagationPolicy": "Background"})
    assert left(family) == {"child", "grandchild"}
    family.settle()
    assert left(family) == set()


def test_in_the_foreground_the_owner_goes_last(family: Site) -> None:
    watch = family.watch(CONFIG_MAPS, f"resourceVersion={family.get(CONFIG_MAPS).json['metadata']['resourceVersion']}")
    marked = family.delete(f"{CONFIG_MAPS}/parent", {"propagationPolicy": "Foreground"}).json
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert left(family) == {"parent", "child", "grandchild"}
    family.settle()
    assert left(family) == set()
    gone = [
        line.split('"name":"')[1].split('"')[0] for line in watch.drain().decode().splitlines() if "DELETED" in line
    ]
    assert gone.index("child") < gone.index("parent")


def test_orphans_stay_without_their_owner(family: Site) -> None:
    family.delete(f"{CONFIG_MAPS}/parent", {"propagationPolicy": "Orphan"})
    family.settle()
    assert left(family) == {"child", "grandchild"}
    assert "ownerReferences" not in family.get(f"{CONFIG_MAPS}/child").json["metadata"]


def test_an_owner_that_never_was_takes_its_dependents_with_it(site: Site) -> None:
    nobody = {"metadata": {"name": "nobody", "uid": "00000000-0000-4000-8000-000000000000"}}
    site.post(CONFIG_MAPS, owned("lost", nobody))
    site.settle()
    assert left(site) == set()


def test_an_owner_of_the_same_name_with_another_uid_is_another_one(site: Site) -> None:
    parent = site.post(CONFIG_MAPS, config_map("parent")).json
    parent["metadata"]["uid"] = "00000000-0000-4000-8000-000000000000"
    site.post(CONFIG_MAPS, owned("child", parent))
    site.settle()
    assert left(site) == {"parent"}


def test_one_owner_of_two_is_enough_to_stay(site: Site) -> None:
    parents = [site.post(CONFIG_MAPS, config_map(name)).json for name in ("one", "two")]
    body = config_map("child")
    body["metadata"]["ownerReferences"] = [owned("x", each)["metadata"]["ownerReferences"][0] for each in parents]
    site.post(CONFIG_MAPS, body)
    site.delete(f"{CONFIG_MAPS}/one")
    site.settle()
    assert left(site) == {"two", "child"}
    (reference,) = site.get(f"{CONFIG_MAPS}/child").json["metadata"]["ownerReferences"]
    assert reference["name"] == "two"


def circle(site: Site, names: list[str]) -> None:
    """Each owns the next, and the last one the first; all of them block."""
    made = {name: site.post(CONFIG_MAPS, config_map(name)).json for name in names}
    for name, after in zip(names, [*names[1:], names[0]], strict=True):
        body = owned(after, made[name], blockOwnerDeletion=True, controller=True)
        references = {"metadata": {"ownerReferences": body["metadata"]["ownerReferences"]}}
        assert site.patch(f"{CONFIG_MAPS}/{after}", references).status == 200
    site.settle()


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]])
def test_a_circle_of_owners_does_not_wait_for_itself(site: Site, names: list[str]) -> None:
    circle(site, names)
    assert left(site) == set(names)
    site.delete(f"{CONFIG_MAPS}/a", {"propagationPolicy": "Foreground"})
    site.settle()
    assert left(site) == set()


def test_an_owner_that_is_let_go_by_its_last_dependent_goes(family: Site) -> None:
    holder = family.get(f"{CONFIG_MAPS}/child").json
    family.patch(f"{CONFIG_MAPS}/child", {"metadata": {"finalizers": ["example.com/hold"]}})
    family.delete(f"{CONFIG_MAPS}/parent", {"propagationPolicy": "Foreground"})
    family.settle()
    assert "parent" in left(family)
    [reference] = holder["metadata"]["ownerReferences"]
    references = [{**reference, "blockOwnerDeletion": False}]
    family.patch(f"{CONFIG_MAPS}/child", {"metadata": {"ownerReferences": references}})
    family.settle()
    assert "parent" not in left(family)


def test_an_owner_in_another_namespace_is_no_owner(site: Site) -> None:
    parent = site.post("/api/v1/namespaces/kube-public/configmaps", config_map("parent")).json
    site.post(CONFIG_MAPS, owned("child", parent))
    site.settle()
    assert left(site) == set()


def test_an_owner_of_an_unknown_kind_is_left_alone(site: Site) -> None:
    nobody = {"metadata": {"name": "nobody", "uid": "00000000-0000-4000-8000-000000000000"}}
    site.post(CONFIG_MAPS, owned("child", nobody, apiVersion="none.example.com/v1", kind="Foo"))
    site.settle()
    assert left(site) == {"child"}


def test_without_controllers_nothing_is_collected(bare: Site) -> None:
    parent = bare.post(CONFIG_MAPS, config_map("parent")).json
    bare.post(CONFIG_MAPS, owned("child", parent))
    bare.delete(f"{CONFIG_MAPS}/parent")
    assert bare.server.next_due() is None
    assert left(bare) == {"child"}
