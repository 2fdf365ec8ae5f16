"""How far a sweep is: a bar on a terminal, one line for each run that is not valid elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from chaos.search.job import Summary


class Progress:
    """A context manager; `told` counts one run."""

    def __init__(self, total: int, file: TextIO) -> None:
        console = Console(file=file)
        self._console = console
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("seeds", total=total)

    def told(self, result: Summary) -> None:
        if result["verdict"] != "valid":
            self._console.print(f"seed {result['key']}: {result['verdict']}", highlight=False)
        self._bar.advance(self._task)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
