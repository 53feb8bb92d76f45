"""Where the foreign programs are: on PATH, or out of Debian's packages, unpacked below ``.tools`` without root."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.tools.paths import TOOLS
from deploy.bootstrap.debian import DebianError, unpack

PACKAGES: Final[dict[str, tuple[list[str], ...]]] = {
    "nginx": (["nginx"], ["nginx-core"]),
    "hey": (["hey"],),
    "wrk": (["wrk", "libluajit-5.1-2"],),
}
"""What to unpack for each program, in the order of trying: releases of Debian and Ubuntu differ."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be started. ``libraries``: folders of the libraries unpacked with it, for the loader."""

    path: str
    libraries: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """Environment to start it in."""
        before = os.environ.get("LD_LIBRARY_PATH")
        folders = [*self.libraries, *([before] if before else [])]
        return dict(os.environ) | ({"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {})


def find(name: str, tools: Path = TOOLS) -> Program | None:
    """The program ``name``; None if there is none and none can be unpacked; one line says so."""
    on_path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if on_path:
        return Program(on_path)
    folder = tools / name
    failure = "its package does not hold it"
    for packages in (None, *PACKAGES[name]):
        try:
            if packages:
                unpack(packages, folder)
        except (DebianError, OSError) as error:
            failure = str(error)
        program = unpacked(name, folder)
        if program is not None:
            return program
    print(f"bench: no {name} here, so it is left out: {failure}", file=sys.stderr, flush=True)
    return None


def unpacked(name: str, folder: Path) -> Program | None:
    """The program in an unpacked package, with the libraries that were unpacked too, or None."""
    for place in ("usr/bin", "usr/sbin"):
        if (folder / place / name).is_file():
            libraries = tuple(str(path) for path in sorted(folder.glob("usr/lib/*-linux-gnu*")))
            return Program(str(folder / place / name), libraries)
    return None
