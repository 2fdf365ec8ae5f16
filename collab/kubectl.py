"""`collab --scope 'a & b' get ns`: the real kubectl, pointed at a scope by the server URL of a temporary kubeconfig."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import yaml

from collab import kubeconfig
from collab.scope import canonical, parse


class NoKubectl(Exception):
    """There is no kubectl to run; one line."""


def scope_and_rest(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """The scope and kubectl's arguments, when the first argument is --scope; else None."""
    match arguments:
        case ["--scope", text, *rest]:
            return text, list(rest)
        case [first, *rest] if first.startswith("--scope="):
            return first.removeprefix("--scope="), list(rest)
    return None


def run(scope: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """kubectl's exit code. Raises ScopeError, KubeconfigError and NoKubectl before anything is run."""
    segment = quote(canonical(parse(scope)), safe="")
    path, rest = _take(arguments, "--kubeconfig")
    context, _ = _take(rest, "--context")
    scoped = kubeconfig.load(path, context, environment).under_scope(segment)
    kubectl = environment.get("KUBECTL") or shutil.which("kubectl")
    if not kubectl:
        raise NoKubectl("kubectl is not on the PATH; install it, or set KUBECTL to its path")
    with tempfile.TemporaryDirectory(prefix="collab-") as directory:
        file = Path(directory) / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(scoped), encoding="utf-8")
        return _run(kubectl, rest, {**environment, "KUBECONFIG": str(file)})


def _run(kubectl: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        return subprocess.run([kubectl, *arguments], env=environment, check=False).returncode
    except OSError as error:
        raise NoKubectl(f"{kubectl}: {error.strerror}; set KUBECTL to the path of kubectl") from error


def _take(arguments: Sequence[str], option: str) -> tuple[str | None, list[str]]:
    """An option's value and the arguments without it; those behind `--` belong to a command in a container."""
    rest: list[str] = []
    value: str | None = None
    position = 0
    while position < len(arguments) and arguments[position] != "--":
        argument = arguments[position]
        if argument == option and position + 1 < len(arguments):
            value, position = arguments[position + 1], position + 1
        elif argument.startswith(option + "="):
            value = argument.removeprefix(option + "=")
        else:
            rest.append(argument)
        position += 1
    return value, [*rest, *arguments[position:]]
