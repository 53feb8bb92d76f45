"""URLs that may hold a password: what is shown and kept of them does not."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

PROMETHEUS_URL_ENV: Final = "PROMETHEUS_URL"
"""By which processes hand a URL with a password on: unlike arguments, other users cannot read it."""
_LOGIN: Final = re.compile(r"(?<=//)[^/?#\s]*@")


def without_password(text: str) -> str:
    """The text with ``***`` in place of the login of each URL in it: a token may be its name or its password."""
    return _LOGIN.sub("***@", text)


def has_password(url: str) -> bool:
    """Whether the URL holds a login."""
    return bool(_LOGIN.search(url))


def with_password(shown: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL that ``shown`` was made from, if ``PROMETHEUS_URL`` holds it; else ``shown``."""
    given = environment.get(PROMETHEUS_URL_ENV, "")
    return given if given and without_password(given) == shown else shown
