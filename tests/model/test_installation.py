"""Where things lie: in a checkout everything at its root, installed nothing in the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from model import installation


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if installed in ``tmp_path/site``; the working folder and the home folder are others there."""
    for name in ("site", "home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(installation, "INSTALLED", True)
    monkeypatch.setattr(installation, "ROOT", tmp_path / "site")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_in_a_checkout_everything_lies_at_its_root() -> None:
    root = installation.ROOT
    assert (False, root / "plumbline.py") == (installation.INSTALLED, installation.ENTRY)
    assert (installation.cache_folder(), installation.stacks_folder()) == (root / ".tools", root / ".tools" / "stacks")
    assert installation.example_artifacts() == root / "artifacts"
    for manifest in (None, Path("mine.yaml"), root / "deploy" / "seldon" / "ab-test.yaml"):
        assert installation.artifacts_for(manifest) == root / "artifacts"


def test_installed_what_can_be_made_again_is_in_the_cache(installed: Path) -> None:
    assert installation.cache_folder() == installed / "home" / ".cache" / "plumbline"
    assert installation.example_artifacts() == installed / "home" / ".cache" / "plumbline" / "example"
    assert installation.stacks_folder() == installed / "home" / ".local" / "state" / "plumbline" / "stacks"


def test_the_variables_of_the_specification_name_other_places(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they are absolute; a relative one is to be ignored."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert installation.cache_folder() == Path("/var/cache/me/plumbline")
    assert installation.stacks_folder() == installed / "home" / ".local" / "state" / "plumbline" / "stacks"


def test_without_a_home_everything_is_in_the_working_folder(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a number without a user, in a container."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert installation.cache_folder() == installed / "here" / ".plumbline"


@pytest.mark.parametrize(
    ("manifest", "folder"),
    [
        (None, "home/.cache/plumbline/example"),
        ("mine.yaml", "here/artifacts"),
        ("ours", "home/.cache/plumbline/example"),
    ],
)
def test_the_artefacts_of_a_manifest_are_those_beside_its_user(
    installed: Path, manifest: str | None, folder: str
) -> None:
    """The example's for the example, also if a command that repeats a run names it by its path."""
    ours = installed / "site" / "deploy" / "seldon" / "ab-test.yaml"
    path = {None: None, "mine.yaml": Path("mine.yaml"), "ours": ours}[manifest]
    assert installation.artifacts_for(path) == installed / folder


def test_a_process_of_ours_does_not_depend_on_the_working_folder(tmp_path: Path) -> None:
    """A package of the user's there is not taken for ours."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "__init__.py").write_text("raise RuntimeError('a package of the user was imported')\n")
    command = installation.own_process("deploy.local", "status", "--stacks", str(tmp_path))
    assert command[0] == sys.executable
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "no stack is up\n", "")
