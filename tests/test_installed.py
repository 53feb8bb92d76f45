"""The wheel, installed: what is in it, and the command in a folder of a user's that has modules of our names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.bootstrap.environment import find_uv
from deploy.local.config import binaries
from hatch_build import PACKAGES
from tests.running import ROOT, plain_environment

RECORDED = ROOT / "tests" / "analysis" / "recorded"


@dataclass(frozen=True)
class Installed:
    """The command in an environment of its own, and a user's folder to call it in."""

    program: Path
    package: Path
    folder: Path
    home: Path

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """``plumbline WORDS`` in the user's folder; cache and state lie in a home folder of their own."""
        home = {"XDG_CACHE_HOME": str(self.home / "cache"), "XDG_STATE_HOME": str(self.home / "state")}
        return subprocess.run(
            [self.program, *words], cwd=self.folder, env=plain_environment(**home | more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip

    def files(self) -> set[Path]:
        """The files of the installed package, apart from the byte code that Python itself keeps there."""
        return {path for path in self.package.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it depends on is that of the project's environment."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    theirs = sysconfig.get_paths()["purelib"]
    (site / "dependencies.pth").write_text(f"import site; site.addsitedir({theirs!r})\n")  # its own .pth files, too
    install = [find_uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(folder / "bin/python")]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    return folder


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Installed:
    """The command, and a folder of a user's with modules of our names that fail as soon as they are imported."""
    folder = tmp_path / "theirs"
    for name in ("analysis/__init__", "deploy/__init__", "locustfiles/__init__", "model", "yaml", "numpy", "plumbline"):
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('a module of the user was imported')\n")
    (package,) = environment.glob("lib/python3*/site-packages/plumbline")
    return Installed(environment / "bin" / "plumbline", package, folder, tmp_path / "home")


def test_the_wheel_has_one_package_with_all_that_is_in_ours(wheel: Path) -> None:
    """No other name at the top of site-packages, each data file, the licence and the notice."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {"plumbline", "plumbline-0.1.0.dist-info"}
    assert {"plumbline-0.1.0.dist-info/licenses/LICENSE", "plumbline-0.1.0.dist-info/licenses/NOTICE"} <= names
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    ours = {str(path.relative_to(ROOT)) for path in paths if path.suffix != ".pyc"}
    expected = {f"plumbline/{name}" for name in ours} | {"plumbline/__init__.py"}
    assert {name for name in names if name.startswith("plumbline/")} >= expected
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_command_of_the_wheel_shows_its_help(installed: Installed) -> None:
    assert installed.call("--help").stdout.startswith("usage: plumbline VERB")
    shown = installed.call("loadtest", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("usage: plumbline loadtest")


@pytest.mark.parametrize(("name", "code"), [("pass", 0), ("fail", 3)])
def test_the_wheel_judges_as_the_checkout_does(installed: Installed, name: str, code: int) -> None:
    """The same ``result.json``, byte for byte."""
    folder = Path(shutil.copytree(RECORDED / name, installed.folder / name))
    (folder / "result.json").unlink()
    judged = installed.call("judge", name)
    assert judged.returncode == code, judged.stderr
    assert (folder / "result.json").read_bytes() == (RECORDED / name / "result.json").read_bytes()


@pytest.mark.parametrize(("before", "opens"), [("", True), ("import analysis; ", False)], ids=["first", "after theirs"])
def test_a_notebook_opens_a_run(installed: Installed, tmp_path: Path, before: str, opens: bool) -> None:
    """Beside a package of the user's of the name of ours. If that was imported before, it is not taken for ours."""
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").touch()
    run = f"{before}import plumbline; print(len(plumbline.open_run({str(RECORDED / 'pass')!r}).events()) > 0)"
    done = subprocess.run(
        [installed.program.with_name("python"), "-c", run], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0, done.stdout) == ((True, "True\n") if opens else (False, "")), done.stderr
    assert opens or "importing analysis: expected the package of plumbline" in done.stderr


def test_advice_names_the_command_that_is_there(installed: Installed) -> None:
    """Neither make nor a path of the checkout."""
    refused = installed.call("judge", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr.endswith("Name one under runs/, or start one with `plumbline loadtest`.\n")


def test_the_artefacts_of_a_users_manifest_are_those_of_the_users_folder(installed: Installed) -> None:
    """Not those of the example, which nobody asked for."""
    shutil.copy(ROOT / "deploy" / "seldon" / "metrics-model.yaml", installed.folder / "mine.yaml")
    refused = installed.call("loadtest", "--sdep", "mine.yaml")
    assert refused.returncode == 2
    assert f"{installed.folder / 'artifacts' / 'binary-percept.json'}" in refused.stderr
    assert not installed.home.exists()


@pytest.mark.parametrize(
    ("variable", "words"),
    [("XDG_CACHE_HOME", ("loadtest",)), ("XDG_STATE_HOME", ("up",)), ("XDG_CACHE_HOME", ("up",))],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else words,
)
def test_a_place_that_cannot_be_written_is_one_line(
    installed: Installed, tmp_path: Path, variable: str, words: tuple[str, ...]
) -> None:
    """It names the variable that names another place; and nothing is made in the user's folder."""
    (tmp_path / "file").touch()
    before = set(installed.folder.iterdir())
    refused = installed.call(*words, **{variable: str(tmp_path / "file")})
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert f"expected to write to {tmp_path / 'file' / 'plumbline'}" in refused.stderr
    assert variable in refused.stderr
    assert set(installed.folder.iterdir()) == before


@pytest.mark.stack
@pytest.mark.parametrize(
    "words",
    [("--duration", "3s"), ("--rate", "200", "--processes", "2", "--duration", "3s")],
    ids=["closed", "open, two processes"],
)
def test_a_whole_load_test_runs_from_a_users_folder(installed: Installed, words: tuple[str, ...]) -> None:
    """From nothing to PASS; the run lies in the user's folder, the example in the cache, and the package is as it was.

    The gate of the user's ``pyproject.toml`` is one of the findings. What is said there to Locust is for the user's own
    load tests.
    """
    (installed.folder / "pyproject.toml").write_text(
        "[tool.plumbline]\ngates = ['failures<=50%']\n[tool.locust]\nspawn-rate = 1\n"
    )
    (installed.folder / "locust.conf").write_text("master = true\ncsv = stats\nrun-time = 90s\nfeedback-ratio = 0\n")
    before = {path.name for path in installed.folder.iterdir()}
    files = {path: path.read_bytes() for path in installed.files()}
    program = binaries.prometheus(os.environ)
    run = installed.call("loadtest", *words, PROMETHEUS=program)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].endswith("; exit code 0")
    assert {path.name for path in installed.folder.iterdir()} - before == {"runs"}
    latest = installed.folder / "runs" / "latest"
    assert "failures<=50%" in (latest / "report.md").read_text() + (latest / "gates.json").read_text()
    assert (installed.home / "cache" / "plumbline" / "example" / "binary-lr.joblib").exists()
    assert {path: path.read_bytes() for path in installed.files()} == files
    assert not list((installed.home / "state" / "plumbline" / "stacks").glob("*/*.json"))
