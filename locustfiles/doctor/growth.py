"""What one feedback added to the counts in Prometheus: one row, by one primary and each shadow, where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.claims.selection import Account
from analysis.record.arrays import Floats
from deploy.manifest.deployment import Predictor
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.series import Counts

SUBJECT: Final = "counted"


@dataclass(frozen=True, slots=True)
class CountGrowth:
    """What was added between two looks: ``added`` [claim] for each predictor, over all targets."""

    accounts: Mapping[str, Account]
    added: Mapping[str, Floats]

    @classmethod
    def of(cls, before: Counts, after: Counts) -> CountGrowth:
        """The difference; a series that was not there before had counted nothing."""
        earlier = {series.key: float(series.value[-1]) for series in before.all}
        added: dict[str, Floats] = {}
        for name, part in after.by_predictor.items():
            added[name] = np.zeros(len(part.account.claims))
            for series in part.series:
                added[name][part.claim_of(series)] += float(series.value[-1]) - earlier.get(series.key, 0.0)
        return cls({name: part.account for name, part in after.by_predictor.items()}, added)

    def is_complete(self, predictors: Sequence[Predictor]) -> bool:
        """Whether one of the primaries and each shadow counted anything."""
        primaries = [self.added[predictor.name].any() for predictor in predictors if not predictor.shadow]
        return any(primaries) and all(self.added[each.name].any() for each in predictors if each.shadow)


def look_at_growth(growth: CountGrowth, predictors: Sequence[Predictor], pair: int | None) -> list[Observation]:
    """Whether the primaries counted the one feedback once and where it belongs, and each shadow once.

    ``pair``: of truth and answer, as in `analysis.claims.claim.Claim`; None if it is not known.
    """
    primaries = [predictor for predictor in predictors if not predictor.shadow]
    groups = [primaries, *([predictor] for predictor in predictors if predictor.shadow)]
    return [_counted(growth, group, None if group[0].shadow else pair) for group in groups]


def _counted(growth: CountGrowth, group: Sequence[Predictor], pair: int | None) -> Observation:
    name = " and ".join(predictor.name for predictor in group)
    accounts = {growth.accounts[predictor.name].name: growth.accounts[predictor.name] for predictor in group}
    account = next(iter(accounts.values()))
    if account.events != "feedback" or len(accounts) > 1:
        reason = "they count predictions" if account.events != "feedback" else "its predictors publish different ones"
        return Observation.skipped(SUBJECT, f"the metrics of {name} do not show a single feedback: {reason}")
    claims = account.claims
    added: Floats = np.sum([growth.added[predictor.name] for predictor in group], axis=0)
    due = None if pair is None else claims.weight[pair]
    place = "" if due is None else f", as {_names(account, due) or 'none of its metrics'}"
    expected = f"one more row, by {name}{place}"
    shown = ", ".join(f"{claims.names[i]} {added[i]:+g}" for i in np.flatnonzero(added)) or "no change"
    if np.array_equal(added, due) if due is not None else _is_one_row(account, added):
        return Observation.well(SUBJECT, f"one row by {name}, as {_names(account, added) or 'none of its metrics'}")
    if not added.any():
        if group[0].shadow:
            advice = "Is its share of the mirror below 100 %, or does it lag behind? Then look again."
            return Observation.unclear(SUBJECT, expected=expected, observed=shown, advice=advice)
        advice = "The feedback was acknowledged and not counted: does send_feedback of the class publish it?"
        return Observation.broken(SUBJECT, expected=expected, observed=shown, advice=advice)
    if due is not None and (added >= 0).all() and added.sum() == due.sum() and _is_one_row(account, added):
        advice = "The class publishes its counts under each other's names, or it compares classes of another kind."
        return Observation.broken(SUBJECT, expected=expected, observed=shown, advice=advice)
    advice = "Other traffic came meanwhile, it was counted twice, or a pod restarted: look again when it is quiet."
    return Observation.unclear(SUBJECT, expected=expected, observed=shown, advice=advice)


def _is_one_row(account: Account, added: Floats) -> bool:
    """Whether some pair of truth and answer makes the claims grow so."""
    return bool((account.claims.weight == added).all(axis=1).any() and added.any())


def _names(account: Account, numbers: Floats) -> str:
    return ", ".join(account.claims.names[i] for i in np.flatnonzero(numbers))
