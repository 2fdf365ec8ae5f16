"""What was asked, how the answers of two servers compared, and a difference as people read it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from tests.recordings.compare import Difference, differences
from tests.recordings.conversation import Conversation, Step

# [{"place": regular expression on "KIND METHOD content-type path", "reason": ...}]
LISTED: list[dict[str, str]] = json.loads((Path(__file__).parent / "apiserver_listed.json").read_text())


@dataclass(slots=True)
class Tally:
    """Counts requests, and those that are equal, listed or unlisted; prints each new place that is not listed."""

    verbose: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    """How often each row of LISTED was met, by its place."""

    def compare(self, story: Conversation, replay: str, real: Sequence[Any], ours: Sequence[Any]) -> None:
        """Step by step up to the first difference: what follows may only be a consequence of it."""
        for at, (wanted, got) in enumerate(zip(real, ours, strict=True)):
            self.counts["requests"] += 1
            found = _first(list(differences(_settle_order(wanted), _settle_order(got))))
            if found is not None:
                self._count(story, at, found, f"{_told(wanted, got)}\n    replay   {replay}")
                return
            self.counts["equal"] += 1

    def _count(self, story: Conversation, at: int, found: Difference, told: str) -> None:
        place = _place(story, story["steps"][at], found)
        row = next((row for row in LISTED if re.search(row["place"], place)), None)
        self.counts["unlisted" if row is None else "listed"] += 1
        if row is not None:
            self.rows[row["place"]] += 1
            return
        self.places[place] += 1
        if self.verbose or self.places[place] == 1:
            before = [*story["setup"][-1:], *story["steps"][:at]] if self.verbose else []
            asked = [f"    before   {_short(_asked(step))}" for step in before]
            print("\n".join([place, *asked, f"    asked    {_short(_asked(story['steps'][at]))}", told]), flush=True)

    def __str__(self) -> str:
        names = ("requests", "equal", "listed", "unlisted")
        return ", ".join(f"{name} {self.counts[name]}" for name in names)


def _place(story: Conversation, step: Step, found: Difference) -> str:
    content_type = step.get("headers", {}).get("Content-Type", "")
    return f"{story['name']} {step['method']} {content_type} {found[0]}"


def _first(found: list[Difference]) -> Difference | None:
    """What says most: another code, then another message, then whatever comes first."""
    telling = {"$.code": 0, "$.body.message": 1}
    return min(found, key=lambda difference: telling.get(difference[0], 2), default=None)


def _told(wanted: Any, got: Any) -> str:
    """Both answers: their codes, and each place where they differ."""
    lines = [f"    real     {_answered(wanted)}", f"    ours     {_answered(got)}"]
    for path, here, there in list(differences(wanted, got))[:_PLACES]:
        start = _common(here, there)
        lines += [f"    at       {path}", f"      real   {_short(here, start)}", f"      ours   {_short(there, start)}"]
    return "\n".join(lines)


_PLACES = 4
_SHOWN = 900


def _common(here: Any, there: Any) -> int:
    """How much of two long texts is the same at their beginning and can be left out."""
    texts = json.dumps(here, ensure_ascii=False), json.dumps(there, ensure_ascii=False)
    if max(map(len, texts)) <= _SHOWN:
        return 0
    same = takewhile(lambda letters: letters[0] == letters[1], zip(*texts, strict=False))
    return max(sum(1 for _ in same) - 100, 0)


def _answered(answer: Any) -> str:
    body = answer.get("body")
    message = body.get("message", "") if isinstance(body, dict) else ""
    return f"{answer['code']} {message}"[:400]


def _asked(step: Step) -> dict[str, object]:
    return {key: value for key, value in step.items() if key not in ("until", "capture")}


def _short(value: Any, start: int = 0) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{'...' if start else ''}{text[start : start + _SHOWN]}{'...' if len(text) > start + _SHOWN else ''}"


def _settle_order(answer: Any) -> Any:
    """The causes of a conflict come in the order of a Go map."""
    body = answer.get("body")
    if isinstance(body, dict) and body.get("reason") == "Conflict" and (body.get("details") or {}).get("causes"):
        body["details"]["causes"].sort(key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
    return answer
