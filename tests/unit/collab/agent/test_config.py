"""Configurations: what is accepted, where each site is dialled, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.agent.config import AgentConfig, ConfigError, load, parse
from collab.protocol.names import SiteName

GOOD = "site: paris\napiserver: {url: 'http://127.0.0.1:6443'}\n"


def test_a_minimal_configuration_has_useful_defaults() -> None:
    config = parse(GOOD)
    assert config.address == ("127.0.0.1", 0)
    assert (config.data_dir, config.peers) == ("collab-data", {})


def test_json_is_read_as_well() -> None:
    assert parse('{"site": "paris", "apiserver": {"url": "https://k8s:6443"}}').apiserver.url == "https://k8s:6443"


def resolve(config: AgentConfig, site: str) -> str:
    return config.resolve(SiteName(site), "http://advertised:1")


def test_a_map_of_peers_wins_over_what_they_advertise() -> None:
    config = parse(GOOD + "peers: {rennes: 'http://127.0.0.1:7001'}")
    assert resolve(config, "rennes") == "http://127.0.0.1:7001"
    assert resolve(config, "nice") == "http://advertised:1"
    assert [site for site in ("paris", "rennes", "nice") if config.knows(site)] == ["paris", "rennes"]


def test_a_template_reaches_any_site() -> None:
    config = parse(GOOD + "peers: 'http://{site}.agents:80'")
    assert resolve(config, "nice") == "http://nice.agents:80"
    assert config.knows("nice")
    assert not config.knows("Nice!")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site: paris", "missing required field `apiserver`"),
        ("site: paris\napiserver: {}", "field apiserver: Object missing required field `url`"),
        (GOOD + "colour: red", "unknown field `colour`"),
        (GOOD + "listen: 7", "field listen: Expected `str`, got `int`"),
        (GOOD + "listen: here", "field listen: 'here' is not HOST:PORT"),
        (GOOD + "listen: 'h:70000'", "field listen: 'h:70000' is not HOST:PORT"),
        ("site: Paris\napiserver: {url: 'http://a'}", "field site: site name 'Paris'"),
        ("site: paris\napiserver: {url: 'ftp://a'}", "field apiserver.url: 'ftp://a' is not a URL"),
        ("site: paris\napiserver: {url: 'http://['}", "field apiserver.url: 'http://[' is not a URL"),
        (GOOD + "listen: '0.0.0.0:1'", "field advertise: needed with listen '0.0.0.0:1'"),
        (GOOD + "advertise: nowhere", "field advertise: 'nowhere' is not a URL"),
        (GOOD + "peers: 'http://fixed:1'", "does not contain {site}"),
        (GOOD + "peers: {Rennes: 'http://a'}", "field peers: site name 'Rennes'"),
        (GOOD + "peers: {rennes: 'a:1'}", "field peers.rennes: 'a:1' is not a URL"),
        ("[", "not YAML"),
        ("", "Expected `object`, got `null`"),
    ],
)
def test_each_mistake_is_one_line_that_names_field_and_value(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("site: 1")
    with pytest.raises(ConfigError, match=r"bad\.yaml: field site: Expected `str`"):
        load(tmp_path / "bad.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"site: \xe9")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 6"):
        load(tmp_path / "latin.yaml")


@pytest.mark.parametrize("field", ["ca", "token_file"])
def test_a_file_that_is_named_must_be_usable(field: str, tmp_path: Path) -> None:
    path, named = tmp_path / "a.yaml", tmp_path / "named"
    path.write_text(f"site: paris\napiserver: {{url: 'https://a', {field}: '{named}'}}\n")
    with pytest.raises(ConfigError, match=f"field apiserver.{field}: .* No such file"):
        load(path)
    named.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=f"field apiserver.{field}: .*: not a file of this kind"):
        load(path)
