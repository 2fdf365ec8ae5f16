"""An agent's configuration: read from YAML or JSON, checked to the last field, errors in one line."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec
import yaml

from collab.protocol.names import SiteName
from fakekube.meta.names import is_dns1123_label, site_name

TEMPLATE_SITE = "{site}"
Peers: TypeAlias = dict[str, str] | str


class ConfigError(Exception):
    """A configuration that cannot be used; the text names file, field, value and the way out, in one line."""


class ApiserverAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The local apiserver, and what the agent itself shows it (clients show their own credentials)."""

    url: str
    token_file: str | None = None
    ca: str | None = None


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent. `listen` is HOST:PORT (port 0: a free one); `advertise` is the URL peers are told, by default from `listen`.

    `peers` says where each site's agent is reached: a map from site to URL, or a template with `{site}` in it.
    """

    site: str
    apiserver: ApiserverAddress
    listen: str = "127.0.0.1:0"
    advertise: str | None = None
    data_dir: str = "collab-data"
    peers: Peers = {}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def knows(self, site: str) -> bool:
        """Whether a scope may name `site`."""
        if isinstance(self.peers, str):
            return is_dns1123_label(site)
        return site == self.site or site in self.peers

    def resolve(self, site: SiteName, advertised: str) -> str:
        """The URL to dial for `site`: what this configuration says, else what the site advertised ("" if nothing)."""
        if isinstance(self.peers, str):
            return self.peers.replace(TEMPLATE_SITE, site)
        return self.peers.get(site, advertised)


def load(path: Path) -> AgentConfig:
    """The configuration in `path`. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give an existing file with --config") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    try:
        config = parse(text)
        check_files(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def parse(text: str) -> AgentConfig:
    """The configuration in `text`, YAML or JSON. Raises ConfigError."""
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {_one_line(str(error))}") from error
    try:
        config = msgspec.convert(content, AgentConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(_worded(str(error))) from error
    return checked(config)


def checked(config: AgentConfig) -> AgentConfig:
    """`config` itself when every value makes sense. Raises ConfigError naming the first that does not."""
    _check_site("site", config.site)
    _check_listen(config.listen, config.advertise)
    _check_url("apiserver.url", config.apiserver.url)
    if config.advertise is not None:
        _check_url("advertise", config.advertise)
    _check_peers(config.peers)
    return config


def _check_site(field: str, value: str) -> None:
    try:
        site_name(value)
    except ValueError as error:
        raise ConfigError(f"field {field}: {error}") from error


def check_files(config: AgentConfig) -> None:
    """Raises ConfigError when a file that the configuration names cannot be used."""
    try:
        if config.apiserver.token_file is not None:
            Path(config.apiserver.token_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_unusable("apiserver.token_file", config.apiserver.token_file, error)) from error
    try:
        if config.apiserver.ca is not None:
            ssl.create_default_context(cafile=config.apiserver.ca)
    except OSError as error:
        raise ConfigError(_unusable("apiserver.ca", config.apiserver.ca, error)) from error


def _unusable(field: str, value: str | None, error: Exception) -> str:
    why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "not a file of this kind"
    return f"field {field}: {value!r}: {why}"


def _check_listen(value: str, advertise: str | None) -> None:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(
            f"field listen: {value!r} is not HOST:PORT; for example 127.0.0.1:8443, port 0 for a free one"
        )
    if host.strip("[]") in ("0.0.0.0", "::") and advertise is None:
        raise ConfigError(f"field advertise: needed with listen {value!r}, which peers cannot dial; give a URL")


def _check_url(field: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"field {field}: {value!r} is not a URL; for example http://127.0.0.1:8443")


def _check_peers(peers: Peers) -> None:
    if isinstance(peers, str):
        if TEMPLATE_SITE not in peers:
            raise ConfigError(f"field peers: the template {peers!r} does not contain {TEMPLATE_SITE}")
        _check_url("peers", peers.replace(TEMPLATE_SITE, "site"))
        return
    for site, url in _sorted_items(peers):
        _check_site("peers", site)
        _check_url(f"peers.{site}", url)


def _sorted_items(peers: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(peers.items())


_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)


def _worded(problem: str) -> str:
    """msgspec's sentence with the field first: "field apiserver: Object missing required field `url`"."""
    found = _AT.match(problem)
    what, path = (found["what"], found["path"]) if found else (problem, "")
    return f"field {path}: {what}" if path else what


def _one_line(text: str) -> str:
    return " ".join(text.split())
