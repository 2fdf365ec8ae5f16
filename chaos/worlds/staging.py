"""How a timeline is put on the virtual stage, beyond what it says itself: with or without the wire, with a lost message, traced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """`wire`: requests within a site are HTTP bytes too; without it they are calls, which cost a fraction.
    `lose_message`: the message of that number, of those between sites counted from 1, is lost and its connection with it.
    `traced`: is given each line of the trace, where two runs are to be compared.
    """

    wire: bool = True
    lose_message: int = 0
    traced: Callable[[str], None] | None = None


AS_IT_IS = Staging()
