"""Random stories told to fakekube and to a real kube-apiserver, and every difference between their answers.

    python -m tests.differential.apiserver [--requests N] [--seed S] [--server URL --token T] [-v]

Without --server the real servers that `make real` built are started. Prints each unlisted difference with the request,
and at the end `server v1.37.2, requests N, equal E, listed L, unlisted U`; exit status 1 when U is not 0.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.served import served_site
from tests.differential.stories import STEPS, stories
from tests.real import start
from tests.recordings.compare import Difference, differences
from tests.recordings.conversation import Conversation
from tests.recordings.http_target import HttpTarget
from tests.recordings.normalise import normalised
from tests.recordings.play import Player

# [{"place": regular expression on "KIND METHOD path", "reason": ...}]
LISTED: list[dict[str, str]] = json.loads((Path(__file__).parent / "apiserver_listed.json").read_text())


@dataclass(slots=True)
class Tally:
    """What was asked, and how the answers compared."""

    verbose: bool
    counts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)

    def compare(self, story: Conversation, real: list[Any], ours: list[Any]) -> None:
        for step, wanted, got in zip(story["steps"], real, ours, strict=True):
            self.counts["requests"] += 1
            found = _first(list(differences(wanted, got)))
            if found is None:
                self.counts["equal"] += 1
                continue
            place = f"{story['name'].partition('/')[2]} {step['method']} {step.get('headers', {}).get('Content-Type', '')} {found[0]}"
            kind = "listed" if any(re.search(row["place"], place) for row in LISTED) else "unlisted"
            self.counts[kind] += 1
            if kind == "unlisted":
                self.places[place] += 1
                if self.places[place] <= (3 if self.verbose else 1):
                    _show(place, step, found)
                    print(f"    real: {_told(wanted)[:300]}\n    ours: {_told(got)[:300]}", flush=True)
                return  # what follows in this story may only be a consequence


def _first(found: list[Difference]) -> Difference | None:
    """What says most: another code, then another message, then whatever comes first."""
    telling = {"$.code": 0, "$.body.message": 1}
    return min(found, key=lambda difference: telling.get(difference[0], 2), default=None)


def _told(answer: Any) -> str:
    """Code and message of an answer, for people."""
    return f"{answer['code']} {(answer.get('body') or {}).get('message', '') if isinstance(answer.get('body'), dict) else ''}"


def _show(place: str, step: Any, found: tuple[str, Any, Any]) -> None:
    asked = {key: value for key, value in step.items() if key not in ("expect", "path")}
    print(
        f"{place}\n    asked    {_short(asked)}\n    expected {_short(found[1])}\n    got      {_short(found[2])}",
        flush=True,
    )


def _short(value: Any, limit: int = 600) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}..."


def told(story: Conversation, target: HttpTarget, run: str) -> list[Any]:
    """The answers of one server to a story, normalised."""
    player = Player(target, story, run)
    return normalised(story, player.names, target.host, player.play())


def _runs() -> Iterator[str]:
    """Five letters, another for every story."""
    number = 0
    while True:
        yield "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(5))
        number += 1


def compare_servers(real: HttpTarget, ours: HttpTarget, *, requests: int, at: int, verbose: bool = False) -> Tally:
    """Tells stories of `requests` requests to both; the seed `at` fixes them."""
    tally = Tally(verbose=verbose)
    runs = _runs()

    @seed(at)
    @settings(
        max_examples=-(-requests // STEPS),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    def tell(story: Conversation) -> None:
        run = next(runs)
        tally.compare(story, told(story, real, run), told(story, ours, run))

    tell()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares fakekube with a real kube-apiserver, request by request.")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", help="base URL of a real server; default: the built ones are started")
    parser.add_argument("--token", help="bearer token of a cluster administrator")
    parser.add_argument("-v", "--verbose", action="store_true", help="three examples of each difference, not one")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        if arguments.server:
            real = HttpTarget(arguments.server, arguments.token)
        else:
            try:
                built = stack.enter_context(start.apiserver())
            except start.NotBuilt as absent:
                print(f"skipped: {absent}")
                return 0
            real = HttpTarget(built.url, built.token)
        ours = HttpTarget(stack.enter_context(served_site()))
        tally = compare_servers(real, ours, requests=arguments.requests, at=arguments.seed, verbose=arguments.verbose)
    counts = tally.counts
    print(
        f"server v{start.VERSION}, requests {counts['requests']}, equal {counts['equal']}, "
        f"listed {counts['listed']}, unlisted {counts['unlisted']}"
    )
    return 1 if counts["unlisted"] else 0


if __name__ == "__main__":
    sys.exit(main())
