"""What the reports say of a rate that changed, and of what the generator could do."""

from __future__ import annotations

from dataclasses import replace

import pytest

import report_samples as samples
from analysis.report import html, markdown, view
from analysis.report.charts import Detail
from analysis.result.parse import parse
from report_samples import Json

SHAPED: Json = {
    "rate_asked": 105.0,
    "shape": "ramp:10/s..200/s:60s",
    "calibration": {"ceiling_per_s": 9000.5, "floor_ms": 0.1},
}


def test_the_rate_asked_of_a_shape_is_called_its_average() -> None:
    """Beside 105/s stands the shape that has it on average, in both reports."""
    content = samples.single_pass() | {"load": samples.load(**SHAPED)}
    assert "399.8/s achieved of 105.0/s asked on average, by `ramp:10/s..200/s:60s`." in markdown.render(
        parse(content), samples.run()
    )
    assert "<small>on average, by ramp:10/s..200/s:60s</small>" in html.render(parse(content), samples.run())


def test_a_constant_rate_is_not_called_an_average() -> None:
    """The twin: without a shape there is no average, and without a calibration no ceiling."""
    content = samples.single_pass() | {"load": samples.load(rate_asked=400.0)}
    text = markdown.render(parse(content), samples.run())
    assert "399.8/s achieved of 400.0/s asked." in text
    assert "Calibrated" not in text


def test_no_level_is_drawn_for_a_rate_that_changes() -> None:
    """A level line at the mean would say that it had been asked for all the time."""
    for options, drawn in ((SHAPED, False), ({"rate_asked": 400.0}, True)):
        load = parse(samples.single_pass() | {"load": samples.load(**options)}).load
        assert load is not None
        pictures = view.load_pictures(load, samples.run().started, Detail(points=100, places=10))
        assert ("asked" in str(pictures["rate"])) is drawn


def test_the_ceiling_of_the_generator_is_told() -> None:
    """It is one line in the section about the load."""
    content = samples.single_pass() | {"load": samples.load(**SHAPED)}
    assert "one process of it can send 9,000.5/s." in markdown.render(parse(content), samples.run())
    assert "9,000.5/s, 0.10 ms at least" in html.render(parse(content), samples.run())


@pytest.mark.parametrize(("shape", "others"), [("hold:5/s:30s", ""), ("", " --duration 30s --users 10")])
def test_the_command_for_the_same_load_names_the_shape_or_duration_and_users(shape: str, others: str) -> None:
    """Not both: the front door takes either."""
    options = {"rate_per_s": 0.0, "shape": shape, "duration_s": 30.0, "spawn_rate_per_s": 10.0, "users": 10}
    command = view.command_to_repeat(replace(samples.run(), options=options))
    assert command.endswith((f" --shape {shape}" if shape else "") + others)
