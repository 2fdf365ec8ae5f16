"""Plays every conversation on a real server and stores its answers: `make record`.

    python -m tests.recordings.record --server URL --token T

Questions are never changed; conversations whose needs the server lacks (--skip-needs) keep their recorded answers.
"""

from __future__ import annotations

import argparse
import random
import string

from tests.recordings.conversation import FILE, Conversation, Step, load, save
from tests.recordings.http_target import HttpTarget
from tests.recordings.normalise import normalised
from tests.recordings.play import Player


def recorded(conversation: Conversation, target: HttpTarget, run: str) -> Conversation:
    """The conversation with the answers of `target`."""
    player = Player(target, conversation, run)
    answers = player.play()
    expectations = normalised(conversation, player.names, target.host, answers)
    steps = [
        Step(**{**step, "expect": expected}) for step, expected in zip(conversation["steps"], expectations, strict=True)
    ]
    return Conversation(**{**conversation, "steps": steps})


def main() -> None:
    parser = argparse.ArgumentParser(description="Stores a real server's answers to every conversation.")
    parser.add_argument("--server", required=True, help="base URL; certificates are not checked")
    parser.add_argument("--token", help="bearer token of a cluster administrator")
    parser.add_argument("--skip-needs", action="append", default=["auth", "rbac", "workloads"])
    arguments = parser.parse_args()
    letters = random.SystemRandom()
    result = []
    for conversation in load():
        if not set(arguments.skip_needs) & set(conversation["needs"]):
            target = HttpTarget(arguments.server, arguments.token)
            conversation = recorded(conversation, target, "".join(letters.choices(string.ascii_lowercase, k=5)))
            target.close()
        result.append(conversation)
    save(FILE, {"format": 1, "server": "kube-apiserver 1.37.2", "part": "all"}, result)


if __name__ == "__main__":
    main()
