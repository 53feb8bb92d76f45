"""Whether one process is stored twice, as two targets."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.evidence.scrapes.targets import ALIGNMENT_MS, ScrapeTarget
from analysis.record.arrays import Bools, Ints


def scraped_twice(targets: Sequence[ScrapeTarget]) -> str | None:
    """Text like ``pod-0 is scraped by two jobs, a and b`` if two targets show one process at the same times, or None.

    A job that was renamed leaves an old target beside a new one. They are never both there, so no sum doubles. Two
    processes of a pod have counts of their own, and so have two pods of which the instance is their node.
    """
    for first, other in itertools.combinations(targets, 2):
        place = _place_of_both(first.labels, other.labels)
        if place and _show_one_process(first, other):
            return f"{place} is {_difference(first.labels, other.labels)}"
    return None


def _place_of_both(first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The pod that two targets have in common, or the instance if one of them names no pod; else empty."""
    if first.get("namespace", "") != other.get("namespace", ""):
        return ""
    label = "pod" if first.get("pod") and other.get("pod") else "instance"
    return first.get(label, "") if first.get(label) == other.get(label) else ""


def _show_one_process(first: ScrapeTarget, other: ScrapeTarget) -> bool:
    """Whether two targets were scraped at the same times, and show the same counts, which grew meanwhile."""
    at_once = _is_between(other.time_ms[_whole(other)], first.time_ms[_whole(first)])
    counts = other.value[_whole(other)][at_once]
    return bool(
        len(counts) and (counts[-1] > counts[0]).any() and _never_falls(first, other) and _never_falls(other, first)
    )


def _whole(target: ScrapeTarget) -> Ints:
    """Indices of the good scrapes that lack no series."""
    return np.flatnonzero(target.up & (target.absent == 0))


def _is_between(time_ms: Ints, others_ms: Ints) -> Bools:
    """Which times lie between two neighbouring scrapes of another target, where it missed none."""
    if len(others_ms) < 2:
        return np.isin(time_ms, others_ms)
    steps = np.diff(others_ms)
    at = np.clip(np.searchsorted(others_ms, time_ms, "right") - 1, 0, len(steps) - 1)
    is_inside = (time_ms >= others_ms[0]) & (time_ms <= others_ms[-1])
    between: Bools = is_inside & (steps[at] <= 1.5 * np.median(steps))
    return between


def _never_falls(first: ScrapeTarget, other: ScrapeTarget) -> bool:
    """Whether no count of the second target is below what the first one showed in a scrape that had ended before."""
    chosen, later = _whole(first), _whole(other)
    ended_ms = first.time_ms[chosen] + first.duration_ms[chosen] + ALIGNMENT_MS
    following = np.searchsorted(other.time_ms[later], ended_ms, "right")
    exists = following < len(later)
    return bool(np.all(first.value[chosen][exists] <= other.value[later][following[exists]]))


def _difference(first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """In what two targets of one pod differ: their jobs, or else some other label."""
    jobs = first.get("job", ""), other.get("job", "")
    if jobs[0] != jobs[1]:
        return f"scraped by two jobs, {jobs[0]} and {jobs[1]}"
    for name in sorted({*first, *other}):
        if first.get(name) != other.get(name):
            return f"stored twice, with {name} {first.get(name, 'unset')} and {other.get(name, 'unset')}"
    return "stored twice"
