"""Whole HTTP requests, encoded once for each row: head, length and body in one `bytes`.

The bodies are those of Seldon's REST protocol: ``{"data": {"names": [...], "ndarray": [[...]]}}`` for a
prediction, ``{"request": ..., "reward": ..., "truth": {"data": ...}}`` for feedback
(https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/external-prediction.html).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from locustfiles.load.options import Payload
from locustfiles.protocol.payload import TruthValue
from model.rows.columns import Cell


class RestRequests:
    """Requests for one deployment.

    ``features``: values as JSON holds them, shape [rows, features]. ``truth``: of each row, its class label, or a list
    of zeros and a one for all classes. ``host``: the value of the Host header.
    ``headers``: further lines of the head, each with its end.
    ``path``: ``/seldon/<namespace>/<deployment>/api/v1.0`` after the path of the host's URL.
    """

    def __init__(
        self,
        *,
        features: Sequence[Sequence[Cell]],
        truth: Sequence[TruthValue],
        names: Sequence[str],
        host: str,
        path: str,
        payload: Payload = "ndarray",
        headers: str = "",
    ) -> None:
        self._features = features
        self._truth = truth
        self._names = json.dumps(list(names)).encode()
        self._host = host
        self._headers = headers
        self._path = path
        self._payload = payload
        self._requests: dict[tuple[str, tuple[int, ...], float | None], bytes] = {}
        self._rows: dict[int, bytes] = {}

    def predict(self, rows: tuple[int, ...]) -> bytes:
        """The request that asks for a prediction of ``rows``."""
        return self._remembered("predictions", rows, None)

    def feedback(self, rows: tuple[int, ...], reward: float | None) -> bytes:
        """The request that tells the truth of ``rows``; without ``reward`` the field is left out."""
        return self._remembered("feedback", rows, reward)

    def _remembered(self, verb: str, rows: tuple[int, ...], reward: float | None) -> bytes:
        key = (verb, rows, reward)
        request = self._requests.get(key)
        if request is None:
            body = self._data(rows) if verb == "predictions" else self._feedback(rows, reward)
            request = self._head(verb, len(body)) + body
            if len(rows) == 1:  # batches hardly ever repeat
                self._requests[key] = request
        return request

    def _head(self, verb: str, length: int) -> bytes:
        return (
            f"POST {self._path}/{verb} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: plumbline\r\n"
            f"{self._headers}"
            f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode("ascii")

    def _data(self, rows: tuple[int, ...]) -> bytes:
        values = [self._row(row) for row in rows]
        if self._payload == "tensor":
            shape = b"[%d,%d]" % (len(rows), len(self._features[0]))
            return b'{"data":{"names":%b,"tensor":{"shape":%b,"values":[%b]}}}' % (
                self._names,
                shape,
                b",".join(values),
            )
        return b'{"data":{"names":%b,"ndarray":[[%b]]}}' % (self._names, b"],[".join(values))

    def _feedback(self, rows: tuple[int, ...], reward: float | None) -> bytes:
        labels = b",".join(_json(self._truth[row]) for row in rows)
        if self._payload == "tensor":
            width = _width(self._truth[rows[0]])
            shape = b"%d,%d" % (len(rows), width) if width else b"%d" % len(rows)
            values = labels.replace(b"[", b"").replace(b"]", b"")
            truth = b'{"data":{"tensor":{"shape":[%b],"values":[%b]}}}' % (shape, values)
        else:
            truth = b'{"data":{"ndarray":[%b]}}' % labels
        reward_field = b"" if reward is None else b'"reward":%b,' % repr(float(reward)).encode()
        return b'{"request":%b,%b"truth":%b}' % (self._data(rows), reward_field, truth)

    def _row(self, row: int) -> bytes:
        encoded = self._rows.get(row)
        if encoded is None:
            encoded = _json(self._features[row])[1:-1]
            self._rows[row] = encoded
        return encoded


def _json(value: object) -> bytes:
    """JSON without spaces; a number as the shortest text that gives it again, and no NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _width(truth: TruthValue) -> int:
    """Number of values of one row's truth if it is a list, else 0."""
    return len(truth) if isinstance(truth, list) else 0
