"""Every recorded conversation is equal on the core, or is listed with the reason why not."""

from __future__ import annotations

import pytest

from tests.recordings.conversation import Conversation, load
from tests.recordings.replay import LISTED, asks_who, core_target, replay


@pytest.mark.parametrize("conversation", [pytest.param(each, id=each["name"]) for each in load()])
def test_a_conversation_goes_as_with_the_real_server(conversation: Conversation) -> None:
    found = replay(conversation, core_target(conversation), "127.0.0.1:6443")
    if conversation["name"] in LISTED:
        assert not found.equal, "equal now: take its row out of divergences.json"
    else:
        assert found.equal, found.first()


@pytest.mark.parametrize("conversation", [pytest.param(each, id=each["name"]) for each in load() if not asks_who(each)])
def test_for_an_administrator_it_goes_the_same_way_with_tokens_and_rbac(conversation: Conversation) -> None:
    found = replay(conversation, core_target(conversation, secured=True), "127.0.0.1:6443")
    assert found.equal == (conversation["name"] not in LISTED), "" if found.equal else found.first()


def test_every_listed_divergence_names_a_conversation_and_a_reason() -> None:
    names = {conversation["name"] for conversation in load()}
    assert {name for name, reason in LISTED.items() if name not in names or not reason} == set()
