"""One attempt: send once, read the answer, record once. Whatever happens, it gives exactly one event for each row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from analysis.record.ledger import NO_CLASS, Kind, Outcome
from locustfiles.drive.clock import Clock
from locustfiles.drive.recorder import EndedRequest, Recorder
from locustfiles.protocol.answers import AnswerError, Prediction
from locustfiles.protocol.reasons import UNREADABLE, reason_of
from locustfiles.protocol.transport import Transport

Fire = Callable[..., None]
_NAMES: Final = {kind: kind.name.lower() for kind in Kind}
_NO_CONTEXT: Final[dict[str, object]] = {}


class Attempts:
    """``fire``: ``environment.events.request.fire``. ``ids``, ``truth``: of the held-out rows, truth as class index."""

    def __init__(
        self,
        transport: Transport,
        recorder: Recorder,
        fire: Fire,
        clock: Clock,
        ids: Sequence[int],
        truth: Sequence[int],
    ) -> None:
        self._exchange = transport.client.exchange
        self._reader = transport.reader
        self._killed = transport.killed
        self._type = transport.kind
        self._recorder = recorder
        self._fire = fire
        self._clock = clock
        self._ids = ids
        self._truth = truth
        self._facts = [((row,), (label,)) for row, label in zip(ids, truth, strict=True)]

    def make(
        self, kind: Kind, rows: tuple[int, ...], request: Any, planned_ns: int | None
    ) -> tuple[Prediction | None, bool]:
        """Send once and record once; the prediction, if there is one, and whether no server could be reached."""
        number = self._recorder.begin(len(rows))
        sent_ns = self._clock.now_ns()
        planned = sent_ns if planned_ns is None else min(planned_ns, sent_ns)
        exchange = self._killed
        prediction = None
        try:
            exchange = self._exchange(request)
            if exchange.outcome is Outcome.ACKNOWLEDGED:
                prediction = self._read(kind, exchange.body, len(rows))
        except AnswerError as error:
            fault = f"{UNREADABLE}{error}"
            exchange = exchange._replace(outcome=Outcome.INDETERMINATE, fault=fault)
        except Exception as error:  # noqa: BLE001  (nobody knows what was counted, and the user must live)
            fault = f"the attempt broke off: {type(error).__name__}: {error}"
            exchange = exchange._replace(outcome=Outcome.INDETERMINATE, fault=fault)
        finally:  # also if it is killed: what was begun is recorded
            times_ns = (planned, sent_ns, self._clock.now_ns())
            ids, truth = self._facts[rows[0]] if len(rows) == 1 else self._facts_of(rows)
            self._recorder.end(
                number,
                EndedRequest(
                    kind,
                    ids,
                    times_ns,
                    exchange.outcome,
                    exchange.status,
                    prediction.predicted if prediction else (NO_CLASS,) * len(rows),
                    truth,
                    prediction.scores if prediction else (math.nan,) * len(rows),
                ),
            )
            if exchange.outcome is not Outcome.ACKNOWLEDGED:
                self._recorder.failed(kind, exchange.status, lambda: reason_of(exchange))
            self._report(kind, times_ns, len(exchange.body), exchange.fault)
        return prediction, not exchange.reached

    def _read(self, kind: Kind, body: bytes, rows: int) -> Prediction | None:
        if kind is Kind.PREDICT:
            prediction = self._reader.prediction(body, rows)
            self._recorder.served_by(prediction.tags)
            return prediction
        self._reader.acknowledgement(body)
        return None

    def _report(self, kind: Kind, times_ns: tuple[int, int, int], length: int, fault: str) -> None:
        """Report to Locust's statistics."""
        self._fire(
            request_type=self._type,
            name=_NAMES[kind],
            response_time=(times_ns[2] - times_ns[0]) / 1e6,
            response_length=length,
            exception=fault or None,
            context=_NO_CONTEXT,
        )

    def _facts_of(self, rows: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids and truths of a batch."""
        return tuple(self._ids[row] for row in rows), tuple(self._truth[row] for row in rows)
