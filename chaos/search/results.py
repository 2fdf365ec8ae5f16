"""What a sweep keeps in its folder: one line a run, written when it ends, so that a sweep that was killed goes on.

Each shard has a file of its own, so shells that share a folder never write to the same one; whoever reads the folder
reads them all. A finished file is in the order of its keys and holds nothing that the machine measured: it is the same
whether the sweep was interrupted or not.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from chaos.scenario.errors import BadScenario
from chaos.search.job import Summary

MEASURED: Final = ("wall_s",)
"""Members of a summary that are not the same for the same seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The `number`-th of `count` equal parts of a sweep, counted from 1: every count-th seed."""

    number: int = 1
    count: int = 1

    def of(self, seeds: Sequence[int]) -> list[int]:
        return list(seeds[self.number - 1 :: self.count])

    @property
    def file(self) -> str:
        return "results.jsonl" if self.count == 1 else f"results-{self.number}-of-{self.count}.jsonl"


WHOLE: Final = Shard()
RESULTS: Final = WHOLE.file


def lasting(result: Summary) -> Summary:
    """What of a result is the same for the same seed."""
    return {name: value for name, value in result.items() if name not in MEASURED}


def in_numbers(key: str) -> list[int]:
    """The order of keys: seeds, and within one the lost messages."""
    return [int(part) for part in key.split("-")]


class Results:
    """The results of one sweep in `folder`; `asked` says what was asked for, beside the seed. A context manager.

    Raises BadScenario for a folder that holds another sweep's, or into which another process is writing.
    """

    def __init__(self, folder: Path, asked: Mapping[str, object], shard: Shard = WHOLE) -> None:
        self._folder = folder
        self._asked = dict(asked)
        self._path = folder / shard.file
        folder.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        try:
            _lock(self._file, self._path)
            self._drop_half_line()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _drop_half_line(self) -> None:
        """The line that was being written when the sweep died."""
        text = self._path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            self._file.truncate(whole)

    def kept(self) -> dict[str, Summary]:
        """Every result in the folder by its key, those of other shards too."""
        paths = sorted(self._folder.glob("results*.jsonl"))
        return {result["key"]: result for path in paths for result in self._results(path)}

    def _results(self, path: Path) -> Iterator[Summary]:
        whole, _, _half = path.read_bytes().rpartition(b"\n")
        for number, line in enumerate(whole.splitlines(), 1):
            yield self._result(path, number, line)

    def _result(self, path: Path, number: int, line: bytes) -> Summary:
        try:
            kept = msgspec.json.decode(line, type=dict)
            asked, result = kept["job"], kept["result"]
            in_numbers(result["key"]), asked["scenario"], result["verdict"], result["checks"]
        except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError):
            raise BadScenario(str(path), f"line {number}", "is no result of a sweep: name another --out") from None
        if asked != self._asked:
            why = "an earlier form of it" if asked["scenario"] == self._asked["scenario"] else asked["scenario"]
            raise BadScenario(str(path), f"line {number}", f"is of another sweep ({why}): name another --out")
        found: Summary = result
        return found

    def keep(self, result: Summary) -> None:
        """Written when this returns, whatever happens to this process. Raises OSError (a full disk)."""
        self._file.write(self._line(result))

    def finish(self) -> None:
        """Put the lines of this shard in order; a reader sees the old file or the new one."""
        lines = {result["key"]: self._line(result) for result in self._results(self._path)}
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(lines[key] for key in sorted(lines, key=in_numbers)))
        fresh.replace(self._path)

    def _line(self, result: Summary) -> bytes:
        return msgspec.json.encode({"job": self._asked, "result": result}) + b"\n"


def _lock(file: FileIO, path: Path) -> None:
    """Held until the file is closed, so a process that dies leaves none behind. Windows has no such locks."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise BadScenario(str(path), "", "another sweep writes here: wait for it, or name another --out") from None
