"""Autoscalers where nobody serves metrics: bounds are kept, and the status says what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fakekube.controllers.cluster_site import APPS, CORE, ClusterSite, Obj, condition, deployment

SCALERS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"


def scaler(kind: str = "Deployment", target: str = "web", **spec: Any) -> Obj:
    reference = {"apiVersion": "apps/v1" if kind == "Deployment" else "example.com/v1", "kind": kind, "name": target}
    return {"metadata": {"name": "s"}, "spec": {"maxReplicas": 5, "scaleTargetRef": reference, **spec}}


def scaling(site: ClusterSite, kind: str) -> tuple[str, str]:
    found = condition(site.obj(f"{SCALERS}/s"), kind) or {}
    return found.get("status", ""), found.get("reason", "")


def told(site: ClusterSite, reason: str) -> list[str]:
    events = site.items(f"{CORE}/events")
    return [each["message"] for each in events if each["reason"] == reason]


def scaled(replicas: int = 2, **spec: Any) -> ClusterSite:
    site = ClusterSite()
    site.made(f"{APPS}/deployments", deployment(replicas=replicas))
    site.made(SCALERS, scaler(**spec))
    site.run(1)
    return site


def test_without_metrics_a_target_keeps_its_size_and_the_status_says_why() -> None:
    site = scaled()
    status = site.obj(f"{SCALERS}/s")["status"]
    assert (status["currentReplicas"], status["desiredReplicas"], status["currentMetrics"]) == (2, 0, [{"type": ""}])
    assert scaling(site, "AbleToScale") == ("True", "SucceededGetScale")
    assert scaling(site, "ScalingActive") == ("False", "FailedGetResourceMetric")
    why = "unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: "
    assert why in told(site, "FailedGetResourceMetric")[0]
    site.run(60)
    assert site.server.next_due() is None


@pytest.mark.parametrize(
    ("metric", "reason", "summed"),
    [
        (
            {
                "type": "Pods",
                "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": 1}},
            },
            "FailedGetPodsMetric",
            "failed to get pods metric value: unable to get metric qps: ",
        ),
        (
            {
                "type": "External",
                "external": {
                    "metric": {"name": "qps", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "Value", "value": 1},
                },
            },
            "FailedGetExternalMetric",
            "failed to get qps external metric value: failed to get external metric qps: ",
        ),
        (
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": "c",
                    "target": {"type": "AverageValue", "averageValue": 1},
                },
            },
            "FailedGetContainerResourceMetric",
            "failed to get c container metric value: failed to get cpu usage: ",
        ),
    ],
)
def test_every_kind_of_metric_is_missing_in_its_own_words(metric: Obj, reason: str, summed: str) -> None:
    site = scaled(metrics=[metric])
    assert scaling(site, "ScalingActive") == ("False", reason)
    assert summed in told(site, "FailedComputeMetricsReplicas")[0]


@pytest.mark.parametrize(("replicas", "bounds", "after"), [(1, {"minReplicas": 3}, 3), (9, {}, 5)])
def test_sizes_out_of_bounds_are_put_right(replicas: int, bounds: dict[str, int], after: int) -> None:
    site = scaled(replicas, **bounds)
    assert site.obj(f"{APPS}/deployments/web")["spec"]["replicas"] == after
    assert scaling(site, "AbleToScale") == ("True", "SucceededRescale")
    assert told(site, "SuccessfulRescale")[0].startswith(f"New size: {after}; reason: Current number of replicas ")
    site.run(20)
    assert scaling(site, "AbleToScale") == ("True", "SucceededGetScale"), "the next look finds nothing to do"
    site.patched(f"{APPS}/deployments/web", {"spec": {"replicas": 7}})
    site.run(20)
    assert site.obj(f"{APPS}/deployments/web")["spec"]["replicas"] == 5


def test_a_target_of_nothing_is_left_alone() -> None:
    assert scaling(scaled(0), "ScalingActive") == ("False", "ScalingDisabled")


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ({"target": "nope"}, 'deployments.apps "nope" not found'),
        ({"kind": "Bar"}, 'no matches for kind "Bar" in group "example.com"'),
    ],
)
def test_a_target_that_is_not_there_is_told(reference: dict[str, Any], why: str) -> None:
    site = scaled(**reference)
    assert scaling(site, "AbleToScale") == ("False", "FailedGetScale")
    assert told(site, "FailedGetScale") == [why]
