"""Addresses as Go's net package parses, resolves, listens on and prints them."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from dataclasses import dataclass

from chaos.toxiproxy.errors import AddressError

LOOKUP_TIMEOUT_S = 5.0
BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """An IP (empty: every address of the machine) and a port (0: any free one)."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


def split(address: str) -> tuple[str, str]:
    """Host and port texts of HOST:PORT; AddressError in Go's words."""
    host, colon, port = address.rpartition(":")
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise AddressError(f"address {address}: missing ']' in address")
        if not rest.startswith(":"):
            raise AddressError(f"address {address}: missing port in address")
        return host, rest[1:]
    if not colon:
        raise AddressError(f"address {address}: missing port in address")
    if ":" in host:
        raise AddressError(f"address {address}: too many colons in address")
    return host, port


async def resolve(address: str) -> Address:
    """The address that Go's ResolveTCPAddr gives: names become an IP, IPv4 first; "" is every address, any port."""
    host, port = split(address) if address else ("", "")
    return Address(await _ip_of(host), _port_of(port))


async def _ip_of(host: str) -> str:
    if not host:
        return ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return await _lookup(host)


async def _lookup(host: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise AddressError(f"lookup {host}: i/o timeout") from None
    except OSError:
        raise AddressError(f"lookup {host}: no such host") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)  # stable: the resolver's order within a family
    return str(found[0][4][0])


def _port_of(port: str) -> int:
    if not port:
        return 0
    if not port.lstrip("+-").isdigit():
        return _service_port(port)
    if not 0 <= int(port) <= 65535:
        raise AddressError(f"address {port}: invalid port")
    return int(port)


def _service_port(name: str) -> int:
    try:
        return socket.getservbyname(name, "tcp")
    except OSError:
        raise AddressError(f"lookup tcp/{name}: unknown port") from None


def listen(address: Address) -> socket.socket:
    """A listening socket. Every address of the machine is one socket for IPv4 and IPv6, as in Go."""
    try:
        listener = _socket_for(address)
    except OSError as error:
        raise AddressError(f"listen tcp {address}: socket: {_reason(error)}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_bindable(address, listener.family), address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressError(f"listen tcp {address}: bind: {_reason(error)}") from None
    listener.setblocking(False)
    return listener


def _is_wildcard(address: Address) -> bool:
    return not address.ip or ipaddress.ip_address(address.ip).is_unspecified


def _socket_for(address: Address) -> socket.socket:
    if not _is_wildcard(address):
        return socket.socket(socket.AF_INET6 if ":" in address.ip else socket.AF_INET)
    if not socket.has_dualstack_ipv6():
        return socket.socket(socket.AF_INET)
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return listener


def _bindable(address: Address, family: int) -> str:
    if not _is_wildcard(address):
        return address.ip
    return "::" if family == socket.AF_INET6 else "0.0.0.0"


def _reason(error: OSError) -> str:
    """Go prints the system's message in small letters."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def bound_to(listener: socket.socket) -> str:
    """HOST:PORT as Go prints a listener's address."""
    ip, port = listener.getsockname()[:2]
    return str(Address(ip, port))
