"""The built-in Toxiproxy as a process of its own: it has its own descriptors and its own core, as a real one has.

with ToxiproxyProcess() as url:
    links = Links(url, upstream=...)
"""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType

from chaos.toxiproxy.driver import ToxiproxyError

STOP_TIMEOUT_S = 10.0


class ToxiproxyProcess:
    def __init__(self, *, seed: int = 0, metrics: bool = False) -> None:
        self._command = [sys.executable, "-m", "chaos.toxiproxy", "--port", "0", "--seed", str(seed), "--leashed"]
        self._command += ["--metrics"] if metrics else []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Returns the API's URL once it answers; ToxiproxyError when the process ends before."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        if not url:
            code = self._process.wait(STOP_TIMEOUT_S)
            raise ToxiproxyError(f"the built-in Toxiproxy ended at once with exit code {code}")
        return url

    def stop(self) -> None:
        """End the process; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
