"""Hashes as kube-controller-manager 1.37.2 makes them: recorded from its ComputeHash, over templates drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakekube.controllers.hashes import fnv1, fnv1a, safe, template_hash

RECORDED = json.loads((Path(__file__).parent / "template_hashes.json").read_text())


@pytest.mark.parametrize("recorded", [pytest.param(each, id=each["hash"]) for each in RECORDED])
def test_a_template_has_the_hash_of_the_real_controller(recorded: dict[str, Any]) -> None:
    assert template_hash(recorded["template"]) == recorded["hash"]


def test_a_collision_changes_the_hash() -> None:
    template = RECORDED[0]["template"]
    assert len({template_hash(template), template_hash(template, 0), template_hash(template, 1)}) == 3


def test_the_hash_functions_are_those_of_their_description() -> None:
    """Vectors of draft-eastlake-fnv."""
    assert (fnv1(b""), fnv1a(b"")) == (0x811C9DC5, 0x811C9DC5)
    assert (fnv1(b"a"), fnv1a(b"a")) == (0x050C5D7E, 0xE40C292C)
    assert (fnv1(b"foobar"), fnv1a(b"foobar")) == (0x31F0B262, 0xBF9CF968)


def test_letters_spell_no_word() -> None:
    assert not set("aeiou013") & set(safe(1234567890))
    assert len(safe(1234567890)) == 10
