"""LimitRange and ResourceQuota: what they fill in, what they refuse, what they count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.sites import Site

NAMESPACE = "/api/v1/namespaces/default"
PODS = f"{NAMESPACE}/pods"


def pod(name: str, **resources: Any) -> dict[str, Any]:
    spec = {"automountServiceAccountToken": False, "containers": [{"name": "c", "image": "i", "resources": resources}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def with_limits(site: Site, *limits: dict[str, Any]) -> None:
    sent = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": list(limits)}}
    assert site.ask("POST", f"{NAMESPACE}/limitranges", sent).status == 201


def with_quota(site: Site, hard: dict[str, str], **spec: Any) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}
    assert site.ask("POST", f"{NAMESPACE}/resourcequotas", quota).status == 201
    status = {**quota, "status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}
    assert site.ask("PUT", f"{NAMESPACE}/resourcequotas/q/status", status).status == 200


def used(site: Site) -> dict[str, str]:
    found: dict[str, str] = site.ask("GET", f"{NAMESPACE}/resourcequotas/q").json["status"]["used"]
    return found


def test_a_limit_range_fills_what_a_pod_leaves_open_and_notes_it() -> None:
    site = Site()
    with_limits(site, {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}})
    created = site.ask("POST", PODS, pod("x")).json
    assert created["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    note = "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    assert created["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == note


@pytest.mark.parametrize(
    ("limit", "resources", "why"),
    [
        (
            {"type": "Container", "max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"type": "Container", "min": {"memory": "1Mi"}},
            {"requests": {"memory": "10"}},
            "minimum memory usage per Container is 1Mi, but request is 10",
        ),
        ({"type": "Pod", "max": {"cpu": "1"}}, {}, "maximum cpu usage per Pod is 1.  No limit is specified"),
        (
            {"type": "Pod", "maxLimitRequestRatio": {"cpu": "2"}},
            {"limits": {"cpu": "3"}, "requests": {"cpu": "1"}},
            "cpu max limit to request ratio per Pod is 2, but provided ratio is 3.000000",
        ),
    ],
)
def test_a_pod_outside_of_its_limits_is_refused(limit: dict[str, Any], resources: dict[str, Any], why: str) -> None:
    site = Site()
    with_limits(site, limit)
    refused = site.ask("POST", PODS, pod("x", **resources))
    assert refused.status == 403
    assert refused.message == f'pods "x" is forbidden: {why}'


def test_a_quota_counts_what_comes_and_refuses_what_is_too_much() -> None:
    site = Site()
    with_quota(site, {"pods": "2", "requests.cpu": "1"})
    assert site.ask("POST", PODS, pod("a", requests={"cpu": "500m"})).status == 201
    assert used(site) == {"pods": "1", "requests.cpu": "500m"}
    refused = site.ask("POST", PODS, pod("b", requests={"cpu": "600m"}))
    assert refused.status == 403
    why = "exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=500m, limited: requests.cpu=1"
    assert refused.message == f'pods "b" is forbidden: {why}'
    assert used(site) == {"pods": "1", "requests.cpu": "500m"}


def test_under_a_quota_every_container_says_what_it_wants() -> None:
    site = Site()
    with_quota(site, {"requests.cpu": "1"})
    refused = site.ask("POST", PODS, pod("a"))
    assert refused.message == 'pods "a" is forbidden: failed quota: q: must specify requests.cpu for: c'


def test_what_never_comes_to_be_is_not_counted() -> None:
    site = Site()
    with_quota(site, {"count/configmaps": "5"})
    maps = f"{NAMESPACE}/configmaps"
    sent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert site.ask("POST", maps, sent, query="dryRun=All").status == 201
    assert used(site) == {"count/configmaps": "0"}
    assert site.ask("POST", maps, sent).status == 201
    assert site.ask("POST", maps, sent).status == 409
    assert used(site) == {"count/configmaps": "1"}


def test_a_quota_with_a_scope_counts_the_pods_in_it_alone() -> None:
    site = Site()
    with_quota(site, {"pods": "1"}, scopes=["BestEffort"])
    assert site.ask("POST", PODS, pod("a", requests={"cpu": "1"})).status == 201
    assert used(site) == {"pods": "0"}
    assert site.ask("POST", PODS, pod("b")).status == 201
    assert site.ask("POST", PODS, pod("c")).status == 403


ELSEWHERE = {"topologyKey": "zone", "labelSelector": {}, "namespaces": ["other"]}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
CLAIMS = f"{NAMESPACE}/persistentvolumeclaims"


def claim(name: str, **spec: Any) -> dict[str, Any]:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"metadata": {"name": name}, "spec": wanted}


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ("Terminating", {"activeDeadlineSeconds": 5}, {}),
        ("NotTerminating", {}, {"activeDeadlineSeconds": 5}),
        ("CrossNamespacePodAffinity", {"affinity": {"podAntiAffinity": {REQUIRED: [ELSEWHERE]}}}, {}),
    ],
)
@pytest.mark.parametrize("selected", [True, False])
def test_scopes_are_what_pods_are_like(
    scope: str, inside: dict[str, Any], outside: dict[str, Any], selected: bool
) -> None:
    site = Site()
    requirement = {"scopeName": scope, "operator": "Exists"}
    spec: dict[str, Any] = {"scopeSelector": {"matchExpressions": [requirement]}} if selected else {"scopes": [scope]}
    with_quota(site, {"pods": "1"}, **spec)
    for name, more, after in (("a", outside, "0"), ("b", inside, "1"), ("c", outside, "1")):
        sent = pod(name)
        sent["spec"] |= more
        assert site.ask("POST", PODS, sent).status == 201
        assert used(site) == {"pods": after}


def test_a_pod_that_gets_a_deadline_is_counted_where_it_is_then() -> None:
    site = Site()
    with_quota(site, {"pods": "1"}, scopes=["Terminating"])
    for name in ("a", "b"):
        assert site.ask("POST", PODS, pod(name)).status == 201
    deadline = {"spec": {"activeDeadlineSeconds": 5}}
    assert site.patch(f"{PODS}/a", deadline, query="dryRun=All").status == 200
    assert used(site) == {"pods": "0"}
    assert site.patch(f"{PODS}/a", deadline).status == 200
    assert used(site) == {"pods": "1"}
    refused = site.patch(f"{PODS}/b", deadline)
    assert (
        refused.message == 'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )


def test_a_service_that_becomes_another_type_is_counted_by_what_is_more() -> None:
    site = Site()
    with_quota(site, {"services": "5", "services.nodeports": "1"})
    services = f"{NAMESPACE}/services"
    for name in ("a", "b"):
        assert site.post(services, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}).status == 201
    assert site.patch(f"{services}/a", {"spec": {"type": "NodePort"}}).status == 200
    assert used(site) == {"services": "2", "services.nodeports": "1"}
    assert "requested: services.nodeports=1" in site.patch(f"{services}/b", {"spec": {"type": "NodePort"}}).message
    assert site.patch(f"{services}/a", {"metadata": {"labels": {"a": "b"}}}).status == 200
    assert used(site) == {"services": "2", "services.nodeports": "1"}


@pytest.mark.parametrize(
    ("operator", "values", "counted"),
    [("Exists", None, ["gold"]), ("In", ["gold"], ["gold"]), ("NotIn", ["gold"], ["", "lead"]), ("In", ["lead"], [])],
)
def test_claims_are_counted_by_the_class_of_their_attributes(operator: str, values: Any, counted: list[str]) -> None:
    site = Site()
    requirement = {"scopeName": "VolumeAttributesClass", "operator": operator, **({"values": values} if values else {})}
    with_quota(site, {"persistentvolumeclaims": "9"}, scopeSelector={"matchExpressions": [requirement]})
    for name in ("gold", ""):
        more = {"volumeAttributesClassName": name} if name else {}
        assert site.post(CLAIMS, claim(name or "none", **more)).status == 201
    expected = sum(1 for name in ("gold", "") if name in counted)
    assert used(site) == {"persistentvolumeclaims": str(expected)}
