"""The environment's setup: what decides that it is ready, and what a failure says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.bootstrap import debian, environment


def test_a_changed_lock_file_makes_the_environment_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`is_ready` holds for the stamp of this very lock file, and no longer once a byte of it changes."""
    lock, version, venv = tmp_path / "requirements.lock", tmp_path / ".python-version", tmp_path / ".venv"
    lock.write_text("a==1\n")
    version.write_text("3.12\n")
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("")
    for name, value in {"LOCK": lock, "WANTED": version, "VENV": venv, "STAMP": venv / "stamp"}.items():
        monkeypatch.setattr(environment, name, value)
    assert not environment.is_ready()
    (venv / "stamp").write_text(environment.digest())
    assert environment.is_ready()
    lock.write_text("a==2\n")
    assert not environment.is_ready()


def test_a_failed_step_says_what_was_done_what_came_and_what_to_do() -> None:
    """A failing command becomes one line: the step, the program's own error line, the advice."""
    script = "import sys; print('chatter'); print('error: no route'); print('more chatter'); sys.exit(1)"
    with pytest.raises(environment.BootstrapError) as caught:
        environment.run([sys.executable, "-c", script], "installing x", "Check the network.")
    assert str(caught.value) == "installing x: error: no route. Check the network."


def test_an_unknown_package_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking fails in one line where there is no apt-get, and leaves no folder behind."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(debian.DebianError, match="unpacking prometheus: no apt-get on this system"):
        debian.unpack(["prometheus"], tmp_path / "prometheus")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of its own for what the bootstrap makes, with a ``.venv`` that holds a file."""
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "file").touch()
    names = {"VENV": venv, "STAMP": venv / ".plumbline-lock", "MARK": venv / ".plumbline-made"}
    for name, value in (names | {"TOOLS": tmp_path / ".tools"}).items():
        monkeypatch.setattr(environment, name, value)
    return venv


def test_an_environment_of_a_users_is_neither_filled_nor_removed(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what to do, and everything in it is as it was."""
    with pytest.raises(environment.BootstrapError, match="without the mark"):
        environment.make_environment()
    environment.remove()
    assert [path.name for path in places.iterdir()] == ["file"]
    assert capsys.readouterr().out == f"plumbline: kept {places}, which make did not make\n"


@pytest.mark.parametrize("mark", [".plumbline-made", ".plumbline-lock"])
def test_an_environment_of_ours_is_removed(places: Path, mark: str) -> None:
    """Also one of a version that only stamped it."""
    (places / mark).touch()
    environment.remove()
    assert not places.exists()
