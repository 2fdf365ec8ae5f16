"""A scenario that uses everything the language has, so that each field of it can be made wrong."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

TEAM = "namespaces/team"
SETTINGS = "namespaces/team/configmaps/settings"
MEMBER = {"mode": "random", "of": "members"}

WHOLE: Document = {
    "apiVersion": "fakekube/v1alpha1",
    "kind": "Scenario",
    "metadata": {"name": "whole", "description": "All of it."},
    "spec": {
        "seed": 3,
        "duration": "2m",
        "sites": {"count": 6, "name": "site-{i}", "labels": [{"match": "site-[01]", "set": {"region": "nantes"}}]},
        "links": {
            "topology": {"kind": "random", "degree": 2, "unlinked": "routed"},
            "classes": {"lte": {"latency": "50ms", "jitter": "10ms", "distribution": "pareto", "loss": "1%"}},
            "default": {"class": "lte", "bandwidth": "2MB/s"},
            "overrides": [{"from": {"region": "nantes"}, "to": ["site-3"], "class": "lte", "latency": "5ms"}],
        },
        "workload": [
            {
                "at": "0s",
                "do": "create",
                "resource": TEAM,
                "on": "site-0",
                "scope": "all",
                "labels": {"a": "1"},
                "with": ["configmaps"],
            },
            {"at": "5s", "do": "patch", "resource": TEAM, "on": MEMBER, "patch": {"a": "{seq}", "b": None}},
            {
                "every": "5s",
                "jitter": "1s",
                "until": "50s",
                "do": "update",
                "resource": TEAM,
                "on": MEMBER,
                "patch": {},
            },
            {"at": "6s", "do": "extend", "resource": TEAM, "to": "site-5", "on": "site-0", "role": "ro"},
            {"at": "7s", "do": "retract", "resource": TEAM, "from": MEMBER, "exit": "delete"},
            {"at": "8s", "do": "reattach", "resource": TEAM, "to": MEMBER, "force": True},
            {"at": "9s", "do": "get", "resource": SETTINGS, "on": MEMBER},
            {"at": "9s", "do": "list", "resource": TEAM, "on": MEMBER},
            {"at": "9s", "do": "apply", "resource": SETTINGS, "on": MEMBER, "data": {"k": "{site}"}},
            {"at": "10s", "do": "delete", "resource": SETTINGS, "on": {"mode": "random", "of": "all"}},
            {"at": "11s", "do": "call", "function": "a.b:c", "on": "site-1", "arguments": {"x": "y"}},
            {
                "every": "1s",
                "do": "mix",
                "of": [
                    {"do": "get", "weight": 3, "resource": TEAM, "on": MEMBER},
                    {"do": "patch", "resource": TEAM, "on": MEMBER, "patch": {"a": "2"}},
                ],
            },
            {"at": "55s", "do": "destroy", "resource": TEAM},
        ],
        "faults": [
            {
                "at": "3s",
                "duration": {"uniform": ["4s", "8s"]},
                "every": "20s",
                "jitter": "1s",
                "until": "50s",
                "action": "partition",
                "mode": "jam",
                "direction": "to",
                "selector": {"match": "site-*", "labels": "region in (nantes)", "except": ["site-1"]},
                "target": {"sites": ["site-2", "site-3"]},
                "pick": "one",
            },
            {"at": "3s", "action": "flapping", "down": "1s", "up": {"uniform": ["1s", "2s"]}, "selector": ["site-1"]},
            {"at": "3s", "action": "swizzle-clog", "selector": "all", "pick": {"fixed": 2}},
            {"at": "3s", "action": "latency", "latency": "1s", "link-jitter": "10ms", "selector": "all"},
            {
                "at": "3s",
                "action": "bandwidth",
                "bandwidth": "64kbit/s",
                "selector": "all",
                "links": {"class": ["lte"]},
            },
            {"at": "3s", "action": "loss", "loss": "5%", "selector": "all", "links": ["site-0--site-3"]},
            {"at": "3s", "action": "degrade", "loss": "5%", "latency": "1s", "selector": "all"},
            {
                "at": "3s",
                "action": "toxic",
                "type": "slicer",
                "stream": "upstream",
                "attributes": {"average_size": 10},
                "selector": "all",
                "pick": {"fixed-percent": 30},
            },
            {"at": "3s", "action": "crash", "lose": "disk", "selector": "all", "pick": {"random-max": 2}},
            {"at": "3s", "action": "pause", "selector": "all", "pick": {"random-max-percent": 50}},
            {"at": "3s", "action": "skew", "by": {"uniform": ["-1h", "1h"]}, "selector": "all"},
            {"at": "3s", "action": "no-names", "selector": "all"},
            {
                "at": "3s",
                "action": "apiserver",
                "kind": "refuse",
                "verbs": ["patch"],
                "resource": "configmaps",
                "namespace": "team",
                "name": "settings",
                "times": 3,
                "status": 429,
                "retry-after": "1s",
                "selector": "all",
            },
        ],
        "nemesis": [
            {
                "faults": ["partition", {"action": "latency", "latency": "1s", "weight": 3}, "crash"],
                "targets": ["one", "bridge"],
                "interval": "10s",
                "duration": {"uniform": ["1s", "5s"]},
                "from": "5s",
                "until": "50s",
                "selector": "all",
            }
        ],
        "quiet": {"at": "1m", "for": "1m"},
        "check": {
            "always": ["no-lost-acknowledged-write"],
            "eventually": [{"converged": TEAM, "within": "20s"}, {"one-owner": "all", "within": "5s"}],
            "sometimes": ["write-during-partition"],
            "slo": {"write-p99": "50ms"},
        },
    },
}
