"""What can be wrong with a scenario or a timeline, in one line that names file, place, value and the way out."""

from __future__ import annotations


class BadScenario(ValueError):
    """The input is wrong; nothing ran. `str()` is the whole line a user sees (exit code 2)."""

    def __init__(self, source: str, path: str, problem: str) -> None:
        super().__init__(f"{source}: {path}: {problem}" if path else f"{source}: {problem}")
        self.source = source
        self.path = path
        self.problem = problem


class Unsupported(BadScenario):
    """The scenario is right, but the chosen world cannot do one of its events."""
