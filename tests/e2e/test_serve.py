"""`fakekube serve` as a user meets it: a process, files that say what answers, and one line for every bad option."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

START_S = 60
STOP_S = 10


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "chaos.cli", "serve", *map(str, arguments)]


@contextmanager
def served(out: Path, *arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running `fakekube serve`, once it has said that all answer, and its ready.json."""
    process = subprocess.Popen(command("--out", out, *arguments), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "ready in" in first, first + process.stderr.read()
        yield process, json.loads((out / "ready.json").read_text())
    finally:
        process.kill()
        process.communicate(timeout=STOP_S)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=START_S) as answer:
        return json.load(answer)


def names(url: str) -> list[str]:
    return [item["metadata"]["name"] for item in get(f"{url}/api/v1/namespaces")["items"]]


def test_each_site_answers_for_itself_and_its_kubeconfig_points_at_it(tmp_path: Path) -> None:
    with served(tmp_path, "--sites", "3") as (_, ready):
        assert list(ready["sites"]) == ["site-000", "site-001", "site-002"]
        assert ready["version"] == 1
        assert ready["toxiproxy"] is None
        uids = {
            get(f"{site['url']}/api/v1/namespaces/kube-system")["metadata"]["uid"] for site in ready["sites"].values()
        }
        assert len(uids) == 3, "sites must not share an identity"
        config = json.loads(Path(ready["sites"]["site-001"]["kubeconfig"]).read_text())
        assert config["clusters"][0]["cluster"]["server"] == ready["sites"]["site-001"]["url"]


def test_a_link_leads_to_its_target_until_it_is_cut_through_toxiproxy(tmp_path: Path) -> None:
    with served(tmp_path, "--sites", "2", "--toxiproxy") as (_, ready):
        link = ready["links"]["site-000--site-001"]
        url = f"http://{link['listen']}"
        target = ready["sites"]["site-001"]["url"]
        assert get(f"{url}/api/v1/namespaces/kube-system") == get(f"{target}/api/v1/namespaces/kube-system")
        config = json.loads((tmp_path / "links/site-000--site-001.kubeconfig").read_text())
        assert config["clusters"][0]["cluster"]["server"] == url
        cut = urllib.request.Request(
            f"{ready['toxiproxy']}/proxies/{link['proxy']}", b'{"enabled": false}', method="POST"
        )
        urllib.request.urlopen(cut, timeout=START_S).close()
        with pytest.raises(urllib.error.URLError):
            get(f"{url}/version")


def test_with_collab_the_kubeconfig_leads_to_the_agent_in_front_of_the_apiserver(tmp_path: Path) -> None:
    with served(tmp_path, "--sites", "2", "--collab") as (_, ready):
        site = ready["sites"]["site-000"]
        config = json.loads(Path(site["kubeconfig"]).read_text())
        assert config["clusters"][0]["cluster"]["server"] == site["agent"] != site["url"]
        assert get(f"{site['agent']}/collab/v1/sites")["site"] == "site-000"
        assert names(site["agent"]) == names(site["url"])
        assert Path(site["data"]).is_dir()


def test_objects_of_a_folder_are_there_at_every_site(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    folder.mkdir()
    (folder / "b.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {a: '1'}\n"
        "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n"
    )
    with served(tmp_path / "run", "--sites", "2", "--load", folder) as (_, ready):
        for site in ready["sites"].values():
            assert get(f"{site['url']}/api/v1/namespaces/team/configmaps/c")["data"] == {"a": "1"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_stops_it_in_good_order_with_a_watch_still_open(tmp_path: Path, number: int, code: int) -> None:
    with served(tmp_path, "--sites", "2", "--collab", "--toxiproxy") as (process, ready):
        watch = urllib.request.urlopen(
            f"{ready['sites']['site-000']['agent']}/api/v1/namespaces?watch=1", timeout=START_S
        )
        process.send_signal(number)
        assert process.wait(timeout=STOP_S) == code
        assert not (tmp_path / "ready.json").exists(), "what no longer answers must not be described"
        watch.close()


def refused(*arguments: str | Path) -> str:
    """The one line on stderr of a run that ends with bad input."""
    result = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=START_S, check=False)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("--port", str(port), "--out", tmp_path)
    assert f"--port {port}: in use on 127.0.0.1 (site-000)" in line
    assert "0 for free ones" in line


@pytest.mark.parametrize(
    ("arguments", "wording"),
    [
        (["--token-file", "absent.csv"], "--token-file absent.csv: No such file"),
        (["--links", "ring"], "--links: links are proxies: add --toxiproxy"),
        (["--toxiproxy", "--toxiproxy-url", "http://127.0.0.1:1"], "not both"),
        (["--sites", "40", "--toxiproxy"], "1560 links are more than the 1000"),
        (["--toxiproxy", "--links", "absent.txt"], "--links absent.txt: No such file"),
        (["--load", "absent"], "--load absent: not a folder"),
        (["--port", "65535", "--sites", "2"], "2 sites need 2 ports"),
    ],
)
def test_an_option_that_cannot_be_had_is_one_line(tmp_path: Path, arguments: list[str], wording: str) -> None:
    assert wording in refused(*arguments, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("a: [", "cannot be read"),
        ("kind: ConfigMap\n", "an object with apiVersion and kind is expected"),
        ("apiVersion: v1\nkind: Bogus\n", "no resource of kind Bogus in v1"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UPPER}\ndata: 5\n", "refused by the apiserver"),
    ],
)
def test_a_file_to_load_that_makes_no_sense_is_named(tmp_path: Path, text: str, wording: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    line = refused("--load", tmp_path, "--out", tmp_path / "run")
    assert wording in line
    assert "bad.yaml" in line


def test_a_links_file_chooses_the_links(tmp_path: Path) -> None:
    links = tmp_path / "links.txt"
    links.write_text("site-000--site-001\n")
    with served(tmp_path / "run", "--sites", "3", "--toxiproxy", "--links", links) as (_, ready):
        assert list(ready["links"]) == ["site-000--site-001"]
    links.write_text("site-000--site-009\n")
    assert "links.txt:1: 'site-000--site-009' is no link" in refused("--sites", "3", "--toxiproxy", "--links", links)
