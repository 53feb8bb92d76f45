"""The fold over the ledger against a slow second implementation that looks at each event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import worlds
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.tally import Axes, Tally, patterns, tally
from analysis.record.ledger import Kind, Outcome
from events import Event, batch_of_events
from worlds import MS, ROWS, START_NS

ARTIFACTS = ("percept.joblib", "lr.joblib")


def plan(starts: list[int], ends: list[int]) -> Axes:
    answers = {name: worlds.answers(name) for name in ARTIFACTS}
    offline = OfflineAnswers(
        np.arange(ROWS, dtype=np.int32), (np.arange(ROWS) % 2).astype(np.int16), (0, 1), 1, "", answers
    )
    edges = [np.unique(np.array(one, np.int64)) for one in (starts, ends)]
    return Axes(offline, ARTIFACTS, edges[0], edges[1], (START_NS, START_NS + 1000 * MS))


def folded(events: list[Event], chosen: Axes, size: int = 3, chunk: int = 5) -> Tally:
    batches = [batch_of_events(events[at : at + size]) for at in range(0, len(events), size)]
    return tally(batches, chosen, chunk)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    one = st.tuples(
        st.sampled_from(list(Kind)), st.integers(0, ROWS + 1), st.integers(0, 900), st.integers(0, 300),
        st.sampled_from(list(Outcome)), st.integers(-1, 3), st.integers(0, 1), st.integers(0, 6000),
    )  # fmt: skip
    found = []
    for kind, row, at, took, outcome, predicted, position, late in draw(st.lists(one, max_size=25)):
        sent_ns, done_ns = START_NS + at * MS, START_NS + (at + took) * MS
        event = worlds.event(kind, row, sent_ns, done_ns, outcome, predicted=predicted, position=position)
        found.append(replace(event, planned_ns=sent_ns - late * MS))
    return found


@settings(max_examples=60, deadline=None)
@given(
    events(),
    st.lists(st.integers(-100, 1300), min_size=1, max_size=8),
    st.lists(st.integers(-100, 1300), min_size=1, max_size=8),
)
def test_the_fold_counts_what_a_look_at_each_event_counts(
    found: list[Event], starts: list[int], ends: list[int]
) -> None:
    """Every count of the tally equals a sum over events written as its definition says."""
    chosen = plan([START_NS + one * MS for one in starts], [START_NS + one * MS for one in ends])
    got = folded(found, chosen)
    known = [one for one in found if one.row < ROWS]
    feedback = [one for one in known if one.kind is Kind.FEEDBACK]
    pattern = patterns(chosen)
    assert got.events == len(found)
    assert got.unknown == len(found) - len(known)
    for edge, row in zip(chosen.starts_ns, got.before, strict=True):
        acked = [one for one in feedback if one.outcome is Outcome.ACKNOWLEDGED and one.done_ns < edge]
        assert row.tolist() == counted([int(pattern[one.row, one.truth]) for one in acked], 8)
    for edge, row in zip(chosen.ends_ns, got.upto, strict=True):
        tried = [one for one in feedback if one.outcome is not Outcome.REFUSED and one.sent_ns <= edge]
        assert row.tolist() == counted([int(pattern[one.row, one.truth]) for one in tried], 8)
    for kind in Kind:
        for outcome in Outcome:
            mine = [one for one in found if (one.kind, one.outcome) == (kind, outcome)]
            assert got.count(kind, outcome) == len(mine)
            assert int(got.total[kind, outcome].sum()) == len([one for one in mine if one.row < ROWS])
        requests = [
            one for one in found if one.kind is kind and one.position == 0 and one.outcome is not Outcome.REFUSED
        ]
        took = sorted(one.done_ns - one.planned_ns for one in requests)
        assert sorted(np.concatenate(got.latency_ns[kind]).tolist()) == took
        served = sorted(one.done_ns - one.sent_ns for one in requests)
        assert sorted(time for part in got.service_ns[kind] for time in part.tolist()) == served
    late = sorted(one.sent_ns - one.planned_ns for one in found if one.position == 0)
    assert sorted(got.lateness_ns.tolist()) == late
    assert got.span_ns == ((min(e.sent_ns for e in found), max(e.done_ns for e in found)) if found else None)
    assert int(got.sent.sum()) == sum(one.position == 0 for one in found)


@settings(max_examples=30, deadline=None)
@given(events())
def test_answers_are_counted_by_row_and_class(found: list[Event]) -> None:
    """Acknowledged predictions by row and predicted class; a class out of range and no class each have a column."""
    got = folded(found, plan([START_NS], [START_NS]))
    expected = np.zeros((ROWS, 4), int)
    for one in found:
        if one.kind is Kind.PREDICT and one.outcome is Outcome.ACKNOWLEDGED and one.row < ROWS:
            expected[one.row, 3 if one.predicted < 0 else min(one.predicted, 2)] += 1
    assert got.answers.tolist() == expected.tolist()


@settings(max_examples=20, deadline=None)
@given(events(), st.integers(1, 9), st.integers(1, 20))
def test_batches_do_not_matter(found: list[Event], size: int, chunk: int) -> None:
    """The same events give the same tally however they are cut into batches, and these put together for the fold."""
    chosen = plan([START_NS + 200 * MS, START_NS + 700 * MS], [START_NS + 300 * MS])
    one, other = folded(found, chosen, size, chunk), folded(found, chosen, 100)
    assert one.before.tolist() == other.before.tolist()
    assert one.upto.tolist() == other.upto.tolist()
    assert one.total.tolist() == other.total.tolist()


def counted(values: list[int], size: int) -> list[int]:
    return [values.count(one) for one in range(size)]
