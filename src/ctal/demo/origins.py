"""Requests that pages of other sites send to a server of this machine only."""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import Scope

READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""


def is_loopback(host: str) -> bool:
    """Return whether a host name or address always is that of this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_foreign(scope: Scope) -> bool:
    """Return whether a request to a server of this machine may be the work of another site.

    A site whose name resolves to 127.0.0.1 (DNS rebinding) is the Host of its requests. Any site
    can write to a server of this machine; the browser then names the site as the Origin.
    """
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_loopback(_name(hosts[0])):
        return True
    origins = headers.getlist("origin")
    if scope["method"] in READING or not origins:
        return False
    return origins != [f"{scope.get('scheme', 'http')}://{hosts[0]}"]


def _name(host: str) -> str:
    """Return the name in a Host header, without the port; "" if it is not a valid one."""
    parts = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d+)?", host.lower())
    return (parts[1] or parts[2]) if parts else ""
