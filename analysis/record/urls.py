"""URLs with a login in them: refused where a user gives one, and not shown where a text of others has one."""

from __future__ import annotations

import re
from typing import Final

_LOGIN: Final = re.compile(r"(?<=//)[^/?#\s]*@")


def without_password(text: str) -> str:
    """The text with ``***`` in place of the login of each URL in it: a token may be its name or its password."""
    return _LOGIN.sub("***@", text)


def has_password(url: str) -> bool:
    """Whether the URL holds a login."""
    return bool(_LOGIN.search(url))


def login_problem(name: str, url: str) -> str:
    """Empty if the URL has no login, else one line that says where a login belongs. ``name``: of the option.

    A URL is shown on pages, kept in ``run.json`` and handed to other programs as an argument.
    """
    if not has_password(url):
        return ""
    table = "prometheus" if "prometheus" in name.lower() else "ingress"
    return (
        f"reading {name}: expected a URL without a login, got {without_password(url)}. Give --access FILE that says "
        f'[{table}] username = "NAME", password = {{ env = "VARIABLE" }}.'
    )
