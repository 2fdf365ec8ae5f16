"""What a scenario's `sometimes` checks saw over all seeds of a sweep: one seed need not show a situation, some seed must."""

from __future__ import annotations

from chaos.checks.finding import overall_of
from chaos.scenario.timeline import Timeline
from chaos.search.job import Summary


class Sightings:
    """`judged=False` for a part of a sweep: what it did not see, another part may have."""

    def __init__(self, timeline: Timeline, *, judged: bool = True) -> None:
        self.judged = judged
        self._names = {claim.name for claim in timeline.claims if claim.phase == "sometimes"}
        self._seen: dict[tuple[str, str], int] = {}
        self._runs = 0

    def take(self, result: Summary) -> Summary:
        """Count what this run saw; gives the result as the checks that are not `sometimes` judge it."""
        self._runs += 1
        others = []
        for check in result["checks"]:
            if check["check"] in self._names:
                key = (check["check"], check["resource"])
                self._seen[key] = self._seen.get(key, 0) + (check["verdict"] == "valid")
            else:
                others.append(check)
        verdict = overall_of(check["verdict"] for check in others) if others else "valid"
        return {**result, "verdict": verdict}

    def counted(self) -> dict[str, int]:
        """In how many runs each situation came about, by the check and its resource."""
        return {f"{check} {resource}": runs for (check, resource), runs in sorted(self._seen.items())}

    def unseen(self) -> list[str]:
        return [name for name, runs in self.counted().items() if not runs]

    def never(self) -> list[str]:
        """What no seed showed, so that the sweep proves nothing about it. Empty for a part of a sweep."""
        return self.unseen() if self.judged else []

    def lines(self) -> list[str]:
        """For people: one line for each situation."""
        return [self._line(name, runs) for name, runs in self.counted().items()]

    def _line(self, name: str, runs: int) -> str:
        if runs:
            return f"sometimes {name}: in {runs} of {self._runs} runs"
        if self.judged:
            return f"sometimes {name}: in none of {self._runs} runs, so they prove nothing about it"
        return f"sometimes {name}: not in this shard; the same command without --shard judges them together"
