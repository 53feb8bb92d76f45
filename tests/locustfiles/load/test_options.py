"""The options: what they are by default, and one line for each that cannot be."""

from __future__ import annotations

import argparse
import re

import pytest

from locustfiles.load.options import OPTIONS, OptionsError, load_of, parse_duration, variable_of


def options(**values: object) -> argparse.Namespace:
    return argparse.Namespace(**values)


def test_without_options_it_is_a_closed_loop_that_asks_and_tells_every_row() -> None:
    """The defaults as the help states them."""
    load = load_of(options())
    assert (load.rate_per_s, load.predict_ratio, load.feedback_ratio, load.seed, load.batch) == (0, 1, 1, 0, 1)


def test_values_typed_into_a_form_are_converted() -> None:
    """The web page hands back text for what had no value before."""
    load = load_of(options(rate="12.5", seed="3", reward="none"))
    assert (load.rate_per_s, load.seed, load.reward) == (12.5, 3, "none")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"rate": -1}, "reading --rate: expected 0 to 1000000, got -1."),
        ({"rate": "nan"}, "reading --rate: expected 0 to 1000000, got nan."),
        ({"rate": "fast"}, "reading --rate: expected float, got 'fast'."),
        ({"seed": -1}, "reading --seed: expected 0 to 9223372036854775807, got -1."),
        ({"predict_ratio": 1.5}, "reading --predict-ratio: expected 0 to 1, got 1.5."),
        ({"timeout": 0}, "reading --timeout: expected 0.001 to 3600, got 0."),
        ({"reward": "gold"}, "reading --reward: expected one of correct, none, got 'gold'."),
        ({"transport": "smoke"}, "reading --transport: expected one of rest, grpc, got 'smoke'."),
        ({"batch": 0}, "reading --batch: expected 1 to 10000, got 0."),
        (
            {"predict_ratio": 0, "feedback_ratio": 0},
            "reading --predict-ratio and --feedback-ratio: expected one above 0, got 0 and 0.",
        ),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_line(values: dict[str, object], line: str) -> None:
    """What was read, what was expected, what came."""
    with pytest.raises(OptionsError, match=f"^{re.escape(line)}$"):
        load_of(options(**values))


@pytest.mark.parametrize(
    ("text", "seconds"), [("45", 45), ("30s", 30), ("2.5s", 2.5), ("5m", 300), ("1h", 3600), ("1h30m", 5400)]
)
def test_a_duration_is_read_with_its_units(text: str, seconds: float) -> None:
    """Hours, minutes and seconds; a bare number is seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "soon", "-5s", "5 m", "10d", "1m1h", "s", "999999h"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    """A test must last longer than 0 s."""
    with pytest.raises(OptionsError, match="expected a time as 45, 30s, 5m or 1h30m"):
        parse_duration(text)


def test_every_option_explains_itself() -> None:
    """A flag, a text, and a default that its own conversion accepts."""
    for option in OPTIONS:
        assert option.flag.startswith("--")
        assert len(option.text) > 10
        assert option.convert(str(option.default)) == option.default


def test_only_the_documented_variables_go_by_their_bare_name() -> None:
    """A ``TIMEOUT`` of somebody else's changes nothing; ours is ``PLUMBLINE_TIMEOUT``."""
    assert variable_of("--rate") == "RATE"
    assert variable_of("--prometheus-url") == "PROMETHEUS_URL"
    assert variable_of("--timeout") == "PLUMBLINE_TIMEOUT"
    assert variable_of("--artifacts") == "PLUMBLINE_ARTIFACTS"
