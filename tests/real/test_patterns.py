"""Made-up regular expressions, read and matched by a running kube-apiserver and by a site of ours."""

from __future__ import annotations

import random
import time

import pytest

from tests.real import start
from tests.real.twins import PATIENCE_S, Twins
from tests.unit.fakekube.dynamic_admission.policy_cases import (
    BINDINGS,
    CONFIG_MAPS,
    POLICIES,
    binding,
    config_map,
    policy,
    says,
)

pytestmark = pytest.mark.real

ROUNDS = 400
PIECES = (
    *("a", "b", "é", "α", ".", "^", "$", "(", ")", "(?:", "(?i)", "(?i:", "(?P<n>", "(?<n>", "(?=", "(?!", "(?<!", "|"),
    *("*", "+", "?", "*?", "??", "{2}", "{1,}", "{1,2}", "{2,1}", "{1001}", "{,2}", "{", "}", "[", "]", "[^", "[a-c]"),
    *("[z-a]", "[[:alpha:]]", "[[:^alpha:]]", "[[:nope:]]", r"[\d_]", r"\d", r"\D", r"\w", r"\W", r"\s", r"\b", r"\B"),
    *(
        r"\A",
        r"\z",
        r"\Z",
        r"\pL",
        r"\p{Greek}",
        r"\P{Lu}",
        r"\p{^Lu}",
        r"\p{Nope}",
        r"\1",
        r"\x41",
        r"\x{3b1}",
        r"\Qa.b\E",
    ),
    *(r"\n", r"\.", r"\-", r"\C", r"\g", "\\", "-", "&&", "~", "#", " ", "_", "(?#c)", "(?s).", "(?m)^", "(?U)a+"),
)
TEXTS = ("", "a", "ab", "aab", "abc", "a.b", "é", "αβ", "A", "a\nb", "a_1", "12", "aaa bbb", "a-b")
TEXT, PATTERN = "object.data.text", "object.data.pattern"
SHOWN = f"string({TEXT}.matches({PATTERN})) + ':' + {TEXT}.findAll({PATTERN}).join('|') + ':' + string({TEXT}.find({PATTERN}))"


@pytest.fixture(scope="module")
def twins(own_real_apiserver: start.RealApiserver) -> Twins:
    """A policy that denies every config map, and says in its message what matches."""
    twins = Twins(own_real_apiserver)
    validation = says(f"[{TEXT}.matches({PATTERN})].size() == 2", messageExpression=SHOWN)
    assert twins.compare("POST", POLICIES, policy("match", [validation])) == 201
    assert twins.compare("POST", BINDINGS, binding("match")) == 201
    give_up = time.monotonic() + PATIENCE_S
    while twins.real("POST", CONFIG_MAPS, config_map("match", "probe", {}), "json", "dryRun=All")[0] == 201:
        assert time.monotonic() < give_up
        time.sleep(0.1)
    return twins


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_patterns_are_read_and_matched_the_same(twins: Twins, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        pattern = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 5)))
        body = config_map("match", "probe", {"text": rng.choice(TEXTS), "pattern": pattern})
        twins.compare("POST", CONFIG_MAPS, body, query="dryRun=All")
    found = twins.differing()
    assert not found, f"{len(found)} of {ROUNDS}\n" + "\n".join(found)
