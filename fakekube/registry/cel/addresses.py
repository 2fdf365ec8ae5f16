"""IP addresses and networks: the functions `ip`, `cidr` and what they return.

Source: k8s.io/apiserver/pkg/cel/library (ip.go, cidr.go) of 1.37, package net/netip of Go 1.26.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fakekube.meta.gofmt import go_quoted
from fakekube.registry.cel.values import CelError, no_such_overload

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Ip:
    address: _Address

    @property
    def type_name(self) -> str:
        return "net.IP"

    @property
    def size(self) -> int:
        return self.address.max_prefixlen // 8


@dataclass(frozen=True, slots=True)
class Cidr:
    address: _Address
    bits: int

    @property
    def type_name(self) -> str:
        return "net.CIDR"

    @property
    def size(self) -> int:
        return (self.bits + 7) // 8

    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network((self.address, self.bits), strict=False)


# --- reading ------------------------------------------------------------------------------------------------------------


def _parsed(text: str) -> tuple[_Address, str]:
    """An address and its zone. ValueError with netip's words."""
    for char in text:
        if char == ".":
            return _parsed_v4(text), ""
        if char == ":":
            return _parsed_v6(text)
        if char == "%":
            raise _refused(text, "missing IPv6 address")
    raise _refused(text, "unable to parse IP")


def _refused(text: str, why: str, at: str = "") -> ValueError:
    place = f" (at {go_quoted(at)})" if at else ""
    return ValueError(f"ParseAddr({go_quoted(text)}): {why}{place}")


def _parsed_v4(text: str) -> ipaddress.IPv4Address:
    fields = text.split(".")
    at = 0
    for place, field in enumerate(fields):
        wrong = re.search(r"[^0-9]", field)
        digits = field[: wrong.start()] if wrong else field
        _check_octet(text, digits)
        if wrong:
            raise _refused(text, "unexpected character", text[at + wrong.start() :])
        if not field:
            dot = at - 1 if place == len(fields) - 1 and place else at
            raise _refused(text, "IPv4 field must have at least one digit", text[dot:])
        at += len(field) + 1
        if place == 3 and len(fields) > 4:
            empty = text[at - 1 :] == "." or text[at - 1 : at + 1] == ".."
            told = "IPv4 field must have at least one digit" if empty else "IPv4 address too long"
            raise _refused(text, told, text[at - 1 :] if empty else "")
    if len(fields) < 4:
        raise _refused(text, "IPv4 address too short")
    return ipaddress.IPv4Address(text)


def _check_octet(text: str, digits: str) -> None:
    if len(digits) > 1 and digits[0] == "0":
        raise _refused(text, "IPv4 field has octet with leading zero")
    if len(digits) > 3 or (digits and int(digits) > 255):
        raise _refused(text, "IPv4 field has value >255")


def _parsed_v6(text: str) -> tuple[ipaddress.IPv6Address, str]:
    plain, percent, zone = text.partition("%")
    if percent and not zone:
        raise _refused(text, "zone must be a non-empty string")
    try:
        return ipaddress.IPv6Address(plain), zone
    except ValueError:
        raise _v6_fault(text, plain) from None


def _v6_fault(text: str, plain: str) -> ValueError:
    """Why Go refuses it: the first field from the left that does not fit."""
    rest, groups = (plain[2:], 0) if plain.startswith("::") else (plain, 0)
    ellipsis = plain.startswith("::")
    while groups < 8:
        digits = re.match(r"[0-9a-fA-F]*", rest)
        size = digits.end() if digits else 0
        if size > 4:
            return _refused(text, "each group must have 4 or less digits", rest)
        if size == 0:
            return _refused(text, "each colon-separated field must have at least one digit", rest)
        if rest[size : size + 1] == ".":
            return _embedded_fault(text, rest, groups, ellipsis)
        groups, rest = groups + 1, rest[size:]
        if not rest:
            break
        if rest[0] != ":":
            return _refused(text, "unexpected character, want colon", rest)
        if rest == ":":
            return _refused(text, "colon must be followed by more characters", rest)
        rest = rest[1:]
        if rest[0] == ":":
            if ellipsis:
                return _refused(text, "multiple :: in address", rest)
            ellipsis, rest = True, rest[1:]
            if not rest:
                break
    if rest:
        return _refused(text, "trailing garbage after address", rest)
    told = "the :: must expand to at least one field of zeros" if ellipsis else "address string too short"
    return _refused(text, told)


def _embedded_fault(text: str, rest: str, groups: int, ellipsis: bool) -> ValueError:
    if not ellipsis and groups != 6:
        return _refused(text, "embedded IPv4 address must replace the final 2 fields of the address", rest)
    if groups > 6:
        told = "too many hex fields to fit an embedded IPv4 at the end of the address"
        return _refused(text, told, rest)
    try:
        _parsed_v4(rest)
    except ValueError as error:
        return ValueError(str(error).replace(go_quoted(rest), go_quoted(text), 1))
    return _refused(text, "address string too short")


def _mapped(address: _Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


def parse_ip(text: str) -> Ip:
    """CelError for what is no address, has a zone, or hides an IPv4 address."""
    try:
        address, zone = _parsed(text)
    except ValueError as error:
        raise CelError(f"IP Address {go_quoted(text)} parse error during conversion from string: {error}") from None
    if zone:
        raise CelError(f"IP address {go_quoted(text)} with zone value is not allowed")
    if _mapped(address):
        raise CelError(f"IPv4-mapped IPv6 address {go_quoted(text)} is not allowed")
    return Ip(address)


def _parse_prefix(text: str) -> Cidr:
    head, slash, bits = text.rpartition("/")
    if not slash:
        raise _prefix_fault(text, "no '/'")
    try:
        address, zone = _parsed(head)
    except ValueError as error:
        raise _prefix_fault(text, str(error)) from None
    if zone:
        raise _prefix_fault(text, "IPv6 zones cannot be present in a prefix")
    if not re.fullmatch(r"[1-9][0-9]*|[0-9]", bits, re.ASCII):
        raise _prefix_fault(text, f"bad bits after slash: {go_quoted(bits)}")
    if len(bits) > 3 or int(bits) > address.max_prefixlen:
        raise _prefix_fault(text, "prefix length out of range")
    return Cidr(address, int(bits))


def _prefix_fault(text: str, why: str) -> ValueError:
    told = "network address parse error during conversion from string"
    return ValueError(f"{told}: netip.ParsePrefix({go_quoted(text)}): {why}")


def parse_cidr(text: str) -> Cidr:
    """CelError for what is no network."""
    told = "network address parse error during conversion from string"
    try:
        found = _parse_prefix(text)
    except ValueError as error:
        raise CelError(f"{told}: {error}") from None
    if _mapped(found.address):
        raise CelError(f"{told}: IPv4-mapped IPv6 address {go_quoted(text)} is not allowed")
    return found


def _readable(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except CelError:
            return False
        return True

    return check


# --- functions ----------------------------------------------------------------------------------------------------------


def _is_canonical(text: str) -> bool:
    return str(parse_ip(text).address) == text


def _is_global_unicast(value: Ip) -> bool:
    address = value.address
    if isinstance(address, ipaddress.IPv4Address) and int(address) == 0xFFFFFFFF:
        return False
    special = (address.is_unspecified, address.is_loopback, address.is_multicast, address.is_link_local)
    return not any(special)


def _is_link_local_multicast(value: Ip) -> bool:
    network = _LINK_LOCAL_MULTICAST[value.address.version]
    return int(value.address) >> network[1] == network[0]


# 224.0.0.0/24 and ff02::/16 (any flags), as prefix and bits behind it.
_LINK_LOCAL_MULTICAST = {4: (0xE00000, 8), 6: (0xFF02, 112)}


def _contains_ip(network: Cidr, address: Ip) -> bool:
    own = network.network()
    return own.version == address.address.version and address.address in own


def _contains_cidr(network: Cidr, other: Cidr) -> bool:
    return network.bits <= other.bits and _contains_ip(network, Ip(other.address))


def _contains_ip_text(network: Cidr, text: str) -> bool:
    """What is no address is an argument of the wrong type."""
    try:
        return _contains_ip(network, parse_ip(text))
    except CelError:
        raise no_such_overload() from None


def _masked(network: Cidr) -> Cidr:
    return Cidr(network.network().network_address, network.bits)


ADDRESSES: Mapping[str, Callable[..., object]] = {
    "string_to_ip": parse_ip,
    "ip_family": lambda value: value.address.version,
    "ip_is_canonical": _is_canonical,
    "ip_is_unspecified": lambda value: value.address.is_unspecified,
    "ip_is_loopback": lambda value: value.address.is_loopback,
    "ip_is_link_local_multicast": _is_link_local_multicast,
    "ip_is_link_local_unicast": lambda value: value.address.is_link_local,
    "ip_is_global_unicast": _is_global_unicast,
    "is_ip": _readable(parse_ip),
    "ip_to_string": lambda value: str(value.address),
    "string_to_cidr": parse_cidr,
    "cidr_contains_ip_string": _contains_ip_text,
    "cidr_contains_ip_ip": _contains_ip,
    "cidr_contains_cidr_string": lambda network, text: _contains_cidr(network, parse_cidr(text)),
    "cidr_contains_cidr": _contains_cidr,
    "cidr_ip": lambda network: Ip(network.address),
    "cidr_prefix_length": lambda network: network.bits,
    "cidr_masked": _masked,
    "is_cidr": _readable(parse_cidr),
    "cidr_to_string": lambda network: f"{network.address}/{network.bits}",
}


def address_fault(text: str) -> str | None:
    """Why `text` cannot stand in a URL's square brackets."""
    try:
        address, _ = _parsed(text)
    except ValueError as error:
        return f"invalid host: {error}"
    return "invalid IP-literal" if address.version == 4 else None
