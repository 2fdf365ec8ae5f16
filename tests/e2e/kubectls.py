"""Real kubectls, found on this machine: several versions beside the one on the PATH, and the one that `make real` builds."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REAL_VERSION = "1.37.2"


def found_kubectls() -> dict[str, Path]:
    """Version -> binary. The plain `kubectl` of the PATH may only choose between versions that lie beside it."""
    found: dict[str, Path] = {}
    plain = shutil.which("kubectl")
    if plain is not None:
        for path in sorted(Path(plain).resolve().parent.glob("kubectl.1.*")):
            found[path.name.removeprefix("kubectl.")] = path
        if not found:
            found["PATH"] = Path(plain)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "fakekube" / f"real-{REAL_VERSION}" / "kubectl"
    if built.exists():
        found[REAL_VERSION] = built
    return found


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`kubectl("get", "ns")` gives what it printed; a failure raises unless `may_fail`."""

    binary: Path
    kubeconfig: Path
    cache: Path

    def __call__(self, *arguments: str, stdin: str = "", may_fail: bool = False) -> str:
        done = subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode and not may_fail:
            raise AssertionError(f"kubectl {' '.join(arguments)} exited {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout + done.stderr

    def command(self, *arguments: str) -> list[str]:
        return [str(self.binary), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}", *arguments]
