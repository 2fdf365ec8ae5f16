"""A real helm 3: the one on the PATH, or one that Go fetches and builds once, beside the servers of `make real`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

MODULE = "helm.sh/helm/v3/cmd/helm@v3.18.6"
BUILD_TIMEOUT_S = 600


def found_helm() -> Path:
    """The binary; skips the test where there is none and Go cannot make one."""
    plain = shutil.which("helm")
    if plain is not None:
        return Path(plain)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fakekube" / "helm-3.18.6"
    built = cache / "helm"
    if not built.exists():
        _build(cache)
    return built


def _build(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no helm on the PATH, and no Go to build one")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        [go, "install", MODULE], env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    if done.returncode:
        pytest.skip(f"no helm on the PATH, and Go cannot build one: {done.stderr.strip().splitlines()[-1:]}")


@dataclass(frozen=True, slots=True)
class Helm:
    """`helm("install", ...)` gives what it printed. Its caches and settings stay in `home`."""

    binary: Path
    kubeconfig: Path
    home: Path

    def __call__(self, *arguments: str) -> str:
        folders = {f"HELM_{each}_HOME": str(self.home / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
        environment = {**os.environ, **folders, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [str(self.binary), *arguments], env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout
