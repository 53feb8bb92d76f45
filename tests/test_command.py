"""The command ``plumbline``: its verbs, their help, its exit codes; no module of a user's is taken for ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import plumbline
from tests.running import ROOT, plain_environment

RECORDED = ROOT / "tests" / "analysis" / "recorded"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A user's folder, with packages and modules of our names, which fail as soon as they are imported."""
    folder = tmp_path / "theirs"
    for name in ("analysis/__init__", "deploy/__init__", "model", "yaml", "numpy", "locustfiles"):
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('a module of the user was imported')\n")
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs ``plumbline WORDS`` in a folder, by the file at the root."""

    def run(*words: str, folder: Path = tmp_path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", str(ROOT / "plumbline.py"), *words],
            cwd=folder, env=plain_environment(**more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip

    return run


def recorded(name: str, folder: Path) -> Path:
    """A copy of a recorded run folder."""
    return Path(shutil.copytree(RECORDED / name, folder / name))


def test_the_help_lists_each_verb_on_a_line_and_the_exit_codes(command: Command) -> None:
    """Verbs, examples, and every exit code that the command has."""
    shown = command("--help")
    assert shown.returncode == 0
    listed = re.findall(r"^  (\w+) +\S.*", shown.stdout.partition("examples:")[0], re.MULTILINE)
    assert listed == [verb.name for verb in plumbline.VERBS]
    for words in ("0 PASS", "2 bad arguments", "3 FAIL", "4 INCONCLUSIVE", "1 a crash"):
        assert words in shown.stdout


@pytest.mark.parametrize("verb", [verb.name for verb in plumbline.VERBS])
def test_the_help_of_a_verb_teaches_by_an_example(verb: str, command: Command, foreign: Path) -> None:
    """An example that begins as the user types it, and no other way to call it; wherever the user is."""
    shown = command(verb, "--help", folder=foreign)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"usage: plumbline {verb} ")
    assert re.search(r"^examples?:\n(  .*\n)*?  plumbline ", shown.stdout, re.MULTILINE), shown.stdout
    assert "exit code" in shown.stdout
    assert not re.search(r"python -m (?!pytest)", shown.stdout), shown.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("laodtest",), "expected a verb, got 'laodtest'. Did you mean loadtest? `plumbline --help` lists the verbs."),
        (("xyz",), "expected a verb, got 'xyz'. `plumbline --help` lists the verbs."),
        (("-m",), "expected a verb, got '-m'. `plumbline --help` lists the verbs."),
        (("judge", "--bogus"), "unrecognized arguments: --bogus. `plumbline judge --help` lists the options."),
        (("loadtest", "--bogus"), "unrecognized arguments: --bogus. `plumbline loadtest --help` lists the options."),
        (("web", "--bogus"), "unrecognized arguments: --bogus. `plumbline web --help` lists the options."),
        (("up", "none.yaml"), "none.yaml"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_mistake_is_one_line(words: tuple[str, ...], line: str, command: Command) -> None:
    """Exit code 2, and what to do."""
    refused = command(*words)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1), refused.stderr
    assert line in refused.stderr


def test_without_a_verb_the_verbs_are_listed(command: Command) -> None:
    """And it is a mistake: a job that forgot its verb has not passed."""
    refused = command()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "verbs:" in refused.stderr


@pytest.mark.parametrize(("name", "code"), [("pass", 0), ("fail", 3)])
def test_a_run_is_judged_beside_modules_of_our_names(name: str, code: int, command: Command, foreign: Path) -> None:
    """None of them is imported, and the exit code is that of the verdict, which the last line says."""
    folder = recorded(name, foreign)
    judged = command("judge", str(folder), folder=foreign)
    assert judged.returncode == code, judged.stderr
    assert judged.stdout.splitlines()[-1] == f"  exit code {code}"


def test_evidence_that_is_lost_gives_exit_code_4(command: Command, foreign: Path) -> None:
    folder = recorded("pass", foreign)
    (folder / "samples.parquet").unlink()
    judged = command("judge", str(folder), folder=foreign)
    assert (judged.returncode, judged.stdout.splitlines()[-1]) == (4, "  exit code 4")


def test_a_crash_gives_exit_code_1(command: Command, tmp_path: Path) -> None:
    """Also of a module of ours, whatever it is started by: here one that is not there."""
    assert command("-m", "analysis.nowhere").returncode == 1


def test_gates_are_those_of_the_callers_folder(command: Command, foreign: Path) -> None:
    """A gate of the caller's ``pyproject.toml`` that is none stops a load test at once, and no run folder is made."""
    (foreign / "pyproject.toml").write_text("[tool.plumbline]\ngates = ['recall=0.9']\n")
    refused = command("loadtest", folder=foreign)
    assert refused.returncode == 2
    assert "expected one like precision>=0.9" in refused.stderr
    assert "got 'recall=0.9'" in refused.stderr
    assert not (foreign / "runs").exists()


@pytest.mark.parametrize("name", ["plumbline", *plumbline.PACKAGES])
def test_the_modules_of_the_verbs_are_ours(name: str) -> None:
    """Each package that is imported first is there, and no verb names another one."""
    assert (ROOT / name).with_suffix(".py").exists() or (ROOT / name / "__init__.py").exists()
    assert {verb.module.split(".")[0] for verb in plumbline.VERBS} <= set(plumbline.PACKAGES)


def test_an_upper_case_home_is_not_needed(command: Command) -> None:
    """The help needs neither a home folder nor a terminal."""
    assert command("--help", HOME="", PATH=os.defpath).returncode == 0
