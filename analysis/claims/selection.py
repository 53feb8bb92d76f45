"""A metric map applied to the classes of a run: the claims of each account, and which of them a series makes."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analysis.claims.claim import Claim, Claims
from analysis.claims.metric_map import MetricMap
from analysis.claims.series_rule import Counts, Events, SeriesRule
from analysis.record.arrays import Bools, Ints
from model.contract import CELLS
from model.rows.labels import Label

_CELLS: Final = frozenset({"tp", "fp", "tn", "fn"})


@dataclass(frozen=True, slots=True)
class Account:
    """The claims of one account, and the labels by which their series are known.

    ``worker``: as in `MetricMap`. ``apart``: labels that tell its claims apart, and say nothing of the process.
    ``rules``: those that its claims are of.
    """

    name: str
    claims: Claims
    events: Events
    worker: str
    fixed: Mapping[str, str]
    apart: frozenset[str]
    series: Mapping[str, tuple[tuple[Mapping[str, str], int], ...]] = field(repr=False)
    rules: tuple[SeriesRule, ...] = field(repr=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.series)

    def claim_of(self, metric: str, labels: Mapping[str, str]) -> int | None:
        """Index of the claim that a series makes; None if it makes none of this account.

        A label that is written as a class is of that class, whatever else it may be another spelling of: of the classes
        ``1.1`` and ``1.10``, each has its own. One that may be of several classes is of none.
        """
        candidates = self.series.get(metric)
        if candidates is None or not self._is_own(labels):
            return None
        for expected, claim in candidates:
            if all(labels.get(name) == text for name, text in expected.items()):
                return claim
        fitting = [
            claim
            for expected, claim in candidates
            if all(is_same(labels.get(name), text) for name, text in expected.items())
        ]
        return fitting[0] if len(fitting) == 1 else None

    def is_of_no_class(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Whether a series would make a claim if its labels named classes of the run, and they name none."""
        return (
            self._is_own(labels)
            and any(rule.metric == metric and rule.may_be_of(labels) for rule in self.rules)
            and self.claim_of(metric, labels) is None
        )

    def _is_own(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name) == value for name, value in self.fixed.items())

    def process_of(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels without those that tell claims apart: series of one process have the same."""
        return {name: value for name, value in labels.items() if name not in self.apart}


def is_same(text: str | None, expected: str) -> bool:
    """Whether a label's value is the one expected, also as another spelling of the same number (``CLASS_1.0``)."""
    if text == expected or text is None:
        return text == expected
    prefix = expected.rstrip(string.digits + ".-")
    try:
        return text.startswith(prefix) and float(text.removeprefix(prefix)) == float(expected.removeprefix(prefix))
    except ValueError:
        return False


def accounts(metric_map: MetricMap, classes: Sequence[Label], positive: int | None) -> tuple[Account, ...]:
    """The accounts of a map, in its order, for the classes of a run. ``positive``: index, None with more than two.

    A claim that has no meaning for these classes (a cell of the positive class, and none is) is left out, and so is an
    account without claims, unless all are.
    """
    whole = tuple(_account(metric_map, name, classes, positive) for name in metric_map.accounts)
    return tuple(account for account in whole if len(account.claims)) or whole


def _account(metric_map: MetricMap, name: str, classes: Sequence[Label], positive: int | None) -> Account:
    rules = [rule for rule in metric_map.rules if rule.account == name]
    claims: list[Claim] = []
    series: dict[str, list[tuple[dict[str, str], int]]] = {}
    for rule in rules:
        for claim, labels in _claims_of(rule, classes, positive):
            series.setdefault(rule.metric, []).append((labels, len(claims)))
            claims.append(claim)
    keys = [claim.key for claim in claims]
    claims = [claim if keys.count(claim.key) == 1 else Claim(claim.name, claim.name, claim.weight) for claim in claims]
    return Account(
        name=name,
        claims=Claims(tuple(claims), len(classes), positive, rules[0].events == "predictions"),
        events=rules[0].events,
        worker=metric_map.worker,
        fixed=metric_map.fixed,
        apart=frozenset().union(*(rule.labels for rule in rules)),
        series={metric: tuple(parts) for metric, parts in series.items()},
        rules=tuple(rules),
    )


def _claims_of(rule: SeriesRule, classes: Sequence[Label], positive: int | None) -> list[tuple[Claim, dict[str, str]]]:
    """The claims that series of a rule make, each with the labels of its series."""
    texts = [rule.form.replace("{}", text_of(label)) for label in classes]
    number = range(len(classes))
    if rule.counts == "pair":
        return [
            _claim(rule, f"{text_of(classes[truth])}>{text_of(classes[answer])}", _of_pair(truth, answer, len(classes)),
                   {rule.truth: texts[truth], rule.predicted: texts[answer]})
            for truth in number for answer in number
        ]  # fmt: skip
    if rule.of_class:
        return [
            _claim(rule, f"{rule.counts} {text_of(classes[of])}", _weight(rule.counts, of, len(classes)),
                   {rule.of_class: texts[of]})
            for of in number
        ]  # fmt: skip
    if rule.counts in _CELLS and positive is None:
        return []
    return [_claim(rule, rule.counts, _weight(rule.counts, positive or 0, len(classes)), {})]


def _claim(rule: SeriesRule, key: str, weight: Bools, of_class: Mapping[str, str]) -> tuple[Claim, dict[str, str]]:
    labels = {**rule.match, **of_class}
    braces = ",".join(f'{name}="{value}"' for name, value in labels.items())
    name = f"{rule.metric}{{{braces}}}" if labels else rule.metric
    return Claim(key, name, tuple(weight.astype(np.int64).tolist())), labels


def _of_pair(truth: int, answer: int, classes: int) -> Bools:
    of_pair: Bools = np.arange(classes**2) == truth * classes + answer
    return of_pair


def _weight(counts: Counts, of: int, classes: int) -> Bools:
    """``[pair]``: whether a series of the class with index ``of`` counts an event of the pair.

    The cells are those of ``sklearn.metrics.multilabel_confusion_matrix``.
    """
    truth, answer = np.divmod(np.arange(classes**2), classes)
    is_true, is_called = truth == of, answer == of
    weight: dict[str, Bools] = {
        "tp": is_true & is_called,
        "fp": ~is_true & is_called,
        "tn": ~is_true & ~is_called,
        "fn": is_true & ~is_called,
        "truth": is_true,
        "predicted": is_called,
        "correct": truth == answer,
        "wrong": truth != answer,
        "all": np.ones(classes**2, np.bool_),
    }
    return weight[counts]


def cells(classes: int, positive: int) -> Ints:
    """``[pair, cell]``: the four cells of a confusion matrix, in the order of `model.contract.CELLS`."""
    return np.stack([_weight(cell, positive, classes) for cell in CELLS], axis=1).astype(np.int64)


def text_of(label: Label) -> str:
    """A class as text, as labels of series and keys of results have it."""
    return str(label)


@dataclass(frozen=True, slots=True)
class Selection:
    """A metric map applied to the classes of a run; ``classes`` as text."""

    metric_map: MetricMap
    accounts: tuple[Account, ...]
    classes: tuple[str, ...]

    @property
    def apart(self) -> frozenset[str]:
        """Labels that tell claims apart, of any account."""
        return frozenset().union(*(account.apart for account in self.accounts))

    def is_of(self, labels: Mapping[str, str], predictor: str) -> bool:
        """Whether a series is of the predictor; where no label says so, every series is."""
        label = self.metric_map.predictor_label
        return label is None or labels.get(label) == predictor

    def predictor_of(self, labels: Mapping[str, str]) -> str:
        """Name of the predictor that a series is of; empty where no label says so."""
        return labels.get(self.metric_map.predictor_label or "", "")

    @property
    def counts_predictions(self) -> bool:
        """Whether any account counts predictions."""
        return any(account.events == "predictions" for account in self.accounts)

    def is_of_no_class(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Whether a series names no class of the run where some account has one, and makes no claim of any other."""
        return not self.makes_claim(metric, labels) and any(
            account.is_of_no_class(metric, labels) for account in self.accounts
        )

    def makes_claim(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Whether a series makes a claim of any account."""
        return any(account.claim_of(metric, labels) is not None for account in self.accounts)


def select(metric_map: MetricMap, classes: Sequence[Label], positive: int | None) -> Selection:
    """The map applied to these classes; ``positive`` is the index of the positive one, None with more than two."""
    return Selection(metric_map, accounts(metric_map, classes, positive), tuple(text_of(label) for label in classes))
