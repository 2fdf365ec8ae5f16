"""PodSecurity: what a namespace's labels forbid and warn about, in the real server's words."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.registry.pod_security import BASELINE, RESTRICTED, Level, violations
from tests.unit.fakekube.sites import Answer, Site

PODS = "/api/v1/namespaces/default/pods"
GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": "i",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def broken(level: str, spec: dict[str, Any], minor: int | None = None, **notes: str) -> list[str]:
    return [str(each) for each in violations(Level(level, minor), {"annotations": notes}, spec)]


def container(**members: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": "i", **members}]}


def context(**members: Any) -> dict[str, Any]:
    return container(securityContext=members)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, []),
        ({"hostNetwork": True, "hostPID": True}, ["host namespaces (hostNetwork=true, hostPID=true)"]),
        (
            context(capabilities={"add": ["NET_RAW", "CHOWN"]}),
            ['non-default capabilities (container "c" must not include "NET_RAW" in securityContext.capabilities.add)'],
        ),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, ['hostPath volumes (volume "v")']),
        (
            container(ports=[{"hostPort": 80}, {"hostPort": 443}]),
            ['hostPort (container "c" uses hostPorts 443, 80)'],
        ),
        (
            container(livenessProbe={"httpGet": {"host": "h"}}),
            ['probe or lifecycle host (container "c" uses probe or lifecycle host "h")'],
        ),
        (context(privileged=True), ['privileged (container "c" must not set securityContext.privileged=true)']),
        (
            context(procMount="Unmasked"),
            ['procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
        ),
        (
            {"securityContext": {"seLinuxOptions": {"type": "x", "user": "u"}}},
            ['seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)'],
        ),
        (
            context(seccompProfile={"type": "Unconfined"}),
            ['seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")'],
        ),
        (
            {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}},
            ["forbidden sysctls (kernel.msgmax)"],
        ),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            ["hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"],
        ),
        (
            context(appArmorProfile={"type": "Unconfined"}),
            ['forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
        ),
    ],
)
def test_what_baseline_forbids(spec: dict[str, Any], told: list[str]) -> None:
    assert broken(BASELINE, spec) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        (
            {"securityContext": {"runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}}},
            ["runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"],
        ),
        (
            {"securityContext": {**GOOD["securityContext"], "runAsUser": 0}},
            ["runAsUser=0 (pod must not set runAsUser=0)"],
        ),
        (
            {"volumes": [{"name": "v", "nfs": {}}, {"name": "w", "emptyDir": {}}]},
            ['restricted volume types (volume "v" uses restricted volume type "nfs")'],
        ),
        ({"os": {"name": "windows"}, "containers": [{"name": "c"}]}, []),
    ],
)
def test_what_restricted_forbids(changes: dict[str, Any], told: list[str]) -> None:
    assert broken(RESTRICTED, {**GOOD, **changes}) == told


def test_a_rule_holds_from_its_version_on() -> None:
    spec = container(livenessProbe={"httpGet": {"host": "h"}})
    assert broken(BASELINE, spec, minor=33) == []
    assert len(broken(BASELINE, spec, minor=34)) == 1


def labelled(site: Site, **labels: str) -> Answer:
    wanted = {f"pod-security.kubernetes.io/{mode.replace('_', '-')}": level for mode, level in labels.items()}
    return site.patch("/api/v1/namespaces/default", {"metadata": {"labels": wanted}})


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def test_a_namespace_forbids_and_warns_by_its_labels() -> None:
    site = Site()
    assert labelled(site, enforce="baseline", enforce_version="v1.25", warn="restricted").status == 200
    refused = site.post(PODS, pod({**GOOD, "hostPID": True}))
    assert refused.status == 403
    assert refused.message == (
        'pods "p" is forbidden: violates PodSecurity "baseline:v1.25": host namespaces (hostPID=true)'
    )
    warned = site.post(PODS, pod({**GOOD, "securityContext": {}}))
    assert warned.status == 201
    assert 'would violate PodSecurity \\"restricted:latest\\"' in warned.headers["Warning"]


def test_what_makes_pods_is_warned_about_and_not_refused() -> None:
    site = Site()
    labelled(site, enforce="restricted")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": container()}
    sent = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    made = site.post("/apis/apps/v1/namespaces/default/deployments", sent)
    assert made.status == 201
    assert "would violate PodSecurity" in made.headers["Warning"]


def test_a_label_that_names_no_level_is_refused() -> None:
    refused = labelled(Site(), enforce="bogus")
    assert refused.status == 422
    assert refused.json["details"]["causes"][0]["field"] == "metadata.labels[pod-security.kubernetes.io/enforce]"
