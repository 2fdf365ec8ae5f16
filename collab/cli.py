"""The `collab` command, and `kubectl collab`: asks the agent that the kubeconfig's current server is.

Exit codes: 0 done, 1 refused, 2 bad input, 3 pending, 4 unreachable, 130 interrupted. With --json one object goes to
stdout; messages go to stderr.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast
from urllib.parse import quote

import typer

from collab import kubeconfig, kubectl, render
from collab.client import NotAnAgent, Reply, Unreachable, call
from collab.scope import ScopeError, parse
from collab.scope import explain as plan_of

if TYPE_CHECKING:
    from collab.agent.main import Agent

DONE, REFUSED, BAD_INPUT, PENDING, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130
_BY_STATE = {"done": DONE, "pending": PENDING, "refused": REFUSED}
_SHORT = {"ns": "namespaces", "namespace": "namespaces"}
_API = "/collab/v1"
# typer has click's exceptions from click, or from a copy of its own, depending on its version
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Share Kubernetes resources between sites. `collab --scope 'a & b' get ns` runs kubectl under a scope.",
)

Resource = Annotated[str, typer.Argument(help="The namespace, as ns/NAME.", metavar="ns/NAME")]
KubeconfigPath = Annotated[str | None, typer.Option("--kubeconfig", help="Kubeconfig whose server is the agent.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig; default: the current one.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer before it is pending.")]
To = Annotated[str, typer.Option("--to", help="The site.")]


class Ended(Exception):
    """The command has said what there is to say and ends with this code."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"collab {version('fakekube')}")
        raise Ended(DONE)


@app.callback()
def scoped(
    scope: Annotated[
        str | None, typer.Option("--scope", help="Run kubectl with the arguments that follow, under this scope.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Share Kubernetes resources between sites; `--scope 'a & b' get ns` runs kubectl under a scope."""
    if scope is not None:
        # main() takes a leading --scope; anywhere else it would stand before a subcommand of ours
        raise Ended(BAD_INPUT, "--scope runs kubectl and must be the first argument: collab --scope 'a & b' get ns")


@app.command()
def agent(
    config: Annotated[Path, typer.Option("--config", help="Configuration, YAML or JSON.")],
    recovered: Annotated[
        bool, typer.Option("--recovered", help="The data was restored from a backup, or a journal is damaged.")
    ] = False,
) -> None:
    """Run a site's agent until Ctrl-C or SIGTERM."""
    asyncio.run(_run_agent(config, recovered))


@app.command()
def extend(
    resource: Resource,
    to: To,
    content: Annotated[str, typer.Option("--with", help="Content kinds to share, with commas: configmaps.")] = "",
    role: Annotated[str, typer.Option(help="rw or ro.")] = "rw",
    collision: Annotated[
        str, typer.Option(help="If the name is taken there: refuse, adopt-if-identical or adopt.")
    ] = "refuse",
    mode: Annotated[
        str, typer.Option(help="Of a record that this makes. strict: never two acting owners; ap: seize at any time.")
    ] = "ap",
    missing: Annotated[
        str,
        typer.Option(help="A content object that is deleted at one site: recreate it there, or leave it absent there."),
    ] = "recreate",
    timeout: Timeout = 5.0,
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Make a twin of a namespace at another site."""
    kinds = [kind for kind in content.split(",") if kind]
    more = {"to": to, "with": kinds, "role": role, "collision": collision, **({} if mode == "ap" else {"mode": mode})}
    more |= {} if missing == "recreate" else {"missing": missing}
    _operate("extend", resource, more, timeout, path, context, as_json)


@app.command()
def retract(
    resource: Resource,
    source: Annotated[str, typer.Option("--from", help="The site that leaves.")],
    exit_: Annotated[str, typer.Option("--exit", help="What becomes of its twin: keep or delete.")] = "keep",
    timeout: Timeout = 5.0,
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Take a site out of a shared namespace."""
    _operate("retract", resource, {"from": source, "exit": exit_}, timeout, path, context, as_json)


@app.command()
def reattach(
    resource: Resource,
    to: To,
    force: Annotated[bool, typer.Option("--force", help="Seize it when the owner cannot be reached.")] = False,
    break_glass: Annotated[
        str | None,
        typer.Option(
            "--break-glass", help="Mode strict, the owner is lost for good: its name once more.", metavar="ns/NAME"
        ),
    ] = None,
    timeout: Timeout = 5.0,
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Make another site the owner of a shared namespace."""
    if break_glass is not None and resource_name(break_glass) != resource_name(resource):
        raise Ended(BAD_INPUT, f"--break-glass {break_glass}: type the name of what is taken over, {resource}")
    more = {"to": to, "force": force, **({} if break_glass is None else {"breakGlass": True})}
    _operate("reattach", resource, more, timeout, path, context, as_json)


@app.command()
def destroy(
    resource: Resource,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted where.")] = False,
    timeout: Timeout = 5.0,
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Delete a shared namespace at every site."""
    _operate("destroy", resource, {"dryRun": dry_run}, timeout, path, context, as_json)


@app.command()
def status(
    resource: Annotated[str | None, typer.Argument(help="Only this namespace.", metavar="[ns/NAME]")] = None,
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show what is shared, who owns it (* = this site), who has it."""
    view = _view("records", path, context)
    if resource is not None:
        wanted = resource_name(resource)
        rows = [row for row in render.dicts(view.get("records")) if row.get("resource") == wanted]
        if not rows:
            raise Ended(REFUSED, f"{wanted} is not shared at site {view.get('site')}; share it with collab extend")
        view = {**view, "records": rows}
    _show(view, render.records, as_json)


@app.command()
def conflicts(path: KubeconfigPath = None, context: Context = None, as_json: AsJson = False) -> None:
    """Show edits that lost against one that had not seen them."""
    _show(_view("conflicts", path, context), render.conflicts, as_json)


@app.command()
def sites(path: KubeconfigPath = None, context: Context = None, as_json: AsJson = False) -> None:
    """Show this site's peers and their links."""
    _show(_view("sites", path, context), render.sites, as_json)


@app.command()
def log(path: KubeconfigPath = None, context: Context = None, as_json: AsJson = False) -> None:
    """Show what the agent reported."""
    _show(_view("log", path, context), render.log, as_json)


@app.command()
def operations(path: KubeconfigPath = None, context: Context = None, as_json: AsJson = False) -> None:
    """Show the operations asked of this agent, and how they stand."""
    _show(_view("operations", path, context), render.operations, as_json)


@app.command()
def explain(
    scope: Annotated[str, typer.Argument(help="For example 'a & (b | c)'.")],
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show the plan of a scope without running anything."""
    if path is None and kubeconfig.is_absent(os.environ):
        view = dict(plan_of(scope))
        print("collab: no kubeconfig, so no agent was asked whether it knows these sites", file=sys.stderr)
    else:
        parse(scope)  # a mistake is shown even when the agent cannot be reached
        view = _view(f"explain?scope={quote(scope)}", path, context)
    _show(view, render.explanation, as_json)


@app.command()
def why(
    resource: Resource,
    field: Annotated[str, typer.Argument(help="labels/KEY, or configmaps/NAME/data/KEY.")],
    path: KubeconfigPath = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show how a value came about: its edits, who made them, and what each had seen."""
    query = f"why?resource={quote(resource_name(resource))}&path={quote(field)}"
    _show(_view(query, path, context), render.why, as_json)


def resource_name(text: str) -> str:
    """`ns/team` as `namespaces/team`."""
    kind, slash, name = text.partition("/")
    kind = _SHORT.get(kind, kind)
    if not slash or not name or kind != "namespaces":
        raise Ended(BAD_INPUT, f"resource {text!r}: must be ns/NAME; only namespaces can be shared by name")
    return f"{kind}/{name}"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The command's entry point; leaves by sys.exit with a code of the table above."""
    sys.exit(_guarded(list(sys.argv[1:] if arguments is None else arguments)))


def _guarded(arguments: list[str]) -> int:
    """Run, and turn every expected failure into one line and its code."""
    try:
        return _dispatch(arguments)
    except Ended as ended:
        return _said(ended.code, str(ended))
    except (ScopeError, kubeconfig.KubeconfigError, kubectl.NoKubectl, kubectl.BadScope, NotAnAgent) as error:
        return _said(BAD_INPUT, str(error))
    except Unreachable as error:
        return _said(UNREACHABLE, str(error))
    except _UsageError as error:
        return _said(BAD_INPUT, f"{error}; see {_name()} --help")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _dispatch(arguments: list[str]) -> int:
    scoped_call = kubectl.scope_and_rest(arguments)
    if scoped_call is not None:
        return kubectl.run(*scoped_call, os.environ)
    code = typer.main.get_command(app).main(arguments or ["--help"], prog_name=_name(), standalone_mode=False)
    return code if isinstance(code, int) else DONE


def _name() -> str:
    return "kubectl collab" if Path(sys.argv[0]).name == "kubectl-collab" else "collab"


def _said(code: int, message: str) -> int:
    if message:
        print(f"collab: {message}", file=sys.stderr)
    return code


def _operate(
    verb: str,
    resource: str,
    more: Mapping[str, object],
    timeout_s: float,
    path: str | None,
    context: str | None,
    as_json: bool,
) -> None:
    """Ask for an operation, show its answer, end with the code of its state."""
    chosen = {name: value for name, value in more.items() if value not in (None, False, "", [])}
    body = {"verb": verb, "resource": resource_name(resource), "timeoutSeconds": timeout_s, **chosen}
    config = kubeconfig.load(path, context, os.environ)
    reply = call(config, "POST", f"{_API}/operations", body, timeout_s=timeout_s + 5.0)
    if "state" not in reply.body:
        raise _refused(reply)
    code = _BY_STATE.get(str(reply.body["state"]), REFUSED)
    if as_json:
        print(json.dumps(reply.body))
    else:
        print(render.operation(reply.body), end="", file=sys.stdout if code == DONE else sys.stderr)
    raise Ended(code)


def _view(name: str, path: str | None, context: str | None) -> dict[str, object]:
    reply = call(kubeconfig.load(path, context, os.environ), "GET", f"{_API}/{name}")
    if reply.status != 200:
        raise _refused(reply)
    return reply.body


def _refused(reply: Reply) -> Ended:
    """The agent's own words; 400 and 501 are about what was typed."""
    code = BAD_INPUT if reply.status in (400, 501) else REFUSED
    return Ended(code, str(reply.body.get("message") or f"the agent answered {reply.status}"))


def _show(view: Mapping[str, object], text: Callable[[Mapping[str, object]], str], as_json: bool) -> None:
    print(json.dumps(view) if as_json else text(view), end="\n" if as_json else "")


async def _run_agent(path: Path, recovered: bool) -> None:
    # imported here, so that `collab status` loads neither aiohttp nor pycrdt
    from collab.agent.config import ConfigError, load
    from collab.agent.disk import FileDisk, InUse, hold
    from collab.agent.journals import DamagedJournal
    from collab.agent.main import Agent

    try:
        config = load(path)
    except ConfigError as error:
        raise Ended(BAD_INPUT, str(error)) from error
    # from here on a signal is an orderly end, also while the agent is starting
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_signal(signal.SIGINT, told, INTERRUPTED)
    _on_signal(signal.SIGTERM, told, DONE)
    try:
        held = hold(Path(config.data_dir))
        disk = FileDisk(Path(config.data_dir) / "data")
        running = Agent(config, disk=disk, now=time.time, rng=random.SystemRandom(), recovered=recovered)
        await running.start()
    except InUse as error:
        raise Ended(BAD_INPUT, f"{path}: field data_dir: {config.data_dir!r}: {error}") from error
    except DamagedJournal as error:
        raise Ended(BAD_INPUT, f"{config.data_dir}/data: {error}; {error.advice}") from error
    except OSError as error:
        raise Ended(BAD_INPUT, f"{path}: {_os_problem(config.listen, config.data_dir, error)}") from error
    print(f"collab: site {config.site} at {running.url}", file=sys.stderr, flush=True)
    code = await _until_told(told, running)
    await running.stop()
    held.close()
    raise Ended(code)


def _os_problem(listen: str, data_dir: str, error: OSError) -> str:
    if error.filename:
        return f"field data_dir: {data_dir!r}: {error.filename}: {error.strerror}"
    return f"field listen: {listen!r}: {error.strerror or error}; choose another address, or port 0 for a free one"


async def _until_told(told: asyncio.Future[int], running: Agent) -> int:
    """Wait for a signal; the exit code. An agent that failed says so at once and still passes requests through."""
    failed = asyncio.ensure_future(running.failed())
    failed.add_done_callback(_say_failed)
    code = await told
    return REFUSED if not failed.cancel() else code


def _say_failed(failed: asyncio.Future[None]) -> None:
    if not failed.cancelled():
        text = f"collaboration has ended: {failed.exception()}; unscoped requests still pass, restart the agent"
        _said(REFUSED, text)


def _on_signal(number: int, told: asyncio.Future[int], code: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, _tell, told, code)
    except NotImplementedError:
        # Windows has no add_signal_handler
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(_tell, told, code))


def _tell(told: asyncio.Future[int], code: int) -> None:
    if not told.done():
        told.set_result(code)


if __name__ == "__main__":
    main()
