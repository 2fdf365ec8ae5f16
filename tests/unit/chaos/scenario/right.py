"""A small scenario that is right."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

RIGHT: Document = {
    "apiVersion": "fakekube/v1alpha1",
    "kind": "Scenario",
    "metadata": {"name": "small"},
    "spec": {
        "seed": 3,
        "duration": "1m",
        "sites": {"count": 4, "labels": [{"match": "site-00[01]", "set": {"region": "nantes"}}]},
        "workload": [
            {
                "at": "0s",
                "do": "create",
                "resource": "namespaces/team",
                "on": "site-000",
                "scope": "site-000 & site-001",
            },
            {
                "at": "5s",
                "do": "patch",
                "resource": "namespaces/team",
                "on": "site-001",
                "patch": {"a": "1", "b": None},
            },
        ],
        "faults": [
            {"at": "3s", "duration": "4s", "action": "partition", "selector": {"sites": ["site-000"]}, "target": "all"},
        ],
        "quiet": {"at": "30s", "for": "30s"},
        "check": {"eventually": [{"converged": "namespaces/team", "within": "20s"}, "one-owner"]},
    },
}
