"""Python's own generator during a run."""

from __future__ import annotations

import random

from chaos.worlds.chance import ambient_chance


def draw(seed: int) -> float:
    with ambient_chance(seed):
        return random.random()


def test_libraries_draw_the_same_at_every_run_of_a_seed() -> None:
    assert draw(1) == draw(1) != draw(2)


def test_what_was_drawn_before_goes_on_as_if_nothing_had_happened() -> None:
    random.seed(5)
    undisturbed = [random.random() for _ in range(2)]
    random.seed(5)
    first = random.random()
    draw(1)
    assert [first, random.random()] == undisturbed
