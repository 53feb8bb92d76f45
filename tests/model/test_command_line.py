"""A mistake on a command line is one line and exit code 2."""

from __future__ import annotations

import pytest

from model.command_line import OneLineParser


@pytest.mark.parametrize("argument", ["--wrong", "--colou"])
def test_a_mistake_is_one_line_on_standard_error(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown option, and one that is abbreviated: exit code 2, and the command that lists the options."""
    parser = OneLineParser(prog="a-command")
    parser.add_argument("--colour", action="store_true")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([argument])
    lines = capsys.readouterr().err.splitlines()
    assert (ended.value.code, len(lines)) == (2, 1)
    assert lines[0] == f"plumbline: unrecognized arguments: {argument}. `a-command --help` lists the options."
