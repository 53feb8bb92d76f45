"""The SVG writer: scales that are right, and lines that show their gaps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report import svg

FRAME = svg.Frame(width=200, height=100, first=0.0, last=10.0, low=0.0, high=1.0)


def test_a_frame_puts_its_corners_at_its_edges() -> None:
    """The lowest value is at the bottom of the plot and the highest at its top."""
    assert (FRAME.x(0.0), FRAME.x(10.0)) == (svg.LEFT, 200 - svg.RIGHT)
    assert (FRAME.y(0.0), FRAME.y(1.0)) == (100 - svg.BOTTOM, svg.TOP)


def test_a_gap_breaks_the_line_and_a_lone_value_is_a_dot() -> None:
    """A None is not drawn over; ``h0`` with a round cap draws a point where a value stands alone."""
    path = svg.path([0.0, 1.0, 2.0, 3.0], (0.5, None, 0.5, 0.5), FRAME)
    assert path == "M50 43h0M78 43h0L92 43"


def test_text_and_attributes_are_escaped() -> None:
    """Nothing that is written as text can become an element."""
    assert svg.text("<b>&", 1, 2) == '<text x="1" y="2" class="" text-anchor="start">&lt;b&gt;&amp;</text>'
    assert svg.element("g", class_='"><x') == '<g class="&quot;&gt;&lt;x"></g>'


@given(st.floats(min_value=-1e6, max_value=1e6), st.floats(min_value=1e-6, max_value=1e6))
def test_ticks_lie_within_the_axis_at_even_distances(low: float, width: float) -> None:
    """Two to eleven of them, none outside by more than rounding, each as far from the next."""
    ticks = svg.ticks(low, low + width, 4)
    assert 1 <= len(ticks) <= 11
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in ticks)
    steps = [b - a for a, b in pairwise(ticks)]
    assert all(step == pytest.approx(steps[0], rel=1e-3, abs=1e-6) for step in steps)


def test_an_axis_of_no_width_has_one_tick() -> None:
    """A constant value must not lead to a division by zero."""
    assert svg.ticks(0.5, 0.5, 4) == (0.5,)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=500), st.integers(1, 120))
def test_thinning_keeps_the_greatest_weight_and_the_order(weights: list[float], most: int) -> None:
    """At most so many points, rising, and a point of the greatest weight is among them."""
    kept = svg.thinned(weights, most)
    assert len(kept) <= max(most, 1)
    assert list(kept) == sorted(set(kept))
    assert max(weights[i] for i in kept) == max(weights)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1))
def test_an_axis_holds_every_value_and_stays_within_its_ends(values: list[float]) -> None:
    """It is at least as wide as asked, unless an end limits it."""
    low, high = svg.widened(values, 0.04, 0.0, 1.0)
    assert 0.0 <= low <= min(values)
    assert max(values) <= high <= 1.0
    assert high > low
