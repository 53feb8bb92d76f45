"""What a user sets never becomes a command: variables of make are read quoted, and ARGS by no shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = {"PY", "WITH_ARGS", "ENVIRONMENT", "MAKECMDGOALS"}
"""Variables of the Makefile that no user sets, and the goals, of which it only asks whether `train` is one."""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", []),
        ("--budget 10m", ["--budget", "10m"]),
        ("--gate 'p99 <= 50' --gate \"a b\"", ["--gate", "p99 <= 50", "--gate", "a b"]),
        ("; touch x", [";", "touch", "x"]),
        ("$(touch x) `touch x` $HOME *", ["$(touch", "x)", "`touch", "x`", "$HOME", "*"]),
    ],
)
def test_args_are_words_and_nothing_else(arguments: str, words: list[str]) -> None:
    """They come after those that are given, quoted as in a shell."""
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.bootstrap.words", "-c", "import sys; print(sys.argv[1:])", "first"],
        cwd=ROOT, env=os.environ | {"ARGS": arguments}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == str(["first", *words])


def test_the_exit_code_is_the_commands_own() -> None:
    command = [sys.executable, "-m", "deploy.bootstrap.words", "-c", "import sys; sys.exit(3)"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 3


def test_a_quote_without_its_other_one_is_one_line() -> None:
    command = [sys.executable, "-m", "deploy.bootstrap.words", "-c", "0"]
    shown = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"ARGS": "'a"}, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert "reading ARGS" in shown.stderr


def test_no_recipe_pastes_a_variable_of_the_user() -> None:
    """In a recipe, make expands its own variables only; those of the user are the shell's, in quotes."""
    recipes = [line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if line.startswith("\t")]
    pasted = {name for line in recipes for name in re.findall(r"(?<!\$)\$\(([A-Z_]+)\)", line)}
    assert pasted <= OURS
    expansions = [match for line in recipes for match in re.finditer(r'("?)\$\$(\{?)([A-Z]+)', line)]
    assert expansions
    assert all(match[1] == '"' or holds_a_quoted_one(match) for match in expansions)


def holds_a_quoted_one(expansion: re.Match[str]) -> bool:
    """Whether the unquoted expansion is of the form ``${NAME:+...}``, which gives words of ours around a quoted one."""
    return expansion[2] == "{" and expansion.string[expansion.end() :].startswith(":+")


@pytest.mark.parametrize("goal", ["up", "status", "judge", "report", "loadtest"])
def test_make_runs_nothing_that_a_variable_holds(tmp_path: Path, goal: str) -> None:
    """A manifest, a run folder or options of which a shell would make a command."""
    made = tmp_path / "made"
    evil = f'x"; touch {made}; `touch {made}` $(touch {made}) $(shell touch {made})'
    names = ("SDEP", "RUN", "RUNS", "ONLY", "SHAPE", "HOST", "DURATION", "USERS", "IMAGES", "NAMESPACE")
    surroundings = os.environ | dict.fromkeys(names, evil) | {"ARGS": f"; touch {made}"}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        surroundings.pop(name, None)
    shown = subprocess.run(
        ["make", goal], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False, timeout=60
    )
    assert not made.exists()
    assert "Traceback" not in shown.stderr


def test_the_help_of_make_gives_no_measured_number() -> None:
    """Such a number is right for one version only; `README.md` has them with their date."""
    listed = re.findall(r"^(?:[a-z-]*:.*## |#V )(.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(listed) > 15
    assert [line for line in listed if re.search(r"\d,\d{3}|\d{4}", line)] == []
