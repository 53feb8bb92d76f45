"""A shortcut for predictions and feedback, in front of the stock wrapper's Flask application.

It answers only requests that it certainly answers like the stock wrapper, byte for byte. The stock wrapper answers
everything else, also every error: an exception of the user's class is raised again inside Flask, so that the wrapper's
handlers (and the class's own ``model_error_handler``) write the answer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Never

import numpy as np
from flask import Flask, request
from seldon_core import seldon_methods, wrapper
from seldon_core.flask_utils import jsonify
from seldon_core.metrics import FEEDBACK_METRIC_METHOD_TAG
from seldon_core.user_model import (
    SeldonComponent,
    SeldonResponse,
    client_custom_metrics,
    client_custom_tags,
    client_send_feedback,
)
from seldon_core.utils import construct_response, get_request_path, json_to_feedback, seldon_message_to_json

from model.metrics.store import Store
from model.server.feedback import Parts, answer_of, parts_of

PREDICT_PATHS: Final = frozenset({"/predict", "/api/v1.0/predictions", "/api/v0.1/predictions"})
FEEDBACK_PATHS: Final = frozenset({"/send-feedback", "/api/v1.0/feedback", "/api/v0.1/feedback"})
OUTCOME: Final = "plumbline.outcome"
"""Key of the WSGI environment: what the stock view is to return or raise instead of asking the class again."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Shortcut:
    """WSGI application around the stock ``app`` (`wrapper.get_rest_microservice`) of the same class and store."""

    def __init__(self, app: Flask, user_object: Any, store: Store) -> None:
        self._app = app
        self._user = user_object
        self._store = store
        self._encode = _encoder(app)
        self._path = get_request_path()
        self._holds = hasattr(user_object, "hold_answer")
        self._scores = self._holds or not any(_overrides(user_object, hook) for hook in _WHOLE_REQUEST_HOOKS)
        for name in ("Predict", "SendFeedback"):
            app.view_functions[name] = _or_outcome(app.view_functions[name])

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        way = self._way(environ)
        if way is None:
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)  # for the stock wrapper
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return self._app(environ, start_response)
        try:
            answer = way(message)
            text = self._encode(answer) if type(answer) is dict and "status" not in answer else None
        except Exception as error:  # noqa: BLE001  (raised again where the wrapper's own handlers are)
            environ[OUTCOME] = partial(_raise, error)
            return self._app(environ, start_response)
        if text is None:
            if answer is not _NOT_USUAL:
                environ[OUTCOME] = partial(_returned, answer)
            return self._app(environ, start_response)
        content = f"{text}\n".encode()
        start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(content)))])
        return [content]

    def _way(self, environ: Environ) -> Callable[[object], object] | None:
        """The function that answers, if the request is plain: a JSON POST of known length, no query, no CORS header."""
        path = environ["PATH_INFO"]
        way = self._predict if path in PREDICT_PATHS else self._score if path in FEEDBACK_PATHS else None
        plain = (
            environ["REQUEST_METHOD"] == "POST"
            and _is_json(environ.get("CONTENT_TYPE", ""))
            and environ.get("CONTENT_LENGTH", "").isdecimal()
            and not environ.get("QUERY_STRING")
            and "HTTP_ORIGIN" not in environ
            and "HTTP_TRANSFER_ENCODING" not in environ
            and not wrapper.PAYLOAD_PASSTHROUGH
        )
        return way if plain else None

    def _predict(self, message: object) -> object:
        return _NOT_USUAL if message is None else seldon_methods.predict(self._user, message, self._store)

    def _score(self, message: object) -> object:
        """What ``seldon_methods.send_feedback`` does, in its order."""
        parts = parts_of(message) if self._scores else None
        if parts is None:
            return _NOT_USUAL
        if self._holds:
            given = parts.given
            self._user.hold_answer(given.tags if given else {}, given.labels if given else None)
        self._store.update_reward(parts.reward)
        answer = client_send_feedback(self._user, parts.features, parts.names, parts.reward, parts.truth, None)
        metrics = client_custom_metrics(self._user, self._store, FEEDBACK_METRIC_METHOD_TAG, answer.metrics)
        return self._empty_answer(parts, answer, metrics) or self._stock_answer(message, answer, metrics)

    def _empty_answer(self, parts: Parts, answer: SeldonResponse, metrics: list[dict[str, Any]]) -> object:
        if answer.data is not None and not (type(answer.data) is list and not answer.data):
            return None
        tags = {**client_custom_tags(self._user), **answer.tags}
        return answer_of(parts.kind, metrics, tags, self._path)

    def _stock_answer(self, message: object, answer: SeldonResponse, metrics: list[dict[str, Any]]) -> object:
        proto = json_to_feedback(message).request
        filled = np.array([]) if answer.data is None else answer.data
        return seldon_message_to_json(construct_response(self._user, False, proto, filled, None, metrics, answer.tags))


_NOT_USUAL: Final = object()
"""The class was not called yet: the stock wrapper must call it."""

_HEADERS: Final = (("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*"))

_WHOLE_REQUEST_HOOKS: Final = ("send_feedback_raw", "send_feedback_rest", "send_feedback_grpc")
"""Hooks that get the request as protobuf."""


def _overrides(user_object: Any, hook: str) -> bool:
    base = getattr(SeldonComponent, hook, None)
    return hasattr(user_object, hook) and (base is None or getattr(type(user_object), hook, None) is not base)


def _is_json(kind: str) -> bool:
    """Whether the wrapper takes the body for JSON. It looks for form data anywhere in the type."""
    return kind.partition(";")[0].strip() == "application/json" and "multipart/form-data" not in kind


def _encoder(app: Flask) -> Callable[[object], str]:
    """What ``flask.jsonify`` writes when the application is not in debug mode, without its newline."""
    provider: Any = app.json
    return json.JSONEncoder(
        sort_keys=provider.sort_keys,
        ensure_ascii=provider.ensure_ascii,
        separators=(",", ":"),
        default=provider.default,
    ).encode


def _or_outcome(view: Callable[[], Any]) -> Callable[[], Any]:
    def answered() -> Any:
        outcome = request.environ.pop(OUTCOME, None)
        return view() if outcome is None else outcome()

    return answered


def _raise(error: Exception) -> Never:
    raise error


def _returned(answer: Any) -> Any:
    """The end of the stock view ``Predict``."""
    response = jsonify(answer)
    if isinstance(answer, dict) and "status" in answer and "code" in answer["status"]:
        response.status_code = answer["status"]["code"]
    return response
