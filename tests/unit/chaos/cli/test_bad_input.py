"""The `fakekube` command: bad input is one line on stderr and exit code 2; `--help` loads next to nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from chaos.cli import call
from chaos.scenario import library

PARTITION_E = (library.FOLDER / "partition-e.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "partiton-e"], "partiton-e: is neither a file nor a shipped scenario: did you mean 'partition-e'?"),
        (["run", "no.yaml"], "no.yaml: No such file or directory: name a scenario of `fakekube scenarios`, or a file"),
        (["run", "partition-e", "--sites", "0"], "--sites: 0 sites: give a number from 1 to 2000"),
        (
            ["run", "partition-e", "--sites", "1"],
            "unknown site 'site-004': the sites are site-000 alone by --sites 1: give more, the scenario's own are 5",
        ),
        (["run", "partition-e", "--world", "vrtual"], "--world: unknown world 'vrtual': did you mean 'virtual'?"),
        (["run", "partition-e", "--sites", "300", "--world", "proxy"], "300 sites do not fit into the proxy world"),
        (["run"], "Missing argument 'SCENARIO|FILE'; see fakekube run --help"),
        (["run", "partition-e", "--seeed", "1"], "No such option: --seeed"),
        (["serve", "--sites", "none"], "Invalid value for '--sites'"),
        (["nosuch"], "No such command 'nosuch'; see fakekube --help"),
        (["replay", "no.jsonl"], "no.jsonl: No such file or directory: name a timeline that `compile` or"),
        (["shrink", "no.jsonl"], "no.jsonl: No such file or directory: name a timeline that `compile` or"),
        (["replay", "."], ".: Is a directory: name a timeline that `compile` or `run --out` wrote"),
        (
            ["run", "partition-a", "--toxiproxy-url", "http://h:1"],
            "--toxiproxy-url: the virtual world asks no Toxiproxy",
        ),
        (["run", "partition-a", "--world", "proxy", "--no-wire"], "--no-wire: is for the virtual world"),
        (["run", "partition-a", "--out", "/proc/x"], "--out: /proc/x: No such file or directory: name a folder"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], line: str) -> None:
    assert call(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert line in err


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_bare_command_shows_its_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert call(arguments) == 0
    assert capsys.readouterr().out.startswith("Usage: fakekube [OPTIONS] COMMAND")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    assert capsys.readouterr().out == f"fakekube {version('fakekube')}\n"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("seed: 1", "sede: 1", "9: $.spec.sede: unknown field 'sede': did you mean 'seed'?"),
        ("{at: 20s", "{at: -20s", "15: $.spec.workload[1].at: -20s is negative: times count from 0s"),
        (
            "on: site-004",
            "on: nantes",
            "16: $.spec.workload[2].on: unknown site 'nantes': the sites are site-000 to site-004",
        ),
    ],
)
def test_a_mistake_in_a_file_names_file_and_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, line: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PARTITION_E.replace(old, new, 1))
    assert call(["run", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}:{line}\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty: a scenario is a mapping with apiVersion, kind, metadata, spec"),
        ("# nothing but a comment", "is empty: a scenario is a mapping with"),
        ("root:x:0:0:secret:/root:/bin/sh", "is no scenario: a scenario is a mapping with"),
        ("- secret", "is no scenario: a scenario is a mapping with"),
        ("secret: &secret [*secret]", ":1: deeper than 40 levels"),
        ("[" * 60 + "]" * 60, ":1: deeper than 40 levels: no scenario is"),
    ],
    ids=["empty", "comment", "passwd", "list", "itself", "deep"],
)
def test_a_file_of_something_else_is_not_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert call(["run", str(path)]) == 2
    line = capsys.readouterr().err
    assert line.startswith(str(path))
    assert line.count("\n") == 1
    assert complaint in line
    assert "root:x" not in line
    assert "- secret" not in line


def test_a_scope_that_cannot_be_read_names_file_line_and_field(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PARTITION_E.replace("scope: all", "scope: site-000 &"))
    assert call(["run", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}:14: $.spec.workload[0].scope: column 11 of 'site-000 &': ")


def test_a_timeline_cut_in_the_middle_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call(["compile", "partition-e"]) == 0
    path = tmp_path / "cut.jsonl"
    path.write_text(capsys.readouterr().out[:-20])
    assert call(["replay", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}: line 13: the file ends in the middle: compile it again\n"


def test_a_folder_that_cannot_be_made_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert call(["run", "partition-a", "--out", str(tmp_path / "file" / "run")]) == 2
    told = f"--out: {tmp_path / 'file' / 'run'}: Not a directory: name a folder that can be written\n"
    assert capsys.readouterr().err == told


def test_an_interrupted_run_has_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("chaos.worlds.rehearsal.rehearse", interrupted)
    assert call(["run", "partition-a"]) == 130


def test_compile_prints_json_lines_with_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["compile", "partition-e", "--seed", "9", "--sites", "7"]) == 0
    header, *events = (msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines())
    assert (header["seed"], len(header["sites"])) == (9, 7)
    assert events[-1]["op"] == "quiet"


def test_scenarios_lists_all_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == library.names()


def test_help_loads_neither_worlds_nor_clients() -> None:
    code = "import sys; import chaos.cli; print(sorted({'aiohttp', 'pycrdt', 'yaml', 'msgspec', 'rich'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout == "[]\n"


def test_output_into_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m chaos.cli compile partition-e --sites 200 | head -n 1 > /dev/null"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert answer.stderr == ""
