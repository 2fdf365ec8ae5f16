"""The `fakekube` command. Each subcommand imports what it needs when it runs, so that `--help` answers at once.

Exit codes: 0 valid or done, 1 invalid, 2 bad input (one line on stderr), 3 unknown, 4 unreachable, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from chaos.search import cli as search

if TYPE_CHECKING:
    from chaos.report.report import Report
    from chaos.scenario.timeline import Timeline
    from chaos.worlds.staging import Staging

BAD_INPUT = 2
UNREACHABLE = 4
INTERRUPTED = 130

app = typer.Typer(
    name="fakekube",
    help="Kubernetes apiservers in one process, links that break between them, and scenarios that say what must hold.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"fakekube {version('fakekube')}\n")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
]


@app.callback()
def fakekube(version: VersionOption = False) -> None:
    """What stands before a subcommand."""


ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO|FILE", help="A name of `fakekube scenarios`, or a file.")
]
SitesOption = Annotated[int | None, typer.Option("--sites", help="Number of sites, instead of the scenario's own.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the schedule, instead of the scenario's own.")]
WorldOption = Annotated[
    str, typer.Option("--world", help="virtual: virtual time. proxy: real sockets through Toxiproxy.")
]
ToxiproxyUrlOption = Annotated[
    str | None, typer.Option("--toxiproxy-url", help="A running Toxiproxy, instead of the built-in one.")
]
AgentOption = search.Agent
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write timeline, history, report.html, report.json, junit.xml here.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; all else goes to stderr.")]


@app.command()
def run(
    scenario: ScenarioArgument,
    sites: SitesOption = None,
    seed: SeedOption = None,
    world: WorldOption = "virtual",
    toxiproxy_url: ToxiproxyUrlOption = None,
    agent: AgentOption = None,
    wire: search.Wire = True,
    lose_message: search.LoseMessage = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario and say whether what it claims held."""
    from chaos import runner
    from chaos.scenario import library
    from chaos.scenario.compile import compile_scenario
    from chaos.worlds.staging import Staging

    known = runner.capabilities(world)
    timeline = compile_scenario(library.find(scenario), seed=seed, sites=sites, world=known)
    staging = Staging(wire=wire, lose_message=lose_message)
    _run_timeline(timeline, world, toxiproxy_url, agent, out, staging, as_json=as_json)


@app.command()
def replay(
    timeline: Annotated[Path, typer.Argument(help="A file that `compile` or `run --out` wrote.")],
    world: WorldOption = "virtual",
    toxiproxy_url: ToxiproxyUrlOption = None,
    agent: AgentOption = None,
    wire: search.Wire = True,
    lose_message: search.LoseMessage = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a compiled timeline again."""
    from chaos.search.job import read_timeline
    from chaos.worlds.staging import Staging

    staging = Staging(wire=wire, lose_message=lose_message)
    _run_timeline(read_timeline(timeline), world, toxiproxy_url, agent, out, staging, as_json=as_json, file=timeline)


def _run_timeline(
    timeline: Timeline,
    world: str,
    toxiproxy_url: str | None,
    agent: str | None,
    out: Path | None,
    staging: Staging,
    *,
    as_json: bool,
    file: Path | None = None,
) -> None:
    import shlex

    from chaos import runner
    from chaos.report.folder import write_report, write_timeline
    from chaos.worlds.film import Film

    written = None if out is None else _write_named(lambda: write_timeline(out, timeline))
    source = written or file
    again = (
        ""
        if source is None or world != "virtual"
        else shlex.join(
            ["fakekube", "replay", str(source), *(["--agent", agent] if agent else []), *runner.staging_words(staging)]
        )
    )
    film = None if out is None else Film(tuple(timeline.members()))
    report = runner.run_timeline(
        timeline, world=world, toxiproxy_url=toxiproxy_url, agent=agent, film=film, replay=again, staging=staging
    )
    if out is not None:
        write_report(out, report, film)
    _show(report, as_json=as_json)
    raise typer.Exit(report.exit_code)


def _write_named(write: Callable[[], Path]) -> Path:
    """What goes wrong with the folder of --out says so."""
    from chaos.scenario.errors import BadScenario

    try:
        return write()
    except OSError as error:
        raise BadScenario(
            "--out", "", f"{error.filename}: {error.strerror}: name a folder that can be written"
        ) from None


def _show(report: Report, *, as_json: bool) -> None:
    if not as_json:
        from chaos.report.text import print_report

        print_report(report, sys.stdout)
        return
    import msgspec

    from chaos.report.summary import summary

    sys.stdout.write(msgspec.json.encode(summary(report)).decode() + "\n")


app.command("sweep")(search.sweep)
app.command("shrink")(search.shrink)


@app.command("compile")
def compile_(
    scenario: ScenarioArgument, sites: SitesOption = None, seed: SeedOption = None, world: WorldOption = "virtual"
) -> None:
    """Print the timeline of a scenario, its chance spent."""
    from chaos import runner
    from chaos.scenario import library
    from chaos.scenario.compile import compile_scenario
    from chaos.scenario.timeline import dump_timeline

    known = runner.capabilities(world)
    sys.stdout.write(dump_timeline(compile_scenario(library.find(scenario), seed=seed, sites=sites, world=known)))


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from chaos.scenario.document import schema_text

    sys.stdout.write(schema_text())


@app.command()
def scenarios() -> None:
    """List the scenarios that ship with this package."""
    from chaos.scenario import library

    for scenario in library.shipped():
        sys.stdout.write(f"{scenario.name:<16}{scenario.sites.count:>4} sites  {scenario.description}\n")


@app.command()
def toxiproxy(
    host: Annotated[str, typer.Option(help="Address of the HTTP API.")] = "localhost",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the HTTP API.")] = 8474,
    seed: Annotated[int, typer.Option(help="Seed of the toxics' chance.")] = 0,
) -> None:
    """Serve the HTTP API of Toxiproxy and its proxies."""
    from chaos.toxiproxy.server import serve

    serve(host=host, port=port, seed=seed)


@app.command()
def serve(
    sites: Annotated[int, typer.Option("--sites", min=1, max=2000, help="Number of sites.")] = 1,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="First port; the sites take it and those after it. 0: free ones.")
    ] = 0,
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve HTTPS; each site has a CA of its own, which its kubeconfig carries.")
    ] = False,
    collab: Annotated[bool, typer.Option("--collab", help="A collab agent in front of every apiserver.")] = False,
    toxiproxy: Annotated[
        bool, typer.Option("--toxiproxy", help="Start the built-in Toxiproxy; links pass through it.")
    ] = False,
    toxiproxy_url: ToxiproxyUrlOption = None,
    links: Annotated[
        str | None, typer.Option("--links", help="Links to make at once: ring, star, or a FILE of a--b lines.")
    ] = None,
    load: Annotated[
        Path | None, typer.Option("--load", help="Folder of objects (YAML, JSON) that every site begins with.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of uids and names.")] = 0,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", help="CSV of kube-apiserver's --token-auth-file; everybody is asked who they are."
        ),
    ] = None,
    rbac: Annotated[
        bool, typer.Option("--rbac", help="Everybody is asked who they are, and RBAC decides what they may.")
    ] = False,
    controllers: Annotated[
        Literal["none", "core", "workloads"], typer.Option(help="Controllers that run at every site.")
    ] = "core",
    out: Annotated[Path, typer.Option("--out", help="Folder for kubeconfigs, agent data and ready.json.")] = Path(
        "fakekube-run"
    ),
) -> None:
    """Serve apiservers on this machine until Ctrl-C."""
    from chaos.serve import serve as serve_sites

    code = serve_sites(
        sites=sites,
        host=host,
        port=port,
        tls=tls,
        collab=collab,
        toxiproxy=toxiproxy,
        toxiproxy_url=toxiproxy_url,
        links=links,
        load=load,
        seed=seed,
        token_file=token_file,
        rbac=rbac,
        controllers=controllers,
        out=out,
    )
    raise typer.Exit(code)


def main() -> None:
    """The console script: every failure that a user can cause is one line on stderr and an exit code."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str]) -> int:
    """Run the command line `arguments`; gives the exit code."""
    try:
        return app(args=arguments or ["--help"], prog_name="fakekube", standalone_mode=False) or 0
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except typer.TyperException as error:
        return _complain(_usage(error))
    except BrokenPipeError:
        return _stop_writing()
    except ConnectionError as error:
        return _complain(str(error), UNREACHABLE)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ValueError as error:
        from chaos.scenario.errors import BadScenario

        if not isinstance(error, BadScenario):
            raise
        return _complain(str(error))


def _usage(error: typer.TyperException) -> str:
    """One line that ends with the help of the subcommand that was meant."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "fakekube"
    return f"{' '.join(error.format_message().split()).rstrip('.')}; see {command} --help"


def _stop_writing() -> int:
    """Whoever read our output (`| head`) has seen enough. Python would complain when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(line: str, code: int = BAD_INPUT) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    main()
