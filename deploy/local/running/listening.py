"""On which addresses the processes of a group listen."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Final

import psutil

from deploy.local.running import processes

_MAPPED: Final = "::ffff:"
"""Prefix of an IPv4 address on a socket of IPv6."""


def beyond_loopback(group: int) -> list[str]:
    """Each address and port, as ``0.0.0.0:9000``, on which a process of the group can be reached from elsewhere."""
    addresses: set[str] = set()
    for member in processes.members(group):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            for connection in psutil.Process(member.pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and not _is_loopback(connection.laddr.ip):
                    addresses.add(f"{connection.laddr.ip}:{connection.laddr.port}")
    return sorted(addresses)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.removeprefix(_MAPPED)).is_loopback
