"""The workload -> the operations of a timeline: each occurrence with its time, its site and its values drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos.scenario.duration import NANOSECOND_DIGITS
from chaos.scenario.events import EVENTS_MAX, Operation
from chaos.scenario.place import Place
from chaos.scenario.selector import Selector
from chaos.scenario.workload import RandomSite, Step, shared_part
from collab.scope.parse import ScopeError, parse
from collab.scope.plan import plan


@dataclass(frozen=True, slots=True)
class _Occurrence:
    t: float
    id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Using:
    """What steps are compiled against. `homes` and `members` grow with the resources that steps create."""

    seed: int
    quiet_s: float
    root: Place
    homes: dict[str, str] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def operations(self, workload: Sequence[Step]) -> Iterator[Operation]:
        for index, step in enumerate(workload):
            place = self.root.at(f".workload[{index}]")
            self._introduce(step, place)
            for occurrence in self._occurrences(step, f"w{index}", place):
                yield self._operation(*self._choice(step, occurrence, place), occurrence)

    def _introduce(self, step: Step, place: Place) -> None:
        """Remember what a create makes; all other steps must be about something that is there."""
        if step.do == "create":
            self.homes[step.resource] = self._home(step, place)
            self.members[step.resource] = _scope(step, place)
            return
        places = [(one, place.at(f".of[{index}]")) for index, one in enumerate(step.of)] or [(step, place)]
        for one, at in places:
            resource = shared_part(one.resource)
            if resource and resource not in self.members:
                raise at.bad(f"{resource} is not created by an earlier step: create it first")

    def _home(self, step: Step, place: Place) -> str:
        if not isinstance(step.on, str):
            raise place.bad("a create needs one named site under on")
        return place.at(".on").site(step.on)

    def _occurrences(self, step: Step, name: str, place: Place) -> Iterator[_Occurrence]:
        if step.every_s is None:
            yield _Occurrence(step.at_s, name, 0)
            return
        until = self.quiet_s if step.until_s is None else step.until_s
        seq = 0
        while (base := round(step.at_s + seq * step.every_s, NANOSECOND_DIGITS)) <= until:
            if seq >= EVENTS_MAX:
                raise place.bad(f"repeats more than {EVENTS_MAX} times: lengthen every")
            jitter = Random(f"{self.seed}/jitter/{name}.{seq}").uniform(0, step.jitter_s)
            yield _Occurrence(min(round(base + jitter, NANOSECOND_DIGITS), self.quiet_s), f"{name}.{seq}", seq)
            seq += 1

    def _choice(self, step: Step, occurrence: _Occurrence, place: Place) -> tuple[Step, Place]:
        if not step.of:
            return step, place
        rng = Random(f"{self.seed}/mix/{occurrence.id}")
        index = rng.choices(range(len(step.of)), [one.weight for one in step.of])[0]
        return step.of[index], place.at(f".of[{index}]")

    def _operation(self, step: Step, place: Place, occurrence: _Occurrence) -> Operation:
        draw = _Draw(self, step, place, occurrence)
        on = draw.acting_site()
        return Operation(
            t=occurrence.t,
            id=occurrence.id,
            verb=step.do,
            on=on,
            resource=step.resource,
            scope=self.members[step.resource] if step.do == "create" else (),
            patch={key: _filled(value, occurrence, on) for key, value in step.patch.items()},
            data={key: _filled(value, occurrence, on) for key, value in step.data.items()},
            kinds=step.kinds,
            to=draw.site(step.to, "to"),
            origin=draw.site(step.origin, "from"),
            role=step.role,
            exit=step.exit,
            force=step.force,
            function=step.function,
            arguments={key: _filled(value, occurrence, on) or "" for key, value in step.arguments.items()},
        )


@dataclass(frozen=True, slots=True)
class _Draw:
    """The sites of one occurrence."""

    using: Using
    step: Step
    place: Place
    occurrence: _Occurrence

    def acting_site(self) -> str:
        found = self.site(self.step.on, "on")
        return self.using.homes[shared_part(self.step.resource)] if found is None else found

    def site(self, named: str | RandomSite | None, member: str) -> str | None:
        match named:
            case None:
                return None
            case RandomSite(of=of):
                everywhere = of == "all"
                pool = self.place.where.sites if everywhere else self.using.members[shared_part(self.step.resource)]
                return Random(f"{self.using.seed}/{member}/{self.occurrence.id}").choice(pool)
            case str() as name:
                return self.place.at(f".{member}").site(name)


def _filled(value: str | None, occurrence: _Occurrence, on: str) -> str | None:
    """Only the two known placeholders are filled; any other brace is the user's own text."""
    return None if value is None else value.replace("{seq}", str(occurrence.seq)).replace("{site}", on)


def _scope(step: Step, place: Place) -> tuple[str, ...]:
    place = place.at(".scope")
    match step.scope:
        case None:
            raise place.bad("a create needs a scope: write all, or site-000 & site-001")
        case Selector():
            return place.sites(step.scope)
        case str() as text:
            return place.sites(Selector(sites=_named(text, place)))


def _named(text: str, place: Place) -> tuple[str, ...]:
    """The sites of a scope such as `a & b`. Alternatives are refused: a timeline leaves nothing open."""
    try:
        alternatives = plan(parse(text))
    except ScopeError as error:
        raise place.bad(f"column {error.column} of {text!r}: {error.message}") from None
    if len(alternatives) != 1:
        raise place.bad("a scope with '|' is not supported here yet: join the sites with '&'")
    return alternatives[0]
