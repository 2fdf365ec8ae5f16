"""Random stories told to fakekube and to a real kube-apiserver, and every difference between their answers.

    python -m tests.differential.apiserver [--requests N] [--seed S] [--seconds T] [--story K] [--server URL --token T] [-v]

Without --server the real servers that `make real` built are started. Prints each unlisted difference with the request,
both answers and the command that replays its story, and at the end
`server v1.37.2, requests N, equal E, listed L, unlisted U`; exit status 1 when U is not 0.
"""

from __future__ import annotations

import argparse
import queue
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.differential.definitions import installation
from tests.differential.served import served_site
from tests.differential.stories import FAR_REACHING, story
from tests.differential.tally import Tally
from tests.differential.telling import told
from tests.real import start
from tests.recordings.conversation import Conversation
from tests.recordings.http_target import HttpTarget
from tests.recordings.play import Player

WORKERS = 6  # most of a story is waiting: for controllers to see its namespace, and for watches to stay silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Connections of one worker."""

    real: HttpTarget
    ours: HttpTarget

    def told(self, story: Conversation, run: str) -> tuple[list[Any], list[Any]]:
        return told(story, self.real, run), told(story, self.ours, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One story, being told: `answers` will be those of the real server, and ours."""

    number: int
    story: Conversation
    answers: Future[tuple[list[Any], list[Any]]]


def compared(pairs: list[Pair], seed: int, numbers: Iterable[int]) -> Iterator[Told]:
    """Tells the stories of those numbers, as many at once as there are pairs, and gives them in order.

    A story that reaches into others is told while no other is.
    """
    free: queue.SimpleQueue[Pair] = queue.SimpleQueue()
    for pair in pairs:
        free.put(pair)
    runs = _runs()

    def tell(story: Conversation, run: str) -> tuple[list[Any], list[Any]]:
        pair = free.get()
        try:
            return pair.told(story, run)
        finally:
            free.put(pair)

    waiting: deque[Told] = deque()
    with ThreadPoolExecutor(len(pairs)) as pool:
        for number in numbers:
            made = story(seed, number)
            alone = made["name"] in FAR_REACHING
            while waiting and (alone or len(waiting) > 2 * len(pairs)):
                yield waiting.popleft()
            waiting.append(Told(number=number, story=made, answers=pool.submit(tell, made, next(runs))))
            if alone:
                yield waiting.popleft()
        yield from waiting


def _runs() -> Iterator[str]:
    """Five letters, another for every story; a server may remember the names of an earlier run."""
    for number in count(int(time.time())):
        yield "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(5))


def _numbers(tally: Tally, requests: int, seconds: float) -> Iterator[int]:
    """0, 1, 2, ... until so many requests are compared, or the time is over."""
    end = time.monotonic() + seconds
    for number in count():
        if tally.counts["requests"] >= requests or time.monotonic() > end:
            return
        yield number


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares fakekube with a real kube-apiserver, request by request.")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="the most that it may take")
    parser.add_argument("--story", type=int, help="tell this one alone")
    parser.add_argument("--server", help="base URL of a real server; default: the built ones are started")
    parser.add_argument("--token", help="bearer token of a cluster administrator")
    parser.add_argument("-v", "--verbose", action="store_true", help="every difference, and what came before it")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        url, token = arguments.server, arguments.token
        if url is None:
            try:
                built = stack.enter_context(start.apiserver())
            except start.NotBuilt as absent:
                print(f"skipped: {absent}")
                return 0
            url, token = built.url, built.token
        site = stack.enter_context(served_site())
        pairs = [Pair(real=HttpTarget(url, token), ours=HttpTarget(site)) for _ in range(WORKERS)]
        for target in (pairs[0].real, pairs[0].ours):
            codes = [answer.code for answer in Player(target, installation(), next(_runs())).play()]
            assert set(codes) <= {200, 201, 409}, codes  # 409: an earlier run has left them there
        tally = Tally(verbose=arguments.verbose)
        one = arguments.story is not None
        numbers = [arguments.story] if one else _numbers(tally, arguments.requests, arguments.seconds)
        for each in compared(pairs, arguments.seed, numbers):
            replay = f"make differential SEED={arguments.seed} STORY={each.number}"
            tally.compare(each.story, replay, *each.answers.result())
    print(f"server v{start.VERSION}, {tally}")
    return 1 if tally.counts["unlisted"] else 0


if __name__ == "__main__":
    sys.exit(main())
