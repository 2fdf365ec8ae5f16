"""Random stories told to fakekube and to a real kube-apiserver, and every difference between their answers.

    python -m tests.differential.apiserver [--requests N] [--seed S] [--seconds T] [--server URL --token T] [-v]

Without --server the real servers that `make real` built are started. Prints each unlisted difference with the request,
and at the end `server v1.37.2, requests N, equal E, listed L, unlisted U`; exit status 1 when U is not 0.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from fakekube.apiserver import protobuf
from tests.differential.served import served_site
from tests.differential.stories import stories
from tests.real import start
from tests.recordings.answer import Answer
from tests.recordings.compare import Difference, differences
from tests.recordings.conversation import Conversation, Step
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
        for at, (step, wanted, got) in enumerate(zip(story["steps"], real, ours, strict=True)):
            self.counts["requests"] += 1
            found = _first(list(differences(_settle_order(wanted), _settle_order(got))))
            if found is None:
                self.counts["equal"] += 1
                continue
            place = _place(story, step, found)
            listed = any(re.search(row["place"], place) for row in LISTED)
            self.counts["listed" if listed else "unlisted"] += 1
            if not listed:
                self._tell(place, story, at, found, wanted, got)
            return  # what follows in this story may only be a consequence

    def _tell(self, place: str, story: Conversation, at: int, found: Difference, wanted: Any, got: Any) -> None:
        self.places[place] += 1
        if self.verbose:
            for step in [*story["setup"][-1:], *story["steps"][:at]]:
                print(f"        before {_short(_asked(step))}")
        if self.verbose or self.places[place] == 1:
            _show(place, story["steps"][at], found)
            print(f"    real: {_told(wanted)[:300]}\n    ours: {_told(got)[:300]}", flush=True)


def _place(story: Conversation, step: Step, found: Difference) -> str:
    content_type = step.get("headers", {}).get("Content-Type", "")
    return f"{story['name'].partition('/')[2]} {step['method']} {content_type} {found[0]}"


def _first(found: list[Difference]) -> Difference | None:
    """What says most: another code, then another message, then whatever comes first."""
    telling = {"$.code": 0, "$.body.message": 1}
    return min(found, key=lambda difference: telling.get(difference[0], 2), default=None)


def _told(answer: Any) -> str:
    """Code and message of an answer, for people."""
    return f"{answer['code']} {(answer.get('body') or {}).get('message', '') if isinstance(answer.get('body'), dict) else ''}"


def _show(place: str, step: Step, found: Difference) -> None:
    print(
        f"{place}\n    asked    {_short(_asked(step))}\n    expected {_short(found[1])}\n    got      {_short(found[2])}",
        flush=True,
    )


def _asked(step: Step) -> dict[str, object]:
    return {key: value for key, value in step.items() if key not in ("until", "capture", "path")} | {
        "path": step["path"].rpartition("/")[2]
    }


def _short(value: Any, limit: int = 600) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}..."


def told(story: Conversation, target: HttpTarget, run: str) -> list[Any]:
    """The answers of one server to a story, normalised."""
    player = Player(target, story, run)
    return normalised(story, player.names, target.host, [*map(_as_json, player.play())])


def _as_json(answer: Answer) -> Answer:
    """A protobuf answer as the JSON that it stands for, so that every value of it is compared.

    The reader is ours; it is held to account by recorded vectors in a test of its own.
    """
    body = answer.body()
    if answer.events is not None or not body.startswith(protobuf.MAGIC):
        return answer
    envelope = protobuf.read_envelope(body)
    assert envelope.kind is not None
    value = {**_without_zeros(protobuf.read_object(envelope.raw, envelope.kind)), "kind": envelope.kind.kind}
    if envelope.kind.kind.endswith("List"):
        value.setdefault("items", [])  # an empty list is not on the wire
    headers = {name: values for name, values in answer.headers.items() if not name.startswith("content-")}
    return replace(answer, headers={**headers, "x-form": ["protobuf"]}, raw=json.dumps(value).encode())


def _runs() -> Iterator[str]:
    """Five letters, another for every story; a server may remember the names of an earlier run."""
    for number in count(int(time.time())):
        yield "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(5))


def _without_zeros(value: Any) -> Any:
    """Some zeros are on the wire and some are not; a reader cannot tell."""
    if isinstance(value, dict):
        inner = {key: _without_zeros(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each or each == {}}
    return [*map(_without_zeros, value)] if isinstance(value, list) else value


def _settle_order(answer: Any) -> Any:
    """The causes of a conflict come in the order of a Go map."""
    body = answer.get("body")
    if isinstance(body, dict) and body.get("reason") == "Conflict" and (body.get("details") or {}).get("causes"):
        body["details"]["causes"].sort(key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
    return answer


def compare_servers(
    real: HttpTarget, ours: HttpTarget, *, requests: int, at: int, verbose: bool = False, seconds: float = float("inf")
) -> Tally:
    """Tells both servers stories until `requests` answers are compared, or the time is over; the seed `at` fixes them."""
    tally = Tally(verbose=verbose)
    runs, end = _runs(), time.monotonic() + seconds
    for round_ in count():
        for story in _told_stories(at * _ROUNDS + round_):
            run = next(runs)
            tally.compare(story, told(story, real, run), told(story, ours, run))
            if tally.counts["requests"] >= requests or time.monotonic() > end:
                return tally
    raise AssertionError("count() does not end")


_ROUNDS = 1000
_STORIES_A_ROUND = 20


def _told_stories(at: int) -> list[Conversation]:
    """Some stories, fixed by a seed."""
    made: list[Conversation] = []

    @seed(at)
    @settings(
        max_examples=_STORIES_A_ROUND,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    def tell(story: Conversation) -> None:
        made.append(story)

    tell()
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares fakekube with a real kube-apiserver, request by request.")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="the most that it may take")
    parser.add_argument("--server", help="base URL of a real server; default: the built ones are started")
    parser.add_argument("--token", help="bearer token of a cluster administrator")
    parser.add_argument("-v", "--verbose", action="store_true", help="every difference, and what came before it")
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
        tally = compare_servers(
            real,
            ours,
            requests=arguments.requests,
            at=arguments.seed,
            verbose=arguments.verbose,
            seconds=arguments.seconds,
        )
    counts = tally.counts
    print(
        f"server v{start.VERSION}, requests {counts['requests']}, equal {counts['equal']}, "
        f"listed {counts['listed']}, unlisted {counts['unlisted']}"
    )
    return 1 if counts["unlisted"] else 0


if __name__ == "__main__":
    sys.exit(main())
