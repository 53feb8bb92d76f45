"""Guards of Locust's page: who may use it, and what it may change.

A browser sends forms from any page to any address, loopback included. So a page of a stranger could start a load here,
at any host, and name files on this machine. Therefore requests are answered only under the names of this machine, what
changes anything must come from the page itself, and where the load goes and which files it uses is settled
at the start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response, jsonify, make_response, request
from locust.env import Environment

from analysis.record.urls import login_problem
from locustfiles.load.options import BY_DEST

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
EVERYWHERE: Final = ("", "*", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
PLACES: Final = (
    *("sdep", "prometheus_url", "namespace", "run", "heldout", "artifacts", "model", "expected", "metrics", "trace"),
    *("ca_file", "access"),
)
"""Options of ours that name hosts and files."""
LOAD_FIELDS: Final = (
    *("user_count", "spawn_rate", "run_time", "user_classes", "shape_class", "profile"),
    *("no_calibration", "no_judge"),
    *(dest for dest in BY_DEST if dest not in PLACES),
)
"""Fields of the form that a test may change. Locust would set any option by its name."""
TYPED: Final = ("host", "prometheus_url")
"""May be typed into the form if they were not given at the start."""
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")


def guard(environment: Environment) -> None:
    """Put the guards before every request to the page; nothing without a page."""
    web_ui: Any = environment.web_ui
    if web_ui is not None:
        web_ui.app.before_request(before_request(environment))


def before_request(environment: Environment) -> Callable[[], Response | None]:
    """A function that refuses the present request, or returns None."""
    options: Any = environment.parsed_options
    settled = {name: "" if value is None else str(value) for name, value in vars(options).items()}
    settled["host"] = environment.host or ""

    def check() -> Response | None:
        problem = foreign(options.web_host or "")
        if problem:
            return make_response(jsonify({"success": False, "message": problem}), 403)
        problem = changed(settled) if request.method not in SAFE_METHODS else None
        return jsonify({"success": False, "message": problem}) if problem else None

    return check


def foreign(web_host: str) -> str | None:
    """Why the request is not one of the page's own, or None. ``web_host``: what the page listens on."""
    name = urlsplit(f"//{request.host}").hostname or ""
    if web_host not in EVERYWHERE and name not in (*LOOPBACK, web_host):
        return f"expected a request to {web_host}, got one to {name}"
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method in SAFE_METHODS:
        return None
    if site not in {"same-origin", "none"} or (origin is not None and urlsplit(origin).netloc != request.host):
        return "expected a request from this page, got one from another site"
    return None


def changed(settled: dict[str, str]) -> str | None:
    """Which field of the form would change what was settled at the start, or None. ``settled``: options by name."""
    for field, value in request.form.items():
        if field in TYPED and (problem := login_problem(field, value)):
            return problem
        if field in LOAD_FIELDS or field not in settled:  # what is no option, Locust does not know either
            continue
        before = settled[field]
        if value.rstrip("/") != before.rstrip("/") and (before or field not in TYPED):
            return f"{field}: expected {before or 'none'} as at the start, got another. Start the page anew with it."
    return None
