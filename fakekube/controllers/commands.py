"""How a pod of a Job ends, where its containers' commands say so: `sleep 5`, `sh -c 'exit 3'`, `false`, the pause image.

No container runs here. A command that is anything else says nothing, and the pod ends as its stages have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from fakekube.meta.objects import KubeObject

_SHELLS = frozenset(["sh", "bash", "ash", "dash"])
_PAUSE = re.compile(r"(^|/)pause([:@]|$)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_STATEMENTS = re.compile(r"\s*(?:;|&&|\n)\s*")


@dataclass(frozen=True, slots=True)
class End:
    """A process that ends with `code` after `after_s` seconds; one that never does takes for ever."""

    code: int = 0
    after_s: float = 0.0
    # Whether nothing comes behind it.
    is_last: bool = False


def end_of(pod: KubeObject) -> End | None:
    """How the pod ends by all its containers: the longest counts, and the first that fails. None when one says nothing."""
    ends = [_end_of_container(each) for each in pod["spec"]["containers"]]
    known = [each for each in ends if each is not None]
    if len(known) < len(ends):
        return None
    code = next((each.code for each in known if each.code), 0)
    return End(code, max(each.after_s for each in known))


def _end_of_container(container: KubeObject) -> End | None:
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    if not argv:
        return End(after_s=inf) if _PAUSE.search(container.get("image") or "") else None
    name = argv[0].rpartition("/")[2]
    if name in _SHELLS:
        return _end_of_script(argv[2]) if len(argv) == 3 and argv[1] == "-c" else None
    return _end_of_statement([name, *argv[1:]])


def _end_of_script(script: str) -> End | None:
    """One statement after the other, up to the first that fails or leaves."""
    after_s, code = 0.0, 0
    for statement in filter(None, _STATEMENTS.split(script.strip())):
        end = _end_of_statement(statement.split())
        if end is None:
            return None
        after_s, code = after_s + end.after_s, end.code
        if end.is_last or after_s == inf:
            break
    return End(code, after_s)


def _end_of_statement(words: Sequence[str]) -> End | None:
    known = _STATEMENT.get(words[0])
    return known(words[1:]) if known is not None else None


def _sleep(words: Sequence[str]) -> End | None:
    if list(words) == ["infinity"]:
        return End(after_s=inf)
    found = [_DURATION.fullmatch(word) for word in words]
    parts = [each for each in found if each is not None]
    if not words or len(parts) < len(found):
        return None
    return End(after_s=sum(float(each[1]) * _SECONDS[each[2]] for each in parts))


def _exit(words: Sequence[str]) -> End | None:
    if not words:
        return End(is_last=True)
    return End(int(words[0]) % 256, is_last=True) if len(words) == 1 and words[0].isdecimal() else None


_STATEMENT: Mapping[str, Callable[[Sequence[str]], End | None]] = {
    "sleep": _sleep,
    "exit": _exit,
    "true": lambda words: End(),
    "false": lambda words: End(1),
    "echo": lambda words: End() if not any(mark in " ".join(words) for mark in "$`|>") else None,
}
