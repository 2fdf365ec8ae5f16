"""A pod behind scheduling gates may be narrowed down in where it goes. All answers seen on kube-apiserver 1.37.2."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.fakekube.sites import Answer, Site

PODS = "/api/v1/namespaces/default/pods"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
TERMS = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
ONLY_ADDITIONS = "only additions are allowed (no mutations or deletions)"
NO_OTHERS = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
BESIDE = {"podAffinity": {REQUIRED: [{"topologyKey": "a", "labelSelector": {}}]}}


def has(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values or "1")}


def term(*expressions: dict[str, Any], on: str = "") -> dict[str, Any]:
    fields = [{"key": "metadata.name", "operator": "In", "values": [on]}]
    return {"matchExpressions": list(expressions), **({"matchFields": fields} if on else {})}


def near(*terms: dict[str, Any], **more: object) -> dict[str, Any]:
    required = {REQUIRED: {"nodeSelectorTerms": list(terms)}} if terms else {}
    return {"nodeAffinity": {**required, **more}}


X, Y = term(has("x")), term(has("y"), on="n")


def changed(before: dict[str, Any], after: dict[str, Any], *, gated: bool = True) -> Answer:
    """The answer to a pod with `before` in its spec that gets `after` instead."""
    site = Site()
    site.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    gates = {"schedulingGates": [{"name": "a.b/g"}]} if gated else {}
    spec = {"containers": [{"name": "c", "image": "i"}], **gates, **before}
    created = site.post(PODS, {"metadata": {"name": "p"}, "spec": spec})
    assert created.status == 201, created.text
    live = copy.deepcopy(created.json)
    for member in ("nodeSelector", "affinity"):
        live["spec"].pop(member, None)
    live["spec"] |= after
    return site.put(f"{PODS}/p", live)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"nodeSelector": {"a": "b"}}),
        ({"nodeSelector": {"a": "b"}}, {"nodeSelector": {"a": "b", "c": "d"}}),
        ({}, {"affinity": near(X)}),
        ({"affinity": near(X, Y)}, {"affinity": near(term(has("x"), has("z")), Y)}),
        ({"affinity": near(X)}, {"affinity": near(X, **{PREFERRED: [{"weight": 1, "preference": X}]})}),
        ({"affinity": BESIDE}, {"affinity": near(X) | BESIDE}),
    ],
)
def test_it_may_become_choosier(before: dict[str, Any], after: dict[str, Any]) -> None:
    answer = changed(before, after)
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    ("before", "after", "field", "why"),
    [
        (
            {"nodeSelector": {"a": "b"}},
            {"nodeSelector": {"a": "c"}},
            "spec.nodeSelector",
            'Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
        (
            {"nodeSelector": {"a": "b"}},
            {},
            "spec.nodeSelector",
            "Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        ),
        ({"affinity": near(X, Y)}, {"affinity": near(X)}, TERMS, NO_OTHERS),
        ({"affinity": near(X, Y)}, {"affinity": near(X, Y, X)}, TERMS, NO_OTHERS),
        ({"affinity": near(X)}, {}, TERMS, f"Invalid value: null: {NO_OTHERS}"),
        ({"affinity": near(X, Y)}, {"affinity": near(term(has("q")), Y)}, f"{TERMS}[0]", ONLY_ADDITIONS),
        ({"affinity": near(X, Y)}, {"affinity": near(X, term(has("y")))}, f"{TERMS}[1]", ONLY_ADDITIONS),
        ({}, {"affinity": BESIDE}, "spec", "pod updates may not change fields other than"),
        ({}, {"affinity": near(X) | BESIDE}, "spec", "pod updates may not change fields other than"),
        ({"affinity": BESIDE}, {"affinity": near(X)}, "spec", "pod updates may not change fields other than"),
    ],
)
def test_it_may_not_go_elsewhere(before: dict[str, Any], after: dict[str, Any], field: str, why: str) -> None:
    answer = changed(before, after)
    assert answer.status == 422, answer.text
    [cause] = answer.json["details"]["causes"]
    assert (cause["field"], why in cause["message"]) == (field, True), cause


def test_a_pod_without_gates_stays_where_it_is() -> None:
    assert changed({}, {"nodeSelector": {"a": "b"}}, gated=False).status == 422
