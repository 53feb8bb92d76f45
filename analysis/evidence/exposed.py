"""The counts that the models' own metrics endpoints showed, as ``exposed.json``: the exposed witness.

Each endpoint is read twice: when the load has ended, and when the last samples have been fetched. Whatever is counted
meanwhile, a scrape between the two saw at least what the first reading showed, and at most what the second showed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from analysis.claims.selection import Account, Selection
from analysis.record.decoding import decode
from model.contract import CELLS

SCHEMA_VERSION: Final = 1
Cells = tuple[float, ...]
"""A count for each claim of an account, in their order."""


@dataclass(frozen=True, slots=True)
class ExposedCounts:
    """One reading of one endpoint.

    ``counts``: by predictor, the count of each claim; by the empty text where the endpoint does not say of which one,
    because only a scrape adds the label. ``keys``: of the claims. ``problem``: why it could not be read,
    or None. ``at_s``: when it was asked and when it had answered, in seconds since the epoch on the ledger's clock;
    None where that was not recorded, and then it was read after the last samples had been fetched.
    """

    instance: str
    counts: Mapping[str, Cells]
    problem: str | None = None
    at_s: tuple[float, float] | None = None
    keys: tuple[str, ...] = tuple(CELLS)


@dataclass(frozen=True, slots=True)
class _File:
    """The file's content. ``cells``: names of the counts, in a file of an earlier version."""

    schema: int
    endpoints: tuple[ExposedCounts, ...]
    cells: tuple[str, ...] = tuple(CELLS)


def counts_of(
    series: Sequence[tuple[str, Mapping[str, str], float]], account: Account, selection: Selection
) -> dict[str, Cells]:
    """Counts per predictor of (metric, labels, value) series, summed over workers, by the claims of the account.

    A label of the metric map that none of its series has at the endpoint is one that only a scrape adds.
    """
    shown = {name for metric, labels, _ in series if metric in account.metrics for name in labels}
    added = {name: value for name, value in account.fixed.items() if name not in shown}
    sums: dict[str, list[float]] = {}
    for metric, labels, value in series:
        claim = account.claim_of(metric, {**labels, **added})
        if claim is not None:
            predictor = selection.predictor_of(labels)
            sums.setdefault(predictor, [0.0] * len(account.claims))[claim] += value
    return {name: tuple(counts) for name, counts in sums.items()}


def reading_of(
    instance: str,
    series: Sequence[tuple[str, Mapping[str, str], float]],
    selection: Selection,
    at_s: tuple[float, float],
) -> ExposedCounts:
    """A reading of an endpoint: of the first account that it shows, as `scrapes.published.judged` has it."""
    for account in selection.accounts:
        if counts := counts_of(series, account, selection):
            return ExposedCounts(instance, counts, at_s=at_s, keys=account.claims.keys)
    return ExposedCounts(instance, {}, at_s=at_s, keys=selection.accounts[0].claims.keys)


def text(exposed: Sequence[ExposedCounts]) -> str:
    """The file's content."""
    endpoints = [asdict(reading) for reading in exposed]
    return json.dumps({"schema": SCHEMA_VERSION, "endpoints": endpoints}, indent=1) + "\n"


def read(path: Path) -> tuple[ExposedCounts, ...]:
    """The endpoints in a file; empty without a file. Raises ValueError for a file that is not one of ours."""
    try:
        content = decode(path.read_bytes(), _File)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise ValueError(f"reading the endpoints' counts: {path.name} cannot be read: {error}") from error
    if content.schema != SCHEMA_VERSION or content.cells != tuple(CELLS):
        expected = f"schema {SCHEMA_VERSION} with the cells {', '.join(CELLS)}"
        raise ValueError(f"reading the endpoints' counts: expected {expected} in {path.name}, got something else")
    for reading in content.endpoints:
        if any(len(counts) != len(reading.keys) for counts in reading.counts.values()):
            raise ValueError(
                f"reading the endpoints' counts: expected {len(reading.keys)} counts of each predictor in {path.name}, "
                f"got others of {reading.instance}"
            )
    return content.endpoints
