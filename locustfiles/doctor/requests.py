"""One prediction and one feedback, sent as a load test sends them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from analysis.record.ledger import NO_CLASS, Outcome
from locustfiles.doctor.ingress import LOGINS
from locustfiles.doctor.observation import Observation
from locustfiles.http1.outcome import Exchange
from locustfiles.protocol.answers import AnswerError, Prediction
from locustfiles.protocol.reasons import reason_of
from locustfiles.protocol.transport import Transport
from locustfiles.run.setup import Setup
from model.contract import TAG_ARTIFACT, TAG_DIGEST, TAG_PREDICTOR


def row_of(setup: Setup) -> int:
    """Place of the row that is sent: the first whose truth is not the positive class.

    The notebook's class publishes its true positives under their own name and the other three cells under another's.
    """
    places = np.flatnonzero(setup.heldout.truth_index != setup.card.positive)
    return int(places[0]) if len(places) else 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the requests. ``predicted``: index of the class, None without one. ``is_counted``: None: unknown.

    ``began_s``: when the feedback left, in seconds since the epoch.
    """

    predicted: int | None = None
    is_counted: bool | None = False
    began_s: float = 0.0


def predict(transport: Transport, setup: Setup) -> tuple[Observation, Sent]:
    """Ask for a prediction of one row: a class of the card has to come back, from the model of the card."""
    row = row_of(setup)
    expected = f"an answer of Seldon's with one of the classes {list(setup.card.classes)} for a row"
    began = time.perf_counter()
    exchange = transport.client.exchange(transport.requests.predict((row,)))
    took_ms = (time.perf_counter() - began) * 1000
    if exchange.outcome is not Outcome.ACKNOWLEDGED:
        return _failed("prediction", expected, exchange), Sent()
    try:
        prediction = transport.reader.prediction(exchange.body, 1)
    except AnswerError as error:
        advice = "Does the class return what Seldon's wrapper can encode? Its log says more."
        return Observation.broken("prediction", expected=expected, observed=str(error), advice=advice), Sent()
    if prediction.predicted[0] == NO_CLASS:
        observed = "an answer of another value or of another number of values"
        advice = "Does the class return its class labels, or one value for each class in the card's order?"
        return Observation.broken("prediction", expected=expected, observed=observed, advice=advice), Sent()
    other = _other_model(prediction, setup)
    if other is not None:
        return other, Sent(prediction.predicted[0])
    label = setup.card.classes[prediction.predicted[0]]
    served = dict(prediction.tags).get(TAG_ARTIFACT)
    message = f"row {setup.heldout.ids[row]} is class {label}{f', says {served}' if served else ''}; {took_ms:.0f} ms"
    return Observation.well("prediction", message), Sent(prediction.predicted[0])


def give_feedback(transport: Transport, setup: Setup, sent: Sent) -> tuple[Observation, Sent]:
    """Send the truth of the same row, once. Whatever becomes of it, it is not sent again."""
    row, began_s = row_of(setup), time.time()
    exchange = transport.client.exchange(transport.requests.feedback((row,), None))
    outcome = exchange.outcome
    counted = True if outcome is Outcome.ACKNOWLEDGED else False if outcome is Outcome.REFUSED else None
    after = Sent(sent.predicted, counted, began_s)
    if outcome is not Outcome.ACKNOWLEDGED:
        return _failed("feedback", "an acknowledgement of a row's truth", exchange), after
    try:
        transport.reader.acknowledgement(exchange.body)
    except AnswerError as error:
        advice = "Whether it was counted is not known. The class's log says more."
        expected = "an acknowledgement of a row's truth"
        observation = Observation.broken("feedback", expected=expected, observed=str(error), advice=advice)
        return observation, Sent(sent.predicted, None, began_s)
    truth = setup.heldout.truth[row]
    return Observation.well("feedback", f"row {setup.heldout.ids[row]}, truth {truth}: acknowledged"), after


def _failed(subject: str, expected: str, exchange: Exchange) -> Observation:
    reason = reason_of(exchange)
    observed = exchange.fault if not reason or reason == exchange.fault else f"{exchange.fault}: {reason}"
    if exchange.status in LOGINS:
        advice = "Something in front of the class forbids it: allow it there, or give a login by --access FILE."
    elif exchange.outcome is Outcome.REFUSED and exchange.reached:
        advice = "Does the class take these features, in number and order as in the card? Its log says more."
    else:
        advice = "Does the class raise an exception, or take longer than --timeout? Its log says more."
    return Observation.broken(subject, expected=expected, observed=observed, advice=advice)


def _other_model(prediction: Prediction, setup: Setup) -> Observation | None:
    """What is wrong if the answer names a model file that is not the card's."""
    tags = dict(prediction.tags)
    digest, name = tags.get(TAG_DIGEST), tags.get(TAG_PREDICTOR)
    by_name = {predictor: given.card for predictor, given in setup.expected.items()}
    cards = [by_name[name]] if name in by_name else list(by_name.values())
    if digest is None or digest in {card.sha256 for card in cards}:
        return None
    names = " or ".join(card.artifact for card in cards)
    return Observation.broken(
        "prediction",
        expected=f"{names} with SHA-256 {cards[0].sha256[:12]}... as in its card",
        observed=f"{tags.get(TAG_ARTIFACT, 'a model file')} with SHA-256 {digest[:12]}...",
        advice="Deploy the model of the card, or give the card of the model that is deployed (--artifacts).",
    )
