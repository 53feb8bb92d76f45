"""Whole HTTP requests, encoded once for each row: head, length and body in one `bytes`.

The bodies are those of Seldon's REST protocol: ``{"data": {"names": [...], "ndarray": [[...]]}}`` for a
prediction, ``{"request": ..., "reward": ..., "truth": {"data": ...}}`` for feedback
(https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/external-prediction.html).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from locustfiles.load.options import Payload


class RestRequests:
    """Requests for one deployment.

    ``features``: shape [rows, features]. ``truth``: class labels, shape [rows]. ``host``: the value of the Host header.
    ``headers``: further lines of the head, each with its end.
    ``path``: ``/seldon/<namespace>/<deployment>/api/v1.0`` after the path of the host's URL.
    """

    def __init__(
        self,
        *,
        features: NDArray[np.float64],
        truth: Sequence[int],
        names: Sequence[str],
        host: str,
        path: str,
        payload: Payload = "ndarray",
        headers: str = "",
    ) -> None:
        self._features = features
        self._truth = [int(label) for label in truth]
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
            shape = b"[%d,%d]" % (len(rows), self._features.shape[1])
            return b'{"data":{"names":%b,"tensor":{"shape":%b,"values":[%b]}}}' % (
                self._names,
                shape,
                b",".join(values),
            )
        return b'{"data":{"names":%b,"ndarray":[[%b]]}}' % (self._names, b"],[".join(values))

    def _feedback(self, rows: tuple[int, ...], reward: float | None) -> bytes:
        labels = b",".join(b"%d" % self._truth[row] for row in rows)
        if self._payload == "tensor":
            truth = b'{"data":{"tensor":{"shape":[%d],"values":[%b]}}}' % (len(rows), labels)
        else:
            truth = b'{"data":{"ndarray":[%b]}}' % labels
        reward_field = b"" if reward is None else b'"reward":%b,' % repr(float(reward)).encode()
        return b'{"request":%b,%b"truth":%b}' % (self._data(rows), reward_field, truth)

    def _row(self, row: int) -> bytes:
        encoded = self._rows.get(row)
        if encoded is None:
            encoded = ",".join(map(repr, self._features[row].tolist())).encode("ascii")
            self._rows[row] = encoded
        return encoded
