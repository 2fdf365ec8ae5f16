"""An agent named on a command line or in a job: `package.module:Class`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import cast

from chaos.scenario.errors import BadScenario
from chaos.worlds.virtual import AgentClass, collab_agent


def agent_class(name: str | None) -> AgentClass:
    """The class that `name` stands for; None is the collaboration layer's own. Raises BadScenario with the way out.

    The current folder counts, as it does for `python -m`.
    """
    if name is None:
        return collab_agent
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module, colon, attribute = name.partition(":")
    try:
        if not colon:
            raise ValueError("write it as package.module:Class")
        return cast(AgentClass, getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise BadScenario("--agent", "", f"{name!r} cannot be loaded: {error}") from None
