"""The series of a predictor that make claims, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.claims.selection import Account, Selection
from analysis.evidence.samples import Samples, Series, is_count


@dataclass(frozen=True, slots=True)
class Published:
    """The series by which a predictor makes the claims of one account."""

    account: Account
    series: tuple[Series, ...] = ()

    def claim_of(self, series: Series) -> int:
        """Index of the claim that one of the series makes. Raises ValueError for another series."""
        claim = self.account.claim_of(series.metric, series.labels)
        if claim is None:
            raise ValueError(f"published: {series.metric} makes no claim of the account {self.account.name!r}")
        return claim


def published(samples: Samples, predictor: str, selection: Selection) -> tuple[Published, ...]:
    """The accounts of which Prometheus has any series of the predictor, in the order of the metric map."""
    own = [series for series in samples.series if selection.is_of(series.labels, predictor)]
    parts = (
        Published(account, tuple(s for s in own if account.claim_of(s.metric, s.labels) is not None))
        for account in selection.accounts
    )
    return tuple(part for part in parts if part.series)


def judged(samples: Samples, predictor: str, selection: Selection) -> Published:
    """The account that the predictor is judged by: the first of feedback that it publishes."""
    parts = (part for part in published(samples, predictor, selection) if part.account.events == "feedback")
    return next(parts, Published(selection.accounts[0]))


def of_no_class(samples: Samples, predictor: str, selection: Selection) -> tuple[Series, ...]:
    """The series of the predictor that would make a claim if their labels named classes of the run."""
    return tuple(
        series
        for series in samples.series
        if selection.is_of(series.labels, predictor) and selection.is_of_no_class(series.metric, series.labels)
    )


def has_changed(series: Series, first_ms: float) -> bool:
    """Whether the series shows another count than at the last scrape before ``first_ms`` (0 without one), or none."""
    since = series.value[series.time_ms >= first_ms]
    return not bool(np.all(is_count(since) & (since == _before(series, first_ms))))


def grown(series: Sequence[Series], first_ms: float) -> float:
    """The sum of what the series show last, without what they showed before ``first_ms``."""
    return sum(float(own.value[-1]) - _before(own, first_ms) for own in series if len(own.value))


def _before(series: Series, first_ms: float) -> float:
    before = series.value[series.time_ms < first_ms]
    return float(before[-1]) if len(before) else 0.0
