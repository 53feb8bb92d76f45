"""What a request costs without a model: the ends of the scale on which the served model is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask, Response, jsonify, request

_BODY: Final = b'{"data":{"ndarray":[]},"meta":{}}\n'


def constant(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI handler that reads the request and always gives the same answer."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))])
    return [_BODY]


flask = Flask(__name__)


@flask.post("/api/v1.0/predictions")
@flask.post("/api/v1.0/feedback")
def answer() -> Response:
    """One Flask route: JSON in, JSON out."""
    message = request.get_json()
    return jsonify({"data": {"ndarray": []}, "meta": {"keys": sorted(message)}})
