"""Whatever is sent, the answer is the server's: never a failure of our own, never a traceback in the log."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakekube.apiserver.response import Response
from tests.unit.fakekube.sites import Site

_POD: dict[str, Any] = {
    "containers": [
        {
            "name": "c",
            "image": "i:1",
            "env": [{"name": "A", "value": "1"}],
            "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}},
        }
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
_TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": _POD}
_SELECTOR = {"matchLabels": {"app": "a"}}
_META = {"name": "x", "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/f"]}
_IN_DEFAULT = "namespaces/default/"
SAMPLES: dict[str, dict[str, Any]] = {
    f"/api/v1/{_IN_DEFAULT}configmaps": {"data": {"a": "1"}},
    f"/api/v1/{_IN_DEFAULT}secrets": {"data": {"a": "MQ=="}, "type": "Opaque"},
    f"/api/v1/{_IN_DEFAULT}pods": {"spec": _POD},
    f"/api/v1/{_IN_DEFAULT}services": {"spec": {"ports": [{"port": 80}], "type": "NodePort"}},
    f"/api/v1/{_IN_DEFAULT}events": {"involvedObject": {"kind": "Pod", "name": "p"}, "reason": "R"},
    f"/apis/events.k8s.io/v1/{_IN_DEFAULT}events": {"regarding": {"kind": "Pod"}, "reason": "R", "action": "A"},
    f"/apis/apps/v1/{_IN_DEFAULT}deployments": {"spec": {"replicas": 1, "selector": _SELECTOR, "template": _TEMPLATE}},
    f"/apis/apps/v1/{_IN_DEFAULT}daemonsets": {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    f"/apis/batch/v1/{_IN_DEFAULT}jobs": {"spec": {"template": {"spec": {**_POD, "restartPolicy": "Never"}}}},
    f"/apis/autoscaling/v1/{_IN_DEFAULT}horizontalpodautoscalers": {
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    },
    f"/apis/policy/v1/{_IN_DEFAULT}poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": _SELECTOR}},
    f"/apis/coordination.k8s.io/v1/{_IN_DEFAULT}leases": {"spec": {"holderIdentity": "h"}},
    "/api/v1/namespaces": {"spec": {"finalizers": ["kubernetes"]}},
    "/api/v1/nodes": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
}
TYPES = [
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
]
ACCEPTS = [
    "",
    "application/yaml",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf",
]

junk: st.SearchStrategy[object] = st.sampled_from(
    [None, "", 0, -1, [], {}, "x", True, 1.5, [None], [{}], {"a": None}, "x" * 300, 2**40, ["a", "a"], {"": ""}, [[]]]
)
# Which member to enter at each level, and what to put where the way ends.
mutations = st.lists(st.tuples(st.lists(st.integers(0, 7), max_size=7), junk), max_size=3)
queries = st.lists(
    st.sampled_from(
        [
            "dryRun=All",
            "fieldManager=f",
            "fieldValidation=Strict",
            "force=true",
            "limit=1",
            "continue=x",
            "resourceVersion=1",
            "resourceVersionMatch=Exact",
            "labelSelector=a%3Db",
            "timeoutSeconds=-1",
            "gracePeriodSeconds=5",
            "propagationPolicy=Orphan",
        ]
    ),
    max_size=2,
)


def mutated(value: Any, way: list[int], replacement: object) -> Any:
    """`value` with something else where the way ends."""
    members = sorted(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not way or not members:
        return replacement
    member = members[way[0] % len(members)]
    changed = copy.copy(value)
    changed[member] = mutated(value[member], way[1:], replacement)
    return changed


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(sorted(SAMPLES)),
    changes=mutations,
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]),
    suffix=st.sampled_from(["", "/x", "/x/status", "/x/scale", "/x/eviction", "/x/binding", "/x/finalize"]),
    content_type=st.sampled_from(TYPES),
    accept=st.sampled_from(ACCEPTS),
    query=queries,
    cut=st.integers(0, 40),
)
def test_nothing_sent_makes_us_fail(
    caplog: pytest.LogCaptureFixture,
    path: str,
    changes: list[tuple[list[int], object]],
    method: str,
    suffix: str,
    content_type: str,
    accept: str,
    query: list[str],
    cut: int,
) -> None:
    site = Site()
    whole = {"metadata": _META, **SAMPLES[path]}
    site.post(path, whole)
    body: Any = whole
    for way, replacement in changes:
        body = mutated(body, way, replacement)
    raw = json.dumps(body).encode()
    # one body in forty is torn
    raw = raw[: len(raw) // 2] if cut == 0 else raw
    answer = site.server.handle(
        site.request(method, f"{path}{suffix}", raw, "&".join(query), content_type, accept, "fuzz/1")
    )
    site.settle()
    assert isinstance(answer, Response)
    assert not caplog.records, caplog.text
    assert b"Internal error occurred: " not in answer.body
