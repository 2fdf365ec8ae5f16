"""A nemesis breaks things at random, again and again. Compiling turns it into plain faults, so that what it did is data:
it prints, replays and shrinks like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal, get_args

from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.faults import (
    EFFECTS,
    ApiserverFault,
    Crash,
    Degrade,
    Fault,
    Fields,
    Flapping,
    LinkFault,
    NoNames,
    Partition,
    Pause,
    Skew,
    SwizzleClog,
    Toxic,
    action_of,
    check_toxic,
)
from chaos.scenario.grammar import DURATION, Field, Form, Kind, count, forms, list_of, one_of, record, tagged
from chaos.scenario.node import Node
from chaos.scenario.selector import ALL, SELECTOR, Selector
from chaos.scenario.spans import SPAN, Span, Uniform, drawn

Target = Literal["one", "minority", "majority", "majorities-ring", "bridge"]
TARGETS: Final[tuple[Target, ...]] = get_args(Target)
GROUPS: Final = ("one", "minority", "majority")
"""Targets that are a group of sites; the others are ways to split all of them."""
OCCURRENCES_MAX: Final = 10_000
USUAL_DURATION: Final = Uniform(5.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """A fault that a nemesis may choose, `weight` times as often as one of weight 1. Its times and sites are the nemesis's."""

    fault: Fault
    weight: int = 1


def _usual(action: str) -> Fault:
    """What a bare word in `faults` means."""
    return _USUAL[action]


_USUAL: Final[Mapping[str, Fault]] = {
    "partition": Partition(),
    "flapping": Flapping(),
    "swizzle-clog": SwizzleClog(),
    "latency": Degrade(latency_s=0.5, link_jitter_s=0.25),
    "bandwidth": Degrade(rate_bytes_s=8000),
    "loss": Degrade(loss=0.1),
    "toxic": Toxic(type="slicer", attributes={"average_size": 64, "size_variation": 32, "delay": 10_000}),
    "crash": Crash(),
    "pause": Pause(),
    "skew": Skew(by_s=Uniform(-3600.0, 3600.0)),
    "no-names": NoNames(),
    "apiserver": ApiserverFault(kind="refuse"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nemesis:
    """Every `interval_s` from `from_s` to `until_s` (None: the quiet period) it draws one of `faults`, one of `targets`
    among the sites of `selector`, and a duration."""

    faults: tuple[Weighted, ...]
    targets: tuple[Target, ...] = ("one", "minority")
    interval_s: Span = 15.0
    duration_s: Span = USUAL_DURATION
    from_s: float = 0.0
    until_s: float | None = None
    selector: Selector = ALL


# --- the text form


def _template(action: str) -> Kind[Weighted]:
    """The fields of an action without those that a nemesis draws, and a weight."""
    made, own = EFFECTS[action]
    fields: Fields = {**own, "weight": Field("weight", count(1, 1000), "Chosen so many times as often; default 1.")}

    def make(*, weight: int = 1, **given: object) -> Weighted:
        return Weighted(fault=made(**given), weight=weight)

    def check(value: Weighted, nodes: Mapping[str, Node]) -> None:
        if isinstance(value.fault, Toxic):
            check_toxic(value.fault, nodes)

    reading = record(make, fields, check=check)
    writing = record(made, own)

    def write(value: Weighted) -> object:
        written = writing.write(value.fault)
        assert isinstance(written, dict), "a record"
        return {**written, **({"weight": value.weight} if value.weight != 1 else {})}

    return Kind(reading.read, write, reading.schema)


_WORDS: Final = tuple(_USUAL)
_WEIGHTED: Final[Kind[Weighted]] = forms(
    Form(
        str,
        Kind(
            lambda node: Weighted(fault=_usual(node.one_of(_WORDS))),
            lambda value: action_of(value.fault),
            {"enum": list(_WORDS)},
        ),
        lambda value: value in [Weighted(fault=fault) for fault in _USUAL.values()],
    ),
    Form(
        dict,
        tagged("action", {action: _template(action) for action in EFFECTS}, lambda value: action_of(_fault_of(value))),
        lambda value: isinstance(value, Weighted),
    ),
    otherwise="an action such as partition, or a mapping such as {action: latency, latency: 1s}",
)


def _fault_of(value: object) -> object:
    return value.fault if isinstance(value, Weighted) else value


def _check(nemesis: Nemesis, nodes: Mapping[str, Node]) -> None:
    if nemesis.interval_s == 0 or (isinstance(nemesis.interval_s, Uniform) and nemesis.interval_s.high_s == 0):
        raise nodes["interval"].bad("0s would repeat for ever: give a longer interval")
    for index, weighted in enumerate(nemesis.faults):
        if not apt_targets(nemesis, weighted.fault):
            problem = f"{action_of(weighted.fault)} hits groups of sites, and targets has none: add one of {', '.join(GROUPS)}"
            raise nodes["faults"].items()[index].bad(problem)
    if nemesis.until_s is not None and nemesis.until_s < nemesis.from_s:
        raise nodes["until"].bad(f"ends before it begins at {nemesis.from_s:g}s: make it later")


NEMESIS: Final[Kind[Nemesis]] = record(
    Nemesis,
    {
        "faults": Field("faults", list_of(_WEIGHTED, least=1), "What it may do.", required=True),
        "targets": Field("targets", list_of(one_of(TARGETS), least=1), "Whom it hits; default one and minority."),
        "interval": Field("interval_s", SPAN, "From one fault's beginning to the next; default 15s."),
        "duration": Field("duration_s", SPAN, "How long each lasts; default {uniform: [5s, 30s]}."),
        "from": Field("from_s", DURATION, "When the first begins; default 0s."),
        "until": Field("until_s", DURATION, "None begins later; default: the quiet period."),
        "selector": Field("selector", SELECTOR, "Among which sites; default all."),
    },
    check=_check,
)

# --- compiling


@dataclass(frozen=True, slots=True)
class Strike:
    """One occurrence: faults that belong together, under one name."""

    name: str
    faults: tuple[Fault, ...]


def apt_targets(nemesis: Nemesis, fault: Fault) -> tuple[Target, ...]:
    """Of the nemesis's targets, those that this fault can have: only a partition can split all sites."""
    splits = type(fault) is Partition
    return tuple(target for target in nemesis.targets if splits or target in GROUPS)


def strikes(nemesis: Nemesis, sites: Sequence[str], name: str, seed: int, end_s: float) -> Iterator[Strike]:
    """All that it does among `sites` before `end_s`. The draws of one occurrence leave those of the next as they are.

    Raises ValueError past OCCURRENCES_MAX.
    """
    until_s = end_s if nemesis.until_s is None else min(nemesis.until_s, end_s)
    t, number = nemesis.from_s, 0
    while t < until_s:
        if number >= OCCURRENCES_MAX:
            raise ValueError(f"strikes more than {OCCURRENCES_MAX} times: lengthen interval")
        rng = Random(f"{seed}/nemesis/{name}.{number}")
        yield Strike(f"{name}.{number}", _strike(nemesis, sites, t, rng))
        # an interval that is drawn may be short, but time must pass
        t = round(t + max(drawn(nemesis.interval_s, rng), 1e-3), NANOSECOND_DIGITS)
        number += 1


def _strike(nemesis: Nemesis, sites: Sequence[str], t: float, rng: Random) -> tuple[Fault, ...]:
    weights = [weighted.weight for weighted in nemesis.faults]
    fault = rng.choices(nemesis.faults, weights)[0].fault
    target = rng.choice(apt_targets(nemesis, fault))
    timed = replace(fault, at_s=t, duration_s=drawn(nemesis.duration_s, rng))
    order = list(sites)
    rng.shuffle(order)
    if target in GROUPS:
        return (_on_group(timed, sites, order[: _size(target, len(sites), rng)]),)
    return tuple(
        replace(timed, selector=_named(sites, one), target=_named(sites, others))  # type: ignore[call-arg]  # a partition
        for one, others in (_bridge(order) if target == "bridge" else _majorities_ring(order))
        if others
    )


def _on_group(fault: Fault, sites: Sequence[str], group: Sequence[str]) -> Fault:
    """A partition parts the group from all others; links of a group are those to everybody."""
    if isinstance(fault, Partition) and not isinstance(fault, SwizzleClog):
        return replace(fault, selector=_named(sites, group), target=Selector(excluded=_ordered(sites, group)))
    if isinstance(fault, LinkFault):
        return replace(fault, selector=_named(sites, group), target=ALL)
    return replace(fault, selector=_named(sites, group))


def _named(sites: Sequence[str], group: Sequence[str]) -> Selector:
    return Selector(sites=_ordered(sites, group))


def _ordered(sites: Sequence[str], group: Sequence[str]) -> tuple[str, ...]:
    return tuple(site for site in sites if site in group)


def _size(target: str, sites: int, rng: Random) -> int:
    """A minority is any number of sites below one half, a majority the smallest above it."""
    match target:
        case "minority":
            return rng.randint(1, max(1, (sites - 1) // 2))
        case "majority":
            return sites // 2 + 1
        case _:
            return 1


def _bridge(order: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Two halves that see each other only over one site, the first of `order`."""
    half = (len(order) - 1) // 2 + 1
    yield order[1:half], order[half:]


def _majorities_ring(order: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Each site sees itself and its neighbours on a ring, a bare majority together, and no two sites the same one."""
    sites = len(order)
    reach = (sites // 2 + 1) // 2  # neighbours on either side: with the site itself more than half
    for number, site in enumerate(order):
        hidden = [
            order[other] for other in range(number + 1, sites) if min(other - number, sites - other + number) > reach
        ]
        yield [site], hidden
