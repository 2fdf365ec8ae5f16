"""The conformance kit: bodies, what is known to differ, and a run of them on one arm."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from fakekube.testing.arms import Arm
from fakekube.testing.reply import NotHere, Unfaithful
from fakekube.testing.session import Session

# In the order of the table. Each module is one area.
AREAS = (
    "objects",
    "writes",
    "lists",
    "watches",
    "patches",
    "apply",
    "deletion",
    "namespaces",
    "subresources",
    "representations",
    "discovery",
    "identities",
    "customresources",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One statement about apiservers and the function that tries it.

    `needs` are features of an arm without which it cannot be tried; `differs` says, by server, why a body is known to
    fail there: one that passes all the same is reported, so that no mark outlives its reason.
    """

    name: str
    title: str
    act: Callable[[Session], None]
    needs: Sequence[str] = ()
    differs: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


class Outcome(Enum):
    """What came of a body on an arm. Only `FAILED` and `STALE` need somebody."""

    OK = "ok"
    DIFFERS = "differs"  # as its mark says
    SKIPPED = "-"
    FAILED = "FAILED"
    STALE = "MARK STALE"  # it passes although a mark says that it differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one body found; `detail` is the reason of any outcome but ok."""

    body: Body
    arm: str
    outcome: Outcome
    detail: str = ""

    @property
    def needs_somebody(self) -> bool:
        return self.outcome in (Outcome.FAILED, Outcome.STALE)


_BODIES: list[Body] = []

Act = Callable[[Session], None]


def body(*, needs: Sequence[str] = (), differs: Mapping[str, str] | None = None) -> Callable[[Act], Act]:
    """Puts a function into the kit. The first line of its docstring is the statement that the table shows."""

    def registered(act: Act) -> Act:
        area = act.__module__.rpartition(".")[2]
        title = (act.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        name = f"{area}/{act.__name__.replace('_', '-')}"
        _BODIES.append(Body(name=name, title=title, act=act, needs=tuple(needs), differs=differs or {}))
        return act

    return registered


def bodies(match: str = "") -> list[Body]:
    """All bodies whose name contains `match`, in the order of the table."""
    for area in AREAS:
        importlib.import_module(f"fakekube.testing.areas.{area}")
    order = {area: position for position, area in enumerate(AREAS)}
    return sorted((each for each in _BODIES if match in each.name), key=lambda each: order[each.name.partition("/")[0]])


def known_divergences(server: str) -> dict[str, str]:
    """What is marked as different at `server`: the statement and the reason."""
    return {each.title: each.differs[server] for each in bodies() if server in each.differs}


def check(each: Body, arm: Arm, run: str) -> None:
    """Try one body in a namespace of its own. Raises Unfaithful, NotHere, or OSError when the server is gone."""
    session = Session(arm, run)
    for feature in each.needs:
        session.need(feature)
    session.open()
    try:
        each.act(session)
    finally:
        session.close()


def outcome(each: Body, arm: Arm, run: str) -> Result:
    """What comes of one body on one arm, its marks considered."""
    reason = each.differs.get(arm.server)
    try:
        check(each, arm, run)
    except NotHere as absent:
        return Result(body=each, arm=arm.name, outcome=Outcome.SKIPPED, detail=str(absent))
    except Unfaithful as found:
        kind, detail = (Outcome.DIFFERS, reason) if reason else (Outcome.FAILED, str(found))
        return Result(body=each, arm=arm.name, outcome=kind, detail=detail)
    except (LookupError, TypeError, ValueError) as odd:
        # an answer without what every apiserver's answer has
        return Result(body=each, arm=arm.name, outcome=Outcome.FAILED, detail=f"an answer of another form: {odd!r}")
    kind = Outcome.STALE if reason else Outcome.OK
    return Result(body=each, arm=arm.name, outcome=kind, detail=f"marked: {reason}" if reason else "")


def run_kit(arms: Sequence[Arm], run: str, chosen: Iterable[Body] | None = None) -> Iterator[Result]:
    """Every body on every arm, one result at a time."""
    for each in bodies() if chosen is None else chosen:
        for arm in arms:
            yield outcome(each, arm, run)
