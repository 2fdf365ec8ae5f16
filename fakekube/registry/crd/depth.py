"""How deep objects may nest: Go's stack grows by itself, Python's limit has to be asked for more."""

from __future__ import annotations

import sys

# Custom resources of 500 levels, and schemas as deep, with a few calls for each level. Python frames take no stack of
# the machine's, but encoders and generators do: the limit stays well within the 8 MB that threads have.
_FRAMES = 5000


def allow_deep_objects() -> None:
    """Raise the interpreter's recursion limit, once, where custom resources are used; it is never lowered."""
    if sys.getrecursionlimit() < _FRAMES:
        sys.setrecursionlimit(_FRAMES)
