"""The fold over the ledger against a slow second implementation that looks at each event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import worlds
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.patterns import Axes, patterns
from analysis.evidence.tally import Tally, tally
from analysis.record.ledger import Kind, Outcome
from events import Event, batch_of_events
from worlds import MS, ROWS, START_NS

ARTIFACTS = ("percept.joblib", "lr.joblib")


def plan(starts: list[int], ends: list[int]) -> Axes:
    answers = {name: worlds.answers(name) for name in ARTIFACTS}
    offline = OfflineAnswers(
        np.arange(ROWS, dtype=np.int32), (np.arange(ROWS) % 2).astype(np.int16), (0, 1), 1, "", answers
    )
    edges = [np.unique(np.array(times, np.int64)) for times in (starts, ends)]
    return Axes(offline, ARTIFACTS, edges[0], edges[1], (START_NS, START_NS + 1000 * MS))


def folded(events: list[Event], chosen: Axes, size: int = 3, chunk: int = 5) -> Tally:
    batches = [batch_of_events(events[at : at + size]) for at in range(0, len(events), size)]
    return tally(batches, chosen, chunk)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    one_event = st.tuples(
        st.sampled_from(list(Kind)), st.integers(0, ROWS + 1), st.integers(0, 900), st.integers(0, 300),
        st.sampled_from(list(Outcome)), st.integers(-1, 3), st.integers(0, 1), st.integers(0, 6000),
    )  # fmt: skip
    events = []
    for kind, row, at, took, outcome, predicted, position, late in draw(st.lists(one_event, max_size=25)):
        sent_ns, done_ns = START_NS + at * MS, START_NS + (at + took) * MS
        event = worlds.event(kind, row, sent_ns, done_ns, outcome, predicted=predicted, position=position)
        events.append(replace(event, planned_ns=sent_ns - late * MS))
    return events


@settings(max_examples=60, deadline=None)
@given(
    events(),
    st.lists(st.integers(-100, 1300), min_size=1, max_size=8),
    st.lists(st.integers(-100, 1300), min_size=1, max_size=8),
)
def test_the_fold_counts_what_a_look_at_each_event_counts(
    sample_events: list[Event], starts: list[int], ends: list[int]
) -> None:
    """Every count of the tally equals a sum over events written as its definition says."""
    chosen = plan([START_NS + start * MS for start in starts], [START_NS + end * MS for end in ends])
    got = folded(sample_events, chosen)
    known = [event for event in sample_events if event.row < ROWS]
    feedback = [event for event in known if event.kind is Kind.FEEDBACK]
    numbered = patterns(chosen)
    pattern, number = numbered.of_row, numbered.number
    assert got.events == len(sample_events)
    assert got.unknown == len(sample_events) - len(known)
    for edge, row in zip(chosen.starts_ns, got.before, strict=True):
        acked = [event for event in feedback if event.outcome is Outcome.ACKNOWLEDGED and event.done_ns < edge]
        assert row.tolist() == counted([int(pattern[event.row, event.truth]) for event in acked], number)
    for edge, row in zip(chosen.ends_ns, got.upto, strict=True):
        tried = [event for event in feedback if event.outcome is not Outcome.REFUSED and event.sent_ns <= edge]
        assert row.tolist() == counted([int(pattern[event.row, event.truth]) for event in tried], number)
    heads = folded(sample_events, replace(chosen, heads_only=True))
    for outcome in Outcome:
        mine = [event for event in feedback if event.outcome is outcome]
        assert int(got.fed[outcome].sum()) == len(mine)
        assert int(heads.fed[outcome].sum()) == len([event for event in mine if event.position == 0])
    for kind in Kind:
        for outcome in Outcome:
            mine = [event for event in sample_events if (event.kind, event.outcome) == (kind, outcome)]
            assert got.count(kind, outcome) == len(mine)
            assert int(got.total[kind, outcome].sum()) == len([event for event in mine if event.row < ROWS])
        requests = [
            event
            for event in sample_events
            if event.kind is kind and event.position == 0 and event.outcome is not Outcome.REFUSED
        ]
        took = sorted(request.done_ns - request.planned_ns for request in requests)
        assert sorted(np.concatenate(got.latency_ns[kind]).tolist()) == took
        served = sorted(request.done_ns - request.sent_ns for request in requests)
        assert sorted(time for part in got.service_ns[kind] for time in part.tolist()) == served
    late = sorted(event.sent_ns - event.planned_ns for event in sample_events if event.position == 0)
    assert sorted(got.lateness_ns.tolist()) == late
    assert got.span_ns == (
        (min(e.sent_ns for e in sample_events), max(e.done_ns for e in sample_events)) if sample_events else None
    )
    assert int(got.sent.sum()) == sum(event.position == 0 for event in sample_events)


@settings(max_examples=30, deadline=None)
@given(events())
def test_answers_are_counted_by_row_and_class(sample_events: list[Event]) -> None:
    """Acknowledged predictions by row and predicted class; a class out of range and no class each have a column."""
    got = folded(sample_events, plan([START_NS], [START_NS]))
    expected = np.zeros((ROWS, 4), int)
    for event in sample_events:
        if event.kind is Kind.PREDICT and event.outcome is Outcome.ACKNOWLEDGED and event.row < ROWS:
            expected[event.row, 3 if event.predicted < 0 else min(event.predicted, 2)] += 1
    assert got.answers.tolist() == expected.tolist()


@settings(max_examples=20, deadline=None)
@given(events(), st.integers(1, 9), st.integers(1, 20))
def test_batches_do_not_matter(sample_events: list[Event], size: int, chunk: int) -> None:
    """The same events give the same tally, however they are divided into batches and however these are joined."""
    chosen = plan([START_NS + 200 * MS, START_NS + 700 * MS], [START_NS + 300 * MS])
    small_chunks, other = folded(sample_events, chosen, size, chunk), folded(sample_events, chosen, 100)
    assert small_chunks.before.tolist() == other.before.tolist()
    assert small_chunks.upto.tolist() == other.upto.tolist()
    assert small_chunks.total.tolist() == other.total.tolist()


def counted(values: list[int], size: int) -> list[int]:
    return [values.count(value) for value in range(size)]
