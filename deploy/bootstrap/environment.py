"""Makes the environment in ``.venv``, with only ``python3`` and a network connection: ``make`` runs this first.

Standard library only, and written for any Python from 3.8 on, since it runs before Python 3.12 is
there. Finds uv ($UV, PATH, ``.tools/uv``) or installs the pinned one of ``uv-requirements.txt``, lets it make
``.venv`` with the Python that ``.python-version`` names, and installs ``requirements.lock`` by hash.
A second run does nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from deploy.bootstrap.debian import DebianError, unpack

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV_REQUIREMENTS = Path(__file__).with_name("uv-requirements.txt")
WANTED = ROOT / ".python-version"
STAMP = VENV / ".plumbline-lock"
MARK = VENV / ".plumbline-made"


class BootstrapError(Exception):
    """One line: what was being done, what was found, what to do."""


def digest() -> str:
    """SHA-256 over everything that decides what is in the environment."""
    return hashlib.sha256(LOCK.read_bytes() + WANTED.read_bytes()).hexdigest()


def is_ready() -> bool:
    """Whether ``.venv`` holds exactly what the lock file asks for, according to its stamp."""
    return STAMP.is_file() and STAMP.read_text() == digest() and (VENV / "bin" / "python").exists()


def is_ours() -> bool:
    """Whether ``.venv`` was made here: one of a user's is neither filled nor removed."""
    return MARK.exists() or STAMP.exists()


def remove() -> None:
    """Remove ``.venv``, unless it is a user's, and ``.tools``."""
    if VENV.exists() and not is_ours():
        print_line(f"kept {VENV}, which make did not make")
    else:
        shutil.rmtree(str(VENV), ignore_errors=True)
    shutil.rmtree(str(TOOLS), ignore_errors=True)


def run(command: list[str], doing: str, advice: str) -> None:
    """Run one command; on failure raise with the last line that it printed."""
    done = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:] or ["no output"]
        raise BootstrapError("{}: {}. {}".format(doing, errors[0].rstrip("."), advice))


def succeeds(command: list[str]) -> bool:
    """Whether the command exits with 0."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def find_uv() -> str:
    """Path of a uv program, installing the pinned one into ``.tools/uv`` when there is none."""
    own = TOOLS / "uv" / "bin" / "uv"
    for candidate in (os.environ.get("UV"), shutil.which("uv"), str(own)):
        if candidate and Path(candidate).is_file():
            return candidate
    print_line("installing uv into .tools/uv")
    install = [*pip_command(), "install", "--quiet", "--require-hashes"]
    run(
        [*install, "--target", str(TOOLS / "uv"), "-r", str(UV_REQUIREMENTS)],
        "installing uv",
        "Check the network, or install uv yourself and put it on PATH.",
    )
    return str(own)


def pip_command() -> list[str]:
    """A command of pip that works: this Python's, or the wheel of a Debian package, unpacked without root.

    A fresh Debian or Ubuntu has python3 without pip and without ensurepip.
    """
    own_pip = [sys.executable, "-m", "pip"]
    if succeeds([*own_pip, "--version"]):
        return own_pip
    print_line("no pip here: unpacking Debian's python3-pip-whl into .tools/pip")
    try:
        unpack(["python3-pip-whl"], TOOLS / "pip")
        wheel = next((TOOLS / "pip").glob("usr/share/python-wheels/pip-*.whl"))
    except (DebianError, StopIteration) as error:
        raise BootstrapError(
            f"installing uv: expected pip for {sys.executable}, found none ({error}). "
            "Install python3-pip, or uv, with your system's packages."
        ) from error
    return [sys.executable, str(wheel / "pip")]


def make_environment() -> None:
    """Make ``.venv`` anew and fill it. The stamp is written last, so that an attempt that failed is repeated."""
    if VENV.exists() and not is_ours():
        raise BootstrapError(
            f"making .venv: expected none, or one that make made, got {VENV} without the mark {MARK.name}. "
            "Move it away, or make that empty file in it to give it to make."
        )
    uv = find_uv()
    version = WANTED.read_text().strip()
    if VENV.exists():
        MARK.touch()
    if STAMP.exists():
        STAMP.unlink()
    if not succeeds([str(VENV / "bin" / "python"), "-c", f"import sys; sys.exit(sys.version[:4] != '{version}')"]):
        print_line(f"making .venv with Python {version}")
        run(
            [uv, "venv", "--quiet", "--clear", "--python", version, str(VENV)],
            f"making .venv with Python {version}",
            f"Install Python {version}, or let uv reach the network to fetch one.",
        )
        MARK.touch()
    packages = sum("==" in line for line in LOCK.read_text().splitlines())
    print_line(f"installing {packages} packages by hash from {LOCK.name}")
    # Compile here, once: with PYTHONDONTWRITEBYTECODE set, each of our many processes would do it again (seconds).
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
    run(
        [*sync, "--python", str(VENV / "bin" / "python"), str(LOCK)],
        f"installing {LOCK.name}",
        "Check the network and the free space, then run make again.",
    )
    STAMP.write_text(digest())


def print_line(text: str) -> None:
    print(f"plumbline: {text}", flush=True)


def main() -> int:
    """Exit code: 0 when the environment is there, 2 when it could not be made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--remove", action="store_true", help="remove .venv and .tools, if make made them")
    if parser.parse_args().remove:
        remove()
        return 0
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # `make test` and `make loadtest` may start at once
        if is_ready():
            return 0
        began = time.monotonic()
        try:
            make_environment()
        except (BootstrapError, OSError) as error:
            print(f"plumbline: {error}", file=sys.stderr)
            return 2
        print_line("environment ready in %.0f s" % (time.monotonic() - began))
    return 0
