"""Replays recorded conversations on a target and says where it differs.

    python -m tests.recordings.replay [--area AREA] [--only REGEX] [--server URL [--token T]] [-v]

Without --server the apiserver core is asked, without sockets. Prints one line per conversation that differs (its first
difference), the count of each area, and the total. Exit status 0 when every difference is a listed one, else 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.recordings.compare import Difference, differences
from tests.recordings.conversation import Conversation, load
from tests.recordings.core_target import CoreTarget
from tests.recordings.http_target import HttpTarget
from tests.recordings.normalise import normalised
from tests.recordings.play import Player, Target

# Names of conversations that differ today, each with its reason: what the Divergence page is made from.
LISTED: dict[str, str] = json.loads((Path(__file__).parent / "divergences.json").read_text())


@dataclass(frozen=True, slots=True)
class Replay:
    """One conversation's outcome: the differences of each step."""

    conversation: Conversation
    steps: list[list[Difference]]

    @property
    def equal(self) -> bool:
        return not any(self.steps)

    def first(self) -> str:
        at = next(number for number, found in enumerate(self.steps) if found)
        path, wanted, got = self.steps[at][0]
        step = self.conversation["steps"][at]
        asked = f"{step.get('do', step.get('method', 'GET'))} {step.get('path', step.get('id'))}"
        return f"{self.conversation['name']}: step {at} {asked}: {path}: expected {_short(wanted)} got {_short(got)}"


def core_target(conversation: Conversation, *, secured: bool = False) -> CoreTarget:
    """A fresh core; it checks tokens, asks RBAC and runs all controllers where the conversation needs that, or where it is said."""
    return CoreTarget(secured=secured or asks_who(conversation), workloads="workloads" in conversation["needs"])


def asks_who(conversation: Conversation) -> bool:
    """Whether it matters who asks: the recorded server had RBAC on, and reviews tell."""
    needs = not {"auth", "rbac"}.isdisjoint(conversation["needs"])
    return needs or any("accessreviews" in step.get("path", "") for step in conversation["steps"])


def replay(conversation: Conversation, target: Target, host: str, run: str = "abcde") -> Replay:
    player = Player(target, conversation, run)
    answers = player.play()
    got = normalised(conversation, player.names, host, answers)
    pairs = zip(conversation["steps"], got, strict=True)
    return Replay(conversation, [list(differences(step["expect"], result)) for step, result in pairs])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _replays(arguments: argparse.Namespace) -> Iterator[Replay]:
    for number, conversation in enumerate(load()):
        if arguments.area and conversation["area"] not in arguments.area:
            continue
        if not re.search(arguments.only, conversation["name"]):
            continue
        if arguments.server is None:
            yield replay(conversation, core_target(conversation, secured=arguments.secured), "127.0.0.1:6443")
        else:
            target = HttpTarget(arguments.server, arguments.token)
            yield replay(conversation, target, target.host, run=_fresh(number))
            target.close()


def _fresh(number: int) -> str:
    """Five letters, another for every conversation."""
    return "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(5))


def _print(found: Replay, verbose: bool) -> None:
    print(found.first())
    steps = found.steps if verbose else []
    for at, differing in enumerate(steps):
        for path, wanted, got in differing:
            print(f"    step {at} {path}\n        expected {_short(wanted)}\n        got      {_short(got)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Replays recorded conversations and says where the target differs.")
    parser.add_argument("--area", action="append", help="only this area (repeatable)")
    parser.add_argument("--only", default="", help="regular expression on conversation names")
    parser.add_argument("--server", help="base URL of a server; default: the core, without sockets")
    parser.add_argument("--token", help="bearer token of a cluster administrator")
    parser.add_argument(
        "--secured", action="store_true", help="ask the core with tokens and RBAC in every conversation"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="every difference")
    arguments = parser.parse_args()
    totals: Counter[str] = Counter()
    unlisted = 0
    for found in _replays(arguments):
        area = found.conversation["area"]
        totals += Counter({f"{area} of": 1, "of": 1, "steps of": len(found.steps)})
        totals += Counter({"steps": sum(not step for step in found.steps)})
        if found.equal:
            totals += Counter({area: 1, "equal": 1})
        else:
            unlisted += found.conversation["name"] not in LISTED
            _print(found, arguments.verbose)
    for area in sorted({conversation["area"] for conversation in load()}):
        if totals[f"{area} of"]:
            print(f"  {area:12} {totals[area]}/{totals[f'{area} of']}")
    print(
        f"recordings: conversations {totals['equal']}/{totals['of']}, "
        f"steps {totals['steps']}/{totals['steps of']}, unlisted {unlisted}"
    )
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
