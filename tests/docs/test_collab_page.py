"""docs/collab.md: its configuration is read, its commands and scopes exist, its refusals are those of the code."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import typer

from collab.agent import journal
from collab.agent.config import parse
from collab.agent.disk import MemoryDisk
from collab.agent.journals import DamagedJournal, load
from collab.cli import app
from collab.protocol.operations import parse_operation
from collab.render import explanation
from collab.scope import ScopeError, explain
from collab.scope import parse as parse_scope

PAGE = (Path(__file__).parents[2] / "docs" / "collab.md").read_text()


def test_the_configuration_is_valid() -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    config = parse(found[1])
    assert (config.site, config.address) == ("paris", ("0.0.0.0", 8443))


def test_every_command_is_described_and_no_other() -> None:
    group = typer.main.get_command(app)
    commands = set(getattr(group, "commands"))  # noqa: B009  # typer's group type is private
    described = set(re.findall(r"`collab ([a-z]+)", PAGE))
    assert described == commands


def test_the_plan_shown_is_the_plan() -> None:
    scope = "site-000 & (site-001 | site-002)"
    assert explanation(dict(explain(scope))) in PAGE


@pytest.mark.parametrize("text", ["{configmaps: a}", "a % b", "a ^ b", "a ; b", "around(a, 50ms)"])
def test_what_is_said_to_be_reserved_is(text: str) -> None:
    with pytest.raises(ScopeError) as raised:
        explain(text)
    assert raised.value.code == 501
    assert parse_scope("a | b & c")


def test_the_members_of_an_operation_are_those_the_agent_reads() -> None:
    found = re.search(r"`\{(\"verb\".*?)\}`", PAGE)
    assert found is not None
    members = set(re.findall(r'"(\w+)"(?=,|:|$)', found[1]))
    body = {"resource": "namespaces/x", "verb": "extend", "to": "b", "from": "b"}
    operation = parse_operation({**body, "with": ["configmaps"], "dryRun": True}, random.Random(1))
    assert {name for name in operation.to_json() if name != "id"} <= members


def test_the_line_about_a_damaged_journal_is_what_is_said() -> None:
    disk = MemoryDisk()
    disk.append("site", bytes([255]) + journal.frames([b"one", b"two"])[1:])
    with pytest.raises(DamagedJournal) as raised:
        load(disk, recovered=False, note=print)
    assert f"{raised.value}; {raised.value.advice}" in PAGE
