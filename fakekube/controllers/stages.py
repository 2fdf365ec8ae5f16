"""The life of a pod as data: in which state, after which delay, it moves on to what. No scheduler, no kubelet, no container.

The idea is KWOK's (sigs.k8s.io/kwok): stages instead of nodes that run something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal, Self

from fakekube.controllers.commands import end_of
from fakekube.controllers.conditions import conditions_of, find, is_true
from fakekube.controllers.ownership import controller_of
from fakekube.controllers.pods import has_ended, is_ready, node_of, phase_of
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.metadata import is_terminating

# Where a pod stands; "" is one that nothing moves: it has ended, is held by a gate, or another scheduler's.
State = Literal["", "unscheduled", "scheduled", "running", "ready", "terminating"]
# What a stage makes of it.
Move = Literal["bind", "run", "ready", "succeed", "remove"]

# `ready=30,start=2`: seconds, for the stages of this pod alone.
DELAYS = "fakekube.dev/delays"
# How this pod fails: a name of FAILURES, or `exit N`.
FAILS = "fakekube.dev/fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A pod in state `when` makes `move` after `delay_s`, and up to `jitter_s` more. `owner`: only pods that a controller of this kind owns.

    `commanded`: only pods that are not to run for ever, and whose commands say how they end (commands.py).
    """

    name: str
    when: State
    move: Move
    delay_s: float = 0.0
    jitter_s: float = 0.0
    owner: str = ""
    commanded: bool = False

    def fits(self, state: State, pod: KubeObject) -> bool:
        if self.when != state or (self.commanded and not _ends_by_itself(pod)):
            return False
        controller = controller_of(pod)
        return not self.owner or (controller is not None and controller["kind"] == self.owner)


def never_fails(pod: KubeObject) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Stages:
    """The first stage that fits a pod is its next one. `fails` tells of a pod how it fails, as the annotation does."""

    stages: Sequence[Stage]
    fails: Callable[[KubeObject], str] = never_fails

    def next(self, pod: KubeObject) -> Stage | None:
        state = state_of(pod)
        found = next((each for each in self.stages if state and each.fits(state, pod)), None)
        return None if found is not None and found.move == "succeed" and _runs_for_ever(pod) else found

    def delayed(self, **delays_s: float) -> Self:
        """The same with these stages (by name, `-` as `_`) taking that many seconds. Raises ValueError for one that is not there."""
        asked = {name.replace("_", "-"): delay_s for name, delay_s in delays_s.items()}
        known = {each.name for each in self.stages}
        unknown = sorted(asked.keys() - known)
        if unknown:
            raise ValueError(f"no stage is called {unknown[0]!r}: there are {', '.join(sorted(known))}")
        stages = [replace(each, delay_s=asked.get(each.name, each.delay_s)) for each in self.stages]
        return replace(self, stages=tuple(stages))

    def failing(self, fails: Callable[[KubeObject], str]) -> Self:
        """The same with `fails` asked about each pod: a name of FAILURES, `exit N`, or an empty text."""
        return replace(self, fails=fails)

    def failure_of(self, pod: KubeObject) -> str:
        """How the pod fails: by its annotation, else by the hook; empty when it does not."""
        return str((metadata(pod).get("annotations") or {}).get(FAILS) or self.fails(pod))


STAGES = Stages(
    (
        Stage(name="schedule", when="unscheduled", move="bind"),
        Stage(name="start", when="scheduled", move="run", delay_s=0.1),
        Stage(name="ready", when="running", move="ready"),
        Stage(name="complete", when="ready", move="succeed", delay_s=0.5, owner="Job"),
        Stage(name="exit", when="ready", move="succeed", commanded=True),
        Stage(name="terminate", when="terminating", move="remove", delay_s=0.1),
    )
)
# Pods stay as they are made: for tests that play the kubelet themselves.
NO_STAGES = Stages(())


def state_of(pod: KubeObject) -> State:
    """Where the pod stands, by its own words."""
    if is_terminating(pod):
        return "terminating" if node_of(pod) and metadata(pod).get("deletionGracePeriodSeconds") else ""
    if has_ended(pod):
        return ""
    if not node_of(pod):
        return "unscheduled" if _is_ours(pod) else ""
    if phase_of(pod) == "Pending":
        return "" if _is_waiting(pod) else "scheduled"
    if is_ready(pod):
        return "ready"
    return "running" if _has_its_gates(pod) and not _is_waiting(pod) else ""


def _ends_by_itself(pod: KubeObject) -> bool:
    return pod["spec"].get("restartPolicy", "Always") != "Always" and end_of(pod) is not None


def _runs_for_ever(pod: KubeObject) -> bool:
    """Whether its command never ends by itself; a delay that was asked for ends it all the same."""
    end = end_of(pod)
    return end is not None and end.after_s == inf and DELAYS not in (metadata(pod).get("annotations") or {})


def _is_ours(pod: KubeObject) -> bool:
    spec = pod.get("spec") or {}
    return spec.get("schedulerName", "default-scheduler") == "default-scheduler" and not spec.get("schedulingGates")


def _is_waiting(pod: KubeObject) -> bool:
    """Whether one of its containers waits for what never comes."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    reasons = [((each.get("state") or {}).get("waiting") or {}).get("reason") for each in statuses]
    return any(reason not in (None, "ContainerCreating") for reason in reasons)


def _has_its_gates(pod: KubeObject) -> bool:
    """Whether it may become ready, and has not been refused by somebody who says so."""
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    condition = find(conditions_of(pod), "Ready")
    return all(is_true(pod, each["conditionType"]) for each in gates) and (
        condition is None or condition.get("reason") != UNREADY
    )


# The reason in a pod's Ready condition that no stage moves on from.
UNREADY = "Unready"


def delays_of(pod: KubeObject) -> Mapping[str, float]:
    """The delays in the pod's annotation, seconds by stage. Raises ValueError with the clause that cannot be read."""
    text = (metadata(pod).get("annotations") or {}).get(DELAYS, "")
    found: dict[str, float] = {}
    for clause in filter(None, (each.strip() for each in text.split(","))):
        name, _, seconds = clause.partition("=")
        number = seconds.strip().removesuffix("s")
        if not number.replace(".", "", 1).isdecimal():
            raise ValueError(f"{clause!r}: a stage and its seconds are expected, as in ready=30")
        found[name.strip()] = float(number)
    return found
