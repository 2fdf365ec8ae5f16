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
from collab.client import call
from collab.scope import canonical, parse


class NoKubectl(Exception):
    """There is no kubectl to run; one line."""


class BadScope(Exception):
    """The agent does not take the scope; one line."""


def scope_and_rest(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """The scope and kubectl's arguments, when the first argument is --scope; else None."""
    match arguments:
        case ["--scope", text, *rest]:
            return text, list(rest)
        case [first, *rest] if first.startswith("--scope="):
            return first.removeprefix("--scope="), list(rest)
    return None


def run(scope: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """kubectl's exit code. Before it is run, the agent is asked whether it knows the scope.

    Raises ScopeError, KubeconfigError, NoKubectl, BadScope, and what `call` raises.
    """
    segment = quote(canonical(parse(scope)), safe="")
    path, rest = _take(arguments, "--kubeconfig")
    context, _ = _take(rest, "--context")
    config = kubeconfig.load(path, context, environment)
    plan = call(config, "GET", f"/collab/v1/explain?scope={segment}")
    if plan.status != 200:
        # kubectl would show none of this: it fails in its first, general requests
        raise BadScope(str(plan.body.get("message")))
    kubectl = environment.get("KUBECTL") or shutil.which("kubectl")
    if not kubectl:
        raise NoKubectl("kubectl is not on the PATH; install it, or set KUBECTL to its path")
    with tempfile.TemporaryDirectory(prefix="collab-") as directory:
        file = Path(directory) / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(config.under_scope(segment)), encoding="utf-8")
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
