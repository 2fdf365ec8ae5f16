"""The `collab` command against an agent by hand: what it asks, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from collab import cli


@dataclass
class AgentByHand:
    """Answers each path as told, remembers what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    asked: list[tuple[str, str, object]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def agent() -> Iterator[AgentByHand]:
    by_hand = AgentByHand()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            by_hand.asked.append((self.command, self.path, json.loads(body) if body else None))
            by_hand.headers.append(dict(self.headers))
            code, answer = by_hand.answers.get(self.path, (404, {"kind": "Status", "message": "not here"}))
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    by_hand.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield by_hand
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kubeconfig(agent: AgentByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig whose current server is the agent, given by $KUBECONFIG."""
    path = tmp_path / "config"
    write_kubeconfig(path, agent.url)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def write_kubeconfig(path: Path, server: str, token: str = "") -> None:
    user = {"token": token} if token else {}
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "ns1"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text


OPERATIONS = "/collab/v1/operations"


def result(state: str, code: int = 200, **more: object) -> dict[str, object]:
    return {
        "id": "op-1",
        "state": state,
        "code": code,
        "message": f"it is {state}",
        "outcomes": {"b": "pending"},
    } | more


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (
            ["extend", "ns/team", "--to", "b", "--with", "configmaps", "--role", "ro"],
            {"verb": "extend", "to": "b", "with": ["configmaps"], "role": "ro", "collision": "refuse"},
        ),
        (
            ["retract", "namespace/team", "--from", "b", "--exit", "delete"],
            {"verb": "retract", "from": "b", "exit": "delete"},
        ),
        (["reattach", "namespaces/team", "--to", "b", "--force"], {"verb": "reattach", "to": "b", "force": True}),
        (
            ["extend", "ns/team", "--to", "b", "--mode", "strict", "--missing", "absent"],
            {
                "verb": "extend",
                "to": "b",
                "role": "rw",
                "collision": "refuse",
                "mode": "strict",
                "missing": "absent",
            },
        ),
        (
            ["reattach", "ns/team", "--to", "b", "--break-glass", "namespaces/team"],
            {"verb": "reattach", "to": "b", "breakGlass": True},
        ),
        (["destroy", "ns/team", "--dry-run", "--timeout", "0.5"], {"verb": "destroy", "dryRun": True}),
    ],
)
def test_a_verb_is_one_operation(
    arguments: list[str], body: dict[str, object], agent: AgentByHand, kubeconfig: Path
) -> None:
    agent.answers[OPERATIONS] = (200, result("done"))
    assert run(*arguments) == 0
    timeout = 0.5 if "--timeout" in arguments else 5.0
    assert agent.asked == [("POST", OPERATIONS, {**body, "resource": "namespaces/team", "timeoutSeconds": timeout})]


def test_glass_is_broken_only_by_the_name_of_what_is_taken_over(
    agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("reattach", "ns/team", "--to", "b", "--break-glass", "ns/theme") == 2
    assert "type the name of what is taken over, ns/team" in capsys.readouterr().err
    assert agent.asked == []


@pytest.mark.parametrize(
    ("state", "code", "ends", "on_stdout"),
    [("done", 200, 0, True), ("refused", 409, 1, False), ("pending", 202, 3, False)],
)
def test_the_state_of_an_operation_is_the_exit_code(
    state: str,
    code: int,
    ends: int,
    on_stdout: bool,
    agent: AgentByHand,
    kubeconfig: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    agent.answers[OPERATIONS] = (code, result(state, code))
    assert run("extend", "ns/team", "--to", "b") == ends
    said = capsys.readouterr()
    assert (said.out if on_stdout else said.err) == f"it is {state}\n  b: pending\n"
    assert (said.err if on_stdout else said.out) == ""


def test_json_is_one_object_on_stdout(agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent.answers[OPERATIONS] = (202, result("pending", 202))
    assert run("reattach", "ns/team", "--to", "b", "--json") == 3
    assert json.loads(capsys.readouterr().out) == result("pending", 202)


RECORDS = {
    "site": "a",
    "records": [
        {
            "gid": "a~1.1",
            "resource": "namespaces/team",
            "state": "member",
            "owner": "a",
            "acting": True,
            "members": [{"site": "a", "state": "member"}, {"site": "b", "state": "invited"}],
            "kinds": ["configmaps"],
            "conditions": [{"type": "TwinMissing", "message": "gone"}],
        }
    ],
}


def test_status_shows_owner_members_and_conditions(
    agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.answers["/collab/v1/records"] = (200, RECORDS)
    assert run("status", "ns/team") == 0
    assert capsys.readouterr().out == (
        "RESOURCE         STATE   OWNER  MEMBERS       KINDS       GID\n"
        "namespaces/team  member  a*     a,b(invited)  configmaps  a~1.1\n"
        "namespaces/team: TwinMissing: gone\n"
    )
    assert run("status", "ns/other") == 1
    assert "namespaces/other is not shared at site a" in one_line(capsys.readouterr().err)


def test_conflicts_show_the_value_in_force_and_what_lost(
    agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit = {"value": "red", "site": "a", "stamp": [2, "a~1"]}
    row = {"resource": "namespaces/team", "object": "configmaps/app", "path": "f:data/f:c", "winner": edit}
    lost = [{"value": None, "site": "b", "stamp": [1, "b~1"]}]
    agent.answers["/collab/v1/conflicts"] = (200, {"conflicts": [{**row, "losers": lost}]})
    assert run("conflicts") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "namespaces/team",
        "configmaps/app",
        "f:data/f:c",
        '"red"',
        "a",
        "(removed)",
        "b",
    ]


def test_why_shows_edit_by_edit_who_wrote_and_what_came_of_it(
    agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {"value": "oats", "site": "a", "stamp": "1@a~1", "at": 1700000000.0, "saw": [], "state": "replaced"}
    second = {**first, "value": None, "site": "b", "saw": [[1, "a~1"]], "state": "stands"}
    agent.answers["/collab/v1/why?resource=namespaces/team&path=labels/crop"] = (200, {"edits": [first, second]})
    assert run("why", "ns/team", "labels/crop") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[1:] for line in lines] == [['"oats"', "a", "replaced", "-"], ["(removed)", "b", "stands", "a"]]


def test_the_other_views_are_shown(agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer = {"site": "b", "state": "live", "address": "http://b", "lastHeard": 1700000000.5}
    agent.answers["/collab/v1/sites"] = (200, {"site": "a", "uid": "u", "boot": "1", "peers": [peer]})
    entry = {"at": "2026-01-01T00:00:00.000Z", "type": "Started", "message": "site a"}
    agent.answers["/collab/v1/log"] = (200, {"entries": [entry]})
    plan = {"scope": "a & b", "alternatives": [["a", "b"]], "tree": {}}
    agent.answers["/collab/v1/explain?scope=a%26b"] = (200, plan)
    agent.answers[OPERATIONS] = (
        200,
        {"operations": [{**result("done"), "verb": "extend", "resource": "namespaces/x"}]},
    )

    for command, word in (("sites", "2023-11-14T22:13:20Z"), ("log", "Started"), ("operations", "op-1")):
        assert run(command) == 0
        assert word in capsys.readouterr().out
    assert run("explain", "a&b") == 0
    assert capsys.readouterr().out == "scope a & b\n  1. a, b\n"


def test_a_plan_is_shown_without_any_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("explain", "a & (b | c)") == 0
    said = capsys.readouterr()
    assert said.out == "scope a & (b | c)\n  1. a, b\n  2. a, c\n"
    assert "no agent was asked" in one_line(said.err)
    assert run("explain", "a &") == 2
    assert run("status") == 2


def test_the_scope_of_a_servers_url_is_not_part_of_the_agents(agent: AgentByHand, kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, agent.url + "/scope/a%20%26%20b", token="t")
    agent.answers["/collab/v1/sites"] = (200, {"site": "a", "peers": []})
    assert run("sites") == 0
    assert agent.headers[0]["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["status", "--kubeconfig", "/nowhere/config"], 2, "/nowhere/config: No such file or directory"),
        (["status", "--context", "other"], 2, "there is no context named 'other'"),
        (["extend", "team", "--to", "b"], 2, "resource 'team': must be ns/NAME"),
        (["extend", "configmaps/x", "--to", "b"], 2, "only namespaces"),
        (["explain", "a &"], 2, "scope, column 4: expected a site"),
        (["--scope", "a %% b", "get", "ns"], 2, "scope, column 3: the cross operator"),
        (["status", "--scope", "a"], 2, "No such option"),
        (["status"], 1, "not here"),
        (["agent", "--config", "/nowhere/a.yaml"], 2, "/nowhere/a.yaml: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_its_code(
    arguments: list[str],
    code: int,
    said: str,
    agent: AgentByHand,
    kubeconfig: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*arguments) == code
    text = capsys.readouterr().err
    assert said in text
    assert "Traceback" not in text


def test_an_agent_that_does_not_answer_is_named(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kubeconfig(kubeconfig, "http://127.0.0.1:1")
    assert run("status") == 4
    assert "agent http://127.0.0.1:1" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (404, {"kind": "Status", "message": "the server could not find the requested resource"}),
        (403, {"kind": "Status", "message": 'forbidden: User "system:anonymous" cannot get path "/collab"'}),
        (200, b"<html>"),
    ],
)
def test_a_plain_apiserver_is_told_from_an_agent(
    code: int, answer: object, agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.answers["/collab/v1/records"] = (code, answer)
    assert run("status") == 2
    assert "is no collab agent" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("text", ["", "[]", "current-context: x", "a: ["])
def test_a_broken_kubeconfig_is_one_line(text: str, kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig.write_text(text)
    assert run("status") == 2
    assert str(kubeconfig) in one_line(capsys.readouterr().err)


def test_a_server_that_is_no_url_is_named(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kubeconfig(kubeconfig, "here")
    assert run("status") == 2
    assert "field clusters.c.server: 'here'" in one_line(capsys.readouterr().err)


KUBECTL = """#!/bin/sh
echo "$@" > {out}
cat "$KUBECONFIG" >> {out}
stat -c %a "$KUBECONFIG" >> {out}
exit 7
"""


def test_a_scope_runs_kubectl_with_the_servers_url_under_it(
    agent: AgentByHand, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, kubectl = tmp_path / "out", tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(out=out))
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("KUBECTL", str(kubectl))
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    agent.answers["/collab/v1/explain?scope=b%20%26%20a"] = (200, {"scope": "b & a"})

    code = run("--scope", "b&(a)", "get", f"--kubeconfig={kubeconfig}", "ns", "-o", "wide", "--", "--kubeconfig=x")

    arguments, *rest, mode = out.read_text().splitlines()
    scoped = yaml.safe_load("\n".join(rest))
    assert (code, arguments, mode) == (7, "get ns -o wide -- --kubeconfig=x", "600")
    assert scoped["clusters"][0]["cluster"] == {"server": f"{agent.url}/scope/b%20%26%20a"}
    assert scoped["current-context"] == "here"
    assert scoped["contexts"][0]["context"]["namespace"] == "ns1"


def test_a_scope_that_the_agent_does_not_take_is_one_line(
    agent: AgentByHand, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = {"kind": "Status", "message": "scope, column 1: unknown site 'x'"}
    agent.answers["/collab/v1/explain?scope=x"] = (400, refusal)
    assert run("--scope", "x", "get", "ns") == 2
    assert one_line(capsys.readouterr().err) == "collab: scope, column 1: unknown site 'x'\n"


def test_without_kubectl_a_scope_is_one_line(
    agent: AgentByHand, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.answers["/collab/v1/explain?scope=a"] = (200, {"scope": "a"})
    monkeypatch.setenv("PATH", "/nowhere")
    assert run("--scope=a", "get", "ns") == 2
    assert "kubectl is not on the PATH" in one_line(capsys.readouterr().err)


def test_merged_kubeconfigs_give_the_first_value(
    agent: AgentByHand, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").write_text("current-context: here\n")
    listed = [tmp_path / "first", tmp_path / "absent", kubeconfig]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, listed)))
    agent.answers["/collab/v1/sites"] = (200, {"site": "a", "peers": []})
    assert run("sites") == 0


def test_a_command_loads_no_server_and_no_crdt() -> None:
    code = "import sys, collab.cli; print([name for name in ('aiohttp', 'pycrdt') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout == "[]\n"
