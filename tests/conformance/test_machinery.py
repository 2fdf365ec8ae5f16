"""The kit itself: what a lie, a stale mark and an unusable kubeconfig come to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fakekube.testing import CoreArm
from fakekube.testing.__main__ import main
from fakekube.testing.http_arm import read_access
from fakekube.testing.kit import Act, Body, Outcome, Result, bodies, outcome
from fakekube.testing.reply import Unfaithful, equal
from fakekube.testing.resources import CONFIG_MAPS, config_map
from fakekube.testing.session import Session
from fakekube.testing.table import markdown, text


def lie(at: Session) -> None:
    at.create(CONFIG_MAPS, config_map("x")).obj(200)


def truth(at: Session) -> None:
    at.create(CONFIG_MAPS, config_map("x")).obj(201)


def found(act: Act, needs: Sequence[str] = (), differs: Mapping[str, str] | None = None) -> Result:
    body = Body(name="some/body", title="A statement", act=act, needs=needs, differs=differs or {})
    return outcome(body, CoreArm.fresh(), "kit")


def test_a_lie_fails_and_says_what_came_instead() -> None:
    result = found(lie)
    assert result.outcome is Outcome.FAILED
    assert result.detail.startswith("expected status 200, got 201:")
    assert "FAILED" in text([result])
    assert "1 failed" in text([result])


def odd(at: Session) -> None:
    assert at.create(CONFIG_MAPS, config_map("x")).obj(201)["spec"]


def test_an_answer_of_another_form_fails_and_ends_no_table() -> None:
    result = found(odd)
    assert (result.outcome, result.detail) == (Outcome.FAILED, "an answer of another form: KeyError('spec')")


def test_a_marked_difference_is_no_failure_and_its_reason_is_told() -> None:
    result = found(lie, differs={"fakekube": "not built"})
    assert (result.outcome, result.detail) == (Outcome.DIFFERS, "not built")
    assert found(lie, differs={"cluster": "elsewhere"}).outcome is Outcome.FAILED


def test_a_mark_that_is_no_longer_true_needs_somebody() -> None:
    result = found(truth, differs={"fakekube": "not built"})
    assert result.outcome is Outcome.STALE
    assert result.needs_somebody


def test_what_an_arm_lacks_is_skipped_before_anything_is_asked() -> None:
    assert found(lie, needs=["wings"]).outcome is Outcome.SKIPPED


def test_a_page_has_a_row_a_body_and_a_column_an_arm() -> None:
    assert markdown([found(truth)]).splitlines()[-1] == "| `some/body` | A statement | ok |"


def test_bodies_are_many_named_apart_and_all_state_something() -> None:
    names = [each.name for each in bodies()]
    assert len(names) == len(set(names)) >= 40
    assert all(each.title and not each.title.endswith(".") for each in bodies())


def test_a_wait_for_what_never_happens_ends_and_says_so() -> None:
    with pytest.raises(Unfaithful, match="expected better days within 30 s"):
        Session(CoreArm.fresh(), "kit").until(lambda: False, "better days")


def test_bodies_leave_nothing_behind_but_what_a_site_is_born_with() -> None:
    arm = CoreArm.fresh()
    for each in bodies("namespaces/"):
        assert outcome(each, arm, "kit").outcome is Outcome.OK
    arm.sleep(60)
    session = Session(arm, "kit")
    left = [item["metadata"]["name"] for item in session.ask("GET", "/api/v1/namespaces").obj()["items"]]
    equal(left, ["default", "kube-node-lease", "kube-public", "kube-system"], "the namespaces")


def test_the_command_prints_a_table_and_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--arm", "core", "--match", "discovery/health"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == ["discovery/health-is-told", "ok"]
    assert "core: 1 bodies, 1 ok, 0 differ as marked, 0 skipped, 0 failed" in printed


def test_the_command_lists_statements_without_running_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--match", "discovery/health"]) == 0
    assert capsys.readouterr().out == "discovery/health-is-told: /healthz, /livez and /readyz answer ok\n"


def test_bad_input_of_the_command_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--match", "no-such-body"]) == 2
    config = tmp_path / "config"
    config.write_text("{}")
    assert main(["--arm", "core", "--match", "discovery/health", "--kubeconfig", str(config)]) == 2
    assert main(["--arm", "core", "--match", "discovery/health", "--kubeconfig", str(tmp_path / "none")]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 3


def kubeconfig(folder: Path, cluster: Mapping[str, object], user: Mapping[str, object]) -> Path:
    path = folder / "config"
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document))
    return path


def test_a_kubeconfig_names_server_and_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    access = read_access(kubeconfig(tmp_path, {"server": "http://127.0.0.1:1"}, {"tokenFile": "token"}))
    assert (access.url, access.token, access.tls) == ("http://127.0.0.1:1", "secret", None)


def test_credential_plugins_are_refused_with_the_way_out(tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, {"server": "https://127.0.0.1:1"}, {"exec": {"command": "login"}})
    with pytest.raises(ValueError, match="give a kubeconfig with a token or a certificate"):
        read_access(config)
