"""Locust's page, as a browser uses it."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest


class Page:
    """Locust's web page, as a browser uses it."""

    def __init__(self, running: Any, port: int) -> None:
        self._running = running
        self.url = f"http://127.0.0.1:{port}"

    def post(self, path: str, **form: object) -> None:
        urllib.request.urlopen(self.url + path, urllib.parse.urlencode(form).encode(), timeout=60).read()

    def post_with(self, headers: dict[str, str], **form: str) -> dict[str, Any]:
        """Answer to a form for a new test, whatever its status."""
        request = urllib.request.Request(self.url + "/swarm", urllib.parse.urlencode(form).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            content = json.load(error)
        return content

    def options(self) -> dict[str, str]:
        """The options that the page's form shows, by name, as they stand."""
        match = re.search(r"window.templateArgs = (.*?);?\n", self.get("/"))
        assert match is not None
        shown = json.loads(match[1])["extra_options"]
        values = {name: option["default_value"] for name, option in shown.items()}
        return {name: "" if value is None else str(value) for name, value in values.items()}

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return str(answer.read().decode())

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            if self._running.process.poll() is not None or time.monotonic() > deadline:
                self._running.process.kill()
                pytest.fail("".join(self._running.process.communicate()))
            time.sleep(0.05)

    def up(self) -> bool:
        try:
            return "<title>Locust" in self.get("/")
        except OSError:
            return False
