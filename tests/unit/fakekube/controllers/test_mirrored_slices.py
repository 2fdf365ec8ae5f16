"""Endpoints written by hand, and the slices that mirror them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.controllers.cluster_site import CORE, ClusterSite, Obj

SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
ENDPOINTS = f"{CORE}/endpoints"
SELECTED = "labelSelector=kubernetes.io/service-name=web"


def addresses(*ips: str, **more: Any) -> list[Obj]:
    return [{"ip": ip, **more} for ip in ips]


def endpoints(*subsets: Obj, **meta: Any) -> Obj:
    return {"metadata": {"name": "web", **meta}, "subsets": list(subsets)}


def mirrored(*subsets: Obj, **meta: Any) -> ClusterSite:
    site = ClusterSite()
    site.made(f"{CORE}/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    site.made(ENDPOINTS, endpoints(*subsets, **meta))
    site.run(1)
    return site


def slices(site: ClusterSite) -> list[Obj]:
    found = site.items(SLICES, SELECTED)
    ours = "endpointslicemirroring-controller.k8s.io"
    return [each for each in found if each["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == ours]


def told(site: ClusterSite) -> list[tuple[str, list[int], list[tuple[str, bool]]]]:
    return sorted(
        (
            each["addressType"],
            [port["port"] for port in each.get("ports", [])],
            [(endpoint["addresses"][0], endpoint["conditions"]["ready"]) for endpoint in each["endpoints"]],
        )
        for each in slices(site)
    )


def test_endpoints_are_mirrored_with_their_labels_and_notes_and_own_their_slices() -> None:
    notes = {"mine": "kept", "endpoints.kubernetes.io/last-change-trigger-time": "2020-01-01T00:00:00Z"}
    subset = {
        "addresses": addresses("10.1.2.3", nodeName="n", hostname="h"),
        "notReadyAddresses": addresses("10.1.2.4"),
        "ports": [{"name": "http", "port": 80}],
    }
    site = mirrored(subset, labels={"app": "x"}, annotations=notes)
    [found] = slices(site)
    assert found["metadata"]["generateName"] == "web-"
    assert found["metadata"]["labels"]["app"] == "x"
    assert found["metadata"]["annotations"] == {"mine": "kept"}
    [owner] = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Endpoints", "web", True)
    assert found["ports"] == [{"name": "http", "port": 80, "protocol": "TCP"}]
    assert found["endpoints"] == [
        {"addresses": ["10.1.2.3"], "conditions": {"ready": True}, "hostname": "h", "nodeName": "n"},
        {"addresses": ["10.1.2.4"], "conditions": {"ready": False}},
    ]
    assert site.server.next_due() is None


def test_ports_with_the_same_addresses_share_a_slice_and_families_do_not() -> None:
    site = mirrored(
        {"addresses": addresses("10.1.2.3"), "ports": [{"name": "a", "port": 80}]},
        {"addresses": addresses("10.1.2.3"), "ports": [{"name": "b", "port": 81}]},
        {"addresses": addresses("10.9.9.9", "2001:db8::1"), "ports": [{"name": "c", "port": 90}]},
    )
    assert told(site) == [
        ("IPv4", [80, 81], [("10.1.2.3", True)]),
        ("IPv4", [90], [("10.9.9.9", True)]),
        ("IPv6", [90], [("2001:db8::1", True)]),
    ]


def test_slices_follow_their_endpoints() -> None:
    site = mirrored({"addresses": addresses("10.1.2.3"), "ports": [{"port": 80}]})
    [before] = slices(site)
    site.patched(f"{ENDPOINTS}/web", {"subsets": [{"addresses": addresses("10.1.2.5"), "ports": [{"port": 80}]}]})
    site.run(1)
    [after] = slices(site)
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert told(site) == [("IPv4", [80], [("10.1.2.5", True)])]
    site.patched(f"{ENDPOINTS}/web", {"subsets": [{"addresses": addresses("10.1.2.5"), "ports": [{"port": 81}]}]})
    site.run(1)
    assert [each["metadata"]["name"] for each in slices(site)] == [before["metadata"]["name"]], "it is used again"
    site.gone(f"{ENDPOINTS}/web")
    site.run(1)
    assert slices(site) == []


def test_a_slice_that_somebody_changes_is_put_right() -> None:
    site = mirrored({"addresses": addresses("10.1.2.3"), "ports": [{"port": 80}]})
    [found] = slices(site)
    path = f"{SLICES}/{found['metadata']['name']}"
    site.patched(path, {"endpoints": [{"addresses": ["10.0.0.99"]}]})
    site.run(1)
    assert told(site) == [("IPv4", [80], [("10.1.2.3", True)])]
    site.gone(path)
    site.run(1)
    assert told(site) == [("IPv4", [80], [("10.1.2.3", True)])]


@pytest.mark.parametrize(
    "meta",
    [
        {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}},
    ],
)
def test_who_asks_not_to_be_mirrored_is_not(meta: dict[str, Any]) -> None:
    assert slices(mirrored({"addresses": addresses("10.1.2.3"), "ports": [{"port": 80}]}, **meta)) == []


def test_a_service_that_gets_a_selector_loses_what_was_mirrored() -> None:
    site = mirrored({"addresses": addresses("10.1.2.3"), "ports": [{"port": 80}]})
    assert len(slices(site)) == 1
    site.patched(f"{CORE}/services/web", {"spec": {"selector": {"app": "x"}}})
    site.run(1)
    assert slices(site) == []
