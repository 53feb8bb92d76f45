"""The series of a predictor that make claims, account by account."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.claims.selection import Account, Selection
from analysis.evidence.samples import Samples, Series


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
    """The account that the predictor is judged by: the first that it publishes."""
    return next(iter(published(samples, predictor, selection)), Published(selection.accounts[0]))
