"""Random conversations with an apiserver, made by hypothesis: what users do to an object, and what they get wrong.

A story is about one kind: objects named a, b and c are created, read, listed, changed in every way there is, watched
and deleted, with options and mistakes mixed in. It is a Conversation, so that any target can play it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.differential.acts import ACTS, create
from tests.differential.subjects import Subject, subjects
from tests.recordings.conversation import Conversation, Step

ACTS_IN_A_STORY = 25
# Objects of these change what others are filled in with.
FAR_REACHING = frozenset(["priorityclasses"])


def story(at: int, number: int) -> Conversation:
    """Story `number` of the seed `at`: the same at any time. Kinds take turns."""
    kinds = sorted(subjects())
    made: list[Conversation] = []

    @seed(at * _STORIES_OF_A_SEED + number)
    @settings(
        max_examples=2,  # the first is always the simplest that there is
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_stories(subjects()[kinds[number % len(kinds)]]))
    def tell(story: Conversation) -> None:
        made.append(story)

    tell()
    return {**made[-1], "name": kinds[number % len(kinds)]}


_STORIES_OF_A_SEED = 100_000


@st.composite
def _stories(draw: Any, subject: Subject) -> Conversation:
    """One story: setup makes its namespace, each step is one request (a watch is one too)."""
    acts = draw(st.lists(st.sampled_from(sorted(ACTS)), min_size=ACTS_IN_A_STORY, max_size=ACTS_IN_A_STORY))
    steps = [step for act in acts for step in ACTS[act](draw, subject)]
    first = create(draw, subject, "a")
    return Conversation(
        name="",
        area="story",
        needs=[],
        ns="story-RUN",
        setup=[_NAMESPACE, *map(_awaited, _BORN_WITH_A_NAMESPACE), *first],
        steps=steps,
        teardown=[
            *(Step(method="DELETE", path=subject.place(letter)) for letter in "abc" if not subject.resource.namespaced),
            Step(method="DELETE", path="/api/v1/namespaces/${ns}"),
        ],
    )


_NAMESPACE: Step = {
    "method": "POST",
    "path": "/api/v1/namespaces",
    "body": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "${ns}"}},
}
# Controllers of both servers make these a moment after the namespace: a story begins when they are there.
_BORN_WITH_A_NAMESPACE = ("serviceaccounts/default", "configmaps/kube-root-ca.crt")


def _awaited(place: str) -> Step:
    """As YAML, so that no label is learnt: which of the two is the newer is chance."""
    return {
        "method": "GET",
        "path": f"/api/v1/namespaces/${{ns}}/{place}",
        "headers": {"Accept": "application/yaml"},
        "until": {"code": 200},
    }
