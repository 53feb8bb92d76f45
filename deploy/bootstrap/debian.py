"""Programs from Debian or Ubuntu packages, without root: ``apt-get download``, then ``dpkg -x``.

Standard library only, and written for any Python from 3.8 on: `bootstrap` needs it before there is an
environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class DebianError(Exception):
    """One line: the command of apt or dpkg, and its error."""


def unpack(packages: list[str], into: Path) -> None:
    """Unpack the named packages (not what they depend on) below ``into``.

    Uses the system's package lists or, if those are empty or out of date, its own lists in a temporary folder, which
    any user may fetch. Raises `DebianError`; ``into`` appears whole or not at all.
    """
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise DebianError("unpacking {}: no {} on this system".format(", ".join(packages), program))
    into = into.absolute()  # the programs below run in another folder
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(into.parent), prefix=".unpack-") as scratch:
        folder = Path(scratch)
        _download(packages, folder)
        root = folder / "root"
        for archive in sorted(folder.glob("*.deb")):
            _call(["dpkg", "-x", str(archive), str(root)], folder)
        shutil.rmtree(str(into), ignore_errors=True)
        root.rename(into)


def _download(packages: list[str], folder: Path) -> None:
    try:
        _call(["apt-get", *_UNSANDBOXED, "download", *packages], folder)
    except DebianError:
        options = _private_lists(folder)
        _call(["apt-get", *_UNSANDBOXED, *options, "update"], folder)
        _call(["apt-get", *_UNSANDBOXED, *options, "download", *packages], folder)


_UNSANDBOXED = ("-q", "-o", "APT::Sandbox::User=")
"""Otherwise apt, run by root, changes to its own user, who cannot write into our folder, and warns."""


def _private_lists(folder: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    return [
        "-o", "Dir::State::lists=%s" % (folder / "lists"),
        "-o", "Dir::Cache=%s" % (folder / "cache"),
        "-o", "Debug::NoLocking=1",
    ]  # fmt: skip


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=str(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive"),
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
        raise DebianError("{}: {}".format(" ".join(command[:1] + command[-1:]), lines[-1] if lines else "no output"))
