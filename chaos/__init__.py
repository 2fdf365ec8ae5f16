"""Time, links and faults for sites under test; scenarios, checks and reports.

The public names load on first use, so that a test which needs one of them loads only that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.report.report import Report
    from chaos.runner import run, run_timeline
    from chaos.scenario.model import Scenario
    from chaos.worlds.virtual import World

__all__ = ["Report", "Scenario", "World", "run", "run_timeline"]

_HOMES = {
    "Report": "chaos.report.report",
    "Scenario": "chaos.scenario.model",
    "World": "chaos.worlds.virtual",
    "run": "chaos.runner",
    "run_timeline": "chaos.runner",
}


def __getattr__(name: str) -> object:
    """PEP 562."""
    if name not in _HOMES:
        raise AttributeError(f"module 'chaos' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
