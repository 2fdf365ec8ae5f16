"""One served site as a process, for tests that ask over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served_site() -> Iterator[str]:
    """The URL of a fresh apiserver."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "chaos.cli", "serve", "--out", folder]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            process.stderr.readline()
            ready = json.loads((Path(folder) / "ready.json").read_text())
            yield ready["sites"]["site-000"]["url"]
            process.kill()
