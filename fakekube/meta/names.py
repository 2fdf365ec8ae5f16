"""Names that must not be mixed, and the DNS-1123 rules they follow (RFC 1123, section 2.1)."""

from __future__ import annotations

import re
from typing import NewType

SiteName = NewType("SiteName", str)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

LABEL_MAX = 63
SUBDOMAIN_MAX = 253


def is_dns1123_label(text: str) -> bool:
    return len(text) <= LABEL_MAX and _LABEL.fullmatch(text) is not None


def is_dns1123_subdomain(text: str) -> bool:
    return len(text) <= SUBDOMAIN_MAX and SUBDOMAIN.fullmatch(text) is not None


def site_name(text: str) -> SiteName:
    """`text` as a site name.

    Raises ValueError, with the rule in words, for anything but a DNS-1123 label of at most 63 characters.
    """
    if not is_dns1123_label(text):
        raise ValueError(
            f"site name {text!r}: must be lower-case letters, digits and '-', begin and end with a letter or digit, "
            f"and have at most {LABEL_MAX} characters"
        )
    return SiteName(text)
