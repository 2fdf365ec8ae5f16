"""Addresses and node ports of Services: allocated for good, or only for show. All answers seen on kube-apiserver 1.37.2."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Site

SERVICES = "/api/v1/namespaces/default/services"
DRY = "dryRun=All"
OUT_OF_RANGE = "provided port is not in the valid range. The range of valid ports is 30000-32767"


def service(*ports: dict[str, Any], **spec: object) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": list(ports), **spec}}


def port(number: int, **more: object) -> dict[str, Any]:
    return {"name": f"p{number}{more.get('protocol', 'TCP')}".lower(), "port": number, **more}


def test_a_dry_run_shows_what_is_never_given() -> None:
    spec = Site().post(SERVICES, service(port(80), port(81)), DRY).json["spec"]
    assert spec["clusterIP"] == "10.0.0.0"
    assert [each["nodePort"] for each in spec["ports"]] == [32769, 32770]


def test_a_dry_run_does_not_ask_what_is_taken() -> None:
    site = Site()
    assert site.post(SERVICES, service(port(80), clusterIP="10.0.0.1"), DRY).status == 201
    assert site.post(SERVICES, service(port(80, nodePort=1)), DRY).status == 201
    refused = site.post(SERVICES, service(port(80), clusterIP="10.0.0.1"))
    assert "failed to allocate IP 10.0.0.1: provided IP is already allocated" in refused.message


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (DRY, "the provided IP (10.0.5.1) is not in the valid range. The range of valid IPs is 10.0.0.0/24"),
        ("", "the provided network does not match the current range"),
    ],
)
def test_an_address_elsewhere_is_refused(query: str, why: str) -> None:
    refused = Site().post(SERVICES, service(port(80), clusterIP="10.0.5.1"), query)
    assert refused.status == 422
    assert refused.message.endswith(f"failed to allocate IP 10.0.5.1: {why}")


def test_a_node_port_out_of_range_is_refused() -> None:
    refused = Site().post(SERVICES, service(port(80, nodePort=1)))
    assert refused.message == f'Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 1: {OUT_OF_RANGE}'


def test_two_protocols_of_one_number_share_a_node_port() -> None:
    ports = Site().post(SERVICES, service(port(80), port(80, protocol="UDP"))).json["spec"]["ports"]
    assert ports[0]["nodePort"] == ports[1]["nodePort"]


def test_a_node_port_that_a_later_port_names_is_heard_first() -> None:
    wanted = service(port(80), port(80, protocol="UDP", nodePort=30123))
    ports = Site().post(SERVICES, wanted).json["spec"]["ports"]
    assert [each["nodePort"] for each in ports] == [30123, 30123]


def test_a_port_twice_gets_its_node_port_twice_and_is_refused_for_it() -> None:
    refused = Site().post(SERVICES, service(port(80), {"name": "b", "port": 80}))
    assert refused.status == 422
    assert "spec.ports[1].nodePort: Duplicate value: 3" in refused.message


def test_an_update_keeps_node_ports_that_two_protocols_share() -> None:
    site = Site()
    live = site.post(SERVICES, service(port(80), port(80, protocol="UDP"))).json
    live["metadata"]["labels"] = {"a": "b"}
    kept = site.put(f"{SERVICES}/a", live)
    assert kept.status == 200, kept.text
    assert kept.json["spec"]["ports"] == live["spec"]["ports"]


@pytest.mark.parametrize(
    ("query", "key"), [("", "/registry/services/specs/default/a"), (DRY, "/services/specs/default/a")]
)
def test_the_key_in_the_store_is_told_as_far_as_it_is_known(query: str, key: str) -> None:
    site = Site()
    live = site.post(SERVICES, service(port(80))).json
    live["metadata"]["uid"] = "x"
    assert f"Key: {key}," in site.put(f"{SERVICES}/a", live, query).message


def test_definitions_have_their_group_in_their_keys() -> None:
    site = Site()
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps"
    live = site.get(path).json
    live["metadata"]["uid"] = "x"
    assert "Key: /registry/apiregistration.k8s.io/apiservices/v1.apps," in site.put(path, live).message
